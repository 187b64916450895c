//! Channels of partitions that are made while the machine runs. They join the servers of their definition, at places that
//! those have kept free since they were made: in the address space, in the table of capabilities, in the information pages.

use crate::define::row;
use crate::manager::{Machine, Manager, SELF};
use crate::manifest::{channel_pages, role};
use crate::resource_list::channel_resource;
use crate::trouble::Trouble;
use abi::channel::{PARTED, Role};
use abi::image::name_text;
use abi::manifest::{ManifestChannel, PartitionRole};
use abi::message::resource::ResourceStatus;
use abi::types::{ChannelId, EventBit, PAGE_SIZE, PartitionId, Slot};
use program_loader::Window;
use resource_db::{ChannelRow, End, PartitionRow};

impl<M: Machine, W: Window> Manager<'_, M, W> {
    /// Rows for the channels of a new partition: those that its definition has as a client.
    ///
    /// # Errors
    /// `Limit` where a server has no room for one more client, `WrongState` where there is no such server.
    pub fn define_channels(&mut self, id: PartitionId, definition: u32) -> Result<(), Trouble> {
        let channels = self.manifest.channels;
        for channel in channels.iter().filter(|channel| channel.client == definition) {
            self.define_joining(id, channel)?;
        }
        Ok(())
    }

    /// What the row of a partition that is made at run time says once its channels are defined.
    #[must_use]
    pub fn with_channels(&self, mut row: PartitionRow) -> PartitionRow {
        let channels = self.manifest.channels.iter();
        for channel in channels.filter(|channel| channel.client == row.definition) {
            row.channels_end += (channel_pages(channel) + 1) * PAGE_SIZE;
            row.ends += 1;
            row.events += 1;
            row.slots = row.slots.saturating_add(1);
        }
        row
    }

    fn define_joining(
        &mut self,
        id: PartitionId,
        channel: &ManifestChannel,
    ) -> Result<(), Trouble> {
        let first = u32::try_from(self.manifest.channels.len()).unwrap_or(u32::MAX);
        let new = self.books.unused_channel(first).ok_or(ResourceStatus::Limit)?;
        let client = self.define_end(id.raw(), channel.client_name, channel_pages(channel))?;
        let server = self.berth(channel)?;
        let row = ChannelRow { client, server, epoch: self.fresh_epoch(), ..row(channel) };
        let served = self.row(PartitionId::new(server.partition))?.image;
        // The client runs the program of the boot image, as most servers do.
        let version = if served == 0 { row.version } else { self.common_version(&row) };
        let row = self.with_slots(ChannelRow { version, ..row })?;
        let added = self.add_channel(new, row);
        added.inspect_err(|_| self.give_channel_slots(&row))
    }

    /// An epoch that no channel before this one had with the same number and place: every change of an epoch is a transaction. By nothing
    /// else would a server that was busy meanwhile see that the one whom it knew is gone.
    fn fresh_epoch(&self) -> u32 {
        let number = self.books.last_number() & u64::from(u32::MAX);
        u32::try_from(number).ok().filter(|epoch| *epoch != PARTED).unwrap_or(0).max(1)
    }

    /// A channel's row with own slots for it. Nobody needs to know of them before it is written: those that no row names are free.
    fn with_slots(&mut self, mut row: ChannelRow) -> Result<ChannelRow, Trouble> {
        row.slot = self.take_slots(1)?.raw();
        if row.server.partition == SELF.raw() {
            let slot = self.take_slots(1);
            row.server.slot = slot.inspect_err(|_| self.give_channel_slots(&row))?.raw();
        }
        Ok(row)
    }

    /// Gives the own slots of a channel back that has no row any more, or never had.
    pub fn give_channel_slots(&mut self, row: &ChannelRow) {
        if row.slot != 0 {
            self.books.give_slots(Slot::new(row.slot), 1);
        }
        if row.server.partition == SELF.raw() && row.server.slot != 0 {
            self.books.give_slots(Slot::new(row.server.slot), 1);
        }
    }

    /// A free place for one more client of a channel's server.
    fn berth(&mut self, channel: &ManifestChannel) -> Result<End, Trouble> {
        let id = PartitionId::new(channel.server);
        let server = self.row(id)?;
        if server.stage() != resource_db::Stage::Made {
            return Err(ResourceStatus::WrongState.into());
        }
        let Some(place) = self.books.berth(id) else {
            let (name, clients) = (name_text(&server.name), server.clients);
            self.say(format_args!(
                "{name} has no room for more than {clients} clients that join it"
            ));
            return Err(ResourceStatus::Limit.into());
        };
        let number = place - server.ends;
        let pages = self.berth_pages(server.definition);
        let first = self.interrupts(server.hardware, self.definition(&server)?);
        let bits = u32::from(EventBit::ASSIGNABLE.saturating_sub(first).max(1));
        Ok(End {
            name: channel.server_name,
            address: server.channels_end + u64::from(number) * pages * PAGE_SIZE,
            partition: id.raw(),
            slot: if id == SELF { 0 } else { server.slots + number as u16 },
            event: u16::from(first) + ((server.events + number) % bits) as u16,
            place,
            reserved: 0,
        })
    }

    /// Pages that a client takes in its server's address space, the largest of those that may join it.
    fn berth_pages(&self, server: u32) -> u64 {
        let joins = |channel: &&ManifestChannel| {
            let client = self.manifest.partitions.get(channel.client as usize);
            channel.server == server
                && client.is_some_and(|client| role(client) == PartitionRole::Ordinary)
        };
        let channels = self.manifest.channels.iter().filter(joins);
        channels.map(|channel| channel_pages(channel) + 1).max().unwrap_or(0)
    }

    /// Pages from the first channel of a partition to the end of the last, those of clients that join later included.
    #[must_use]
    pub fn channel_pages_of(&self, row: &PartitionRow) -> u64 {
        let there = (row.channels_end - abi::layout::CHANNELS) / PAGE_SIZE;
        there
            .saturating_add(u64::from(row.clients).saturating_mul(self.berth_pages(row.definition)))
    }

    /// Makes the channels of a partition that is made, and tells their servers.
    ///
    /// # Errors
    /// What the kernel or the books answer.
    pub fn join_channels(&mut self, id: PartitionId) -> Result<(), Trouble> {
        let mut after = None;
        while let Some((channel, ..)) = self.next_channel(id, after) {
            self.make_channel(channel)?;
            self.announce(channel, &self.channel_row(channel)?)?;
            after = Some(channel);
        }
        Ok(())
    }

    /// Tells a server what a channel of its is now.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn announce(&mut self, channel: ChannelId, row: &ChannelRow) -> Result<(), Trouble> {
        let server = PartitionId::new(row.server.partition);
        if server == SELF {
            self.desk_is_old = true;
        }
        self.inform_of(server, row.server.place, &channel_resource(channel, row, Role::Server))?;
        self.ring(server, EventBit::PEER);
        Ok(())
    }
}
