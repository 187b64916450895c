//! Makes channels, and brings both ends up to date when one is started anew.

use crate::define::end;
use crate::manager::{Machine, Manager, SELF};
use crate::manifest::{channel_pages, ring_pages};
use crate::trouble::Trouble;
use abi::boot::FrameRange;
use abi::channel::{CHANNEL_MAGIC, CHANNEL_VERSION, ChannelHeader, Role};
use abi::control::{Access, first_slot};
use abi::rights::{Kind, Rights};
use abi::types::{ChannelId, PAGE_SIZE, PartitionId, Slot, VirtualAddress};
use program_loader::{Calls, Window};
use resource_db::{ChannelRow, Extent, Link, Owner, Stage};
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
        row.frames = match self.behind_client(&row) {
            Some(there) => {
                self.books.give(there, Owner::Available, Owner::Channel(id))?;
                there
            }
            None => self.books.allocate(row.frames.count, Owner::Channel(id))?,
        };
        self.books.set_channel(id, row)?;
        self.books.commit();
        Ok(row)
    }

    /// Free frames for a channel behind all that its client has, if that was made while the machine runs: the piece in which it lies was
    /// looked for with its channels in mind, near its processor and in its zone.
    fn behind_client(&self, row: &ChannelRow) -> Option<Extent> {
        let client = PartitionId::new(row.client.partition);
        let extents = self.row(client).ok().filter(|_| self.is_creation(client))?.extents();
        let channels = self.books.ends_of(client, None).map(|(_, _, other)| other);
        let own = channels.filter(|other| other.client.partition == client.raw());
        let all = extents.into_iter().chain(own.map(|other| other.frames));
        let ends =
            all.filter(|one| one.count > 0).filter_map(|one| one.start.checked_add(one.count));
        let there = Extent { start: ends.max()?, count: row.frames.count };
        self.is_free(there.start.raw(), there.count).then_some(there)
    }

    /// Frames of the channels that one more like a definition has as a client.
    #[must_use]
    pub fn channel_frames(&self, definition: u32) -> u64 {
        let own = self.manifest.channels.iter().filter(|channel| channel.client == definition);
        own.map(|channel| 1 + channel_pages(channel)).sum()
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
