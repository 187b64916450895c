//! Contexts that stop: by fault, by exit, by their manager.

use crate::FaultRecord;
use crate::calls::{answer, now, ring};
use crate::capability::{Capability, read};
use crate::context::{Context, register};
use crate::machine::Machine;
use crate::partition::Partition;
use crate::processor::Processor;
use crate::schedule::leave;
use abi::call::Error;
use abi::control::ContextState;
use abi::fault::word;
use abi::trace::TraceKind;
use abi::types::Frame;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// Takes a context of this processor out of the running order, in `state`. Its address space is off the processor before
/// anybody can see that it stopped.
pub(crate) fn let_go<M: Machine>(
    machine: &M,
    processor: &Processor,
    context: &Context,
    state: ContextState,
) {
    if processor.current.get() == context.frame().raw() {
        leave(machine, processor, machine.now().raw());
    }
    if context.state() == ContextState::Waiting {
        // Started again it returns from its wait without events.
        answer(context, Err(Error::Timeout.into()));
    }
    context.wanted.store(0, Relaxed);
    context.callee.store(0, Relaxed);
    context.set_state(state);
    partition(machine, context).count_live(processor.id(), false);
}

/// Whether a context wants to run or waits.
pub(crate) fn is_live(context: &Context) -> bool {
    matches!(context.state(), ContextState::Ready | ContextState::Waiting)
}

/// Does what another processor asked for: stops a context of this one.
pub(crate) fn serve_stop<M: Machine>(machine: &M, processor: &Processor) {
    let frame = processor.stop.load(Acquire);
    if frame == 0 {
        return;
    }
    let context = machine.object::<Context>(Frame::new(frame));
    if is_live(context) && context.processor() == processor.id() {
        let_go(machine, processor, context, ContextState::Stopped);
    }
    processor.stop.store(0, Release);
}

/// Stops the running context with a record, and rings its rescuer.
pub(crate) fn fail<M: Machine>(
    machine: &M,
    processor: &Processor,
    context: &Context,
    record: FaultRecord,
    extra: u64,
) {
    let words = [
        (word::REASON, record.reason),
        (word::CODE, record.code),
        (word::ADDRESS, record.address),
        (word::INSTRUCTION, context.register(register::RIP)),
        (word::STACK, context.register(register::RSP)),
        (word::TIME, machine.now().raw()),
        (word::EXTRA, extra),
    ];
    for (number, value) in words {
        context.set_fault(number, value);
    }
    processor.trace.add(now(machine), TraceKind::Fault, context.frame().raw(), record.reason);
    let_go(machine, processor, context, ContextState::Faulted);
    call_rescuer(machine, processor, context);
}

fn call_rescuer<M: Machine>(machine: &M, processor: &Processor, context: &Context) {
    let doorbell = Capability::unpack(read(&partition(machine, context).rescuer));
    if let Some(doorbell) = doorbell.and_then(|doorbell| doorbell.check_fresh(machine).ok()) {
        // Whoever it is on this processor, the processor decides anew after this anyway.
        let _ = ring(machine, processor, doorbell.frame, doorbell.parameter);
    }
}

fn partition<'a, M: Machine>(machine: &'a M, context: &Context) -> &'a Partition {
    machine.object::<Partition>(context.partition())
}
