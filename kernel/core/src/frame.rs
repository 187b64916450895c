//! Slots and frames: where in the plan the time is, and plans that take over at a wrap.

use crate::Here;
use crate::machine::Machine;
use crate::plan;
use crate::processor::Processor;
use crate::schedule::Standing;
use abi::control::PLAN_SLOTS;
use abi::trace::TraceKind;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Release};

/// Slots of a frame, as a number.
pub(crate) const SLOTS: u64 = 16;
const _: () = assert!(PLAN_SLOTS == 16);

/// Enters the slot that `now` lies in; at a wrap, the new plan and slot length.
#[inline(never)]
pub(crate) fn advance<M: Machine>(here: Here<'_, M>, ticks: u64, now: u64) {
    let processor = here.processor;
    let mut length = processor.slot_length.get();
    let mut slots = now.checked_div(length).unwrap_or(0);
    let wraps = slots / SLOTS != processor.frame.get();
    if wraps {
        length = processor.next_slot_length.get();
        processor.slot_length.set(length);
        slots = now.checked_div(length).unwrap_or(0);
        processor.frame.set(slots / SLOTS);
    }
    processor.slot.set(slots % SLOTS);
    processor.boundary.set(slots.saturating_add(1).saturating_mul(length));
    processor.yielded.set(0);
    if wraps {
        wrap(here, ticks);
    }
    processor.own_slot();
}

/// A frame has ended: a plan that is pending takes over, or waits for the other processors.
fn wrap<M: Machine>(here: Here<'_, M>, ticks: u64) {
    let processor = here.processor;
    match processor.pending.load(Acquire) {
        plan::NONE | plan::JOINING => {}
        plan::ALONE => swap(processor, ticks),
        from if processor.held.get() == 0 && plan::together(processor.frame.get()) >= from => {
            arrive(here);
        }
        _ => {}
    }
}

fn arrive<M: Machine>(Here { machine, processor }: Here<'_, M>) {
    let joint = &machine.kernel().joint;
    let own = plan::bit(processor.id());
    processor.held.set(1);
    // No slot begins until all are there: each decision comes back here.
    processor.boundary.set(0);
    let arrived = joint.arrived.fetch_or(own, AcqRel) | own;
    // Looked at after that: who takes a failed one out meanwhile sees this one, or is seen.
    if arrived == joint.mask.load(Acquire) {
        plan::members(arrived & !own).for_each(|other| machine.nudge(other));
    }
}

/// Whether all have arrived; then the new plan takes over.
#[inline(never)]
pub(crate) fn join<M: Machine>(Here { machine, processor }: Here<'_, M>) -> bool {
    let joint = &machine.kernel().joint;
    if joint.arrived.load(Acquire) != joint.mask.load(Acquire) {
        return false;
    }
    processor.held.set(0);
    swap(processor, machine.ticks());
    processor.own_slot();
    true
}

fn swap(processor: &Processor, ticks: u64) {
    processor.running.set(processor.running.get() ^ 1);
    // Places have new meanings: nobody is kept in one.
    processor.standing.set(Standing::Idle.raw());
    processor.quiet.set(0);
    processor.trace.add(ticks, TraceKind::Plan, processor.frame.get(), Some(0));
    processor.pending.store(plan::NONE, Release);
}
