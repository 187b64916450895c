//! Tests against a naive model, with a crash wherever one may come.

use super::*;
use abi::control::first_slot;
use abi::types::{ChannelId, Frame, PartitionId, Slot};
use proptest::prelude::*;
use std::vec::Vec;

mod recent;

const FRAMES: u64 = 2100;
const CAPACITY: Capacity = Capacity { frames: FRAMES, partitions: 8, channels: 4 };

/// Aligned memory for the books.
fn memory() -> Vec<u64> {
    vec![0xdead_beef; bytes_needed(CAPACITY).unwrap().div_ceil(8)]
}

fn bytes(memory: &mut [u64]) -> &mut [u8] {
    use zerocopy::IntoBytes;
    memory.as_mut_bytes()
}

fn extent(start: u64, count: u64) -> Extent {
    Extent { start: Frame::new(start), count }
}

const P1: Owner = Owner::Partition(PartitionId::new(1));
const P2: Owner = Owner::Partition(PartitionId::new(2));

#[test]
fn owners_keep_their_numbers() {
    let owners = [
        Owner::Missing,
        Owner::Available,
        Owner::Reserved,
        Owner::Broken,
        P1,
        Owner::Partition(PartitionId::new(70_000)),
        Owner::Channel(ChannelId::new(0)),
        Owner::Channel(ChannelId::new(4_500)),
    ];
    for owner in owners {
        assert_eq!(Owner::from_number(owner.number()), owner);
    }
}

#[test]
fn nothing_is_opened_that_is_not_there() {
    let mut memory = memory();
    assert_eq!(Books::open(bytes(&mut memory)).err(), Some(OpenError::NoBooks));
    assert_eq!(
        Books::create(&mut bytes(&mut memory)[..100], CAPACITY).err(),
        Some(OpenError::TooSmall)
    );
    // A header that promises more than there is.
    assert!(Books::create(bytes(&mut memory), CAPACITY).is_ok());
    let half = memory.len() / 2;
    assert_eq!(Books::open(bytes(&mut memory[..half])).err(), Some(OpenError::TooSmall));
}

/// covers: RES-1
#[test]
fn a_before_image_that_does_not_match_is_refused() {
    let mut memory = memory();
    let mut books = Books::create(bytes(&mut memory), CAPACITY).unwrap();
    books.describe(extent(10, 20), Owner::Available);
    assert_eq!(books.give(extent(10, 5), Owner::Available, P1), Err(Problem::NoTransaction));
    books.begin();
    assert_eq!(books.give(extent(5, 10), Owner::Available, P1), Err(Problem::NotOwner));
    assert_eq!(books.give(extent(25, 10), Owner::Available, P1), Err(Problem::NotOwner));
    assert_eq!(books.give(extent(u64::MAX, 2), Owner::Available, P1), Err(Problem::NotOwner));
    assert_eq!(books.give(extent(FRAMES, 1), Owner::Missing, P1), Err(Problem::NotOwner));
    assert_eq!(books.give(extent(10, 5), Owner::Available, P1), Ok(()));
    assert_eq!(books.give(extent(12, 1), P2, Owner::Available), Err(Problem::NotOwner));
    books.commit();
    assert_eq!((books.count(P1), books.available()), (5, 15));
}

#[test]
fn frames_in_a_row_are_found_across_blocks() {
    let mut memory = memory();
    let mut books = Books::create(bytes(&mut memory), CAPACITY).unwrap();
    books.describe(extent(1000, 100), Owner::Available);
    books.describe(extent(2040, 20), Owner::Available);
    books.begin();
    assert_eq!(books.allocate(101, P1), Err(Problem::NoMemory));
    assert_eq!(books.allocate(100, P1), Ok(extent(1000, 100)));
    assert_eq!(books.allocate(20, P2), Ok(extent(2040, 20)));
    assert_eq!(books.allocate(1, P2), Err(Problem::NoMemory));
    assert_eq!(books.allocate(0, P2), Ok(extent(0, 0)));
    books.rollback();
    books.begin();
    assert_eq!(books.allocate(101, P1), Err(Problem::NoMemory));
    assert_eq!(books.allocate(50, P1), Ok(extent(1000, 50)), "the search wraps around");
    books.commit();
}

