//! The system calls. Wait, ring and call take no lock and look at nothing but their arguments.

use crate::answer::{Answer, NOTHING, Refusal};
use crate::capability::{Capability, kind_number, lookup, lookup_as, read, slot, usable_doorbell};
use crate::context::{Context, register};
use crate::ledger::Name;
use crate::machine::Machine;
use crate::processor::Processor;
use crate::schedule::{Standing, arm, hand_over, reschedule};
use crate::{FaultRecord, Next, control, event, interrupt, stop};
use abi::call::{Call, Error, PortOperation};
use abi::control::ContextState;
use abi::fault::Reason;
use abi::rights::{Kind, Rights};
use abi::trace::TraceKind;
use abi::types::Nanoseconds;
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
        Some(Call::Call) => call(machine, processor, context),
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
    sleep(context, deadline, 0);
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
fn sleep(context: &Context, deadline: u64, callee: u64) {
    context.deadline.store(deadline, Relaxed);
    context.callee.store(callee, Relaxed);
    context.set_state(ContextState::Waiting);
}

/// The doorbell in argument 1, if the caller may ring it.
#[inline]
fn doorbell<M: Machine>(machine: &M, context: &Context) -> Option<Capability> {
    let words = read(slot(machine, context.partition(), context.register(register::RDI))?);
    usable_doorbell(machine, words)
}

/// Looks again at a doorbell that is refused, slowly, for the reason.
#[cold]
#[inline(never)]
fn refusal<M: Machine>(machine: &M, context: &Context) -> Refusal {
    let found =
        lookup_as(machine, context, context.register(register::RDI), Kind::Doorbell, Rights::USE);
    // Nothing was refused where the slot was written in between; the caller had better try again.
    found.err().unwrap_or(Error::NoCapability.into())
}

#[inline(never)]
fn ring_call<'a, M: Machine>(
    machine: &'a M,
    processor: &'a Processor,
    context: &'a Context,
) -> Next<'a> {
    let rung = doorbell(machine, context).ok_or_else(|| refusal(machine, context));
    let rung = rung.map(|doorbell| ring(machine, processor, doorbell));
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
pub(crate) fn ring<M: Machine>(machine: &M, processor: &Processor, doorbell: Capability) -> bool {
    let context = machine.object::<Context>(doorbell.frame);
    processor.trace.add(
        machine.now(),
        TraceKind::Doorbell,
        doorbell.frame.raw(),
        u64::from(doorbell.parameter),
    );
    if !event::ring(&context.wanted, &context.events, bit(doorbell)) {
        return false;
    }
    let there = context.processor();
    if there != processor.id() {
        machine.nudge(there);
        return false;
    }
    processor.standing.get() != Standing::Owner.raw()
}

#[inline]
fn bit(doorbell: Capability) -> u64 {
    1_u64.wrapping_shl(doorbell.parameter)
}

fn call<'a, M: Machine>(machine: &'a M, processor: &'a Processor, caller: &'a Context) -> Next<'a> {
    let Some(doorbell) = doorbell(machine, caller) else {
        return reply(caller, Err(refusal(machine, caller)));
    };
    let (mask, deadline) = (caller.register(register::RSI), caller.register(register::RDX));
    let taken = if deadline == Nanoseconds::NOW.raw() {
        0
    } else {
        event::begin(&caller.wanted, &caller.events, mask)
    };
    if taken != 0 || deadline == Nanoseconds::NOW.raw() {
        return call_at_once(machine, processor, caller, doorbell, taken);
    }
    sleep(caller, deadline, Name::new(doorbell.frame, doorbell.generation).raw());
    let callee = machine.object::<Context>(doorbell.frame);
    // Where it waits first: what it wants is then what it waits for here.
    if callee.waits_at(processor.id.get()) && callee.wanted.load(Relaxed) & bit(doorbell) != 0 {
        if deadline < processor.armed.get() {
            arm(machine, processor, deadline);
        }
        return hand_over(machine, processor, caller, callee, bit(doorbell));
    }
    let _ = ring(machine, processor, doorbell);
    reschedule(machine, processor, true)
}

/// A call that need not wait: it has events already, or does not want to.
#[inline(never)]
fn call_at_once<'a, M: Machine>(
    machine: &'a M,
    processor: &'a Processor,
    caller: &'a Context,
    doorbell: Capability,
    taken: u64,
) -> Next<'a> {
    let woken = ring(machine, processor, doorbell);
    let result = if taken == 0 {
        poll(caller, caller.register(register::RSI))
    } else {
        Ok([taken, 0, 0, 0])
    };
    answer(caller, result);
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
