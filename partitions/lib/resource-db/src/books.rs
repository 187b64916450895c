//! Operations on the books.

use crate::frames::Frames;
use crate::log::{Change, Subject};
use crate::open::Header;
use crate::owner::Owner;
use crate::recent::{Recent, Touched};
use crate::rows::{ChannelRow, Extent, PartitionRow};
use crate::slots;
use crate::table::Table;
use abi::types::{ChannelId, Frame, PartitionId, Slot};
use zerocopy::IntoBytes;

/// The books, open for one writer.
pub struct Books<'m> {
    pub(crate) header: &'m mut Header,
    pub(crate) log: &'m mut [Change],
    pub(crate) partitions: Table<'m, PartitionRow>,
    pub(crate) channels: Table<'m, ChannelRow>,
    pub(crate) slots: &'m mut [u64],
    pub(crate) frames: Frames<'m>,
    pub(crate) recent: Recent,
}

/// Why a change was refused. The transaction goes on without it: who made it rolls back or does something else.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Problem {
    /// No such row.
    NoSuch,
    /// The frames are not all owned by whom the before-image says.
    NotOwner,
    /// No transaction was begun.
    NoTransaction,
    /// The log is full.
    TooLong,
    /// No so many available frames in a row.
    NoMemory,
    /// No unused row or no free slot.
    Full,
}

