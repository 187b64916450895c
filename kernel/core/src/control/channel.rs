//! Operations on a channel.

use super::memory::unmapped;
use super::{Request, checked_frames, step};
use crate::answer::{Answer, NOTHING, Refusal};
use crate::channel::Channel;
use crate::ledger;
use crate::machine::Machine;
use crate::paging::PageTable;
use crate::partition::Partition;
use crate::processor::Cell;
use abi::call::Error;
use abi::control::{ChannelOperation, FrameUse, PAGES_PER_STEP};
use abi::types::{Frame, PAGE_SIZE};

#[inline(never)]
pub fn perform<M: Machine>(request: &Request<'_, M>, operation: ChannelOperation) -> Answer {
    let [a, b, ..] = request.arguments;
    let channel = request.machine.object::<Channel>(request.frame());
    match operation {
        ChannelOperation::Join => join(request, channel),
        ChannelOperation::Part => part(request, channel),
        ChannelOperation::State => {
            Ok([&channel.client, &channel.server, &channel.first, &channel.count].map(Cell::get))
        }
        ChannelOperation::Destroy => destroy(request, channel),
        ChannelOperation::Peek => Ok([request.word(channel, a)?.get(), 0, 0, 0]),
        ChannelOperation::Poke => {
            request.word(channel, a)?.set(b);
            Ok(NOTHING)
        }
    }
}

fn join<M: Machine>(request: &Request<'_, M>, channel: &Channel) -> Answer {
    let [client, server, start, count] = request.arguments;
    let done = step(count, 6)?;
    let (client, server) = (request.partition(client)?, request.partition(server)?);
    let first = channel.count.get() == 0;
    if client == server || !(first || channel.server.get() == server.raw()) {
        return Err(Refusal::argument(4));
    }
    if !first && channel.client.get() != client.raw() {
        return Err(Refusal::argument(3));
    }
    if !first && channel.first.get().wrapping_add(channel.count.get()) != start {
        return Err(Refusal::argument(5));
    }
    let frames = checked_frames(request.machine, start, done, |entry| match entry.kind {
        FrameUse::User if entry.owner == client => unmapped(request.machine, entry),
        _ => Err(Error::WrongFrame),
    })?;
    for (frame, entry) in frames {
        ledger::set(request.machine, frame, entry.with(FrameUse::Channel, request.frame()));
    }
    if first {
        channel.client.set(client.raw());
        channel.server.set(server.raw());
        channel.first.set(start);
        // Neither can be destroyed before it is parted.
        request.ends(channel).iter().for_each(|end| end.channels.add(1));
    }
    channel.count.add(done);
    Ok([done, 0, 0, 0])
}

fn part<M: Machine>(request: &Request<'_, M>, channel: &Channel) -> Answer {
    let count = channel.count.get();
    let done = count.min(PAGES_PER_STEP);
    let remain = count.wrapping_sub(done);
    let start = channel.first.get().wrapping_add(remain);
    let frames = checked_frames(request.machine, start, done, |entry| {
        if entry.mappings == 0 { Ok(()) } else { Err(Error::InUse) }
    })?;
    if count != 0 {
        request.ends(channel).iter().try_for_each(|end| end.check_forgotten(request.machine))?;
    }
    let client = Frame::new(channel.client.get());
    for (frame, entry) in frames {
        ledger::set(request.machine, frame, entry.with(FrameUse::User, client));
    }
    channel.count.set(remain);
    if remain == 0 && count != 0 {
        request.ends(channel).iter().for_each(|end| end.channels.subtract(1));
        [&channel.client, &channel.server, &channel.first].into_iter().for_each(|word| word.set(0));
    }
    Ok([remain, 0, 0, 0])
}

fn destroy<M: Machine>(request: &Request<'_, M>, channel: &Channel) -> Answer {
    match channel.count.get() {
        0 => request.free_object(),
        count => Err(Refusal::with(Error::InUse, count)),
    }
}

impl<'a, M: Machine> Request<'a, M> {
    /// The word at an offset in a channel's pages.
    fn word(&self, channel: &Channel, offset: u64) -> Result<&'a Cell, Refusal> {
        let (first, count) = (channel.first.get(), channel.count.get());
        if count == 0 {
            return Err(Error::WrongState.into());
        }
        if offset / PAGE_SIZE >= count || !offset.is_multiple_of(8) {
            return Err(Refusal::argument(3));
        }
        // Its words are reached through the type of objects that is nothing but words.
        let page = Frame::new(first.wrapping_add(offset / PAGE_SIZE));
        let index = usize::try_from(offset % PAGE_SIZE / 8).unwrap_or(0);
        self.machine.object::<PageTable>(page).entries.get(index).ok_or(Refusal::argument(3))
    }

    /// Both ends of a channel that has pages.
    fn ends(&self, channel: &Channel) -> [&'a Partition; 2] {
        let frames = [&channel.client, &channel.server].map(|end| Frame::new(end.get()));
        frames.map(|frame| self.machine.object::<Partition>(frame))
    }
}
