//! Books whose descriptors fill whole blocks of memory, wherever they begin.

use super::*;
use zerocopy::FromBytes;

const MANY: Capacity = Capacity {
    frames: 5 << 18,
    partitions: 2600,
    channels: 4,
    processors: 1,
    devices: 0,
    berths: 0,
};

/// Every place can be used, and used again, also by who opens the books anew.
#[test]
fn every_partition_that_there_is_room_for_can_be() {
    let mut memory = vec![0_u64; bytes_needed(MANY).unwrap().div_ceil(8)];
    for base in [1024, 1025, 2000, 1_047_000] {
        let mut books = Books::create(bytes(&mut memory), Frame::new(base), MANY).unwrap();
        books.describe(extent(0, MANY.frames), Owner::Available);
        let free = books.available();
        for _ in 0..2 {
            set_all(&mut books, Stage::Made);
            set_all(&mut books, Stage::Unused);
            books = Books::open(bytes(&mut memory)).unwrap();
            assert_eq!(books.available(), free);
        }
    }
}

/// Available frames are told alike by the map and by its summary, over more blocks than one look sees, holes and a page short of a block among them.
#[test]
fn the_summary_tells_what_the_map_does() {
    let mut memory = vec![0_u64; bytes_needed(MANY).unwrap().div_ceil(8)];
    let mut books = Books::create(bytes(&mut memory), Frame::new(1_047_000), MANY).unwrap();
    books.describe(extent(0, MANY.frames - 5), Owner::Available);
    assert_eq!(books.available_run(Frame::new(3)), Some((true, (1022 << 10) - 3)));
    let (owner, mut dice) = (Owner::Partition(PartitionId::new(0)), model::Dice(7));
    for round in 0..300 {
        books.begin();
        let (first, count) = match round % 3 {
            0 => (dice.below(1 << 10) << 10, 1 << 10),
            1 => (dice.below(1 << 20), 1 + dice.below(3000)),
            _ => (dice.below(1 << 10) << 10, 1023),
        };
        if books.give(extent(first, count), Owner::Available, owner).is_ok() {
            books.commit();
        }
        assert_eq!(
            runs(&books, |at| books.run(at).map(|(who, run)| (who == Owner::Available, run))),
            runs(&books, |at| books.available_run(at)),
        );
    }
    assert_eq!(books.available_run(Frame::new(MANY.frames - 5)), Some((false, 5)));
    assert_eq!(books.available_run(Frame::new(MANY.frames)), None);
}

/// Available runs, those that meet as one; and how much of them there is.
fn runs(books: &Books<'_>, look: impl Fn(Frame) -> Option<(bool, u64)>) -> Vec<(u64, u64)> {
    let (mut all, mut at) = (Vec::<(u64, u64)>::new(), 0);
    while let Some((free, count)) = look(Frame::new(at)) {
        assert!(count > 0);
        match all.last_mut().filter(|(start, length)| start + length == at) {
            _ if !free => {}
            Some((_, length)) => *length += count,
            None => all.push((at, count)),
        }
        at += count;
    }
    assert_eq!(at, MANY.frames);
    assert_eq!(all.iter().map(|(_, count)| count).sum::<u64>(), books.available());
    all
}

fn set_all(books: &mut Books<'_>, stage: Stage) {
    for id in 1..MANY.partitions {
        books.begin();
        assert_eq!(books.set_partition(PartitionId::new(id), &row(stage.number())), Ok(()), "{id}");
        books.commit();
    }
    let there = if stage == Stage::Made { MANY.partitions - 1 } else { 0 };
    assert_eq!(books.partitions().count(), there as usize);
}

const HALF: Capacity =
    Capacity { frames: 1 << 17, partitions: 8, channels: 4, processors: 1, devices: 0, berths: 0 };

/// Where small partitions were everywhere, the largest heap that there can be fits into one transaction, with all of the row.
#[test]
fn the_largest_heap_is_had_where_all_memory_was_divided() {
    let mut memory = vec![0_u64; bytes_needed(HALF).unwrap().div_ceil(8)];
    let mut books = Books::create(bytes(&mut memory), Frame::new(1024), HALF).unwrap();
    books.describe(extent(0, HALF.frames), Owner::Available);
    books.begin();
    books.set_partition(PartitionId::new(1), &row(2)).unwrap();
    books.commit();
    for block in 2..128 {
        books.begin();
        books.give(extent(block * 1024, 1), Owner::Available, P1).unwrap();
        books.give(extent(block * 1024, 1), P1, Owner::Available).unwrap();
        books.commit();
    }
    let mut large = PartitionRow::read_from_bytes(&[0xa5; size_of::<PartitionRow>()]).unwrap();
    (large.stage, large.heap_pages) = (1, 32_768);
    let new = PartitionId::new(2);
    books.begin();
    let done = books.furnish(new, &mut large, [32_768, 130, 600, 64, 1024, 16], None);
    assert_eq!(done, Ok(()));
    let records = books.map.count();
    books.commit();
    assert_eq!(books.count(Owner::Partition(new)), 32_768 + 130 + 600 + 64 + 1024 + 16);
    assert!(records < 100, "{records} of 120");
}
