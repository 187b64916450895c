//! Operations on memory: frames become objects, memory of partitions, and free again.

use super::{Request, checked_frames, next_generation, step};
use crate::answer::{Answer, Refusal};
use crate::capability::{Capability, is_empty, slot, write};
use crate::context::{Context, START_FLAGS, register, restore};
use crate::ledger::{self, Entry};
use crate::machine::Machine;
use crate::partition::Partition;
use abi::call::Error;
use abi::control::{FrameUse, MemoryOperation};
use abi::rights::{Kind, Rights};
use abi::types::Frame;
use core::sync::atomic::Ordering::Relaxed;

pub fn perform<M: Machine>(request: &Request<'_, M>, operation: MemoryOperation) -> Answer {
    let [a, b, c, _] = request.arguments;
    match operation {
        MemoryOperation::Create => create(request),
        MemoryOperation::Assign => assign(request, a, b, c),
        MemoryOperation::Transfer => transfer(request),
        MemoryOperation::Release => release(request, a, b),
        MemoryOperation::Query => query(request, a),
    }
}

fn create<M: Machine>(request: &Request<'_, M>) -> Answer {
    let [kind, frame, number, extra] = request.arguments;
    let machine = request.machine;
    let kind = Kind::from_number(kind).ok_or(Refusal::argument(3))?;
    let (used, owner) = match kind {
        Kind::Context => (FrameUse::ContextObject, request.partition(extra)?),
        Kind::Partition if extra == 0 => (FrameUse::PartitionObject, Frame::new(0)),
        Kind::Channel if extra == 0 => (FrameUse::ChannelObject, Frame::new(0)),
        Kind::Partition | Kind::Channel => return Err(Refusal::argument(6)),
        _ => return Err(Refusal::argument(3)),
    };
    let frame = request.unused_frame(frame)?;
    if number == 0 {
        return Err(Refusal::argument(5));
    }
    let slot = slot(machine, request.caller.partition(), number).ok_or(Error::NoCapability)?;
    if !is_empty(slot) {
        return Err(Refusal::with(Error::Occupied, number));
    }
    let entry = next_generation(ledger::entry(machine, frame))?.with(used, owner);
    machine.zero(frame);
    if kind == Kind::Context {
        let context = machine.object::<Context>(frame);
        context.frame.store(frame.raw(), Relaxed);
        context.partition.store(owner.raw(), Relaxed);
        context.set_register(register::RFLAGS, START_FLAGS);
        context.restore.store(restore::FULL, Relaxed);
        machine.object::<Partition>(owner).contexts.add(1);
    }
    ledger::set(machine, frame, entry);
    let (rights, generation) = (Rights::all(), entry.generation);
    write(slot, Capability { kind, rights, frame, generation, parameter: 0 }.pack());
    Ok([u64::from(generation.raw()), 0, 0, 0])
}

fn assign<M: Machine>(request: &Request<'_, M>, start: u64, count: u64, to: u64) -> Answer {
    let done = step(count, 4)?;
    let owner = request.partition(to)?;
    let frames = checked_frames(request.machine, start, done, |entry| match entry.kind {
        FrameUse::Free | FrameUse::Absent => Ok(()),
        _ => Err(Error::WrongFrame),
    })?;
    // Beyond the ledger nothing can be remembered, so nothing there can be given.
    let end = start.saturating_add(done);
    if usize::try_from(end).map_or(true, |end| end > request.machine.ledger().len()) {
        return Err(Refusal::with(Error::WrongFrame, end.saturating_sub(1)));
    }
    for (frame, entry) in frames {
        let memory = entry.kind == FrameUse::Free;
        if memory {
            request.machine.zero(frame);
        }
        let used = if memory { FrameUse::User } else { FrameUse::Device };
        ledger::set(request.machine, frame, entry.with(used, owner));
    }
    request.machine.object::<Partition>(owner).frames.add(done);
    Ok([done, 0, 0, 0])
}

fn transfer<M: Machine>(request: &Request<'_, M>) -> Answer {
    let [start, count, from, to] = request.arguments;
    let done = step(count, 4)?;
    let (from, to) = (request.partition(from)?, request.partition(to)?);
    let frames = checked_frames(request.machine, start, done, |entry| {
        if entry.owner == from { unmapped(request.machine, entry) } else { Err(Error::WrongFrame) }
    })?;
    for (frame, entry) in frames {
        ledger::set(request.machine, frame, Entry { owner: to, ..entry });
    }
    request.machine.object::<Partition>(from).frames.add(done.wrapping_neg());
    request.machine.object::<Partition>(to).frames.add(done);
    Ok([done, 0, 0, 0])
}

fn release<M: Machine>(request: &Request<'_, M>, start: u64, count: u64) -> Answer {
    let done = step(count, 4)?;
    let free = |entry: Entry| entry.kind == FrameUse::Free;
    let check = |entry| if free(entry) { Ok(()) } else { unmapped(request.machine, entry) };
    let frames = checked_frames(request.machine, start, done, check)?;
    for (frame, entry) in frames.filter(|(_, entry)| !free(*entry)) {
        let used = if entry.kind == FrameUse::User { FrameUse::Free } else { FrameUse::Absent };
        ledger::set(request.machine, frame, entry.with(used, Frame::new(0)));
        request.machine.object::<Partition>(entry.owner).frames.add(1_u64.wrapping_neg());
    }
    Ok([done, 0, 0, 0])
}

/// Memory of a partition that is mapped nowhere, and that no processor remembers.
pub fn unmapped<M: Machine>(machine: &M, entry: Entry) -> Result<(), Error> {
    match (entry.kind, entry.mappings) {
        (FrameUse::User | FrameUse::Device, 0) => {
            machine.object::<Partition>(entry.owner).check_forgotten(machine)
        }
        (FrameUse::User | FrameUse::Device, _) => Err(Error::InUse),
        _ => Err(Error::WrongFrame),
    }
}

fn query<M: Machine>(request: &Request<'_, M>, frame: u64) -> Answer {
    if usize::try_from(frame).map_or(true, |frame| frame >= request.machine.ledger().len()) {
        return Err(Refusal::argument(3));
    }
    let entry = ledger::entry(request.machine, Frame::new(frame));
    Ok([entry.kind.number(), entry.owner.raw(), entry.mappings, u64::from(entry.generation.raw())])
}
