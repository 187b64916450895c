//! The kinds of transaction, as the manager makes them: those of one partition's life, and of what goes on beside it.

use super::*;

const NEW: PartitionId = PartitionId::new(4);
const CHANNEL: ChannelId = ChannelId::new(2);

/// What a transaction does.
pub type Changes = fn(&mut Books<'_>) -> Result<(), Problem>;

/// The transactions of a life, one after the other, each beginning where the one before has ended.
pub const LIFE: [(&str, Changes); 46] = [
    ("create", |books| {
        books.set_partition(NEW, &row(1))?;
        let heap = books.allocate(30, Owner::Partition(NEW))?;
        books.set_partition(NEW, &PartitionRow { heap, ..row(1) })
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
        books.set_partition(NEW, &PartitionRow { stage: 2, started: 9 << 33, ..new })
    }),
    ("memory for a corpse", |books| {
        let corpse = books.allocate(8, Owner::Partition(NEW))?;
        change(books, NEW, |row| (row.corpse, row.opened) = (corpse, 1))
    }),
    ("the corpse is whole, and needs less", |books| {
        let Extent { start, .. } = books.partition(NEW).ok_or(Problem::NoSuch)?.corpse;
        let rest = Extent { start: start.checked_add(3).unwrap(), count: 5 };
        books.give(rest, Owner::Partition(NEW), Owner::Available)?;
        change(books, NEW, |row| {
            (row.corpse.count, row.corpse_life, row.opened) = (3, 7, 0);
        })
    }),
    ("the corpse is looked at", |books| change(books, NEW, |row| row.opened = OPEN_CORPSE)),
    ("it is one no more", |books| change(books, NEW, |row| (row.corpse_life, row.opened) = (0, 0))),
    ("it is buried", |books| {
        let corpse = books.partition(NEW).ok_or(Problem::NoSuch)?.corpse;
        books.give(corpse, Owner::Partition(NEW), Owner::Available)?;
        change(books, NEW, |row| row.corpse = Extent::default())
    }),
    ("an upgrade waits", |books| {
        let spare = books.allocate(9, Owner::Partition(NEW))?;
        change(books, NEW, |row| (row.waiting, row.spare) = (2, spare))
    }),
    ("it goes over", |books| {
        change(books, NEW, |row| {
            (row.before, row.image, row.waiting, row.up) = (row.image + 1, 1, 0, 0);
            core::mem::swap(&mut row.program, &mut row.spare);
        })
    }),
    ("the program is another", |books| change(books, NEW, |row| row.loaded = row.image)),
    ("it did not come up, and goes back", |books| {
        change(books, NEW, |row| {
            (row.image, row.before, row.refused) = (0, 0, row.refused | 1 << row.image);
            core::mem::swap(&mut row.program, &mut row.spare);
        })
    }),
    ("the upgrade is forgotten", |books| {
        let spare = books.partition(NEW).ok_or(Problem::NoSuch)?.spare;
        books.give(spare, Owner::Partition(NEW), Owner::Available)?;
        change(books, NEW, |row| row.spare = Extent::default())
    }),
    ("the manager goes over", |books| {
        let spare = books.allocate(5, MANAGER)?;
        change(books, PartitionId::new(0), |row| (row.waiting, row.spare) = (2, spare))
    }),
    ("and back", |books| {
        let spare = books.partition(PartitionId::new(0)).ok_or(Problem::NoSuch)?.spare;
        books.give(spare, MANAGER, Owner::Available)?;
        change(books, PartitionId::new(0), |row| {
            (row.waiting, row.spare, row.refused) = (0, Extent::default(), 2);
        })
    }),
    ("a heap grows", |books| {
        let piece = books.allocate_each([12], None, Owner::Partition(NEW))?;
        change(books, NEW, |row| {
            row.pieces[0] = Piece { start: piece[0].start, tables: 2, pages: 10 };
            row.heap_tables += 2;
        })
    }),
    ("and gives its end back", |books| {
        let piece = books.partition(NEW).ok_or(Problem::NoSuch)?.pieces[0];
        books.give(piece.pages_from(4), Owner::Partition(NEW), Owner::Available)?;
        change(books, NEW, |row| row.pieces[0].pages = 4)
    }),
    ("another share, and the plan of its processor", |books| {
        change(books, NEW, |row| (row.share, row.placed) = (4, 1))?;
        set_plan(books, 1, &[5, 0, 0, 0, 5, 0, 0, 0, 5])
    }),
    ("no share, and no plan", |books| {
        change(books, NEW, |row| (row.share, row.placed) = (0, 0))?;
        books.set_processor(ProcessorId::new(1), &ProcessorRow::online())
    }),
    ("a page of the manager's own table", |books| {
        books.allocate(1, MANAGER)?;
        change(books, PartitionId::new(0), |row| row.slots = 512)
    }),
    ("that page back", |books| {
        let mut all = (0..FRAMES).map(Frame::new);
        let own = all.find(|frame| books.owner(*frame) == MANAGER).ok_or(Problem::NoSuch)?;
        books.give(extent(own.raw(), 1), MANAGER, Owner::Available)?;
        change(books, PartitionId::new(0), |row| (row.slots, row.refused) = (0, 0))
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
    ("a channel joins behind its client, and its slots", |books| {
        let client = End { partition: NEW.raw(), address: 0x2000, slot: 40, ..End::default() };
        let server = End { slot: 41, ..End::default() };
        let row = ChannelRow { stage: 1, slot: 42, client, server, ..ChannelRow::default() };
        let free = |frame: &u64| books.owner(Frame::new(*frame)) == Owner::Available;
        let pair = |frame: &u64| free(frame) && free(&(frame + 1));
        let frames = extent((0..FRAMES).rfind(pair).ok_or(Problem::NoMemory)?, 2);
        books.set_channel(CHANNEL, row)?;
        books.give(frames, Owner::Available, Owner::Channel(CHANNEL))?;
        books.set_channel(CHANNEL, ChannelRow { frames, ..row })
    }),
    ("it is left", |books| {
        let row = *books.channel(CHANNEL).ok_or(Problem::NoSuch)?;
        books.give(row.frames, Owner::Channel(CHANNEL), Owner::Available)?;
        books.set_channel(CHANNEL, ChannelRow::default())
    }),
    ("all memory back", |books| all_back(books)),
    ("destroy", |books| books.set_partition(NEW, &PartitionRow::default())),
    ("create with all its memory", |books| {
        let mut row = row(1);
        books.furnish(NEW, &mut row, [30, 4, 3, 2, 0, 1], None)?;
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
    ("destroy again", |books| books.set_partition(NEW, &PartitionRow::default())),
];

const MANAGER: Owner = Owner::Partition(PartitionId::new(0));

fn change(
    books: &mut Books<'_>,
    id: PartitionId,
    change: impl FnOnce(&mut PartitionRow),
) -> Result<(), Problem> {
    let mut row = *books.partition(id).ok_or(Problem::NoSuch)?;
    change(&mut row);
    books.set_partition(id, &row)
}

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