#[test]
fn a_log_that_is_full_refuses() {
    let mut memory = memory();
    let mut books = Books::create(bytes(&mut memory), CAPACITY).unwrap();
    books.begin();
    let id = PartitionId::new(3);
    let made = (0..1000).take_while(|_| books.set_partition(id, row(1)).is_ok()).count();
    assert!(made > 10 && made < 1000);
    assert_eq!(books.set_partition(id, row(1)), Err(Problem::TooLong));
    books.rollback();
    assert_eq!(books.partition(id), None);
    assert_eq!(books.set_partition(PartitionId::new(8), row(1)), Err(Problem::NoSuch));
}

#[test]
fn slots_follow_from_the_rows() {
    let mut memory = memory();
    let mut books = Books::create(bytes(&mut memory), CAPACITY).unwrap();
    let first = books.take_slots(1).unwrap();
    assert_eq!(first, first_slot::FREE);
    let run = books.take_slots(64).unwrap();
    assert_eq!(run.raw(), first.raw() + 1);
    books.give_slots(first, 1);
    assert_eq!(books.take_slots(2).unwrap().raw(), run.raw() + 64, "one free slot is not two");
    assert_eq!(books.take_slots(1), Ok(first));
    let mut named = row(1);
    (named.partition_slot, named.context_slot, named.contexts) = (200, 300, 3);
    books.begin();
    books.set_partition(PartitionId::new(1), named).unwrap();
    let ends =
        (End { slot: 400, ..End::default() }, End { slot: 500, partition: 1, ..End::default() });
    let channel =
        ChannelRow { stage: 2, slot: 600, client: ends.0, server: ends.1, ..ChannelRow::default() };
    books.set_channel(ChannelId::new(0), channel).unwrap();
    books.commit();
    let mut books = Books::open(bytes(&mut memory)).unwrap();
    // The partition's and three contexts'.
    // The channel's, and the doorbell of the manager's end.
    assert_eq!(books.slots_taken(), 4 + 2);
    let all = core::iter::from_fn(|| books.take_slots(1).ok()).collect::<Vec<_>>();
    assert_eq!(all.len(), 32768 - usize::from(first.raw()) - 6);
    assert!(!all.contains(&Slot::new(301)) && all.contains(&Slot::new(303)));
}

fn row(stage: u32) -> PartitionRow {
    PartitionRow { stage, ..PartitionRow::default() }
}

#[derive(Clone, Debug)]
enum Step {
    Begin,
    Commit,
    Rollback,
    Crash,
    Allocate(u64, u32),
    Free(u64, u64, u32),
    Partition(u32, u32),
    Channel(u32, u32),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => Just(Step::Begin),
        2 => Just(Step::Commit),
        1 => Just(Step::Rollback),
        1 => Just(Step::Crash),
        4 => (0_u64..60, 0_u32..3).prop_map(|(count, owner)| Step::Allocate(count, owner)),
        4 => (0_u64..FRAMES + 10, 0_u64..40, 0_u32..3)
            .prop_map(|(start, count, owner)| Step::Free(start, count, owner)),
        2 => (0_u32..10, 0_u32..3).prop_map(|(id, stage)| Step::Partition(id, stage)),
        2 => (0_u32..6, 0_u32..3).prop_map(|(id, stage)| Step::Channel(id, stage)),
    ]
}

/// The naive model: plain vectors, and a copy of them from the beginning of the transaction.
#[derive(Clone)]
struct Model {
    owners: Vec<Owner>,
    partitions: Vec<u32>,
    channels: Vec<u32>,
}

impl Model {
    fn owns(&self, start: u64, count: u64, owner: Owner) -> bool {
        (start..start + count).all(|at| self.owners.get(at as usize) == Some(&owner))
    }

    fn give(&mut self, start: u64, count: u64, owner: Owner) {
        self.owners[start as usize..(start + count) as usize].fill(owner);
    }

    fn has_run(&self, count: u64) -> bool {
        let free = |run: &[Owner]| run.iter().all(|owner| *owner == Owner::Available);
        self.owners.windows(count as usize).any(free)
    }

    /// Sets a partition's row in the books, and here if they took it.
    fn set_partition(&mut self, books: &mut Books<'_>, id: u32, stage: u32) -> bool {
        let set = books.set_partition(PartitionId::new(id), row(stage)).is_ok();
        if set {
            self.partitions[id as usize] = stage;
        }
        set
    }

