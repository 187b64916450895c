//! Contexts that stop: by fault, by exit, by their manager.

use crate::capability::read;
use crate::context::{Context, register};
use crate::machine::Machine;
use crate::partition::Partition;
use crate::{FaultRecord, Here};
use abi::control::ContextState;
use abi::rights::Kind;
use abi::trace::TraceKind;
use abi::types::{Frame, PhysicalAddress};
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// Takes a context of this processor out of the running order, in `state`. Its address space is off the processor before
/// anybody can see that it stopped. What it waits for it keeps: started again it goes on waiting.
pub(crate) fn let_go<M: Machine>(here: Here<'_, M>, context: &Context, state: ContextState) {
    if context.is_in(here.processor.current.get()) {
        here.leave(here.machine.ticks());
        here.processor.quiet.set(0);
    }
    // As soon as it is seen to have stopped it may be moved.
    let home = context.processor();
    context.set_state(state);
    partition(here.machine, context).count_live(home, false);
}

/// Whether a context wants to run or waits.
pub(crate) fn is_live(context: &Context) -> bool {
    matches!(context.state(), ContextState::Ready | ContextState::Waiting)
}

/// Whether a context waits and nothing has come for it: neither one that runs, nor one that was stopped while it waited.
pub(crate) fn may_rest(context: &Context) -> bool {
    context.awaits() && (is_live(context) || context.rests())
}

/// The bits of [`crate::processor::Processor::stop`] that hold a frame.
pub(crate) const STOP_FRAME: u64 = 0xffff_ffff;
/// In place of a reason, which is less: to rest.
pub(crate) const REST: u64 = 0xffff_ffff;
/// Where in [`crate::processor::Processor::stop`] the reason begins.
pub(crate) const REASON_SHIFT: u32 = 32;

/// In place of a rescuer's doorbell: the kernel itself, which crashes, so that the machine starts anew.
pub(crate) const KERNEL: [u64; 2] = [Kind::Kernel.number(), 0];

/// Stops a context of this processor: for the time being, until something comes for which it waits, or with a reason as on a fault.
pub(crate) fn stop<M: Machine>(here: Here<'_, M>, context: &Context, reason: u64) {
    match reason {
        0 => let_go(here, context, ContextState::Stopped),
        REST if !context.awaits() => {}
        REST => {
            let_go(here, context, ContextState::Resting);
            // Who rang before it was seen to rest told nobody.
            if !context.awaits() {
                let _ = here.ring_by(&here.machine.kernel().bells[0]);
            }
        }
        _ => fail(here, context, FaultRecord { reason, code: 0, address: 0 }, 0),
    }
}

/// Does what another processor asked for: stops a context of this one.
pub(crate) fn serve_stop<M: Machine>(here: Here<'_, M>) {
    let Here { machine, processor } = here;
    let asked = processor.stop.load(Acquire);
    if asked == 0 {
        return;
    }
    let context = machine.object::<Context>(Frame::new(asked & STOP_FRAME));
    if is_live(context) && context.processor() == processor.id() {
        stop(here, context, asked >> REASON_SHIFT);
    }
    processor.stop.store(0, Release);
}

/// Forgets what was unmapped on other processors, where that has not been done.
pub(crate) fn serve_flush<M: Machine>(Here { machine, processor }: Here<'_, M>) {
    let flushes = machine.kernel().flushes.load(Acquire);
    if processor.flushed.load(Relaxed) != flushes {
        machine.activate(PhysicalAddress::new(processor.root.get()));
        processor.flushed.store(flushes, Release);
    }
}

/// Stops a context of this processor with a record, and rings its rescuer.
pub(crate) fn fail<M: Machine>(
    here: Here<'_, M>,
    context: &Context,
    record: FaultRecord,
    extra: u64,
) {
    // In the order of `abi::fault::word`.
    let FaultRecord { reason, code, address } = record;
    let [rip, rsp] = [register::RIP, register::RSP].map(|number| context.register(number));
    let words = [reason, code, address, rip, rsp, here.machine.now().raw(), extra];
    context.fault.iter().zip(words).for_each(|(word, value)| word.set(value));
    let ticks = here.machine.ticks();
    here.processor.trace.add(ticks, TraceKind::Fault, context.frame().raw(), Some(reason));
    let_go(here, context, ContextState::Faulted);
    let rescuer = &partition(here.machine, context).rescuer;
    // Nobody else has done anything yet: to start anew loses nothing.
    let alone = read(rescuer) == KERNEL;
    assert!(!alone, "the first partition: reason {reason} at {rip:#x}, address {address:#x}");
    // Whoever it is on this processor, the processor decides anew after this anyway.
    let _ = here.ring_by(rescuer);
}

fn partition<'a, M: Machine>(machine: &'a M, context: &Context) -> &'a Partition {
    machine.object::<Partition>(context.partition())
}
