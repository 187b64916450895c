//! Every kind of transaction, stopped at every write to the database's memory: what is found afterwards is the state before or the state after.

use crate::common::{
    Pages, by, create, destroy, give, initialize, machine, machine_with_log, merge, name, one,
    page, split, whole,
};
use owner_map::{Memory, Operation, OwnerMap, Problem, Scale};

const FRAMES: u64 = 64 << 20 >> 12;

/// The transactions of a life, one after the other: created, grown, index pages taken and given back, destroyed.
fn life(map: &OwnerMap<Pages>) -> Vec<(&'static str, Vec<Operation>)> {
    let (manager, available) = (map.master().manager, map.master().available);
    let (x, index, inside) = (page(0, 1, 100), page(0, 1, 101), page(0, 6, 9));
    let (third, sixth) = (3 << 10, 6 << 10);
    let mega = |from, to| give(third, Scale::Mega, 2, from, to);
    let small = |from, to| give(page(0, 1, 200).frame(), Scale::Kilo, 10, from, to);
    let piece = |from, to| give(third, Scale::Kilo, 5, from, to);
    let other = |from, to| give(sixth, Scale::Kilo, 9, from, to);
    let mut created = create(map, x, "X");
    created.extend([mega(available, x), small(available, x)]);
    let mut destroyed = vec![mega(x, available), small(x, available)];
    destroyed.extend(destroy(map, x));
    let taken = one(index, available, manager);
    let given_back = one(index, manager, available);
    vec![
        ("create", created),
        ("split", vec![taken, split(third, index, x), piece(x, available)]),
        ("split inside", vec![split(sixth, inside, available), other(available, x)]),
        ("merge", vec![piece(available, x), merge(third, index, x), given_back]),
        ("merge inside", vec![other(x, available), merge(sixth, inside, available)]),
        ("destroy", destroyed),
    ]
}

#[test]
fn a_transaction_stopped_at_any_write_was_made_or_was_not() {
    let mut map = machine(FRAMES, Scale::Mega);
    let index = map.master().index;
    let start = whole(&map);
    for (what, operations) in life(&map) {
        let before = whole(&map);
        let memory = map.memory().clone();
        let writes = memory.writes();
        map.submit(by(index, 1), &operations)
            .unwrap_or_else(|refusal| panic!("{what}: {refusal:?}"));
        let after = whole(&map);
        let writes = map.memory().writes() - writes;
        let (mut undone, mut made) = (0, 0);
        for stop in 0..=writes {
            let mut broken = OwnerMap::open(memory.clone().fuse(u64::MAX), index).unwrap();
            let opened = broken.memory().writes();
            assert_eq!(opened, 0, "nothing was in progress");
            broken = OwnerMap::open(broken.into_memory().fuse(stop), index).unwrap();
            let _ = broken.submit(by(index, 1), &operations);
            let left = broken.into_memory().fuse(u64::MAX);
            // The recovery is stopped too, at a write that varies, and then allowed to end.
            let recovery = OwnerMap::open(left.clone(), index).unwrap().memory().writes();
            let half = left.fuse(stop % (recovery + 1));
            let half = OwnerMap::open(half, index).unwrap().into_memory().fuse(u64::MAX);
            let found = whole(&OwnerMap::open(half, index).unwrap());
            assert!(found == before || found == after, "{what} stopped at write {stop}");
            undone += u64::from(found == before);
            made += u64::from(found == after);
        }
        assert!(before != after && undone > 0 && made == 1, "{what}: only the last write commits");
    }
    assert_eq!(whole(&map), start);
}

/// A map whose log was used round is recovered by its newest transaction.
#[test]
fn the_log_remembers_its_newest_transactions() {
    let mut map = machine(FRAMES, Scale::Mega);
    let index = map.master().index;
    for _ in 0..60 {
        for (_, operations) in life(&map) {
            map.submit(by(index, 1), &operations).unwrap();
        }
    }
    let next = map.next_sequence();
    let map = OwnerMap::open(map.into_memory(), index).unwrap();
    assert_eq!((map.next_sequence(), next), (361, 361));
    let remembered: Vec<u64> = map.transactions().map(|found| found.sequence).collect();
    // 16 pages of 64 cells, and six transactions take 26 of them.
    let all = (1..next).rev().take(remembered.len());
    assert!(remembered.iter().copied().eq(all) && remembered.len() > 230, "{}", remembered.len());
    let forgotten = next - 1 - u64::try_from(remembered.len()).unwrap();
    assert_eq!((map.transaction(forgotten), map.records(forgotten).count()), (None, 0));
    let operations: Vec<Operation> = map.records(next - 1).map(|record| record.operation).collect();
    assert_eq!(operations, life(&map).pop().unwrap().1);
}

/// However small a log was asked for, no number is given twice.
#[test]
fn numbers_go_on_wherever_a_transaction_was_stopped() {
    for log_pages in [0, 1, 2, 3] {
        let mut map = machine_with_log(FRAMES, Scale::Mega, log_pages);
        let index = map.master().index;
        let mut transactions = life(&map).into_iter().map(|(_, operations)| operations);
        let (first, second) = (transactions.next().unwrap(), transactions.next().unwrap());
        let last = map.submit(by(index, 1), &first).unwrap();
        let (memory, before) = (map.memory().clone(), map.memory().writes());
        map.submit(by(index, 1), &second).unwrap();
        for stop in 0..=map.memory().writes() - before {
            let mut broken = OwnerMap::open(memory.clone().fuse(stop), index).unwrap();
            let _ = broken.submit(by(index, 1), &second);
            let found = OwnerMap::open(broken.into_memory().fuse(u64::MAX), index).unwrap();
            assert!(found.next_sequence() > last, "{log_pages} pages, stopped at write {stop}");
        }
    }
}

/// A partition would end and another one get its number: taken back half made, the first one would have the other's name.
#[test]
fn a_number_does_not_change_hands_within_a_transaction() {
    let mut map = crate::slab::format(Pages::new());
    let (index, manager) = (map.master().index, map.master().manager);
    let new = map.master().pools.descriptors.first;
    let made = |text| [initialize(new, text), one(new, manager, new)];
    map.submit(by(index, 1), &made("before")).unwrap();
    let (memory, writes) = (map.memory().clone(), map.memory().writes());
    let mut operations = vec![one(new, new, manager), Operation::Destroy { partition: new }];
    operations.extend(made("after"));
    let refusal = map.submit(by(index, 1), &operations).unwrap_err();
    assert_eq!((refusal.at, refusal.problem), (2, Problem::InUse(new)));
    let all = map.memory().writes() - writes;
    for stop in 0..=all {
        let mut broken = OwnerMap::open(memory.clone().fuse(stop), index).unwrap();
        let _ = broken.submit(by(index, 1), &operations);
        let map = OwnerMap::open(broken.into_memory().fuse(u64::MAX), index).unwrap();
        assert_eq!(map.describe(new).unwrap().1, name("before"), "stopped at write {stop}");
    }
}

/// A head that names itself as the one before it, as no manager writes it.
#[test]
fn a_log_that_goes_in_circles_ends() {
    let mut map = machine(FRAMES, Scale::Mega);
    let index = map.master().index;
    for (_, operations) in life(&map) {
        map.submit(by(index, 1), &operations).unwrap();
    }
    let log = map.master().log;
    let newest = map.memory().read(index, 12);
    let at = u16::try_from(newest % 64).unwrap() * 16;
    map.memory_mut().write(log, at + 8, newest);
    let map = OwnerMap::open(map.into_memory(), index).unwrap();
    assert_eq!(map.transactions().take(100).count(), 1);
}
