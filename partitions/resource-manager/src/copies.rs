//! Creates partitions at run time from definitions of the manifest, and destroys them without losing a frame.

use crate::make::Makings;
use crate::manager::{Machine, Manager};
use crate::manifest::role;
use crate::run::contexts;
use crate::space::slot_pages;
use crate::trouble::Trouble;
use abi::call::Error;
use abi::control::{ChannelOperation, ContextOperation, PartitionOperation, first_slot};
use abi::layout;
use abi::manifest::{ManifestPartition, NO_PARTITION, PartitionRole};
use abi::message::resource::{PartitionState, ResourceStatus};
use abi::types::{Frame, PAGE_SIZE, PartitionId, Slot, VirtualAddress};
use boot_image::{Program, ProgramSegment};
use program_loader::{Calls, Refusal, Regions, UPPER_TABLES, Window};
use resource_db::{Extent, Owner, PartitionRow, Stage};

/// How often the end of a context's place in the plans is waited for.
const TRIES: u32 = 400;
/// Nanoseconds between two tries.
const PAUSE: u64 = 1_000_000;

impl<M: Machine, W: Window> Manager<'_, M, W> {
    /// Uses a definition once more. The new partition has memory of its own and the channels of its definition as a client, but
    /// neither clients nor hardware.
    ///
    /// # Errors
    /// `NotAllowed` for definitions with a role, `Limit` where the table is full, `NoMemory`.
    pub fn create_again(&mut self, id: PartitionId) -> Result<PartitionId, Trouble> {
        let original = self.row(id)?;
        let definition = self.definition(&original)?;
        if role(definition) != PartitionRole::Ordinary {
            return Err(ResourceStatus::NotAllowed.into());
        }
        let row = self.fresh_row(original.definition, NO_PARTITION, definition)?;
        self.create_of(row, None)
    }

    /// Makes a partition of a row that has nothing yet, in free memory from a frame on, or wherever there is some.
    ///
    /// # Errors
    /// `Limit` where the table is full, `NoMemory`.
    pub fn create_of(
        &mut self,
        row: PartitionRow,
        at: Option<Frame>,
    ) -> Result<PartitionId, Trouble> {
        let first = u32::try_from(self.manifest.partitions.len()).unwrap_or(u32::MAX);
        let new = self.books.unused_partition(first).ok_or(ResourceStatus::Limit)?;
        // The frames are for what it is with its channels, whose rows follow.
        let makings = self.makings_of(&self.with_channels(row))?;
        let mut row = row;
        self.take_slots_of(&mut row)?;
        let furnished = self.furnish(new, &mut row, &makings, at);
        furnished.inspect_err(|_| self.give_slots_of(&row))?;
        if let Err(trouble) = self.make_copy(new, row.definition, &makings) {
            self.go_on_with_end(new);
            return Err(trouble);
        }
        Ok(new)
    }

    fn make_copy(
        &mut self,
        new: PartitionId,
        definition: u32,
        makings: &Makings<'_>,
    ) -> Result<(), Trouble> {
        self.define_channels(new, definition)?;
        self.build(new, &self.row(new)?, makings)
    }

    /// Gives back the slots of the own table that a partition has.
    pub fn give_slots_of(&mut self, row: &PartitionRow) {
        self.books.give_slots(Slot::new(row.partition_slot), 1);
        self.books.give_slots(Slot::new(row.information_slot), 1);
        self.books.give_slots(Slot::new(row.context_slot), row.contexts as u16);
    }

    /// Destroys a partition that was created at run time; false where that waits for servers to let go of its channels.
    ///
    /// # Errors
    /// `NotAllowed` for one of the manifest; what the kernel answers.
    pub fn destroy(&mut self, id: PartitionId) -> Result<bool, Trouble> {
        self.row(id)?;
        if !self.is_creation(id) {
            return Err(ResourceStatus::NotAllowed.into());
        }
        let ended = self.end(id)?;
        self.ending |= !ended;
        Ok(ended)
    }

    /// Takes a partition down, however much of it is there, and gives every frame back; false where servers must let go of
    /// its channels first: then it goes on when they have. Processors are free at once.
    ///
    /// # Errors
    /// Where the kernel keeps something: then the row stays, so that nothing is lost silently.
    pub fn end(&mut self, id: PartitionId) -> Result<bool, Trouble> {
        let mut row = self.row(id)?;
        if row.placed == 0 {
            self.set_stage(id, Stage::Ending, PartitionState::Stopped as u32)?;
        } else {
            row = self.change_placed(id, |row| {
                row.stage = Stage::Ending.number();
                row.state = PartitionState::Stopped as u32;
                row.placed = 0;
            })?;
        }
        if row.starts > 0 {
            for context in contexts(&row) {
                let _ = self.machine.patient(context, ContextOperation::Stop as u64, [0; 4]);
            }
        }
        if !self.part(id)? {
            return Ok(false);
        }
        self.end_channels(id)?;
        let row = self.trim_to(id, u32::try_from(row.heap.count).unwrap_or(u32::MAX))?;
        self.dismantle(&row)?;
        self.forget(id, &row).map(|()| true)
    }

    /// Takes down all that is there of a partition which has neither channels nor pieces of heap, and frees its frames.
    ///
    /// # Errors
    /// Where the kernel keeps something.
    pub fn dismantle(&mut self, row: &PartitionRow) -> Result<(), Trouble> {
        let definition = self.definition(row)?;
        let program = self.program(definition).ok();
        self.unmap_all(row, definition, program.as_ref());
        self.end_information(row)?;
        self.release(&[row.heap, row.program, row.stack, row.lasting, row.information])?;
        self.release(&[row.spare, row.corpse])?;
        for context in contexts(row) {
            self.end_context(context)?;
        }
        self.end_objects(row, program.as_ref())?;
        // What were kernel objects is free now, or one says what it still is.
        self.release(&[row.kernel])
    }

    /// Unmaps all that a partition can have mapped beside its channels.
    fn unmap_all(
        &mut self,
        row: &PartitionRow,
        definition: &ManifestPartition,
        program: Option<&Program<'_>>,
    ) {
        let partition = Slot::new(row.partition_slot);
        let mut unmap = |(address, pages)| {
            let _ = self.machine.unmap(partition, VirtualAddress::new(address), pages);
        };
        // The report, which is one of the pages of information, and the time page lie before the others.
        unmap((layout::REPORT, 1 + row.information.count));
        unmap((layout::HEAP, row.heap.count));
        unmap((layout::LASTING, row.lasting.count));
        let stack = u64::from(definition.stack);
        (0..u64::from(row.contexts))
            .for_each(|context| unmap((crate::space::stack_bottom(context, stack), stack)));
        program.and_then(extent_of).into_iter().for_each(unmap);
        // Those of later images may lie elsewhere than the one it was made with.
        for image in [row.image, row.loaded].into_iter().filter(|image| *image != 0) {
            let later = self.program_in(image, definition).ok();
            if let Some((address, pages)) = later.as_ref().and_then(extent_of) {
                let _ = self.machine.unmap(partition, VirtualAddress::new(address), pages);
            }
        }
    }

    /// Destroys the channel of the information pages.
    fn end_information(&mut self, row: &PartitionRow) -> Result<(), Trouble> {
        let channel = Slot::new(row.information_slot);
        let part = ChannelOperation::Part as u64;
        while self.machine.patient(channel, part, [0; 4]).is_ok_and(|[remain, ..]| remain > 0) {}
        let answer = self.machine.patient(channel, ChannelOperation::Destroy as u64, [0; 4]);
        self.gone(channel, answer)
    }

    /// Destroys slot pages, tables and the partition itself, the last made first.
    fn end_objects(
        &mut self,
        row: &PartitionRow,
        program: Option<&Program<'_>>,
    ) -> Result<(), Trouble> {
        let partition = Slot::new(row.partition_slot);
        for index in (0..slot_pages(row)).rev() {
            match self.on(partition, PartitionOperation::RemoveSlots, [index, 0, 0, 0]) {
                // There is no such page.
                Err(Refusal { error: Error::BadArgument, .. }) => {}
                answer => self.gone(partition, answer)?,
            }
        }
        // Needs are computed as when it was made: nothing they depend on has changed.
        if let Some(needs) = program.and_then(|program| self.needs(row, program).ok()) {
            self.end_tables(partition, &needs.regions);
        }
        let answer = self.on(partition, PartitionOperation::Destroy, [0; 4]);
        self.gone(partition, answer)
    }

    /// Removes the tables below the root, which goes with the partition: the last of a region takes those above it along.
    fn end_tables(&mut self, partition: Slot, regions: &Regions) {
        for address in regions.iter() {
            let arguments = [address.raw(), 1, UPPER_TABLES, 0];
            let _ = self.on(partition, PartitionOperation::RemoveTable, arguments);
        }
    }

    /// Destroys a context, once no running plan names it any more.
    fn end_context(&mut self, context: Slot) -> Result<(), Trouble> {
        let mut tries = TRIES;
        loop {
            let answer = self.machine.patient(context, ContextOperation::Destroy as u64, [0; 4]);
            match answer {
                Err(Refusal { error: Error::InUse | Error::WrongState, .. }) if tries > 0 => {
                    let until = self.machine.now().saturating_add(PAUSE);
                    self.replan();
                    self.machine.sleep_until(until);
                    tries -= 1;
                }
                answer => return self.gone(context, answer),
            }
        }
    }

    fn on(
        &mut self,
        partition: Slot,
        operation: PartitionOperation,
        arguments: [u64; 4],
    ) -> Result<[u64; 4], Refusal> {
        self.machine.partition(partition, operation, arguments)
    }

    /// Makes frames free, in as few calls as they follow each other; those that are free already stay so.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn release(&mut self, extents: &[Extent]) -> Result<(), Trouble> {
        let mut run = Extent::default();
        for &extent in extents.iter().filter(|extent| extent.count > 0) {
            if run.start.raw() + run.count == extent.start.raw() {
                run.count += extent.count;
            } else {
                self.machine.release(first_slot::MEMORY, run.start, run.count)?;
                run = extent;
            }
        }
        Ok(self.machine.release(first_slot::MEMORY, run.start, run.count)?)
    }

    /// An object that is not there any more is as good as destroyed. The slot that named it is empty then, for the kernel does that, and
    /// nobody looks for what it holds afterwards.
    fn gone(&mut self, slot: Slot, answer: Result<[u64; 4], Refusal>) -> Result<(), Trouble> {
        match answer {
            Ok(_) | Err(Refusal { error: Error::NoCapability, .. }) => Ok(()),
            Err(Refusal { error: Error::Stale, .. }) => {
                let clear = [slot.raw().into(), 0, 0, 0];
                self.on(first_slot::PARTITION, PartitionOperation::Clear, clear)?;
                Ok(())
            }
            Err(refusal) => Err(refusal.into()),
        }
    }

    /// Writes down that it is gone.
    fn forget(&mut self, id: PartitionId, row: &PartitionRow) -> Result<(), Trouble> {
        self.books.begin();
        self.books.give_each(&row.extents(), Owner::Partition(id), Owner::Available)?;
        self.books.give(row.spare, Owner::Partition(id), Owner::Available)?;
        self.books.give(row.corpse, Owner::Partition(id), Owner::Available)?;
        self.books.set_partition(id, &PartitionRow::default())?;
        self.books.commit();
        self.give_slots_of(row);
        self.resting.forget(id);
        Ok(())
    }
}

/// An object that is not there any more is as good as destroyed.
///
/// # Errors
/// Any other refusal.
pub fn gone(answer: Result<[u64; 4], Refusal>) -> Result<(), Trouble> {
    match answer {
        Ok(_) => Ok(()),
        Err(Refusal { error: Error::NoCapability | Error::Stale, .. }) => Ok(()),
        Err(refusal) => Err(refusal.into()),
    }
}

/// From the first page of a program to its last one.
#[must_use]
pub fn extent_of(program: &Program<'_>) -> Option<(u64, u64)> {
    let ends = |segment: &ProgramSegment<'_>| {
        let start = segment.address().raw();
        (start, start + segment.pages() * PAGE_SIZE)
    };
    let bounds = program.segments().iter().map(ends);
    let (start, end) = bounds.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))?;
    Some((start, (end - start) / PAGE_SIZE))
}
