//! The control call: one file for each kind of object. Each operation decodes and checks everything first and
//! changes nothing; what follows cannot fail. All of it runs under the control lock and is bounded.

mod audit;
mod channel;
mod context;
pub(crate) mod mapping;
mod memory;
mod partition;
mod processor;
pub(crate) mod slots;
mod system;

pub(crate) use audit::Balance;

use crate::answer::{Answer, NOTHING, Refusal};
use crate::calls::{answer, reply};
use crate::capability::{self, Capability, SlotWords, lookup_as, read, settled, write};
use crate::context::{Context, register, restore};
use crate::ledger::{self, Entry};
use crate::machine::Machine;
use crate::processor::Processor;
use crate::{Here, Next};
use abi::call::Error;
use abi::control::{FrameUse, Operation, PAGES_PER_STEP};
use abi::rights::{Kind, Rights};
use abi::trace::TraceKind;
use abi::types::Frame;
use core::sync::atomic::Ordering::Relaxed;

/// Bytes of the instruction `syscall`.
const CALL_LENGTH: u64 = 2;

/// A control call: who asks, on which processor, with what.
pub(crate) struct Request<'a, M: Machine> {
    pub(crate) machine: &'a M,
    pub(crate) processor: &'a Processor,
    pub(crate) caller: &'a Context,
    /// Slot that was named.
    place: &'a SlotWords,
    /// What was found there.
    words: [u64; 2],
    pub(crate) capability: Capability,
    /// Number of the operation.
    pub(crate) operation: u64,
    /// Arguments `a` to `d`; errors count them from 3.
    pub(crate) arguments: [u64; 4],
}

#[inline(never)]
pub(crate) fn dispatch<'a, M: Machine>(here: Here<'a, M>, caller: &'a Context) -> Next<'a> {
    let Here { machine, processor } = here;
    // Who has no say keeps nobody waiting who has.
    let request = match Request::decode(here, caller) {
        Ok(request) => request,
        Err(refusal) => return reply(caller, Err(refusal)),
    };
    let done = machine.exclusive(|| {
        let before = machine.kernel().changes.get();
        request.holds().then(|| {
            // Within the lock: a caller that stopped itself may be started anew by others as soon as it is let go.
            answer(caller, request.perform());
            machine.kernel().changes.get() != before
        })
    });
    let Some(changed) = done.flatten() else { return once_more(caller) };
    // If the slot is over the timer's interrupt is waiting, and who is to run is decided there.
    let due = || processor.armed.get() <= machine.now().raw();
    let decides = changed && matches!(request.capability.kind, Kind::Context | Kind::Processor);
    if !decides || due() && caller.lives_at(processor.live.get()) {
        return Next::Run(caller, 0);
    }
    here.reschedule(true)
}

/// Lets the caller make its call again, with interrupts on in between.
fn once_more(caller: &Context) -> Next<'_> {
    let instruction = caller.register(register::RIP);
    caller.set_register(register::RIP, instruction.wrapping_sub(CALL_LENGTH));
    caller.restore.store(restore::FULL, Relaxed);
    Next::Run(caller, 0)
}

impl<'a, M: Machine> Request<'a, M> {
    fn decode(here: Here<'a, M>, caller: &'a Context) -> Result<Self, Refusal> {
        let Here { machine, processor } = here;
        let slot = caller.register(register::RDI);
        let place = capability::slot(machine, caller.partition(), slot);
        let place = place.ok_or(Error::NoCapability)?;
        let words = read(place);
        let capability = Capability::unpack(words).ok_or(Error::NoCapability)?;
        let capability = capability.check_fresh(machine)?;
        let operation = caller.register(register::RSI);
        let of = |number| caller.register(number);
        let arguments = [of(register::RDX), of(register::R10), of(register::R8), of(register::R9)];
        Ok(Self { machine, processor, caller, place, words, capability, operation, arguments })
    }

    /// Whether the slot still holds what was found there, under the lock.
    fn holds(&self) -> bool {
        settled(self.place) == Some(self.words) && self.capability.check_fresh(self.machine).is_ok()
    }

    fn perform(&self) -> Answer {
        match self.capability.kind {
            Kind::Memory => self.with(memory::perform),
            Kind::Partition => self.with(partition::perform),
            Kind::Context => self.with(context::perform),
            Kind::Channel => self.with(channel::perform),
            Kind::Processor => self.with(processor::perform),
            Kind::Interrupt => self.with(system::interrupt),
            Kind::Kernel => self.with(system::kernel),
            Kind::None | Kind::Doorbell | Kind::Ports | Kind::Debug => {
                Err(Error::NoSuchCall.into())
            }
        }
    }