    /// Sets a channel's row in the books, and here if they took it.
    fn set_channel(&mut self, books: &mut Books<'_>, id: u32, stage: u32) -> bool {
        let row = ChannelRow { stage, ..ChannelRow::default() };
        let set = books.set_channel(ChannelId::new(id), row).is_ok();
        if set {
            self.channels[id as usize] = stage;
        }
        set
    }

    fn agrees(&self, books: &Books<'_>) {
        for (at, owner) in (0..).zip(&self.owners) {
            assert_eq!(books.owner(Frame::new(at)), *owner, "frame {at}");
        }
        let free = self.owners.iter().filter(|owner| **owner == Owner::Available).count();
        assert_eq!(books.available(), free as u64);
        assert_eq!(books.count(Owner::Available), free as u64);
        let stages: Vec<_> = (0..8)
            .map(|id| books.partition(PartitionId::new(id)).map_or(0, |row| row.stage))
            .collect();
        assert_eq!(stages, self.partitions);
        let stages: Vec<_> =
            (0..4).map(|id| books.channel(ChannelId::new(id)).map_or(0, |row| row.stage)).collect();
        assert_eq!(stages, self.channels);
        let listed = |ids: &mut dyn Iterator<Item = (u32, u32)>, stages: &[u32]| {
            let used = (0..).zip(stages.iter().copied()).filter(|(_, stage)| *stage != 0);
            assert!(ids.eq(used), "{stages:?}");
        };
        let mut partitions = books.partitions().map(|(id, row)| (id.raw(), row.stage));
        listed(&mut partitions, &self.partitions);
        let mut channels = books.channels().map(|(id, row)| (id.raw(), row.stage));
        listed(&mut channels, &self.channels);
        for from in 0..=8 {
            let unused = (from..8).find(|id| self.partitions[*id as usize] == 0);
            assert_eq!(books.unused_partition(from).map(PartitionId::raw), unused);
        }
    }
}

fn owner(number: u32) -> Owner {
    [P1, P2, Owner::Channel(ChannelId::new(1))][number as usize]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// covers: RES-2
    #[test]
    fn the_books_are_what_was_committed(steps in prop::collection::vec(step(), 1..60)) {
        let mut memory = memory();
        let mut model = Model {
            owners: vec![Owner::Available; FRAMES as usize],
            partitions: vec![0; 8],
            channels: vec![0; 4],
        };
        let mut books = Books::create(bytes(&mut memory), CAPACITY).unwrap();
        books.describe(extent(0, FRAMES), Owner::Available);
        let mut before: Option<Model> = None;
        for step in steps {
            let open = before.is_some();
            match step {
                Step::Begin => {
                    if let Some(before) = before.take() { model = before; }
                    books.begin();
                    before = Some(model.clone());
                }
                Step::Commit => {
                    books.commit();
                    before = None;
                }
                Step::Rollback => {
                    books.rollback();
                    if let Some(before) = before.take() { model = before; }
                }
                Step::Crash => {
                    books = Books::open(bytes(&mut memory)).unwrap();
                    if let Some(before) = before.take() { model = before; }
                }
                Step::Allocate(count, to) => {
                    let got = books.allocate(count, owner(to));
                    if count == 0 {
                        prop_assert_eq!(got, Ok(extent(0, 0)));
                    } else if let Ok(found) = got {
                        prop_assert!(open && found.count == count);
                        prop_assert!(model.owns(found.start.raw(), count, Owner::Available));
                        model.give(found.start.raw(), count, owner(to));
                    } else {
                        prop_assert!(!open || !model.has_run(count) || got == Err(Problem::TooLong));
                    }
                }
                Step::Free(start, count, from) => {
                    let got = books.give(extent(start, count), owner(from), Owner::Available);
                    let may = open && model.owns(start, count, owner(from));
                    prop_assert_eq!(got.is_ok(), may || count == 0);
                    if may { model.give(start, count, Owner::Available); }
                }
                Step::Partition(id, stage) => {
                    prop_assert_eq!(model.set_partition(&mut books, id, stage), open && id < 8);
                }
                Step::Channel(id, stage) => {
                    prop_assert_eq!(model.set_channel(&mut books, id, stage), open && id < 4);
                }
            }
            model.agrees(&books);
        }
    }
}
