//! Operations on the books.

use crate::berths::Berths;
use crate::ends::Ends;
use crate::layout::{Layout, name};
use crate::owner::Owner;
use crate::rows::{ChannelRow, Extent, PartitionRow};
use crate::slots;
use crate::space::Space;
use crate::table::Table;
use abi::channel::Role;
use abi::message::database::Stage;
use abi::types::{ChannelId, PartitionId, Slot};
use owner_map::{Kind, Operation, OwnerMap, Page, Run, Scale, Slab};

/// The books, open for one writer.
pub struct Books<'m> {
    pub(crate) map: OwnerMap<Slab<'m>>,
    pub(crate) layout: Layout,
    pub(crate) partitions: Table,
    pub(crate) channels: Table,
    pub(crate) processors: Table,
    pub(crate) devices: Table,
    pub(crate) slots: &'m mut [u64],
    pub(crate) ends: Ends<'m>,
    pub(crate) berths: Berths<'m>,
    pub(crate) space: Space<'m>,
    /// Whether a row with a time of its own was written since that was last asked.
    pub(crate) timed: bool,
    /// Whether a transaction was begun. The log learns of it with the first change.
    pub(crate) begun: bool,
    pub(crate) cause: Cause,
    /// Number of the last transaction that was committed.
    pub(crate) generation: u64,
}

/// Why changes are made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Cause {
    /// Who asked.
    pub who: PartitionId,
    /// For what: the code of the request, 0 for what the manager does of itself.
    pub what: u32,
    /// When, nanoseconds.
    pub when: u64,
}

/// Why a change was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Problem {
    /// No such row.
    NoSuch,
    /// The frames are not all owned by whom the before-image says. The transaction is refused.
    NotOwner,
    /// No transaction was begun, or it was refused.
    NoTransaction,
    /// The transaction is too long for the log, and refused.
    TooLong,
    /// No so many available frames in a row.
    NoMemory,
    /// No unused row or no free slot.
    Full,
    /// The partition has frames still. The transaction is refused.
    NotEmpty,
    /// It would break a rule of the map. The transaction is refused.
    Rule,
}

