//! Makes channels, and brings both ends up to date when one is started anew.

use crate::define::end;
use crate::manager::{Machine, Manager, SELF};
use crate::manifest::ring_pages;
use crate::trouble::Trouble;
use abi::boot::FrameRange;
use abi::channel::{CHANNEL_MAGIC, CHANNEL_VERSION, ChannelHeader, Role};
use abi::control::{Access, first_slot};
use abi::rights::{Kind, Rights};
use abi::types::{ChannelId, PAGE_SIZE, PartitionId, Slot, VirtualAddress};
use program_loader::{Calls, Window};
use resource_db::{ChannelRow, Link, Owner, Stage};
use zerocopy::IntoBytes;

impl<M: Machine, W: Window> Manager<'_, M, W> {
    /// Makes a channel whose row and both of whose ends are there.
    ///
    /// # Errors
    /// What the kernel or the books answer.
    pub fn make_channel(&mut self, id: ChannelId) -> Result<(), Trouble> {
        let row = self.allocate_channel(id)?;
        let (memory, own) = (first_slot::MEMORY, first_slot::PARTITION);
        let (client, server) = (self.slot_of(&row.client)?, self.slot_of(&row.server)?);
        let frames = row.memory();
        self.machine.create(memory, Kind::Channel, row.frames.start, Slot::new(row.slot), 0)?;
        self.machine.assign(memory, frames.start, frames.count, own)?;
        let header = header(&row);
        let first = FrameRange { start: frames.start, count: 1 };
        self.through_window(first, |window| window.write(0, header.as_bytes()))?;
        if client != own {
            self.machine.transfer(memory, frames.start, frames.count, own, client)?;
        }
        self.join(Slot::new(row.slot), client, server, frames)?;
        self.map_end(&row, Role::Client)?;
        self.map_end(&row, Role::Server)?;
        self.give_doorbell(&row, Role::Client)?;
        self.give_doorbell(&row, Role::Server)?;
        let (stage, link) = (Stage::Made.number(), Link::Connected.number());
        self.set_channel(id, ChannelRow { stage, link, ..row })
    }

    /// Takes the frames of a channel.
    fn allocate_channel(&mut self, id: ChannelId) -> Result<ChannelRow, Trouble> {
        let mut row = self.channel_row(id)?;
        self.books.begin();
        row.frames = self.books.allocate(row.frames.count, Owner::Channel(id))?;
        self.books.set_channel(id, row)?;
        self.books.commit();
        Ok(row)
    }

    /// A channel's row.
    ///
    /// # Errors
    /// Where there is none.
    pub fn channel_row(&self, id: ChannelId) -> Result<ChannelRow, Trouble> {
        let row = self.books.channel(id).copied();
        row.ok_or(abi::message::resource::ResourceStatus::NoSuch.into())
    }

    /// Slot of the partition at an end.
    ///
    /// # Errors
    /// Where there is none.
    pub fn slot_of(&self, end: &resource_db::End) -> Result<Slot, Trouble> {
        Ok(Slot::new(self.row(PartitionId::new(end.partition))?.partition_slot))
    }

    fn map_end(&mut self, row: &ChannelRow, role: Role) -> Result<(), Trouble> {
        let end = end(row, role);
        if end.partition == SELF.raw() {
            return self.map_own(end.address, row.memory(), Access::WRITE);
        }
        let FrameRange { start, count } = row.memory();
        let partition = self.slot_of(end)?;
        let address = VirtualAddress::new(end.address);
        Ok(self.machine.map(partition, address, start, count, Access::WRITE)?)
    }

    /// Gives one end a doorbell that rings the other, as it is now.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn give_doorbell(&mut self, row: &ChannelRow, role: Role) -> Result<(), Trouble> {
        let (here, there) = match role {
            Role::Client => (&row.client, &row.server),
            Role::Server => (&row.server, &row.client),
        };
        let context = Slot::new(self.row(PartitionId::new(there.partition))?.context_slot);
        let (partition, slot) = (self.slot_of(here)?, Slot::new(here.slot));
        let event = u32::from(there.event);
        Ok(self.machine.put(partition, slot, context, Rights::USE, Kind::Doorbell, event)?)
    }
}

/// What stands at the start of a channel.
fn header(row: &ChannelRow) -> ChannelHeader {
    let ring = ring_pages(row.ring_shift) * PAGE_SIZE;
    let length = row.memory().count * PAGE_SIZE;
    let data = PAGE_SIZE + 2 * ring;
    ChannelHeader {
        magic: CHANNEL_MAGIC,
        version: CHANNEL_VERSION,
        kind: row.kind.into(),
        length,
        ring_shift: row.ring_shift.into(),
        requests: PAGE_SIZE as u32,
        completions: (PAGE_SIZE + ring) as u32,
        data: data as u32,
        data_length: length - data,
    }
}
