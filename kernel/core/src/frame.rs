//! Slots and frames: where in the plan the time is, and plans that take over at a wrap.

use crate::machine::Machine;
use crate::plan;
use crate::processor::Processor;
use crate::schedule::Standing;
use abi::control::PLAN_SLOTS;
use abi::trace::TraceKind;
use abi::types::Nanoseconds;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Release};

/// Slots of a frame, as a number.
pub(crate) const SLOTS: u64 = 16;
const _: () = assert!(PLAN_SLOTS == 16);

/// Enters the slot that `now` lies in; at a wrap, the new plan and slot length.
#[inline(never)]
pub(crate) fn advance<M: Machine>(machine: &M, processor: &Processor, now: u64) {
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
        wrap(machine, processor, now);
    }
    processor.own_slot();
}

/// A frame has ended: a plan that is pending takes over, or waits for the other processors.
fn wrap<M: Machine>(machine: &M, processor: &Processor, now: u64) {
    match processor.pending.load(Acquire) {
        plan::NONE | plan::JOINING => {}
        plan::ALONE => swap(processor, now),
        from if processor.held.get() == 0 && plan::together(processor.frame.get()) >= from => {
            arrive(machine, processor);
        }
        _ => {}
    }
}

fn arrive<M: Machine>(machine: &M, processor: &Processor) {
    let joint = &machine.kernel().joint;
    let own = 1_u64.wrapping_shl(u32::from(processor.id().raw()));
    processor.held.set(1);
    let mask = joint.mask.load(Acquire);
    if joint.arrived.fetch_or(own, AcqRel) | own == mask {
        plan::members(mask & !own).for_each(|other| machine.nudge(other));
    }
}

/// Whether all have arrived; then the new plan takes over.
#[inline(never)]
pub(crate) fn join<M: Machine>(machine: &M, processor: &Processor) -> bool {
    let joint = &machine.kernel().joint;
    if joint.arrived.load(Acquire) != joint.mask.load(Acquire) {
        return false;
    }
    processor.held.set(0);
    swap(processor, machine.now().raw());
    processor.own_slot();
    true
}

fn swap(processor: &Processor, now: u64) {
    processor.running.set(processor.running.get() ^ 1);
    // Places have new meanings: nobody is kept in one.
    processor.standing.set(Standing::Idle.raw());
    processor.trace.add(Nanoseconds::new(now), TraceKind::Plan, processor.frame.get(), 0);
    processor.pending.store(plan::NONE, Release);
}
