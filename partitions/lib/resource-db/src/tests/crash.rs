//! Every kind of transaction, stopped at every single write to the books' memory. That a recovery may be stopped too is shown in `owner-map`.

use super::model::Model;
use super::*;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

const NEW: PartitionId = PartitionId::new(4);
const CHANNEL: ChannelId = ChannelId::new(2);

/// What a transaction does.
pub type Changes = fn(&mut Books<'_>) -> Result<(), Problem>;

/// The transactions of a life, one after the other, each beginning where the one before has ended.
pub const LIFE: [(&str, Changes); 26] = [
    ("create", |books| {
        books.set_partition(NEW, row(1))?;
        let heap = books.allocate(30, Owner::Partition(NEW))?;
        books.set_partition(NEW, PartitionRow { heap, ..row(1) })
    }),
    ("give it small memory", |books| {
        books.allocate(40, Owner::Partition(NEW))?;
        books.allocate(7, Owner::Partition(NEW)).map(|_| ())
    }),
    ("several pieces at once, side by side", |books| {
        let pieces = books.allocate_each([3, 0, 9], None, Owner::Partition(NEW))?;
        assert_eq!(pieces[0].start.checked_add(3), Some(pieces[2].start));
        Ok(())
    }),
    ("pieces apart, where none so large is", |books| {
        let [first, second] = books.allocate_each([1965, 12], None, Owner::Partition(NEW))?;
        assert_ne!(first.start.checked_add(1965), Some(second.start));
        books.give_each(&[first, second], Owner::Partition(NEW), Owner::Available)?;
        books.allocate(1, Owner::Partition(NEW)).map(|_| ())
    }),
    ("a whole block", |books| books.allocate(1024, P2).map(|_| ())),
    ("a part of the block back", |books| books.give(extent(1024, 5), P2, Owner::Available)),
    ("the rest of the block", |books| books.give(extent(1029, 1019), P2, Owner::Available)),
    ("the block again, put together", |books| books.allocate(1024, P2).map(|_| ())),
    ("and back", |books| books.give(extent(1024, 1024), P2, Owner::Available)),
    ("memory over the end of a block", |books| {
        books.give(extent(1000, 100), Owner::Available, Owner::Partition(NEW))
    }),
    ("memory breaks", |books| books.give(extent(1000, 1), Owner::Partition(NEW), Owner::Broken)),
    ("memory is mended", |books| books.give(extent(1000, 1), Owner::Broken, Owner::Available)),
    ("made", |books| {
        let new = *books.partition(NEW).ok_or(Problem::NoSuch)?;
        books.set_partition(NEW, PartitionRow { stage: 2, started: 9 << 33, ..new })
    }),
    ("channel", |books| {
        let client = End { partition: NEW.raw(), address: 0x1000, ..End::default() };
        let row = ChannelRow { stage: 2, epoch: 1, client, ..ChannelRow::default() };
        books.set_channel(CHANNEL, row)?;
        let frames = books.allocate(3, Owner::Channel(CHANNEL))?;
        books.set_channel(CHANNEL, ChannelRow { frames, ..row })
    }),
    ("channel ended", |books| {
        let row = *books.channel(CHANNEL).ok_or(Problem::NoSuch)?;
        books.give(row.frames, Owner::Channel(CHANNEL), Owner::Available)?;
        books.set_channel(CHANNEL, ChannelRow::default())
    }),
    ("all memory back", |books| all_back(books)),
    ("destroy", |books| books.set_partition(NEW, PartitionRow::default())),
    ("create with all its memory", |books| {
        let row = books.furnish(NEW, row(1), [30, 4, 3, 2, 0, 1], None)?;
        assert_eq!((row.frames(), books.partition(NEW)), (40, Some(&row)));
        Ok(())
    }),
    ("made, and nothing else", |books| books.set_stage(NEW, Stage::Made, 3)),
    ("a plan", |books| set_plan(books, 0, &[3, 3, 3, 0, 3, 3, 3, 3, 5])),
    ("two plans, one with takers of slack", |books| {
        set_plan(books, 0, &[5, 3, 5, 3])?;
        set_plan(books, 1, &[4, 4, 4, 4, 0, 0, 4, 4, 4, 4, 0, 0, 4, 4, 4, 4, 7, 8, 9, 7, 8, 9])
    }),
    ("a processor fails", |books| {
        let row = *books.processor(ProcessorId::new(1)).ok_or(Problem::NoSuch)?;
        let failed = ProcessorState::Failed.number();
        books.set_processor(
            ProcessorId::new(1),
            &ProcessorRow {
                state: failed,
                generation: row.generation + 1,
                ..ProcessorRow::online()
            },
        )?;
        set_plan(books, 0, &[5, 4, 5, 4])
    }),
    ("devices for it", |books| {
        books.give_device(0, Owner::Available, Owner::Partition(NEW))?;
        books.bind_device(0, 2)?;
        books.give_device(1, Owner::Available, Owner::Partition(NEW))
    }),
    ("a device of another, and back", |books| {
        books.give_device(0, Owner::Partition(NEW), P1)?;
        books.give_device(1, Owner::Partition(NEW), Owner::Available)
    }),
    ("all of that back", |books| {
        all_back(books)?;
        books.give_device(0, P1, Owner::Available)?;
        (0..2).try_for_each(|id| books.set_processor(ProcessorId::new(id), &ProcessorRow::online()))
    }),
    ("destroy again", |books| books.set_partition(NEW, PartitionRow::default())),
];

fn all_back(books: &mut Books<'_>) -> Result<(), Problem> {
    let mut at = 0;
    while let Some((owner, count)) = books.run(Frame::new(at)) {
        if owner == Owner::Partition(NEW) {
            books.give(extent(at, count), owner, Owner::Available)?;
        }
        at += count;
    }
    Ok(())
}

fn set_plan(books: &mut Books<'_>, id: u16, places: &[u16]) -> Result<(), Problem> {
    let id = ProcessorId::new(id);
    let mut row = *books.processor(id).ok_or(Problem::NoSuch)?;
    row.places.fill(0);
    row.places[..places.len()].copy_from_slice(places);
    row.length = u32::try_from(places.len().max(16)).unwrap();
    row.generation += 1;
    books.set_processor(id, &row)
}

pub fn transact(books: &mut Books<'_>, changes: Changes) {
    books.begin();
    changes(books).unwrap();
    books.commit();
}

/// Runs the writer until it has made so many writes; what it left, and whether it came to its end.
fn stopped(
    memory: &[u64],
    writes: u64,
    act: impl FnOnce(&mut Books<'_>),
) -> (Vec<u64>, Option<u64>) {
    let mut memory = memory.to_vec();
    let left = catch_unwind(AssertUnwindSafe(|| {
        let mut books = Books::open(bytes(&mut memory)).unwrap();
        books.fuse(Some(writes), || resume_unwind(Box::new("the writer dies")));
        act(&mut books);
        books.fuse_left()
    }));
    (memory, left.ok().flatten())
}

/// What whoever opens these books finds.
pub fn recovered(memory: Vec<u64>) -> Model {
    let mut memory = memory;
    Model::of(&Books::open(bytes(&mut memory)).unwrap())
}

/// covers: RES-2, RES-7
#[test]
fn books_stopped_at_any_write_are_as_before_or_as_after() {
    let mut memory = memory();
    let _ = books(&mut memory);
    for (what, changes) in LIFE {
        let before = recovered(memory.clone());
        let (after, left) = stopped(&memory, u64::MAX, |books| transact(books, changes));
        let writes = u64::MAX - left.unwrap();
        let changed = recovered(after.clone());
        assert!(before != changed && writes > 10, "{what}");
        for stop in 0..=writes {
            let (broken, left) = stopped(&memory, stop, |books| transact(books, changes));
            assert_eq!(left.is_some(), stop == writes, "{what}: {writes} writes");
            let found = recovered(broken);
            // Only the last write commits.
            assert!(
                found == if stop == writes { changed.clone() } else { before.clone() },
                "{what}, write {stop}"
            );
        }
        memory = after;
    }
    let mut again = super::memory();
    assert!(recovered(memory) == Model::of(&books(&mut again)), "all was given back");
}
