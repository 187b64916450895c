//! Operations on a channel.

use super::memory::unmapped;
use super::{Request, checked_frames, step};
use crate::answer::{Answer, Refusal};
use crate::channel::Channel;
use crate::ledger;
use crate::machine::Machine;
use crate::paging::PageTable;
use crate::partition::Partition;
use crate::processor::Cell;
use abi::call::Error;
use abi::control::{ChannelOperation, FrameUse, PAGES_PER_STEP};
use abi::types::{Frame, PAGE_SIZE};

pub fn perform<M: Machine>(request: &Request<'_, M>, operation: ChannelOperation) -> Answer {
    let [a, ..] = request.arguments;
    let channel = request.machine.object::<Channel>(request.frame());
    match operation {
        ChannelOperation::Join => join(request, channel),
        ChannelOperation::Part => part(request, channel),
        ChannelOperation::State => {
            Ok([&channel.client, &channel.server, &channel.first, &channel.count].map(Cell::get))
        }
        ChannelOperation::Destroy => destroy(request, channel),
        ChannelOperation::Peek => peek(request, channel, a),
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
        count_ends(request, channel, 1);
    }
    channel.count.add(done);
    Ok([done, 0, 0, 0])
}

/// Counts the channel at both of its ends: neither can be destroyed before it is parted.
fn count_ends<M: Machine>(request: &Request<'_, M>, channel: &Channel, by: u64) {
    ends(request, channel).for_each(|end| end.channels.add(by));
}

/// Both ends of a channel that has pages.
fn ends<'a, M: Machine>(
    request: &Request<'a, M>,
    channel: &Channel,
) -> impl Iterator<Item = &'a Partition> {
    let machine = request.machine;
    let frames = [&channel.client, &channel.server].map(|end| Frame::new(end.get()));
    frames.into_iter().map(|frame| machine.object::<Partition>(frame))
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
        ends(request, channel).try_for_each(|end| end.check_forgotten(request.machine))?;
    }
    let client = Frame::new(channel.client.get());
    for (frame, entry) in frames {
        ledger::set(request.machine, frame, entry.with(FrameUse::User, client));
    }
    channel.count.set(remain);
    if remain == 0 && count != 0 {
        count_ends(request, channel, 1_u64.wrapping_neg());
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

fn peek<M: Machine>(request: &Request<'_, M>, channel: &Channel, offset: u64) -> Answer {
    if offset >= PAGE_SIZE || !offset.is_multiple_of(8) {
        return Err(Refusal::argument(3));
    }
    if channel.count.get() == 0 {
        return Err(Error::WrongState.into());
    }
    // Its words are read through the type of objects that is nothing but words.
    let page = request.machine.object::<PageTable>(Frame::new(channel.first.get()));
    let word = usize::try_from(offset / 8).ok().and_then(|index| page.entries.get(index));
    Ok([word.ok_or(Refusal::argument(3))?.get(), 0, 0, 0])
}
