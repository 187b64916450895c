//! Books whose descriptors fill whole blocks of memory, wherever they begin.

use super::*;

const MANY: Capacity =
    Capacity { frames: 5 << 18, partitions: 2600, channels: 4, processors: 1, devices: 0 };

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

fn set_all(books: &mut Books<'_>, stage: Stage) {
    for id in 1..MANY.partitions {
        books.begin();
        assert_eq!(books.set_partition(PartitionId::new(id), &row(stage.number())), Ok(()), "{id}");
        books.commit();
    }
    let there = if stage == Stage::Made { MANY.partitions - 1 } else { 0 };
    assert_eq!(books.partitions().count(), there as usize);
}
