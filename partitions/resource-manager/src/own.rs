//! The manager's own capability table.

use crate::manager::SCRATCH;
use crate::manager::{Machine, Manager, SELF};
use crate::trouble::Trouble;
use abi::control::{PartitionOperation, SLOTS_PER_PAGE, first_slot};
use abi::message::resource::ResourceStatus;
use abi::rights::{Kind, Rights};
use abi::types::{EventBit, PartitionId, Slot};
use program_loader::{Calls, Window};
use resource_db::Owner;

impl<M: Machine, W: Window> Manager<'_, M, W> {
    /// Slots that the own table has, as the kernel says.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn own_slots(&mut self) -> Result<u16, Trouble> {
        let state =
            self.machine.partition(first_slot::PARTITION, PartitionOperation::State, [0; 4])?;
        u16::try_from(state[3] * u64::from(SLOTS_PER_PAGE))
            .map_err(|_| ResourceStatus::Limit.into())
    }

    /// Free slots of the own table, which grows as needed.
    ///
    /// # Errors
    /// Where memory or the table is full.
    pub fn take_slots(&mut self, count: u16) -> Result<Slot, Trouble> {
        let slot = self.books.take_slots(count)?;
        let grown = self.grow_to(slot, count);
        grown.inspect_err(|_| self.books.give_slots(slot, count))?;
        Ok(slot)
    }

    /// Has the own table reach past so many slots from one on.
    fn grow_to(&mut self, slot: Slot, count: u16) -> Result<(), Trouble> {
        let end = slot.raw().checked_add(count).ok_or(ResourceStatus::Limit)?;
        let mut size = self.row(SELF).map(|row| row.slots).or_else(|_| self.own_slots())?;
        if size < end {
            // It may have died before it wrote down that the table grew.
            size = self.own_slots()?;
        }
        while size < end {
            self.books.begin();
            let frame = self.books.allocate(1, Owner::Partition(SELF))?;
            self.books.commit();
            let index = u64::from(size / SLOTS_PER_PAGE);
            let arguments = [index, frame.start.raw(), 0, 0];
            self.machine.partition(
                first_slot::PARTITION,
                PartitionOperation::AddSlots,
                arguments,
            )?;
            size += SLOTS_PER_PAGE;
            self.change(SELF, |row| row.slots = size)?;
        }
        Ok(())
    }

    /// Puts a doorbell to a partition's first context into the scratch slot.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn doorbell(&mut self, to: PartitionId, event: EventBit) -> Result<Slot, Trouble> {
        let context = Slot::new(self.row(to)?.context_slot);
        let (own, bit) = (first_slot::PARTITION, u32::from(event.index()));
        self.machine.put(own, SCRATCH, context, Rights::USE, Kind::Doorbell, bit)?;
        Ok(SCRATCH)
    }

    /// Rings a partition; one that is not there hears nothing.
    pub fn ring(&mut self, to: PartitionId, event: EventBit) {
        if let Ok(doorbell) = self.doorbell(to, event) {
            self.machine.ring(doorbell);
        }
    }
}
