//! Each rule, broken on purpose: refused for its own reason, and nothing changed.

use crate::common::{
    Pages, create, destroy, give, initialize, machine, merge, name, one, page, split, whole,
};
use owner_map::{
    Entry, Kind, Master, Operation, Outcome, OwnerMap, Page, Problem, Refusal, Run, Scale,
};

const FRAMES: u64 = 64 << 20 >> 12;
const MEGA: u64 = 1 << 10;
const THIRD: u64 = 3 * MEGA;

/// A machine with X, which has two pages of 4 MiB and five small pages from [0,1,200].
fn with_x() -> (OwnerMap<Pages>, Page) {
    let mut map = machine(FRAMES, Scale::Mega);
    let (manager, available) = (map.master().manager, map.master().available);
    let x = page(0, 1, 100);
    let mut operations = create(&map, x, "X");
    operations.extend([
        give(THIRD, Scale::Mega, 2, available, x),
        give(page(0, 1, 200).frame(), Scale::Kilo, 5, available, x),
    ]);
    map.submit(manager, 0, &operations).unwrap();
    (map, x)
}

type Case = (&'static str, Vec<Operation>, u16, Problem);

/// Every case is refused for its reason, nothing changes, and the log says so.
fn refused(cases: impl Fn(&OwnerMap<Pages>, Page) -> Vec<Case>) {
    let (mut map, x) = with_x();
    let before = whole(&map);
    for (what, operations, at, problem) in cases(&map, x) {
        let result = map.submit(x, 9, &operations);
        assert_eq!(result, Err(Refusal { at, problem }), "{what}");
        assert_eq!(whole(&map), before, "{what}");
        let last = map.transaction(map.next_sequence() - 1).unwrap();
        assert_eq!(last.outcome, Outcome::Refused(at, problem.number()), "{what}");
    }
}

/// A page that nobody has.
fn free() -> Page {
    page(0, 1, 300)
}

/// A page of X.
fn xs() -> Page {
    page(0, 1, 200)
}

#[test]
fn a_place_that_is_none() {
    refused(|map, x| {
        let available = map.master().available;
        let missing = map.owner(FRAMES).unwrap().0;
        let fifth = 5 * MEGA;
        let mega = |first, count, from| vec![give(first, Scale::Mega, count, from, x)];
        let small = |first, from| vec![give(first, Scale::Kilo, 1, from, x)];
        let coarse = vec![give(0, Scale::Giga, 1, available, x)];
        let itself = vec![one(free(), available, available)];
        let others = vec![one(xs(), available, x)];
        vec![
            ("nothing", vec![], 0, Problem::Length),
            ("too many", vec![one(free(), available, x); 64], 0, Problem::Length),
            ("beyond the map", small(1 << 40, missing), 0, Problem::Outside),
            ("no entries", mega(fifth, 0, available), 0, Problem::Outside),
            ("two index pages", mega(1023 * MEGA, 2, missing), 0, Problem::Outside),
            ("no boundary", mega(fifth + 1, 1, available), 0, Problem::Outside),
            ("coarser than the map", coarse, 0, Problem::Outside),
            ("to itself", itself, 0, Problem::Outside),
            ("not divided", small(fifth, available), 0, Problem::NotDivided),
            ("another's", others, 0, Problem::Found(Entry::Owner(x))),
        ]
    });
}

#[test]
fn a_page_that_may_not_go_there() {
    refused(|map, x| {
        let Master { manager, available, top, log, .. } = *map.master();
        let many = vec![give(free().frame(), Scale::Kilo, 2, available, manager)];
        let to = |to| vec![one(free(), available, to)];
        vec![
            ("nobody", to(free()), 0, Problem::NoPartition(free())),
            ("a page of a partition", to(xs()), 0, Problem::NoPartition(xs())),
            ("a descriptor", vec![one(x, x, available)], 0, Problem::OwnDescriptor(x)),
            ("an index page", vec![one(top, manager, available)], 0, Problem::InUse(top)),
            ("the log", vec![one(log, manager, x)], 0, Problem::InUse(log)),
            ("the manager", vec![one(manager, manager, x)], 0, Problem::OwnDescriptor(manager)),
            ("many at once", many, 0, Problem::Outside),
            ("kept for nothing", to(manager), 1, Problem::Lost(free())),
            ("a descriptor kept", vec![one(x, x, manager)], 1, Problem::Lost(x)),
        ]
    });
}

#[test]
fn a_descriptor_out_of_turn() {
    refused(|map, x| {
        let Master { manager, available, .. } = *map.master();
        let (free, xs, partition) = (free(), xs(), x);
        let taken = one(free, available, manager);
        let kind = Kind::Manager;
        let second = Operation::Initialize { partition: free, kind, name: name("m") };
        let missed = vec![one(xs, x, manager), initialize(xs, "f"), one(xs, manager, xs)];
        let pseudo = destroy(map, available);
        let owned = Problem::NotEmpty(2 * MEGA + 5);
        let at_once = vec![Operation::Destroy { partition }];
        let without = vec![taken, initialize(free, "f")];
        vec![
            ("without its page", without, 2, Problem::NotOwn(free)),
            ("not taken", vec![initialize(free, "f")], 0, Problem::InUse(free)),
            ("another manager", vec![taken, second], 1, Problem::Protected),
            ("memory somebody would miss", missed, 1, Problem::InUse(xs)),
            ("destroyed at once", at_once, 0, Problem::NoPartition(x)),
            ("destroyed with memory", destroy(map, x), 1, owned),
            ("destroyed for ever", pseudo, 1, Problem::Protected),
        ]
    });
}

#[test]
fn an_index_page_that_is_none() {
    refused(|map, x| {
        let Master { manager, .. } = *map.master();
        let inside = page(0, 3, 0);
        let (index, wrong) = (index_of(map, MEGA), page(0, 1, 63));
        let found = Problem::Found(Entry::Index(index));
        vec![
            (
                "somebody would miss",
                vec![one(xs(), x, manager), split(THIRD, xs(), x)],
                1,
                Problem::InUse(xs()),
            ),
            ("in a partition", vec![split(THIRD, inside, x)], 0, Problem::InUse(inside)),
            ("not taken", vec![split(THIRD, free(), x)], 0, Problem::InUse(free())),
            ("not the one", vec![merge(MEGA, wrong, x)], 0, found),
            ("not divided", vec![merge(THIRD, index, x)], 0, Problem::Found(Entry::Owner(x))),
        ]
    });
}

fn index_of(map: &OwnerMap<Pages>, first: u64) -> Page {
    map.place(Run { first, scale: Scale::Kilo, count: 1 }).unwrap().0
}

/// A partition may write what a descriptor looks like into its own memory.
#[test]
fn a_page_that_only_looks_like_a_descriptor_is_none() {
    let (map, x) = with_x();
    let (index, available) = (map.master().index, map.master().available);
    let mut memory = map.into_memory();
    let forged = page(0, 1, 200);
    let mut words = memory.pages[&x.number()].clone();
    words[1] = forged.number();
    memory.pages.insert(forged.number(), words);
    let mut map = OwnerMap::open(memory, index).unwrap();
    assert!(!map.is_partition(forged));
    let result = map.submit(x, 0, &[one(page(0, 1, 300), available, forged)]);
    assert_eq!(result, Err(Refusal { at: 0, problem: Problem::NoPartition(forged) }));
}

/// The log says what was done or nothing: never the operations of one transaction under the number of another.
#[test]
fn a_page_of_the_log_that_is_written_anew_is_never_a_mixture() {
    let (map, x) = with_x();
    let (index, available) = (map.master().index, map.master().available);
    let mut memory = map.into_memory();
    // One page of log: word 11 of the master index.
    memory.pages.get_mut(&index.number()).unwrap()[11] = 1;
    let operations = [[one(page(0, 1, 300), available, x)], [one(page(0, 1, 301), available, x)]];
    let mut map = OwnerMap::open(memory, index).unwrap();
    let first = map.submit(x, 1, &operations[0]).unwrap();
    let memory = map.into_memory();
    for stop in 0..60 {
        let mut map = OwnerMap::open(memory.clone().fuse(stop), index).unwrap();
        let _ = map.submit(x, 2, &operations[1]);
        let map = OwnerMap::open(map.into_memory().fuse(u64::MAX), index).unwrap();
        for (number, expected) in (first..).zip(&operations) {
            if map.transaction(number).is_some() {
                let found: Vec<_> = map.records(number).map(|record| record.operation).collect();
                assert_eq!(found, expected, "stopped at write {stop}");
            }
        }
    }
}
