//! Operations on a context.

use super::Request;
use crate::Here;
use crate::answer::{Answer, NOTHING, Refusal};
use crate::context::{Context, START_FLAGS, register, restore};
use crate::ledger;
use crate::machine::Machine;
use crate::partition::Partition;
use crate::processor::Processor;
use crate::stop::{self, REASON_SHIFT, REST, STOP_FRAME, is_live, may_rest};
use abi::call::Error;
use abi::control::{ContextOperation, ContextState};
use abi::layout::USER_END;
use abi::types::ProcessorId;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use core::sync::atomic::fence;

#[inline(never)]
pub fn perform<M: Machine>(request: &Request<'_, M>, operation: ContextOperation) -> Answer {
    let [a, ..] = request.arguments;
    match operation {
        ContextOperation::Configure => configure(request),
        ContextOperation::Start => start(request),
        ContextOperation::Stop if a >= REST => Err(Refusal::argument(3)),
        ContextOperation::Stop => stop(request, a),
        ContextOperation::Rest if may_rest(object(request)) => stop(request, REST),
        ContextOperation::Rest => Err(wrong_state(visible_state(request))),
        ContextOperation::Renew => {
            at_rest(request)?;
            request.renew(request.renewable()?)
        }
        ContextOperation::State => Ok(state(request)),
        ContextOperation::Fault => fault(request, a),
        ContextOperation::Register => saved(request, a),
        ContextOperation::Destroy => destroy(request),
        ContextOperation::Move => relocate(request, a),
    }
}

fn object<'a, M: Machine>(request: &Request<'a, M>) -> &'a Context {
    request.machine.object::<Context>(request.frame())
}

fn partition<'a, M: Machine>(request: &Request<'a, M>) -> &'a Partition {
    request.machine.object::<Partition>(object(request).partition())
}

fn home<'a, M: Machine>(request: &Request<'a, M>) -> Option<&'a Processor> {
    request.machine.processor(object(request).processor())
}

/// The state as others see it: one that its processor was asked to stop is `Stopping` until it answers, and what does not run because
/// that failed is `Stranded`.
fn visible_state<M: Machine>(request: &Request<'_, M>) -> ContextState {
    let asked = home(request).map_or(0, |home| home.stop.load(Acquire)) & STOP_FRAME;
    if is_live(object(request)) && home(request).is_some_and(Processor::failed) {
        return ContextState::Stranded;
    }
    if asked == request.frame().raw() { ContextState::Stopping } else { object(request).state() }
}

fn wrong_state(state: ContextState) -> Refusal {
    Refusal::with(Error::WrongState, state.number())
}

/// The context, if it is stopped or faulted and not being destroyed.
fn at_rest<'a, M: Machine>(request: &Request<'a, M>) -> Result<&'a Context, Refusal> {
    let state = visible_state(request);
    let stopped =
        matches!(state, ContextState::Stopped | ContextState::Faulted | ContextState::Resting);
    if stopped && object(request).dying.load(Relaxed) == 0 {
        Ok(object(request))
    } else {
        Err(wrong_state(state))
    }
}

fn configure<M: Machine>(request: &Request<'_, M>) -> Answer {
    let [entry, stack, processor, argument] = request.arguments;
    let context = at_rest(request)?;
    if entry >= USER_END {
        return Err(Refusal::argument(3));
    }
    if stack > USER_END {
        return Err(Refusal::argument(4));
    }
    let id = request.destination(processor, 5)?;
    context.registers.iter().for_each(|word| word.store(0, Relaxed));
    context.fault.iter().for_each(|word| word.set(0));
    let start = [
        (register::RIP, entry),
        (register::RSP, stack),
        (register::RDI, argument),
        (register::RFLAGS, START_FLAGS),
    ];
    start.into_iter().for_each(|(number, value)| context.set_register(number, value));
    context.restore.store(restore::FULL, Relaxed);
    [&context.events, &context.wanted, &context.deadline]
        .into_iter()
        .for_each(|word| word.store(0, Relaxed));
    context.stop_at(id);
    Ok(NOTHING)
}

impl<M: Machine> Request<'_, M> {
    /// The processor that argument `argument` names, if the context, which is at rest, may belong to it.
    fn destination(&self, processor: u64, argument: u64) -> Result<ProcessorId, Refusal> {
        let id = u16::try_from(processor).ok().map(ProcessorId::new);
        let online = |id: &ProcessorId| self.machine.processor(*id).is_some_and(Processor::online);
        let id = id.filter(online).ok_or(Refusal::argument(argument))?;
        let context = object(self);
        if id != context.processor() && planned(self) {
            return Err(wrong_state(context.state()));
        }
        Ok(id)
    }
}

