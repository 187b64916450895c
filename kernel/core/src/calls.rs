//! The system calls. Wait, ring and call take no lock and look at nothing but their arguments.

use crate::answer::{Answer, NOTHING, Refusal};
use crate::capability::{Capability, kind_number, lookup, lookup_as, slot, usable_doorbell};
use crate::context::{Context, register};
use crate::ledger::Name;
use crate::machine::Machine;
use crate::processor::Processor;
use crate::schedule::{arm, hand_over, reschedule};
use crate::{FaultRecord, Next, control, event, interrupt, stop};
use abi::call::{Call, Error, PortOperation};
use abi::control::ContextState;
use abi::fault::Reason;
use abi::rights::{Kind, Rights};
use abi::trace::TraceKind;
use abi::types::{Frame, Nanoseconds};
use core::sync::atomic::Ordering::Relaxed;

/// Most bytes that `debug` takes.
const DEBUG_BYTES: usize = 32;

/// Does the call in the context's registers.
#[inline]
pub(crate) fn dispatch<'a, M: Machine>(
    machine: &'a M,
    processor: &'a Processor,
    context: &'a Context,
) -> Next<'a> {
    match Call::from_number(context.register(register::RAX)) {
        Some(Call::Call) => saved_call(machine, processor, context),
        Some(Call::Wait) => wait(machine, processor, context),
        Some(Call::Ring) => ring_call(machine, processor, context),
        Some(Call::Acknowledge) => acknowledge(machine, processor, context),
        Some(Call::Yield) => give_up(machine, processor, context),
        Some(Call::Control) => control::dispatch(machine, processor, context),
        Some(Call::Exit) => exit(machine, processor, context),
        Some(Call::Port) => reply(context, port(machine, context)),
        Some(Call::Debug) => reply(context, debug(machine, context)),
        Some(Call::Inspect) => reply(context, inspect(machine, context)),
        None => reply(context, Err(Error::NoSuchCall.into())),
    }
}

/// Writes a call's answer into the saved registers.
#[inline]
pub(crate) fn answer(context: &Context, answer: Answer) {
    let (status, [first, second, third, fourth]) = match answer {
        Ok(values) => (0, values),
        Err(refusal) => (refusal.status(), [refusal.value, 0, 0, 0]),
    };
    context.set_register(register::RAX, status);
    context.set_register(register::RDX, first);
    context.set_register(register::RSI, second);
    context.set_register(register::RDI, third);
    context.set_register(register::R8, fourth);
}

#[inline]
fn reply<'a>(context: &'a Context, result: Answer) -> Next<'a> {
    answer(context, result);
    Next::Run(context)
}

/// The time, for traces.
pub(crate) fn now<M: Machine>(machine: &M) -> Nanoseconds {
    machine.now()
}

#[inline(never)]
fn wait<'a, M: Machine>(
    machine: &'a M,
    processor: &'a Processor,
    context: &'a Context,
) -> Next<'a> {
    let (mask, deadline) = (context.register(register::RDI), context.register(register::RSI));
    if deadline == Nanoseconds::NOW.raw() {
        return reply(context, poll(context, mask));
    }
    let taken = event::begin(&context.wanted, &context.events, mask);
    if taken != 0 {
        return reply(context, Ok([taken, 0, 0, 0]));
    }
    sleep(processor.id.get(), context, deadline, 0);
    reschedule(machine, processor, true)
}

/// What is pending, without waiting.
fn poll(context: &Context, mask: u64) -> Answer {
    match context.events.fetch_and(!mask, core::sync::atomic::Ordering::AcqRel) & mask {
        0 => Err(Error::Timeout.into()),
        taken => Ok([taken, 0, 0, 0]),
    }
}

#[inline]
fn sleep(here: u64, context: &Context, deadline: u64, callee: u64) {
    context.deadline.store(deadline, Relaxed);
    context.callee.store(callee, Relaxed);
    context.set_place(here, ContextState::Waiting);
}

/// The doorbell in a slot, if the caller may ring it.
#[inline]
fn doorbell<M: Machine>(machine: &M, context: &Context, number: u64) -> Option<Capability> {
    usable_doorbell(machine, slot(machine, context.partition(), number)?)
}

