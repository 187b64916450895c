//! Writes the rows of the manifest's partitions and channels, before anything is made.

use crate::given::given;
use crate::manager::{Machine, Manager, SELF};
use crate::manifest::channel_pages;
use crate::trouble::Trouble;
use abi::channel::{Role, Versions};
use abi::control::first_slot;
use abi::image::Name;
use abi::layout;
use abi::manifest::{EVERY_PROCESSOR, ManifestChannel, ManifestPartition, NO_PARTITION};
use abi::message::resource::ResourceStatus;
use abi::rights::Kind;
use abi::types::{ChannelId, EventBit, Frame, PAGE_SIZE, PartitionId};
use program_loader::Window;
use resource_db::{ChannelRow, End, Extent, PartitionRow, Stage};

impl<M: Machine, W: Window> Manager<'_, M, W> {
    /// Rows of every partition and channel of the manifest.
    ///
    /// # Errors
    /// Where the tables are full.
    pub fn define_all(&mut self) -> Result<(), Trouble> {
        for (index, definition) in (0..).zip(self.manifest.partitions) {
            self.define_partition(PartitionId::new(index), index, definition)?;
        }
        self.define_processors()?;
        self.define_devices()?;
        self.define_functions();
        for (index, channel) in (0..).zip(self.manifest.channels) {
            self.define_channel(ChannelId::new(index), channel)?;
        }
        Ok(())
    }

    /// Interrupts of a partition, whose bits are the first of its event word.
    #[must_use]
    pub fn interrupts(&self, hardware: u32, definition: &ManifestPartition) -> u8 {
        let given = given(&self.manifest, hardware, definition);
        let interrupts = given.filter(|given| given.kind() == Kind::Interrupt).count();
        u8::try_from(interrupts).unwrap_or(EventBit::ASSIGNABLE)
    }

    /// The row of a partition.
    ///
    /// # Errors
    /// Where the tables are full.
    pub fn define_partition(
        &mut self,
        id: PartitionId,
        index: u32,
        definition: &ManifestPartition,
    ) -> Result<(), Trouble> {
        let hardware = if id.raw() == index { index } else { NO_PARTITION };
        let row = self.fresh_row(index, hardware, definition)?;
        self.define_row(id, row)
    }

    /// Writes down the row of a partition that has nothing yet, with slots of the own table for it.
    ///
    /// # Errors
    /// Where the tables are full.
    fn define_row(&mut self, id: PartitionId, mut row: PartitionRow) -> Result<(), Trouble> {
        if id == SELF {
            row.partition_slot = first_slot::PARTITION.raw();
            row.context_slot = first_slot::CONTEXT.raw();
            row.slots = self.own_slots()?;
            row.stage = Stage::Made.number();
        } else {
            self.take_slots_of(&mut row)?;
        }
        self.books.begin();
        self.books.set_partition(id, &row)?;
        self.books.commit();
        Ok(())
    }

    /// Slots of the own table for a partition that has nothing yet: all of them or none.
    ///
    /// # Errors
    /// Where the table is full, or memory for more of it is out.
    pub fn take_slots_of(&mut self, row: &mut PartitionRow) -> Result<(), Trouble> {
        let taken = self.take_each_slot(row);
        taken.inspect_err(|_| self.give_slots_of(row))
    }

    fn take_each_slot(&mut self, row: &mut PartitionRow) -> Result<(), Trouble> {
        row.partition_slot = self.take_slots(1)?.raw();
        row.information_slot = self.take_slots(1)?.raw();
        row.context_slot = self.take_slots(row.contexts as u16)?.raw();
        Ok(())
    }

    /// The row of a partition that has nothing yet, with the hardware of the definition at `hardware`.
    ///
    /// # Errors
    /// `Limit` where it is given more than fits.
    pub fn fresh_row(
        &self,
        index: u32,
        hardware: u32,
        definition: &ManifestPartition,
    ) -> Result<PartitionRow, Trouble> {
        let slots = 1 + given(&self.manifest, hardware, definition).count();
        Ok(PartitionRow {
            name: definition.name,
            stage: Stage::Making.number(),
            definition: index,
            hardware,
            budget: definition.restarts,
            backoff: definition.backoff,
            contexts: self.contexts_of(definition).into(),
            slots: u16::try_from(slots).map_err(|_| ResourceStatus::Limit)?,
            events: self.interrupts(hardware, definition).into(),
            channels_end: layout::CHANNELS,
            share: definition.share,
            processor: definition.processor,
            heap_pages: definition.heap,
            // Clients are joined to what the manifest names alone.
            clients: if hardware == NO_PARTITION { 0 } else { definition.clients },
            ..PartitionRow::default()
        })
    }

    /// The row of a channel of the manifest, with both its ends.
    ///
    /// # Errors
    /// Where a table or an address space is full.
    fn define_channel(&mut self, id: ChannelId, channel: &ManifestChannel) -> Result<(), Trouble> {
        let pages = channel_pages(channel);
        let client = self.define_end(channel.client, channel.client_name, pages)?;
        let server = self.define_end(channel.server, channel.server_name, pages)?;
        let row = ChannelRow { client, server, slot: self.take_slots(1)?.raw(), ..row(channel) };
        self.add_channel(id, row)
    }

    /// Replaces a channel's row in a transaction of its own.
    ///
    /// # Errors
    /// Where there is no such place.
    pub fn set_channel(&mut self, id: ChannelId, row: ChannelRow) -> Result<(), Trouble> {
        self.books.begin();
        self.books.set_channel(id, row)?;
        self.books.commit();
        Ok(())
    }

    /// Address, slot and event of one end of a channel of `pages` pages.
    ///
    /// # Errors
    /// Where a table or the address space is full.
    pub fn define_end(&mut self, partition: u32, name: Name, pages: u64) -> Result<End, Trouble> {
        let id = PartitionId::new(partition);
        let mut row = self.row(id)?;
        let slot = if id == SELF {
            let slot = self.take_slots(1)?.raw();
            row = self.row(id)?;
            slot
        } else {
            row.slots
        };
        let event = row.events % u32::from(EventBit::ASSIGNABLE);
        let (address, event, place) = (row.channels_end, event as u16, row.ends);
        let end = End { name, address, partition, slot, event, place, reserved: 0 };
        row.events += 1;
        row.ends += 1;
        row.slots += u16::from(id != SELF);
        row.channels_end += (pages + 1) * PAGE_SIZE;
        if row.channels_end > layout::CHANNELS_END {
            return Err(ResourceStatus::Limit.into());
        }
        self.change(id, |old| *old = row)?;
        Ok(end)
    }

    /// Contexts of a partition on this machine.
    #[must_use]
    pub fn contexts_of(&self, definition: &ManifestPartition) -> u16 {
        let every = definition.processor == EVERY_PROCESSOR;
        if every { self.facts.processors } else { definition.contexts }
    }
}

/// The row of a channel of which nothing is there yet, without its ends.
#[must_use]
pub fn row(channel: &ManifestChannel) -> ChannelRow {
    ChannelRow {
        stage: Stage::Making.number(),
        epoch: 1,
        kind: channel.kind,
        ring_shift: channel.ring_shift,
        version: speaks(channel, Role::Client).common(speaks(channel, Role::Server)),
        frames: Extent { start: Frame::new(0), count: channel_pages(channel) + 1 },
        ..ChannelRow::default()
    }
}

/// The versions that an end of a channel speaks, as its manifest says.
#[must_use]
pub fn speaks(channel: &ManifestChannel, role: Role) -> Versions {
    Versions::from_bits(channel.speaks.get(role as usize).copied().unwrap_or(0))
}

/// The end of a channel that `role` names.
#[must_use]
pub fn end(row: &ChannelRow, role: Role) -> &End {
    match role {
        Role::Client => &row.client,
        Role::Server => &row.server,
    }
}
