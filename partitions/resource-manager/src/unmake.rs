//! Takes down what was half made of the manifest: the rows stay, as they were before anything was there.

use crate::define::end;
use crate::make::image_object;
use crate::manager::{Machine, Manager, SELF};
use crate::space::{DeviceArea, device_areas};
use crate::trouble::Trouble;
use abi::channel::Role;
use abi::control::{Access, FrameUse, MemoryOperation, PartitionOperation, first_slot};
use abi::layout;
use abi::types::{ChannelId, Frame, PartitionId, Slot, VirtualAddress};
use program_loader::{Calls, Window};
use resource_db::{ChannelRow, Extent, Owner, PartitionRow, Stage};

const QUERY: u64 = MemoryOperation::Query as u64;

impl<M: Machine, W: Window> Manager<'_, M, W> {
    /// Gives frames back that were taken for the own tables, of which the kernel knows nothing: the manager died between the two. While
    /// the machine is founded the own tables grow with every channel.
    ///
    /// # Errors
    /// What the books answer.
    pub fn give_back_unused(&mut self) -> Result<(), Trouble> {
        let (mut at, own) = (0, Owner::Partition(SELF));
        while let Some((owner, run)) = self.books.run(Frame::new(at)) {
            let frames = if owner == own { at..at + run } else { 0..0 };
            for frame in frames {
                let query = [frame, 0, 0, 0];
                let query = self.machine.patient(first_slot::MEMORY, QUERY, query);
                if query.is_ok_and(|[used, ..]| used == FrameUse::Free as u64) {
                    let extent = Extent { start: Frame::new(frame), count: 1 };
                    self.books.begin();
                    self.books.give(extent, own, Owner::Available)?;
                    self.books.commit();
                }
            }
            at += run.max(1);
        }
        Ok(())
    }

    /// Takes down what a manager that died had half made of the manifest.
    pub fn undo_half_made(&mut self) {
        for index in 0..self.manifest.channels.len() as u32 {
            if let Err(trouble) = self.unmake_channel(ChannelId::new(index)) {
                self.say(format_args!("channel {index} cannot be taken down: {trouble}"));
            }
        }
        for index in 1..self.manifest.partitions.len() as u32 {
            if let Err(trouble) = self.unmake(PartitionId::new(index)) {
                self.say(format_args!("partition {index} cannot be taken down: {trouble}"));
            }
        }
    }

    /// Takes a partition of the manifest down that is not made to its end. It has no channels yet.
    ///
    /// # Errors
    /// Where the kernel keeps something: then the row says so still.
    pub fn unmake(&mut self, id: PartitionId) -> Result<(), Trouble> {
        let row = self.row(id)?;
        if row.stage() != Stage::Making {
            return Ok(());
        }
        self.return_hardware(row.hardware)?;
        if row.extents().iter().all(|extent| extent.count == 0) {
            return Ok(());
        }
        self.take_devices(&row);
        self.unshare_image(&row)?;
        self.dismantle(&row)?;
        let nothing = Extent::default();
        let bare = PartitionRow {
            kernel: nothing,
            program: nothing,
            stack: nothing,
            lasting: nothing,
            information: nothing,
            heap: nothing,
            heap_mapped: 0,
            heap_tables: 0,
            ..row
        };
        self.books.begin();
        self.books.give_each(&row.extents(), Owner::Partition(id), Owner::Available)?;
        self.books.set_partition(id, &bare)?;
        self.books.commit();
        Ok(())
    }

    /// Registers of devices are nobody's again.
    fn take_devices(&mut self, row: &PartitionRow) {
        let partition = Slot::new(row.partition_slot);
        for DeviceArea { address, frame, pages } in
            device_areas(&self.facts, &self.manifest, row.hardware)
        {
            // Refused where it was never given.
            let _ = self.machine.unmap(partition, address, pages);
            let _ = self.machine.release(first_slot::MEMORY, frame, pages);
        }
    }

    /// The boot image is the manager's alone again.
    fn unshare_image(&mut self, row: &PartitionRow) -> Result<(), Trouble> {
        if row.image_slot == 0 {
            return Ok(());
        }
        let (own, image) = (first_slot::PARTITION, self.facts.image);
        let address = VirtualAddress::new(layout::BOOT_IMAGE);
        let _ = self.machine.unmap(Slot::new(row.partition_slot), address, image.count);
        self.machine.unmap(own, address, image.count)?;
        let parted = self.part_object(Slot::new(row.image_slot));
        self.machine.map(own, address, image.start, image.count, Access::empty())?;
        parted?;
        Ok(self.machine.release(first_slot::MEMORY, image_object(row), 1)?)
    }

    /// Takes a channel of the manifest down that is not made to its end.
    ///
    /// # Errors
    /// Where the kernel keeps something: then the row says so still.
    pub fn unmake_channel(&mut self, id: ChannelId) -> Result<(), Trouble> {
        let row = self.channel_row(id)?;
        if row.stage() != Stage::Making || row.frames.start.raw() == 0 {
            return Ok(());
        }
        let memory = row.memory();
        for role in Role::ALL {
            let end = end(&row, role);
            let (partition, address) = (self.slot_of(end)?, VirtualAddress::new(end.address));
            // Refused where there is nothing.
            let _ = self.machine.unmap(partition, address, memory.count);
            let clear = [end.slot.into(), 0, 0, 0];
            let _ = self.machine.partition(partition, PartitionOperation::Clear, clear);
        }
        self.part_object(Slot::new(row.slot))?;
        self.machine.release(first_slot::MEMORY, memory.start, memory.count)?;
        let frames = Extent { start: Frame::new(0), ..row.frames };
        self.books.begin();
        self.books.give(row.frames, Owner::Channel(id), Owner::Available)?;
        self.books.set_channel(id, ChannelRow { frames, ..row })?;
        self.books.commit();
        Ok(())
    }
}