/// Looks again at a doorbell that is refused, slowly, for the reason.
#[cold]
#[inline(never)]
fn refusal<M: Machine>(machine: &M, context: &Context, number: u64) -> Refusal {
    let found = lookup_as(machine, context, number, Kind::Doorbell, Rights::USE);
    // Nothing was refused where the slot was written in between; the caller had better try again.
    found.err().unwrap_or(Error::NoCapability.into())
}

#[inline(never)]
fn ring_call<'a, M: Machine>(
    machine: &'a M,
    processor: &'a Processor,
    context: &'a Context,
) -> Next<'a> {
    let number = context.register(register::RDI);
    let rung = doorbell(machine, context, number).ok_or_else(|| refusal(machine, context, number));
    let rung = rung.map(|rung| ring(machine, processor, rung.frame, rung.parameter));
    finish(machine, processor, context, rung)
}

/// Answers a call that may have woken a context with a better claim to this processor.
fn finish<'a, M: Machine>(
    machine: &'a M,
    processor: &'a Processor,
    context: &'a Context,
    woken: Result<bool, Refusal>,
) -> Next<'a> {
    answer(context, woken.map(|_| NOTHING));
    if woken == Ok(true) { reschedule(machine, processor, true) } else { Next::Run(context) }
}

/// Sets the doorbell's bit. True if this processor has to decide anew who runs; another one is told.
#[inline]
pub(crate) fn ring<M: Machine>(machine: &M, processor: &Processor, frame: Frame, bit: u32) -> bool {
    let context = machine.object::<Context>(frame);
    processor.trace.add(machine.now(), TraceKind::Doorbell, frame.raw(), u64::from(bit));
    if !event::ring(&context.wanted, &context.events, 1_u64.wrapping_shl(bit)) {
        return false;
    }
    let there = context.processor();
    if there != processor.id() {
        machine.nudge(there);
        return false;
    }
    !processor.owned()
}

#[inline]
fn bit(doorbell: Capability) -> u64 {
    1_u64.wrapping_shl(doorbell.parameter)
}

/// `call` with its arguments in the saved registers.
#[inline(never)]
fn saved_call<'a, M: Machine>(
    machine: &'a M,
    processor: &'a Processor,
    caller: &'a Context,
) -> Next<'a> {
    let arguments = [register::RDI, register::RSI, register::RDX];
    call(machine, processor, caller, arguments.map(|number| caller.register(number)))
}

/// `call` with its three arguments: slot, mask, deadline.
#[inline(always)]
pub(crate) fn call<'a, M: Machine>(
    machine: &'a M,
    processor: &'a Processor,
    caller: &'a Context,
    [number, mask, deadline]: [u64; 3],
) -> Next<'a> {
    let Some(doorbell) = doorbell(machine, caller, number) else {
        return refuse(machine, caller, number);
    };
    let target = (doorbell.frame, doorbell.parameter);
    if deadline == Nanoseconds::NOW.raw() {
        return call_at_once(machine, processor, caller, target, (mask, 0));
    }
    let taken = event::begin(&caller.wanted, &caller.events, mask);
    if taken != 0 {
        return call_at_once(machine, processor, caller, target, (mask, taken));
    }
    let here = processor.id.get();
    sleep(here, caller, deadline, Name::new(doorbell.frame, doorbell.generation).raw());
    let callee = machine.object::<Context>(doorbell.frame);
    // Where it waits first: what it wants is then what it waits for here.
    if callee.waits_at(here) && callee.wanted.load(Relaxed) & bit(doorbell) != 0 {
        if deadline < processor.armed.get() {
            return arm_and_hand_over(machine, processor, [caller, callee], bit(doorbell));
        }
        return hand_over(machine, processor, [caller, callee], here, bit(doorbell));
    }
    ring_and_leave(machine, processor, target)
}

/// A call whose deadline is the next thing to happen.
#[inline(never)]
fn arm_and_hand_over<'a, M: Machine>(
    machine: &'a M,
    processor: &'a Processor,
    between: [&'a Context; 2],
    bit: u64,
) -> Next<'a> {
    arm(machine, processor, between[0].deadline.load(Relaxed));
    hand_over(machine, processor, between, processor.id.get(), bit)
}

/// A call that rings no doorbell.
#[cold]
#[inline(never)]
fn refuse<'a, M: Machine>(machine: &M, caller: &'a Context, number: u64) -> Next<'a> {
    reply(caller, Err(refusal(machine, caller, number)))
}