fn relocate<M: Machine>(request: &Request<'_, M>, processor: u64) -> Answer {
    let context = at_rest(request)?;
    if context.state() != ContextState::Stopped {
        return Err(wrong_state(context.state()));
    }
    context.stop_at(request.destination(processor, 3)?);
    Ok(NOTHING)
}

fn start<M: Machine>(request: &Request<'_, M>) -> Answer {
    let context = at_rest(request)?;
    if context.state() == ContextState::Faulted
        || home(request).is_none_or(|home| home.failed())
        || !context.note(request.machine, partition(request))
    {
        return Err(wrong_state(context.state()));
    }
    let home = context.processor();
    partition(request).count_live(home, true);
    context.set_state(ContextState::Ready);
    if home != request.processor.id() {
        request.machine.nudge(home);
    }
    Ok(NOTHING)
}

fn stop<M: Machine>(request: &Request<'_, M>, reason: u64) -> Answer {
    let context = object(request);
    let home = home(request).ok_or(Error::WrongState)?;
    if context.rests() && reason != REST {
        context.set_state(ContextState::Stopped);
    }
    if home.id() == request.processor.id() || home.failed() {
        if is_live(context) {
            stop::stop(Here { machine: request.machine, processor: home }, context, reason);
        }
        return Ok(NOTHING);
    }
    let asked = home.stop.load(Acquire);
    if asked == 0 && !is_live(context) {
        return Ok(NOTHING);
    }
    // One at a time: a processor that stops another context first is asked again later.
    if asked == 0 {
        home.stop.store(request.frame().raw() | reason << REASON_SHIFT, Release);
        request.machine.nudge(home.id());
    }
    Err(Error::Again.into())
}

fn state<M: Machine>(request: &Request<'_, M>) -> [u64; 4] {
    let context = object(request);
    let used = request.machine.time(context.used.until(request.machine.ticks())).raw();
    let wanted = context.wanted.load(Relaxed);
    [visible_state(request).number(), u64::from(context.processor().raw()), used, wanted]
}

fn fault<M: Machine>(request: &Request<'_, M>, word: u64) -> Answer {
    let word = usize::try_from(word).ok().and_then(|word| object(request).fault.get(word));
    Ok([word.ok_or(Refusal::argument(3))?.get(), 0, 0, 0])
}

fn saved<M: Machine>(request: &Request<'_, M>, number: u64) -> Answer {
    let number = usize::try_from(number)
        .ok()
        .filter(|number| *number < register::COUNT)
        .ok_or(Refusal::argument(3))?;
    Ok([at_rest(request)?.register(number), 0, 0, 0])
}

fn planned<M: Machine>(request: &Request<'_, M>) -> bool {
    home(request).is_some_and(|home| home.keeps(request.frame()))
}

fn destroy<M: Machine>(request: &Request<'_, M>) -> Answer {
    let context = object(request);
    if context.dying.load(Relaxed) == 0 {
        at_rest(request)?;
        if planned(request) {
            return Err(Refusal::with(Error::InUse, 1));
        }
        begin_destruction(request);
    }
    if !grace_is_over(request) {
        return Err(Error::Again.into());
    }
    partition(request).contexts.add(1_u64.wrapping_neg());
    request.free_object()
}

/// From here on nobody new finds the context; who found it before is known by the count of entries.
fn begin_destruction<M: Machine>(request: &Request<'_, M>) {
    let entry = ledger::entry(request.machine, request.frame());
    // Making and renewing keep generations back for this.
    let _ = request.renew(entry.next_generation().unwrap_or(entry));
    let context = object(request);
    context.dying.store(1, Relaxed);
    fence(SeqCst);
    for (processor, noted) in others(request).zip(&context.grace) {
        noted.store(processor.map_or(0, |processor| processor.entries.load(Acquire)), Relaxed);
    }
}

/// Every processor was outside the kernel at the beginning, or has left it since.
fn grace_is_over<M: Machine>(request: &Request<'_, M>) -> bool {
    others(request).zip(&object(request).grace).all(|(processor, noted)| {
        let noted = noted.load(Relaxed);
        noted % 2 == 0 || processor.is_none_or(|processor| processor.entries.load(Acquire) != noted)
    })
}

/// All processors by number, `None` for the one that does this, and for those that do nothing any more.
fn others<'a, M: Machine>(request: &Request<'a, M>) -> impl Iterator<Item = Option<&'a Processor>> {
    let (machine, here) = (request.machine, request.processor.id());
    let another = move |other: &&Processor| other.id() != here && other.online();
    machine.ids().map(move |id| machine.processor(id).filter(another))
}
