//! Creates partitions at run time from definitions of the manifest, and destroys them without losing a frame.

use crate::manager::{Machine, Manager};
use crate::manifest::role;
use crate::run::contexts;
use crate::space::slot_pages;
use crate::trouble::Trouble;
use abi::call::Error;
use abi::control::{
    ChannelOperation, ContextOperation, FrameUse, PartitionOperation, SLOTS_PER_PAGE, first_slot,
};
use abi::layout;
use abi::manifest::{NO_PARTITION, PartitionRole};
use abi::message::resource::{PartitionState, ResourceStatus};
use abi::types::{Frame, PartitionId, Slot, VirtualAddress};
use program_loader::{Calls, Refusal, Window, table_levels};
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
        self.define_row(new, row)?;
        if let Err(trouble) = self.make_copy(new, row.definition, at) {
            self.ending |= !self.end(new)?;
            return Err(trouble);
        }
        Ok(new)
    }

    fn make_copy(
        &mut self,
        new: PartitionId,
        definition: u32,
        at: Option<Frame>,
    ) -> Result<(), Trouble> {
        self.define_channels(new, definition)?;
        self.make_at(new, at)
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
        let row = self.change(id, |row| {
            row.stage = Stage::Ending.number();
            row.state = PartitionState::Stopped as u32;
            row.placed = 0;
        })?;
        for context in contexts(&row) {
            let _ = self.machine.patient(context, ContextOperation::Stop as u64, [0; 4]);
        }
        if row.starts > 0 {
            self.outdate_plans_of(id, &row);
        }
        if !self.part(id)? {
            return Ok(false);
        }
        self.end_channels(id)?;
        let row = self.trim_to(id, u32::try_from(row.heap.count).unwrap_or(u32::MAX))?;
        self.unmap_all(&row);
        self.end_objects(&row)?;
        self.check_free(row.kernel)?;
        self.forget(id, &row).map(|()| true)
    }

    /// Unmaps all that a partition can have mapped beside its channels.
    fn unmap_all(&mut self, row: &PartitionRow) {
        let partition = Slot::new(row.partition_slot);
        let Ok(definition) = self.definition(row) else { return };
        if let Ok(program) = self.program(definition) {
            for segment in program.segments() {
                let _ = self.machine.unmap(partition, segment.address(), segment.pages());
            }
        }
        let stack = u64::from(definition.stack);
        let stacks = (0..u64::from(row.contexts))
            .map(|context| (crate::space::stack_bottom(context, stack), stack));
        let areas = [
            (layout::TIME_PAGE, 1),
            (layout::REPORT, 1),
            (layout::INFORMATION, row.information.count),
            (layout::HEAP, row.heap.count),
            (layout::LASTING, row.lasting.count),
        ];
        for (address, pages) in areas.into_iter().chain(stacks) {
            let _ = self.machine.unmap(partition, VirtualAddress::new(address), pages);
        }
    }

    /// Destroys the kernel objects, the last made first.
    fn end_objects(&mut self, row: &PartitionRow) -> Result<(), Trouble> {
        let channel = Slot::new(row.information_slot);
        while self
            .machine
            .patient(channel, ChannelOperation::Part as u64, [0; 4])
            .is_ok_and(|[remain, ..]| remain > 0)
        {}
        gone(self.machine.patient(channel, ChannelOperation::Destroy as u64, [0; 4]))?;
        self.release(&[row.program, row.stack, row.heap, row.lasting, row.information])?;
        for context in contexts(row) {
            self.end_context(context)?;
        }
        let partition = Slot::new(row.partition_slot);
        for slot in 1..row.slots {
            let _ = self.on(partition, PartitionOperation::Clear, [slot.into(), 0, 0, 0]);
        }
        for index in (0..slot_pages(row)).rev() {
            self.end_slots(partition, index)?;
        }
        self.end_tables(row, partition);
        gone(self.on(partition, PartitionOperation::Destroy, [0; 4]))
    }

    /// Removes a page of slots, whatever a partition that holds itself has put there.
    fn end_slots(&mut self, partition: Slot, index: u64) -> Result<(), Trouble> {
        let remove = PartitionOperation::RemoveSlots;
        let mut answer = self.on(partition, remove, [index, 0, 0, 0]);
        if matches!(answer, Err(Refusal { error: Error::InUse, .. })) {
            let first = index * u64::from(SLOTS_PER_PAGE);
            for slot in first.max(1)..first + u64::from(SLOTS_PER_PAGE) {
                let _ = self.on(partition, PartitionOperation::Clear, [slot, 0, 0, 0]);
            }
            answer = self.on(partition, remove, [index, 0, 0, 0]);
        }
        match answer {
            // There is no such page.
            Err(Refusal { error: Error::BadArgument, .. }) => Ok(()),
            answer => gone(answer),
        }
    }

    /// Removes the tables below the root, which goes with the partition.
    fn end_tables(&mut self, row: &PartitionRow, partition: Slot) {
        let Ok(definition) = self.definition(row) else { return };
        let Ok(program) = self.program(definition) else { return };
        // Needs are computed as when it was made: nothing they depend on has changed.
        let Ok(needs) = self.needs(row, &program) else { return };
        for (address, level) in table_levels(&needs.regions) {
            if level == 1 {
                let arguments = [address.raw(), level, 0, 0];
                let _ = self.on(partition, PartitionOperation::RemoveTable, arguments);
            }
        }
        for level in [2, 3] {
            let _ = self.on(partition, PartitionOperation::RemoveTable, [0, level, 0, 0]);
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
                answer => return gone(answer),
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

    /// Makes frames free; those that are already stay so.
    fn release(&mut self, extents: &[Extent]) -> Result<(), Trouble> {
        for &Extent { start, count } in extents {
            self.machine.release(first_slot::MEMORY, Frame::new(start.raw()), count)?;
        }
        Ok(())
    }

    /// All frames of kernel objects are free now, or one says what it still is.
    fn check_free(&mut self, Extent { start, count }: Extent) -> Result<(), Trouble> {
        for frame in (0..count).map(|done| Frame::new(start.raw() + done)) {
            if self.machine.frame_use(first_slot::MEMORY, frame)?.0 != Some(FrameUse::Free) {
                self.machine.release(first_slot::MEMORY, frame, 1)?;
            }
        }
        Ok(())
    }

    /// Writes down that it is gone. Its slots are emptied before, as nobody looks for what they hold afterwards.
    fn forget(&mut self, id: PartitionId, row: &PartitionRow) -> Result<(), Trouble> {
        let slots = [
            (row.partition_slot, 1),
            (row.information_slot, 1),
            (row.context_slot, row.contexts as u16),
        ];
        for slot in slots.into_iter().flat_map(|(first, count)| first..first.saturating_add(count))
        {
            let clear = [slot.into(), 0, 0, 0];
            let _ = self.on(first_slot::PARTITION, PartitionOperation::Clear, clear);
        }
        self.books.begin();
        for extent in row.extents() {
            self.books.give(extent, Owner::Partition(id), Owner::Available)?;
        }
        self.books.set_partition(id, PartitionRow::default())?;
        self.books.commit();
        slots.into_iter().for_each(|(first, count)| self.books.give_slots(Slot::new(first), count));
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