/// A call to a context that is busy or elsewhere.
#[inline(never)]
fn ring_and_leave<'a, M: Machine>(
    machine: &'a M,
    processor: &'a Processor,
    (frame, bit): (Frame, u32),
) -> Next<'a> {
    let _ = ring(machine, processor, frame, bit);
    reschedule(machine, processor, true)
}

/// A call that need not wait: it has events already, or does not want to.
#[inline(never)]
fn call_at_once<'a, M: Machine>(
    machine: &'a M,
    processor: &'a Processor,
    caller: &'a Context,
    (frame, bit): (Frame, u32),
    (mask, taken): (u64, u64),
) -> Next<'a> {
    let woken = ring(machine, processor, frame, bit);
    answer(caller, if taken == 0 { poll(caller, mask) } else { Ok([taken, 0, 0, 0]) });
    if woken { reschedule(machine, processor, true) } else { Next::Run(caller) }
}

#[inline(never)]
fn give_up<'a, M: Machine>(
    machine: &'a M,
    processor: &'a Processor,
    context: &'a Context,
) -> Next<'a> {
    answer(context, Ok(NOTHING));
    processor.yielded.set(1);
    reschedule(machine, processor, false)
}

#[inline(never)]
fn acknowledge<'a, M: Machine>(
    machine: &'a M,
    processor: &'a Processor,
    context: &'a Context,
) -> Next<'a> {
    let line =
        lookup_as(machine, context, context.register(register::RDI), Kind::Interrupt, Rights::USE);
    let woken = line.and_then(|line| interrupt::acknowledge(machine, processor, line.parameter));
    finish(machine, processor, context, woken)
}

#[inline(never)]
fn exit<'a, M: Machine>(
    machine: &'a M,
    processor: &'a Processor,
    context: &'a Context,
) -> Next<'a> {
    let reason = context.register(register::RDI);
    if !matches!(
        Reason::from_number(reason),
        Some(Reason::Exit | Reason::Panic | Reason::OutOfMemory)
    ) {
        return reply(context, Err(Refusal::argument(1)));
    }
    let record = FaultRecord {
        reason,
        code: context.register(register::RSI),
        address: context.register(register::RDX),
    };
    stop::fail(machine, processor, context, record, context.register(register::R10));
    reschedule(machine, processor, true)
}

#[inline(never)]
fn port<M: Machine>(machine: &M, context: &Context) -> Answer {
    let ports =
        lookup_as(machine, context, context.register(register::RDI), Kind::Ports, Rights::USE)?;
    let number = context.register(register::RSI);
    let (base, end) = control::slots::ports(ports.parameter);
    let operation = PortOperation::from_number(context.register(register::RDX));
    let width = operation.map_or(1, PortOperation::width);
    let port = u16::try_from(number).map_err(|_| Refusal::argument(2))?;
    if number < base || number.saturating_add(u64::from(width)) > end {
        return Err(Refusal::argument(2));
    }
    let operation = operation.ok_or(Refusal::argument(3))?;
    let [a, b, c, d, ..] = context.register(register::R10).to_le_bytes();
    Ok([u64::from(machine.port(operation, port, u32::from_le_bytes([a, b, c, d]))), 0, 0, 0])
}

#[inline(never)]
fn debug<M: Machine>(machine: &M, context: &Context) -> Answer {
    lookup_as(machine, context, context.register(register::RDI), Kind::Debug, Rights::USE)?;
    let length = usize::try_from(context.register(register::RSI)).unwrap_or(usize::MAX);
    let words = [register::RDX, register::R10, register::R8, register::R9]
        .map(|number| context.register(number).to_le_bytes());
    let bytes: &[u8] = words.as_flattened();
    let bytes = bytes
        .get(..length)
        .filter(|bytes| bytes.len() <= DEBUG_BYTES)
        .ok_or(Refusal::argument(2))?;
    machine.debug(bytes);
    Ok(NOTHING)
}

#[inline(never)]
fn inspect<M: Machine>(machine: &M, context: &Context) -> Answer {
    let found = lookup(machine, context, context.register(register::RDI))?;
    let rights = u64::from(found.rights.bits());
    Ok([
        kind_number(found.kind),
        rights,
        u64::from(found.generation.raw()),
        u64::from(found.parameter),
    ])
}
