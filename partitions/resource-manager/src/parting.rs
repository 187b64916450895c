//! Takes the channels of a partition that ends away from their servers. Its memory serves for nothing else before all have
//! let go: by themselves, which the runtime does, or cut off where they do not in time.

use crate::manager::{Machine, Manager, SELF};
use crate::resource_list::channel_resource;
use crate::trouble::Trouble;
use abi::channel::{PARTED, Role, SERVER_AREA, word};
use abi::control::{ChannelOperation, PartitionOperation, first_slot};
use abi::image::name_text;
use abi::rights::{Kind, Rights};
use abi::types::{ChannelId, EventBit, Frame, PartitionId, Slot, VirtualAddress};
use program_loader::{Calls, Window};
use resource_db::{ChannelRow, Link, Owner, PartitionRow, Stage};

/// Nanoseconds that a server has to let go of a channel.
pub const CUT_TIME: u64 = 50_000_000;
/// Nanoseconds until an end that was refused is tried again.
const AGAIN: u64 = 1_000_000_000;

impl<M: Machine, W: Window> Manager<'_, M, W> {
    /// Has the servers of a partition's channels let go of them; whether all have.
    ///
    /// # Errors
    /// What the kernel or the books answer.
    pub fn part(&mut self, id: PartitionId) -> Result<bool, Trouble> {
        let (mut after, mut all) = (None, true);
        while let Some((channel, role, row)) = self.next_channel(id, after) {
            after = Some(channel);
            // Copies are servers of nobody.
            if role == Role::Client {
                all &= self.part_one(channel, &row)?;
            }
        }
        Ok(all)
    }

    /// Has the server of one channel let go of it; whether it has.
    fn part_one(&mut self, id: ChannelId, row: &ChannelRow) -> Result<bool, Trouble> {
        let server = self.row(PartitionId::new(row.server.partition))?;
        let own = row.server.partition == SELF.raw();
        let runs = own || self.runs(&server);
        match row.link() {
            Link::None if row.stage() == Stage::Ending => return Ok(true),
            Link::Connected if runs => return self.ask_to_part(id, row).map(|()| false),
            Link::Leaving if own && self.desk_is_old => return Ok(false),
            Link::Leaving if own => {}
            Link::Leaving if runs && !self.has_parted(row) => {
                if self.machine.now() < row.cut_at {
                    return Ok(false);
                }
                let (client, server) = (self.name_of(&row.client)?, name_text(&server.name));
                let client = name_text(&client);
                let did =
                    if row.epoch == PARTED { "could not say that it let" } else { "did not let" };
                self.say(format_args!("{server} {did} go of a channel of {client}: cut off"));
            }
            // Who does not run, or was never told, needs no time.
            _ => {}
        }
        self.cut(id, row).map(|()| true)
    }

    fn name_of(&self, end: &resource_db::End) -> Result<abi::image::Name, Trouble> {
        Ok(self.row(PartitionId::new(end.partition))?.name)
    }

    /// Tells a server that the client is gone. It answers by its word in the channel and the channel's doorbell, which leads here.
    /// Written down once it is told: a manager that dies meanwhile tells it again, and cuts off nobody who does not know. A word
    /// that stands there before anybody asked is the client's: then it counts for nothing.
    fn ask_to_part(&mut self, id: ChannelId, row: &ChannelRow) -> Result<(), Trouble> {
        let cut_at = self.machine.now().saturating_add(CUT_TIME);
        let (stage, link) = (Stage::Ending.number(), Link::Leaving.number());
        let mut leaving = ChannelRow { stage, link, cut_at, ..*row };
        if row.server.partition != SELF.raw() {
            if self.says_parted(row) {
                leaving.epoch = PARTED;
            }
            let (partition, slot) = (self.slot_of(&row.server)?, Slot::new(row.server.slot));
            let event = u32::from(EventBit::PEER.index());
            let own = first_slot::CONTEXT;
            self.machine.put(partition, slot, own, Rights::USE, Kind::Doorbell, event)?;
        }
        self.announce(id, &leaving)?;
        self.set_channel(id, leaving)
    }

    /// Whether the server has let go, as far as its word can be believed.
    fn has_parted(&mut self, row: &ChannelRow) -> bool {
        row.epoch != PARTED && self.says_parted(row)
    }

    fn says_parted(&mut self, row: &ChannelRow) -> bool {
        let word = self.counter(Slot::new(row.slot), SERVER_AREA + word::EPOCH);
        word == u64::from(PARTED)
    }

    /// Takes a channel out of its server's address space, whether it uses it or not.
    fn cut(&mut self, id: ChannelId, row: &ChannelRow) -> Result<(), Trouble> {
        let stage = Stage::Ending.number();
        let partition = self.slot_of(&row.server)?;
        let (address, count) = (VirtualAddress::new(row.server.address), row.memory().count);
        self.machine.unmap(partition, address, count)?;
        // The doorbell by which it said that it has let go leads to the manager: it has no use for it any more.
        let clear = [row.server.slot.into(), 0, 0, 0];
        let _ = self.machine.partition(partition, PartitionOperation::Clear, clear);
        let row = ChannelRow { stage, link: Link::None.number(), ..*row };
        let nothing = channel_resource(id, &row, Role::Server);
        let server = PartitionId::new(row.server.partition);
        self.inform_of(server, row.server.place, &nothing)?;
        self.ring(server, EventBit::PEER);
        // Last of all: a manager that dies before does all of it once more.
        self.set_channel(id, row)
    }

    /// Gives the memory of a partition's channels back, none of which a server has any more.
    ///
    /// # Errors
    /// What the kernel or the books answer.
    pub fn end_channels(&mut self, id: PartitionId) -> Result<(), Trouble> {
        while let Some((channel, _, row)) = self.next_channel(id, None) {
            self.end_channel(channel, &row)?;
        }
        Ok(())
    }

    fn end_channel(&mut self, id: ChannelId, row: &ChannelRow) -> Result<(), Trouble> {
        let (slot, memory) = (Slot::new(row.slot), row.memory());
        let there = row.frames.start.raw() != 0;
        if there {
            let client = self.slot_of(&row.client)?;
            let address = VirtualAddress::new(row.client.address);
            self.machine.unmap(client, address, memory.count)?;
            self.part_object(slot)?;
            self.machine.release(
                first_slot::MEMORY,
                Frame::new(memory.start.raw()),
                memory.count,
            )?;
        }
        self.books.begin();
        if there {
            self.books.give(row.frames, Owner::Channel(id), Owner::Available)?;
        }
        self.books.set_channel(id, ChannelRow::default())?;
        self.books.commit();
        self.give_channel_slots(row);
        Ok(())
    }

    /// Ends a channel's object, if it is there.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn part_object(&mut self, channel: Slot) -> Result<(), Trouble> {
        let part = ChannelOperation::Part as u64;
        while self.machine.patient(channel, part, [0; 4]).is_ok_and(|[remain, ..]| remain > 0) {}
        let destroy = ChannelOperation::Destroy as u64;
        crate::copies::gone(self.machine.patient(channel, destroy, [0; 4]))?;
        let clear = [channel.raw().into(), 0, 0, 0];
        let _ = self.machine.partition(first_slot::PARTITION, PartitionOperation::Clear, clear);
        Ok(())
    }

    /// Goes on with the partitions that wait to be ended.
    pub fn go_on_ending(&mut self) {
        let mut from = 0;
        (self.ending, self.end_again) = (false, u64::MAX);
        while let Some(id) = self.ending_from(from) {
            from = id.raw() + 1;
            self.go_on_with_end(id);
        }
    }

    /// Goes on with the end of one partition; what the kernel refuses is tried again later.
    pub fn go_on_with_end(&mut self, id: PartitionId) {
        match self.end(id) {
            Ok(ended) => self.ending |= !ended,
            Err(trouble) => {
                self.end_again = self.machine.now().saturating_add(AGAIN);
                self.say(format_args!("partition {} cannot be ended: {trouble}", id.raw()));
            }
        }
    }

    fn ending_from(&self, from: u32) -> Option<PartitionId> {
        let ending = |(id, row): &(PartitionId, &PartitionRow)| {
            id.raw() >= from && row.stage() == Stage::Ending
        };
        self.books.partitions().find(ending).map(|(id, _)| id)
    }
}