impl Books<'_> {
    /// Begins a transaction. One that is in progress is undone.
    pub fn begin(&mut self) {
        self.rollback();
        self.header.active = 1;
    }

    /// Makes the changes since [`begin`](Self::begin) last.
    pub fn commit(&mut self) {
        let changes = usize::try_from(self.header.changes).unwrap_or(0);
        // Before the rest: a number that no transaction has misleads nobody, a transaction without one would.
        if changes > 0 {
            let generation = self.header.generation.saturating_add(1);
            self.header.generation = generation;
            for subject in self.log.iter().take(changes).filter_map(Change::subject) {
                self.recent.add(generation, Touched::by(subject));
            }
        }
        self.header.active = 0;
        self.header.changes = 0;
    }

    /// Undoes the changes since [`begin`](Self::begin), the last first.
    pub fn rollback(&mut self) {
        while let Some(last) = self.header.changes.checked_sub(1) {
            let change = usize::try_from(last).ok().and_then(|at| self.log.get(at)).copied();
            if let Some(change) = change {
                self.undo(&change);
            }
            self.header.changes = last;
        }
        self.header.active = 0;
    }

    /// Says whose frames are when the machine starts; no transaction, nothing is known before.
    pub fn describe(&mut self, extent: Extent, owner: Owner) {
        self.frames.set(extent, owner);
    }

    /// Frames change their owner.
    ///
    /// # Errors
    /// Where `before` does not own all of them; none is changed then.
    pub fn give(&mut self, extent: Extent, before: Owner, after: Owner) -> Result<(), Problem> {
        if extent.count == 0 {
            return Ok(());
        }
        if !self.frames.all(extent, before) {
            return Err(Problem::NotOwner);
        }
        let images = (before.number(), after.number());
        self.record(Subject::Frames(extent), images.0.as_bytes(), images.1.as_bytes())?;
        self.frames.set(extent, after);
        Ok(())
    }

    /// `count` available frames in a row become `owner`'s; an empty extent for 0.
    ///
    /// # Errors
    /// Where there are not so many.
    pub fn allocate(&mut self, count: u64, owner: Owner) -> Result<Extent, Problem> {
        if count == 0 {
            return Ok(Extent::default());
        }
        let extent = self.frames.find(count).ok_or(Problem::NoMemory)?;
        self.give(extent, Owner::Available, owner).map(|()| extent)
    }

    /// A partition's row; `None` for one that is not there.
    #[must_use]
    pub fn partition(&self, id: PartitionId) -> Option<&PartitionRow> {
        self.partitions.get(id.raw())
    }

    /// A channel's row; `None` for one that is not there.
    #[must_use]
    pub fn channel(&self, id: ChannelId) -> Option<&ChannelRow> {
        self.channels.get(id.raw())
    }

    /// Every partition that is there.
    pub fn partitions(&self) -> impl Iterator<Item = (PartitionId, &PartitionRow)> + Clone {
        self.partitions.iter().map(|(id, row)| (PartitionId::new(id), row))
    }

    /// Every channel that is there.
    pub fn channels(&self) -> impl Iterator<Item = (ChannelId, &ChannelRow)> + Clone {
        self.channels.iter().map(|(id, row)| (ChannelId::new(id), row))
    }

    /// The first partition's row at or above `from` that is not used.
    #[must_use]
    pub fn unused_partition(&self, from: u32) -> Option<PartitionId> {
        self.partitions.unused(from).map(PartitionId::new)
    }

    /// Replaces a partition's row.
    ///
    /// # Errors
    /// Where there is no such place or no transaction.
    pub fn set_partition(&mut self, id: PartitionId, row: PartitionRow) -> Result<(), Problem> {
        let before = *self.partitions.row(id.raw()).ok_or(Problem::NoSuch)?;
        self.record(Subject::Partition(id.raw()), before.as_bytes(), row.as_bytes())?;
        self.partitions.set(id.raw(), row);
        Ok(())
    }

    /// Replaces a channel's row.
    ///
    /// # Errors
    /// Where there is no such place or no transaction.
    pub fn set_channel(&mut self, id: ChannelId, row: ChannelRow) -> Result<(), Problem> {
        let before = *self.channels.row(id.raw()).ok_or(Problem::NoSuch)?;
        self.record(Subject::Channel(id.raw()), before.as_bytes(), row.as_bytes())?;
        self.channels.set(id.raw(), row);
        Ok(())
    }

    /// Takes `count` free slots in a row of the manager's own table. They are free again when no row names them.
    ///
    /// # Errors
    /// Where there are not so many.
    pub fn take_slots(&mut self, count: u16) -> Result<Slot, Problem> {
        slots::take(self.slots, count).ok_or(Problem::Full)
    }

    /// Gives slots back.
    pub fn give_slots(&mut self, first: Slot, count: u16) {
        slots::mark(self.slots, first, count, false);
    }

    /// Slots of the manager's own table in use.
    #[must_use]
    pub fn slots_taken(&self) -> u32 {
        slots::taken(self.slots)
    }

    /// Owner of a frame.
    #[must_use]
    pub fn owner(&self, frame: Frame) -> Owner {
        self.frames.owner(frame)
    }

    /// Owner of a frame, and how many frames from it on are surely the same owner's: what is looked at is bounded, so
    /// the next run may go on with the same. `None` beyond the map.
    #[must_use]
    pub fn run(&self, from: Frame) -> Option<(Owner, u64)> {
        self.frames.run(from)
    }

    /// Frames available.
    #[must_use]
    pub fn available(&self) -> u64 {
        self.frames.available()
    }

    /// Frames of an owner; this counts them all.
    #[must_use]
    pub fn count(&self, owner: Owner) -> u64 {
        self.frames.count(owner)
    }

    /// Computes anew what follows from the rest.
    pub(crate) fn derive(&mut self) {
        self.frames.recount();
        self.slots.fill(0);
        for (_, row) in self.partitions.iter() {
            let contexts = u16::try_from(row.contexts).unwrap_or(0);
            slots::mark(self.slots, Slot::new(row.partition_slot), 1, true);
            slots::mark(self.slots, Slot::new(row.information_slot), 1, true);
            slots::mark(self.slots, Slot::new(row.context_slot), contexts, true);
            slots::mark(self.slots, Slot::new(row.image_slot), 1, true);
        }
        for (_, row) in self.channels.iter() {
            for slot in row.own_slots() {
                slots::mark(self.slots, Slot::new(slot), 1, true);
            }
        }
    }

    /// Writes a change down before it is made.
    fn record(&mut self, subject: Subject, before: &[u8], after: &[u8]) -> Result<(), Problem> {
        if self.header.active == 0 {
            return Err(Problem::NoTransaction);
        }
        let at = usize::try_from(self.header.changes).map_err(|_| Problem::TooLong)?;
        *self.log.get_mut(at).ok_or(Problem::TooLong)? = Change::new(subject, before, after);
        self.header.changes = self.header.changes.saturating_add(1);
        Ok(())
    }

    fn undo(&mut self, change: &Change) {
        match change.subject() {
            Some(Subject::Frames(extent)) => {
                let before = change.before().map_or(Owner::Reserved, Owner::from_number);
                self.frames.set(extent, before);
            }
            Some(Subject::Partition(id)) => self.partitions.restore(id, change),
            Some(Subject::Channel(id)) => self.channels.restore(id, change),
            None => {}
        }
    }
}
