//! The books as their callers know them; against a naive model, and stopped at every write.

use super::*;
use abi::control::first_slot;
use abi::types::{ChannelId, Frame, PartitionId, ProcessorId, Slot};
use std::vec::Vec;

mod berths;
mod crash;
mod ends;
mod falsified;
mod hardware;
mod life;
mod lines;
mod many;
mod model;
mod recent;

const FRAMES: u64 = 2102;
const CAPACITY: Capacity =
    Capacity { frames: FRAMES, partitions: 8, channels: 4, processors: 2, devices: 6, berths: 9 };

/// Where the books lie.
const BASE: u64 = 2060;

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

/// Two lines, and ranges of ports of which the first two meet.
const DEVICES: [DeviceRow; 4] =
    [device(2, 4, 1), device(2, 5, 1), device(1, 0x60, 5), device(1, 0x64, 1)];

const fn device(kind: u32, first: u64, count: u64) -> DeviceRow {
    DeviceRow { stage: 2, kind, first, count, owner: 0, bound: 0 }
}

const P1: Owner = Owner::Partition(PartitionId::new(1));
const P2: Owner = Owner::Partition(PartitionId::new(2));

/// Books of two partitions beside the manager, all memory but their own available.
fn books(memory: &mut [u64]) -> Books<'_> {
    books_of(memory, |books| books.describe(extent(0, FRAMES), Owner::Available))
}

