//! Each rule, broken on purpose: refused for its own reason, and nothing changed.

use crate::common::{
    Pages, by, create, destroy, give, initialize, machine, machine_with_log, merge, name, one,
    page, split, whole,
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
    map.submit(by(manager, 0), &operations).unwrap();
    (map, x)
}

type Case = (&'static str, Vec<Operation>, u16, Problem);

/// Every case is refused for its reason, nothing changes, and the log says so.
fn refused(cases: impl Fn(&OwnerMap<Pages>, Page) -> Vec<Case>) {
    let (mut map, x) = with_x();
    let before = whole(&map);
    for (what, operations, at, problem) in cases(&map, x) {
        let result = map.submit(by(x, 9), &operations);
        assert_eq!(result, Err(Refusal { at, problem }), "{what}");
        assert_eq!(whole(&map), before, "{what}");
        let last = map.transaction(map.next_sequence() - 1).unwrap();
        assert_eq!(last.outcome, Outcome::Refused(at, problem.number()), "{what}");
    }
}

/// One page of X's to and fro.
fn too_many(available: Page, x: Page) -> Vec<Operation> {
    let turn = [one(free(), available, x), one(free(), x, available)];
    turn.into_iter().cycle().take(121).collect()
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
            ("too many", too_many(available, x), 120, Problem::Length),
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
    let result = map.submit(by(x, 0), &[one(page(0, 1, 300), available, forged)]);
    assert_eq!(result, Err(Refusal { at: 0, problem: Problem::NoPartition(forged) }));
}

/// The log says what was done or nothing: never the operations of one transaction under the number of another.
#[test]
fn a_log_that_goes_round_is_never_a_mixture() {
    let mut map = machine_with_log(FRAMES, Scale::Mega, 0);
    let (index, available) = (map.master().index, map.master().available);
    let x = page(0, 1, 100);
    map.submit(by(index, 0), &create(&map, x, "X")).unwrap();
    let turn = |number: u64| {
        let count = usize::try_from(number % 5).unwrap() + 1;
        let there = |at: u32| one(page(0, 1, 300 + at), available, x);
        let back = |at: u32| one(page(0, 1, 300 + at), x, available);
        let round = (0..).flat_map(|at| [there(at), back(at)]);
        round.take(count * 2).collect::<Vec<_>>()
    };
    let remembered = |map: &OwnerMap<Pages>, newest: u64| {
        let mut count = 0;
        for found in map.transactions().filter(|found| found.sequence > 1) {
            let records: Vec<_> =
                map.records(found.sequence).map(|record| record.operation).collect();
            let all = turn(found.sequence);
            match found.outcome {
                Outcome::Undone => assert!(all.starts_with(&records) && found.sequence == newest),
                _ => assert_eq!(records, all),
            }
            count += 1;
        }
        count
    };
    for number in 2..200 {
        let memory = map.memory().clone();
        let before = map.memory().writes();
        assert_eq!(map.submit(by(x, 1), &turn(number)), Ok(number));
        let all = remembered(&map, number);
        assert!(all >= (number - 1).min(256 / 11 - 1), "{all} of {number}");
        // More than twice round in steps that meet each other, then stopped anywhere.
        for stop in 0..if number > 193 { map.memory().writes() - before } else { 0 } {
            let mut map = OwnerMap::open(memory.clone().fuse(stop), index).unwrap();
            let _ = map.submit(by(x, 2), &turn(number));
            let map = OwnerMap::open(map.into_memory().fuse(u64::MAX), index).unwrap();
            assert!(remembered(&map, number) > 10, "stopped at write {stop}");
        }
    }
}
