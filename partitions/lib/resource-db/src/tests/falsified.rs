//! Every operation of every kind of transaction, made false in every way: the whole transaction is refused, the log says at
//! which operation and why, and nothing else in all pages of the books differs by a single word.

use super::crash::recovered;
use super::life::{LIFE, transact};
use super::*;
use crate::layout::{FIXED, Layout};
use owner_map::{Cause, Operation, OwnerMap, Page, Run, Slab};

/// The word of the master index that says where the newest transaction is.
const NEWEST: u64 = 12;

/// Ways to make an operation false; none of them is what the books say.
fn falsified(books: &Books<'_>, operation: Operation) -> Vec<Operation> {
    let nobody = books.page(Owner::Partition(PartitionId::new(7))).unwrap();
    let (broken, database) =
        (books.page(Owner::Broken).unwrap(), books.page(Owner::Database).unwrap());
    let far = 1 << 40;
    match operation {
        Operation::ChangeOwner { run, from, to } => {
            let with = |run, from, to| Operation::ChangeOwner { run, from, to };
            let long = Run { count: 1025, ..run };
            vec![
                with(run, if from == broken { database } else { broken }, to),
                with(run, nobody, to),
                with(run, from, nobody),
                with(run, from, from),
                with(Run { first: far, ..run }, from, to),
                with(long, from, to),
                with(Run { count: 0, ..run }, from, to),
            ]
        }
        Operation::Initialize { kind, name, .. } => {
            let with = |partition| Operation::Initialize { partition, kind, name };
            let used = books.page(Owner::Partition(PartitionId::new(1))).unwrap();
            vec![with(used), with(broken), with(Page::default())]
        }
        Operation::Destroy { .. } => {
            vec![Operation::Destroy { partition: broken }, Operation::Destroy { partition: nobody }]
        }
        Operation::Merge { first, scale, index, owner } => {
            let with = |first, index, owner| Operation::Merge { first, scale, index, owner };
            vec![with(first, index, broken), with(first, nobody, owner), with(far, index, owner)]
        }
        Operation::Split { first, scale, index, owner } => {
            let with = |first, index, owner| Operation::Split { first, scale, index, owner };
            vec![with(first, index, broken), with(first, nobody, owner), with(far, index, owner)]
        }
        Operation::Write { page, index, count, before, after } => {
            let with = |page, before| Operation::Write { page, index, count, before, after };
            let flipped = (0..usize::from(count)).map(|word| {
                let mut before = before;
                before[word] ^= 1 << (word % 32);
                with(page, before)
            });
            let beyond = Operation::Write { page, index: 1023, count: 6, before, after };
            let none = Operation::Write { page, index, count: 0, before, after };
            flipped.chain([with(broken, before), beyond, none]).collect()
        }
    }
}

/// The operations of the last transaction.
fn operations(books: &Books<'_>) -> Vec<Operation> {
    (0..books.map.count())
        .filter_map(|at| books.map.last_record(at))
        .map(|one| one.operation)
        .collect()
}

/// covers: RES-1
#[test]
fn a_transaction_with_one_false_operation_is_refused_as_a_whole() {
    let mut memory = memory();
    let _ = books(&mut memory);
    let mut tried = 0;
    for (what, changes) in LIFE {
        let before = recovered(memory.clone());
        let mut after = memory.clone();
        let mut books = Books::open(bytes(&mut after)).unwrap();
        transact(&mut books, changes);
        let all = operations(&books);
        for at in 0..all.len() {
            let mut scratch = memory.clone();
            let others = falsified(&Books::open(bytes(&mut scratch)).unwrap(), all[at]);
            for other in others {
                let mut list = all.clone();
                list[at] = other;
                let mut scratch = memory.clone();
                let mut books = Books::open(bytes(&mut scratch)).unwrap();
                let refused = submit(&mut books.map, &list);
                assert_eq!(refused, Some(at), "{what}: {other:?}");
                let head = books.transaction(u64::MAX).unwrap();
                let told = u16::try_from(at).unwrap();
                assert!(matches!(head.outcome, Outcome::Refused(step, _) if step <= told));
                let layout = books.layout;
                check_untouched(&memory, &scratch, &layout);
                assert!(recovered(scratch) == before, "{what}: {other:?} changed something");
                tried += 1;
            }
        }
        memory = after;
    }
    assert!(tried > 800, "{tried}");
}

/// Only the words of one cell of the log, and the one that says which is the newest, differ in the pages of the books.
fn check_untouched(before: &[u64], after: &[u64], layout: &Layout) {
    let log = u64::from(FIXED)..u64::from(FIXED + layout.log_pages);
    let words = |memory: &[u64]| {
        let all = memory.iter().flat_map(|both| [*both as u32, (*both >> 32) as u32]);
        all.take(layout.pages as usize * 1024).collect::<Vec<_>>()
    };
    let both = words(before).into_iter().zip(words(after));
    let differ = (0_u64..).zip(both).filter(|(_, (before, after))| before != after);
    let (heads, rest): (Vec<u64>, Vec<u64>) =
        differ.map(|(at, _)| at).partition(|at| log.contains(&(at / 1024)));
    assert!(heads.iter().all(|at| at / 16 == heads[0] / 16), "more than one cell: {heads:?}");
    assert_eq!(rest, [NEWEST], "beside the log");
}

/// Where a list of operations is refused.
fn submit(map: &mut OwnerMap<Slab<'_>>, list: &[Operation]) -> Option<usize> {
    map.begin(Cause { who: Page::default(), what: 1, when: 2 });
    for (at, operation) in list.iter().enumerate() {
        if let Err(problem) = map.add(operation) {
            let _: Result<(), _> = map.refuse(problem);
            return Some(at);
        }
    }
    map.commit().is_err().then_some(list.len())
}
