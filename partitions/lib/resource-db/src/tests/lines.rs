//! The log, as it is told step by step.

use super::*;
use crate::fields::{CHANNEL, DEVICE, Field, PARTITION, PROCESSOR};
use abi::control::PLAN_PLACES;
use std::collections::BTreeSet;

fn newest(books: &Books<'_>) -> (Outcome, Vec<Step>) {
    let found = books.transaction(u64::MAX).unwrap();
    (found.outcome, books.steps(&found).collect())
}

/// What the log says about values, as `name before after`.
fn values(steps: &[Step]) -> Vec<String> {
    let value = |step: &Step| match step {
        Step::Value(Value { of, id, name, before, after }) => {
            Some(format!("{of:?} {id} {name} {before} {after}"))
        }
        _ => None,
    };
    steps.iter().filter_map(value).collect()
}

#[test]
fn steps_say_what_was_before_and_what_is_after() {
    let mut memory = memory();
    let mut books = books(&mut memory);
    let id = PartitionId::new(5);
    books.because(Cause { who: PartitionId::new(2), what: 13, when: 77 });
    books.begin();
    books.set_partition(id, &PartitionRow { share: 3, starts: 9, ..row(1) }).unwrap();
    books.give(extent(10, 5), Owner::Available, Owner::Partition(id)).unwrap();
    books.commit();
    let head = books.transaction(u64::MAX).unwrap();
    assert_eq!((head.cause.what, head.cause.when), (13, 77));
    assert_eq!(books.descriptor_of(head.cause.who), P2);
    let (outcome, steps) = newest(&books);
    assert_eq!(outcome, Outcome::Committed);
    assert!(matches!(steps[0], Step::Initialize(..)));
    assert_eq!(
        values(&steps),
        ["Partitions 5 stage 0 1", "Partitions 5 starts 0 9", "Partitions 5 share 0 3"]
    );
    let change = steps.iter().find_map(|step| match step {
        Step::ChangeOwner(_, run, from, to) if run.first == 10 => Some((run.count, *from, *to)),
        _ => None,
    });
    assert_eq!(change, Some((5, Owner::Available, Owner::Partition(id))));
    // A value of 64 bits whose lower half alone changes is told whole.
    let set = |books: &mut Books<'_>, started| {
        books.begin();
        let old = *books.partition(id).unwrap();
        books.set_partition(id, &PartitionRow { started, ..old }).unwrap();
    };
    set(&mut books, 7 << 32);
    books.commit();
    set(&mut books, 7 << 32 | 5);
    books.commit();
    let expected = format!("Partitions 5 started {} {}", 7_u64 << 32, 7_u64 << 32 | 5);
    let committed = newest(&books);
    assert_eq!((committed.0, values(&committed.1)), (Outcome::Committed, vec![expected]));
    // What was only drafted leaves no trace.
    set(&mut books, 9);
    books.rollback();
    assert_eq!(newest(&books), committed);
    books.begin();
    books.give(extent(10, 6), Owner::Partition(id), Owner::Available).unwrap_err();
    assert_eq!(newest(&books), (Outcome::Refused(0, 3), Vec::new()));
}

/// Every value of a row can be told: none was added that the log has no name for.
#[test]
fn no_value_is_without_a_name() {
    let named = |fields: &[Field], bytes: usize, exempt: &[(usize, usize)]| {
        let mut known = BTreeSet::new();
        let all = fields.iter().map(|(_, byte, bytes)| (*byte, *bytes));
        for (byte, bytes) in all.chain(exempt.iter().copied()) {
            assert!((byte..byte + bytes).all(|byte| known.insert(byte)), "{byte} is named twice");
        }
        let missing: Vec<usize> = (0..bytes).filter(|byte| !known.contains(byte)).collect();
        assert_eq!(missing, []);
    };
    use std::mem::{offset_of, size_of};
    let name = size_of::<abi::image::Name>();
    let exempt = [(0, name), (offset_of!(PartitionRow, reserved), 4)];
    named(PARTITION, size_of::<PartitionRow>(), &exempt);
    let ends = [offset_of!(ChannelRow, client), offset_of!(ChannelRow, server)];
    let reserved = offset_of!(End, reserved);
    let exempt = ends.map(|end| [(end, name), (end + reserved, 4)]);
    let exempt = [exempt.concat(), vec![(offset_of!(ChannelRow, reserved), 4)]].concat();
    named(CHANNEL, size_of::<ChannelRow>(), &exempt);
    // Places and owners are steps of their own.
    let places = (offset_of!(ProcessorRow, places), 2 * PLAN_PLACES);
    named(PROCESSOR, size_of::<ProcessorRow>(), &[places]);
    named(DEVICE, size_of::<DeviceRow>(), &[(offset_of!(DeviceRow, owner), 4)]);
}