/// The same with other memory.
fn books_of(memory: &mut [u64], describe: impl FnOnce(&mut Books<'_>)) -> Books<'_> {
    let mut books = Books::create(bytes(memory), Frame::new(BASE), CAPACITY).unwrap();
    describe(&mut books);
    books.begin();
    for id in 0..3 {
        books.set_partition(PartitionId::new(id), &row(2)).unwrap();
    }
    for id in 0..2 {
        books.set_processor(ProcessorId::new(id), &ProcessorRow::online()).unwrap();
    }
    for (id, device) in (0..).zip(DEVICES) {
        books.add_device(id, device, Owner::Available).unwrap();
    }
    books.commit();
    books
}

/// A partition's number is the page of its descriptor, which is owned by itself, and no other page is.
///
/// covers: RES-4, RES-5
#[test]
fn owners_are_pages() {
    let mut memory = memory();
    let books = books(&mut memory);
    let own = |frame: u64| books.map.owner(frame).unwrap().0.frame() == frame;
    let own: Vec<u64> = (0..FRAMES).filter(|&frame| own(frame)).collect();
    let known = [
        Owner::Available,
        Owner::Missing,
        Owner::Broken,
        Owner::Reserved,
        Owner::Database,
        Owner::Partition(PartitionId::new(0)),
        P1,
        P2,
    ];
    let mut pages: Vec<u64> =
        known.iter().map(|owner| books.page(*owner).unwrap().frame()).collect();
    for (owner, page) in known.iter().zip(&pages) {
        assert_eq!(books.layout.owner(books.map.owner(*page).unwrap().0), *owner);
        assert_eq!(books.layout.owner(books.page(*owner).unwrap()), *owner);
    }
    pages.sort_unstable();
    assert_eq!(own, pages);
    assert_eq!(books.page(Owner::Channel(ChannelId::new(0))), None);
    assert_eq!(books.count(Owner::Missing), 0);
    assert_eq!(books.available(), FRAMES - books.layout.pages as u64);
}

/// A partition that is made where the one before it was differs from that in the words of its stage alone.
#[test]
fn what_comes_back_is_taken_next() {
    let mut memory = memory();
    let mut books = books(&mut memory);
    let new = PartitionId::new(4);
    // A block that stays divided: a whole one is taken from its start anyway.
    books.begin();
    books.give(extent(1023, 1), Owner::Available, P1).unwrap();
    books.commit();
    let mut lives = Vec::new();
    for _ in 0..2 {
        books.begin();
        let mut made = row(1);
        books.furnish(new, &mut made, [0, 6, 5, 4, 3, 2], None).unwrap();
        books.commit();
        lives.push((made, books.map.count()));
        books.begin();
        books.set_stage(new, Stage::Made, 3).unwrap();
        let changed = PartitionRow { stage: Stage::Made.number(), state: 3, ..made };
        assert_eq!((books.partition(new), books.map.count()), (Some(&changed), 1));
        books.commit();
        books.begin();
        books.give_each(&made.extents(), Owner::Partition(new), Owner::Available).unwrap();
        books.set_partition(new, &PartitionRow::default()).unwrap();
        books.commit();
    }
    let [(first, written), (second, again)] = lives[..] else { panic!() };
    assert_eq!((first, again), (second, 4));
    assert!(written > again);
}

/// What cannot be had leaves no partition behind, and no stage can be said of none.
#[test]
fn a_partition_is_made_with_its_memory_or_not_at_all() {
    let mut memory = memory();
    let mut books = books(&mut memory);
    let (new, free) = (PartitionId::new(4), books.available());
    for (frames, at, problem) in [
        (FRAMES, None, Problem::NoMemory),
        (FRAMES, Some(Frame::new(0)), Problem::NotOwner),
        (4, Some(Frame::new(BASE)), Problem::NotOwner),
    ] {
        books.begin();
        assert_eq!(books.furnish(new, &mut row(1), [frames, 1, 1, 1, 1, 1], at), Err(problem));
        books.rollback();
        assert_eq!((books.partition(new), books.available()), (None, free));
        assert!(!books.map.is_partition(books.page(Owner::Partition(new)).unwrap()));
    }
    assert_eq!(books.furnish(new, &mut row(1), [1; 6], None), Err(Problem::NoTransaction));
    books.begin();
    assert_eq!(books.set_stage(new, Stage::Made, 1), Err(Problem::NoSuch));
    assert_eq!(books.set_stage(PartitionId::new(1), Stage::Unused, 1), Err(Problem::NoSuch));
}

#[test]
fn nothing_is_opened_that_is_not_there() {
    let mut memory = memory();
    assert_eq!(Books::open(bytes(&mut memory)).err(), Some(OpenError::NoBooks));
    assert_eq!(
        Books::create(&mut bytes(&mut memory)[..100], Frame::new(BASE), CAPACITY).err(),
        Some(OpenError::TooSmall)
    );
    // A header that promises more than there is.
    assert!(Books::create(bytes(&mut memory), Frame::new(BASE), CAPACITY).is_ok());
    let half = memory.len() / 2;
    assert_eq!(Books::open(bytes(&mut memory[..half])).err(), Some(OpenError::TooSmall));
    assert!(Books::open(bytes(&mut memory)).is_ok());
    bytes(&mut memory)[280] += 1;
    assert_eq!(Books::open(bytes(&mut memory)).err(), Some(OpenError::OtherVersion));
}

/// covers: RES-1
#[test]
fn a_before_image_that_does_not_match_is_refused() {
    let mut memory = memory();
    let mut books = books_of(&mut memory, |books| {
        books.describe(extent(0, FRAMES), Owner::Reserved);
        books.describe(extent(10, 20), Owner::Available);
    });
    assert_eq!(books.give(extent(10, 5), Owner::Available, P1), Err(Problem::NoTransaction));
    for (extent, before) in [
        (extent(5, 10), Owner::Available),
        (extent(25, 10), Owner::Available),
        (extent(u64::MAX, 2), Owner::Available),
        (extent(FRAMES, 1), Owner::Missing),
        (extent(12, 1), P2),
        (extent(10, 1), Owner::Partition(PartitionId::new(7))),
        (extent(BASE, 1), Owner::Database),
    ] {
        books.begin();
        assert_eq!(
            books.give(Extent { start: Frame::new(15), count: 3 }, Owner::Available, P1),
            Ok(())
        );
        assert!(books.give(extent, before, P1).is_err(), "{extent:?}");
        assert_eq!(books.set_partition(PartitionId::new(1), &row(1)), Err(Problem::NoTransaction));
        books.commit();
        assert_eq!((books.count(P1), books.available()), (0, 20), "all of it was refused");
    }
    books.begin();
    assert_eq!(books.give(extent(10, 5), Owner::Available, P1), Ok(()));
    books.commit();
    assert_eq!((books.count(P1), books.available()), (5, 15));
}

#[test]
fn frames_in_a_row_are_found_across_blocks() {
    let mut memory = memory();
    let mut books = books_of(&mut memory, |books| {
        books.describe(extent(0, FRAMES), Owner::Reserved);
        books.describe(extent(1000, 100), Owner::Available);
        books.describe(extent(2040, 20), Owner::Available);
    });
    books.begin();
    assert_eq!(books.allocate(101, P1), Err(Problem::NoMemory));
    assert_eq!(books.allocate(100, P1), Ok(extent(1000, 100)));
    assert_eq!(books.allocate(20, P2), Ok(extent(2040, 20)));
    assert_eq!(books.allocate(1, P2), Err(Problem::NoMemory));
    assert_eq!(books.allocate(0, P2), Ok(extent(0, 0)));
    books.rollback();
    books.begin();
    assert_eq!(books.allocate(101, P1), Err(Problem::NoMemory));
    assert_eq!(books.allocate(50, P1), Ok(extent(1024, 50)), "the search wraps around");
    books.commit();
}

#[test]
fn a_log_that_is_full_refuses() {
    let mut memory = memory();
    let mut books = books(&mut memory);
    books.begin();
    let id = PartitionId::new(3);
    let set = |stage: u32| books.set_partition(id, &row(1 + stage % 2));
    let problem = (0..1000).map(set).find_map(Result::err);
    assert_eq!(problem, Some(Problem::TooLong));
    books.commit();
    assert_eq!(books.partition(id), None);
    books.begin();
    assert_eq!(books.set_partition(PartitionId::new(8), &row(1)), Err(Problem::NoSuch));
}

#[test]
fn slots_follow_from_the_rows() {
    let mut memory = memory();
    let mut books = Books::create(bytes(&mut memory), Frame::new(BASE), CAPACITY).unwrap();
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
    books.set_partition(PartitionId::new(1), &named).unwrap();
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