impl Books<'_> {
    /// Says who asks for the transactions from now on, and why.
    pub fn because(&mut self, cause: Cause) {
        self.cause = cause;
    }

    /// Begins a transaction. One that is in progress is undone.
    pub fn begin(&mut self) {
        self.rollback();
        self.begun = true;
    }

    /// Makes the changes since [`begin`](Self::begin) last.
    pub fn commit(&mut self) {
        self.begun = false;
        if self.map.is_open() {
            match self.map.commit() {
                Ok(number) if self.map.count() > 0 => self.generation = number,
                Ok(_) => {}
                Err(_) => self.derive_undone(),
            }
        }
    }

    /// Undoes the changes since [`begin`](Self::begin), the last first.
    pub fn rollback(&mut self) {
        self.begun = false;
        if self.map.is_open() {
            self.map.undo();
            self.derive_undone();
        }
    }

    /// Lets the log know of the transaction that was begun.
    pub(crate) fn open_transaction(&mut self) -> Result<(), Problem> {
        if !self.begun {
            return Err(Problem::NoTransaction);
        }
        if !self.map.is_open() {
            let Cause { who, what, when } = self.cause;
            let who = self.layout.page(Owner::Partition(who)).unwrap_or_default();
            self.map.begin(owner_map::Cause { who, what, when });
        }
        Ok(())
    }

    /// Takes the transaction back because of what is wrong with its next change; the log says so.
    pub(crate) fn refuse(&mut self, problem: owner_map::Problem) -> Problem {
        self.begun = false;
        let _: Result<(), _> = self.map.refuse(problem);
        self.derive_undone();
        match problem {
            owner_map::Problem::Found(_) | owner_map::Problem::Outside => Problem::NotOwner,
            owner_map::Problem::Length => Problem::TooLong,
            owner_map::Problem::NotEmpty(_) => Problem::NotEmpty,
            _ => Problem::Rule,
        }
    }

    /// Writes down that something was refused before it began, in numbers of the asker's own.
    pub fn note_refusal(&mut self, reason: u16) {
        self.begin();
        if self.open_transaction().is_ok() {
            self.refuse(owner_map::Problem::Refused(reason));
        }
    }

    /// Number of the last transaction, whatever became of it.
    #[must_use]
    pub fn last_number(&self) -> u64 {
        self.map.next_sequence().wrapping_sub(1)
    }

    /// Says whose frames are when the machine starts; no transaction, nothing is known before.
    pub fn describe(&mut self, extent: Extent, owner: Owner) {
        let first = extent.start.raw();
        let end = first.saturating_add(extent.count).min(self.layout.capacity.frames);
        if let Some(count) = end.checked_sub(first) {
            self.say_owner(first, count, owner);
            self.say_own();
            self.recount(first, count);
        }
    }

    /// A partition's row; `None` for one that is not there.
    #[must_use]
    pub fn partition(&self, id: PartitionId) -> Option<&PartitionRow> {
        self.partitions.get(self.map.memory(), id.raw())
    }

    /// A channel's row; `None` for one that is not there.
    #[must_use]
    pub fn channel(&self, id: ChannelId) -> Option<&ChannelRow> {
        self.channels.get(self.map.memory(), id.raw())
    }

    /// Every partition that is there.
    pub fn partitions(&self) -> impl Iterator<Item = (PartitionId, &PartitionRow)> + Clone {
        self.partitions_from(PartitionId::new(0))
    }

    /// Every partition that is there, from a number on.
    pub fn partitions_from(
        &self,
        id: PartitionId,
    ) -> impl Iterator<Item = (PartitionId, &PartitionRow)> + Clone {
        let rows = self.partitions.iter_from(self.map.memory(), id.raw());
        rows.map(|(id, row)| (PartitionId::new(id), row))
    }

    /// Every channel that is there.
    pub fn channels(&self) -> impl Iterator<Item = (ChannelId, &ChannelRow)> + Clone {
        self.channels_from(ChannelId::new(0))
    }

    /// Every channel that is there, from a number on.
    pub fn channels_from(
        &self,
        id: ChannelId,
    ) -> impl Iterator<Item = (ChannelId, &ChannelRow)> + Clone {
        let rows = self.channels.iter_from(self.map.memory(), id.raw());
        rows.map(|(id, row)| (ChannelId::new(id), row))
    }

    /// The first partition's row at or above `from` that is not used.
    #[must_use]
    pub fn unused_partition(&self, from: u32) -> Option<PartitionId> {
        self.partitions.unused::<PartitionRow>(self.map.memory(), from).map(PartitionId::new)
    }

    /// The first channel's row at or above `from` that is not used.
    #[must_use]
    pub fn unused_channel(&self, from: u32) -> Option<ChannelId> {
        self.channels.unused::<ChannelRow>(self.map.memory(), from).map(ChannelId::new)
    }

    /// Channels of which a partition is an end, by their numbers, and which end; only those behind `after` where that is one.
    /// What it costs depends on how many it is an end of alone.
    pub fn ends_of(
        &self,
        id: PartitionId,
        after: Option<ChannelId>,
    ) -> impl Iterator<Item = (ChannelId, Role, &ChannelRow)> {
        let after = after.and_then(|channel| Some((channel, self.channel(channel)?)));
        let after = after.map(|(channel, row)| {
            let client = row.client.partition == id.raw();
            (channel.raw(), if client { Role::Client } else { Role::Server })
        });
        self.ends.of(id.raw(), after).filter_map(|(channel, role)| {
            let id = ChannelId::new(channel);
            self.channel(id).map(|row| (id, role, row))
        })
    }

    /// Replaces a partition's row. One that was not used gets its descriptor, one that is not used any more loses it.
    ///
    /// # Errors
    /// Where there is no such place or no transaction, where a partition is to go that has frames, or one is to come where another
    /// went in the same transaction.
    pub fn set_partition(&mut self, id: PartitionId, row: &PartitionRow) -> Result<(), Problem> {
        let page = self.layout.page(Owner::Partition(id)).ok_or(Problem::NoSuch)?;
        self.open_transaction()?;
        let was = self.partition(id).is_some();
        let stays = row.stage() != Stage::Unused;
        let claimed = if stays && !was { self.claim(page, row) } else { Ok(()) };
        claimed.map_err(|problem| self.refuse(problem))?;
        self.write_partition(id, page, (was, row))
    }

    /// Writes the row of a partition that has its descriptor, and takes that from one that is not used any more.
    pub(crate) fn write_partition(
        &mut self,
        id: PartitionId,
        page: Page,
        (was, row): (bool, &PartitionRow),
    ) -> Result<(), Problem> {
        let stays = row.stage() != Stage::Unused;
        let clients = self.partition(id).map_or((0, 0), |row| (row.clients, row.ends));
        let written = self.write_row(self.partitions, id.raw(), row);
        let written = written.and_then(|()| if stays { Ok(()) } else { self.disclaim(page) });
        written.map_err(|problem| self.refuse(problem))?;
        self.timed |= row.is_timed();
        if was != stays {
            self.partitions.renew::<PartitionRow>(self.map.memory(), id.raw());
        }
        if clients != (row.clients, row.ends) && (clients.0 > 0 || row.clients > 0) {
            self.derive_berths();
        }
        Ok(())
    }

    /// Takes a partition's descriptor, if it has one.
    fn disclaim(&mut self, page: Page) -> Result<(), owner_map::Problem> {
        if !self.map.is_partition(page) {
            return Ok(());
        }
        let database = self.map.master().manager;
        self.map.add(&Operation::ChangeOwner { run: alone(page), from: page, to: database })?;
        self.map.add(&Operation::Destroy { partition: page })
    }

    /// Whether a partition's row with a [time of its own](PartitionRow::is_timed) may have been written since this was last asked, or the books
    /// were opened: else no partition waits for an earlier time than one did then.
    pub fn take_timed(&mut self) -> bool {
        core::mem::take(&mut self.timed)
    }

    /// Says how far a partition that is there has come, and its state: a change of its row that needs no look at the rest.
    ///
    /// # Errors
    /// Where there is none or no transaction; one becomes unused by [`set_partition`](Self::set_partition) alone.
    pub fn set_stage(&mut self, id: PartitionId, stage: Stage, state: u32) -> Result<(), Problem> {
        if stage == Stage::Unused || self.partition(id).is_none() {
            return Err(Problem::NoSuch);
        }
        self.open_transaction()?;
        let written =
            self.write_stage::<PartitionRow>(self.partitions, id.raw(), stage, Some(state));
        written.map_err(|problem| self.refuse(problem))
    }

    /// Makes a partition's descriptor where it has none, so that it may own something. Its row follows in the same transaction.
    pub(crate) fn claim(
        &mut self,
        page: Page,
        row: &PartitionRow,
    ) -> Result<(), owner_map::Problem> {
        if self.map.is_partition(page) {
            return Ok(());
        }
        let (kind, name, database) = (Kind::Ordinary, name(&row.name), self.map.master().manager);
        self.map.add(&Operation::Initialize { partition: page, kind, name })?;
        self.map.add(&Operation::ChangeOwner { run: alone(page), from: database, to: page })
    }

    /// Replaces a channel's row.
    ///
    /// # Errors
    /// Where there is no such place or no transaction.
    pub fn set_channel(&mut self, id: ChannelId, row: ChannelRow) -> Result<(), Problem> {
        self.channels.place::<ChannelRow>(id.raw()).ok_or(Problem::NoSuch)?;
        self.open_transaction()?;
        let before = self.channel(id).copied();
        let written = self.write_row(self.channels, id.raw(), &row);
        written.map_err(|problem| self.refuse(problem))?;
        let after = Some(&row).filter(|row| row.stage() != Stage::Unused);
        if before.as_ref().map(ChannelRow::places) != after.map(ChannelRow::places) {
            self.note_berths(before.as_ref(), after);
            before.iter().for_each(|row| self.ends.remove(id.raw(), row.partitions()));
            after.into_iter().for_each(|row| self.ends.insert(id.raw(), row.partitions()));
        }
        if before.is_some() != after.is_some() {
            self.channels.renew::<ChannelRow>(self.map.memory(), id.raw());
        }
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

    /// After that many writes to the books' memory from now on `end` is called before each, and must not return.
    #[cfg(feature = "fuse")]
    pub fn fuse(&mut self, writes: Option<u64>, end: fn()) {
        self.map.memory_mut().fuse(writes, end);
    }

    /// Writes left of those that [`fuse`](Self::fuse) allowed.
    #[cfg(feature = "fuse")]
    #[must_use]
    pub fn fuse_left(&self) -> Option<u64> {
        self.map.memory().left()
    }
}

/// A page as a change of owner names it.
fn alone(page: Page) -> Run {
    Run { first: page.frame(), scale: Scale::Kilo, count: 1 }
}