    /// Does an operation, if it exists and the capability has the right.
    fn with<O: Operation>(&self, perform: fn(&Self, O) -> Answer) -> Answer {
        let operation = O::decode(self.operation).ok_or(Error::NoSuchCall)?;
        let right = operation.right();
        if !self.capability.rights.contains(right) {
            return Err(Error::NoRight.into());
        }
        let result = perform(self, operation)?;
        if right != Rights::INSPECT {
            self.machine.kernel().changes.add(1);
            let (ticks, kind) = (self.machine.ticks(), self.capability.kind.number());
            self.processor.trace.add(ticks, TraceKind::Control, kind, Some(self.operation));
        }
        Ok(result)
    }

    /// The object's frame.
    pub(crate) const fn frame(&self) -> Frame {
        self.capability.frame
    }

    /// The partition in a slot of the caller, with GRANT.
    pub(crate) fn partition(&self, slot: u64) -> Result<Frame, Refusal> {
        Ok(lookup_as(self.machine, self.caller, slot, Kind::Partition, Rights::GRANT)?.frame)
    }

    /// The doorbell in a slot of the caller, with USE.
    pub(crate) fn doorbell(&self, slot: u64) -> Result<Capability, Refusal> {
        lookup_as(self.machine, self.caller, slot, Kind::Doorbell, Rights::USE)
    }

    /// A frame that is free.
    pub(crate) fn unused_frame(&self, raw: u64) -> Result<Frame, Refusal> {
        let frame = Frame::new(raw);
        let free = raw < ledger::OBJECT_FRAMES
            && ledger::entry(self.machine, frame).kind == FrameUse::Free;
        if free { Ok(frame) } else { Err(Refusal::with(Error::WrongFrame, raw)) }
    }

    /// The object's ledger entry in its next generation; one is kept back so that it can be destroyed.
    pub(crate) fn renewable(&self) -> Result<Entry, Refusal> {
        next_generation(ledger::entry(self.machine, self.frame()))
    }

    /// Puts the object into a new generation; the capability used for it goes along.
    pub(crate) fn renew(&self, entry: Entry) -> Answer {
        ledger::set(self.machine, self.frame(), entry);
        let generation = entry.generation;
        write(self.place, Capability { generation, ..self.capability }.pack());
        Ok([u64::from(entry.generation.raw()), 0, 0, 0])
    }

    /// A free frame becomes a table, zeroed, that belongs to the object.
    pub(crate) fn take_frame(&self, frame: Frame, used: FrameUse) {
        self.machine.zero(frame);
        let entry = ledger::entry(self.machine, frame);
        ledger::set(self.machine, frame, entry.with(used, self.frame()));
    }

    /// A table becomes a free frame.
    pub(crate) fn free_frame(&self, frame: Frame) {
        let entry = ledger::entry(self.machine, frame);
        ledger::set(self.machine, frame, entry.with(FrameUse::Free, Frame::new(0)));
    }

    /// Makes an object's frame free, in a generation of its own, and empties the slot that named it.
    pub(crate) fn free_object(&self) -> Answer {
        let entry = ledger::entry(self.machine, self.frame());
        ledger::set(self.machine, self.frame(), entry.next_generation().unwrap_or(entry));
        self.free_frame(self.frame());
        write(self.place, [0, 0]);
        Ok(NOTHING)
    }
}

/// Generations kept back for destroying an object in two steps.
const LAST_GENERATIONS: u32 = 2;

/// An entry in the next generation that an object may live in.
pub(crate) fn next_generation(entry: Entry) -> Result<Entry, Refusal> {
    let next = entry.next_generation().ok_or(Error::Limit)?;
    let last = ledger::MAX_GENERATION.saturating_sub(LAST_GENERATIONS);
    if next.generation.raw() <= last { Ok(next) } else { Err(Error::Limit.into()) }
}

/// The part of a range that one step does; `count` is argument `argument`.
pub(crate) fn step(count: u64, argument: u64) -> Result<u64, Refusal> {
    if count == 0 { Err(Refusal::argument(argument)) } else { Ok(count.min(PAGES_PER_STEP)) }
}

/// The frames of a step, each with its entry, after `check` accepted every one of them.
pub(crate) fn checked_frames<M: Machine>(
    machine: &M,
    start: u64,
    count: u64,
    check: impl Fn(Entry) -> Result<(), Error>,
) -> Result<impl Iterator<Item = (Frame, Entry)>, Refusal> {
    let end = start.checked_add(count).ok_or(Refusal::argument(3))?;
    let frames = (start..end).map(Frame::new).map(|frame| (frame, ledger::entry(machine, frame)));
    for (frame, entry) in frames.clone() {
        check(entry).map_err(|error| match error {
            Error::InUse => Refusal::with(error, entry.mappings),
            Error::Again => error.into(),
            error => Refusal::with(error, frame.raw()),
        })?;
    }
    Ok(frames)
}
