//! Operations on a processor: its plan, its usage, its trace.

use super::Request;
use crate::answer::{Answer, NOTHING, Refusal};
use crate::capability::lookup_as;
use crate::context::Context;
use crate::frame::SLOTS;
use crate::machine::Machine;
use crate::paging::PageTable;
use crate::plan::{self, Place};
use crate::processor::Processor;
use abi::call::Error;
use abi::control::{PLAN_SLOTS, ProcessorOperation};
use abi::information::TimePage;
use abi::rights::{Kind, Rights};
use abi::stage::{FEW, FEW_PLACES, PER_WORD};
use abi::types::{Frame, ProcessorId};
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// Twelve places whose contexts are told in their order.
const IN_ORDER: u128 = 0xcba9_8765_4321;
/// One past the last place.
const PLAN_END: u64 = Place::NONE.raw();
/// Word of the time page that tells the length of a slot.
const TIME_SLOT: usize = core::mem::offset_of!(TimePage, slot) / 8;
/// Shortest and longest slot, nanoseconds: one an interrupt's cost does not fill, and ten seconds.
const SLOT_LENGTHS: core::ops::RangeInclusive<u64> = 20_000..=10_000_000_000;

pub fn perform<M: Machine>(request: &Request<'_, M>, operation: ProcessorOperation) -> Answer {
    let [a, b, ..] = request.arguments;
    let id = u16::try_from(request.capability.parameter).map(ProcessorId::new);
    let processor =
        id.ok().and_then(|id| request.machine.processor(id)).ok_or(Error::WrongState)?;
    match operation {
        ProcessorOperation::Stage => stage(request, processor),
        ProcessorOperation::Commit => commit(request, processor, [a, b]),
        ProcessorOperation::Place => place(request, processor, a),
        ProcessorOperation::State => Ok(state(request, processor)),
        ProcessorOperation::Trace => trace(request, processor, a),
        ProcessorOperation::SetSlot => set_slot(request, processor, a),
    }
}

/// Refuses while a plan is pending, but for `state`.
fn idle_stage(processor: &Processor, state: u64) -> Result<(), Refusal> {
    let pending = processor.pending.load(Acquire);
    let idle = [plan::NONE, state].contains(&pending) && processor.online();
    if idle { Ok(()) } else { Err(Refusal::with(Error::WrongState, pending.min(1))) }
}

/// A set of joint plans that is not complete, and of which one is to become another, is none any more: whoever began it may be
/// dead.
fn call_off<M: Machine>(request: &Request<'_, M>, processor: &Processor) {
    if processor.pending.load(Acquire) == plan::JOINING {
        joint_members(request).for_each(|member| member.pending.store(plan::NONE, Release));
    }
}

fn stage<M: Machine>(request: &Request<'_, M>, processor: &Processor) -> Answer {
    idle_stage(processor, plan::JOINING)?;
    let [head, words @ ..] = request.arguments;
    let [index, more, last] = [head & u64::from(u32::MAX), head >> 32 & 0xff, head >> 40 & 0xff];
    let slots = words.map(u64::to_le_bytes);
    let slots = slots.as_flattened().as_chunks::<2>().0;
    let (first, count, order) = if more == FEW {
        // What lies behind the end of a plan that is committed is idle anyway.
        let count = FEW_PLACES.min(last.wrapping_sub(1).saturating_add(2));
        (0, count, u128::from(index) << 64 | u128::from(words[0]))
    } else {
        (PER_WORD.wrapping_mul(index), PER_WORD.wrapping_mul(more.wrapping_add(1)), IN_ORDER)
    };
    let (end, short) = (first.saturating_add(count), (1..SLOTS.wrapping_sub(1)).contains(&last));
    let named = if more == FEW { 4..12 } else { 0..usize::try_from(count).unwrap_or(usize::MAX) };
    let named = slots.get(named).filter(|_| head >> 48 == 0 && end <= PLAN_END && !short);
    let mut contexts = [0; 16];
    for (to, slot) in contexts.iter_mut().skip(1).zip(named.ok_or(Refusal::argument(3))?) {
        *to = request.planned_context(processor, u16::from_le_bytes(*slot).into())?;
    }
    call_off(request, processor);
    processor.staged().set(first, count, order, &contexts);
    if last == 0 { Ok(NOTHING) } else { commit(request, processor, [last.wrapping_add(1), 0]) }
}

impl<M: Machine> Request<'_, M> {
    /// Frame of the context in a slot of the caller that may be planned on a processor; 0, as the slot, is idle.
    fn planned_context(&self, there: &Processor, slot: u64) -> Result<u64, Refusal> {
        if slot == 0 {
            return Ok(0);
        }
        let found = lookup_as(self.machine, self.caller, slot, Kind::Context, Rights::MANAGE)?;
        let context = self.machine.object::<Context>(found.frame);
        let fits = context.processor() == there.id() && context.dying.load(Relaxed) == 0;
        if fits { Ok(found.frame.raw()) } else { Err(Refusal::argument(4)) }
    }

    /// A joint plan's processors run, have slots of one length, this one is among them, and no other joint plan is pending.
    fn check_mask(&self, there: &Processor, mask: u64) -> Result<(), Refusal> {
        let length = there.next_slot_length.get();
        let fits = |id| {
            let other = self.machine.processor(id).filter(|other| other.online());
            other.is_some_and(|other| other.next_slot_length.get() == length)
        };
        if mask & plan::bit(there.id()) == 0 || !plan::members(mask).all(fits) {
            return Err(Refusal::argument(4));
        }
        // One whose processors have begun to arrive takes no further members: they would be taken for arrived.
        let joint = &self.machine.kernel().joint;
        let same = joint.mask.load(Relaxed) == mask && joint.arrived.load(Acquire) == 0;
        let another = joint_members(self).next().is_some() && !same;
        if another { Err(Refusal::with(Error::WrongState, 1)) } else { Ok(()) }
    }
}

fn commit<M: Machine>(request: &Request<'_, M>, processor: &Processor, plan: [u64; 2]) -> Answer {
    let [length, mask] = plan;
    idle_stage(processor, plan::NONE)?;
    if !(SLOTS..=PLAN_END).contains(&length) {
        return Err(Refusal::argument(3));
    }
    if mask != 0 {
        request.check_mask(processor, mask)?;
    }
    processor.staged().close(length);
    if mask == 0 {
        processor.pending.store(plan::ALONE, Release);
        tell(request, processor.id());
    } else {
        commit_together(request, processor, mask);
    }
    Ok(NOTHING)
}

/// Processors whose plan is pending together with others.
fn joint_members<'a, M: Machine>(request: &Request<'a, M>) -> impl Iterator<Item = &'a Processor> {
    let machine = request.machine;
    let all = machine.ids().filter_map(move |id| machine.processor(id));
    all.filter(|processor| processor.pending.load(Acquire) > plan::ALONE)
}

/// Marks this processor's plan; the last of them to be marked decides the frame at which all take over.
fn commit_together<M: Machine>(request: &Request<'_, M>, processor: &Processor, mask: u64) {
    let joint = &request.machine.kernel().joint;
    if joint_members(request).next().is_none() {
        joint.arrived.store(0, Relaxed);
        joint.mask.store(mask, Release);
    }
    processor.pending.store(plan::JOINING, Release);
    let members = u32::try_from(joint_members(request).count()).unwrap_or(0);
    if members == mask.count_ones() {
        let from = plan::together(frames(request, processor).saturating_add(1));
        joint_members(request).for_each(|member| member.pending.store(from, Release));
        plan::members(mask).for_each(|id| tell(request, id));
    }
}

/// Makes a processor look at its plan anew.
pub fn tell<M: Machine>(request: &Request<'_, M>, id: ProcessorId) {
    if id != request.processor.id() {
        request.machine.nudge(id);
    }
}

/// Frames since the start.
fn frames<M: Machine>(request: &Request<'_, M>, processor: &Processor) -> u64 {
    let slots = request.machine.now().raw().checked_div(processor.next_slot_length.get());
    slots.unwrap_or(0) / 16
}

fn place<M: Machine>(request: &Request<'_, M>, processor: &Processor, place: u64) -> Answer {
    Place::new(place).ok_or(Refusal::argument(3))?;
    let plan = processor.plan();
    let context = plan.context(place).map_or(0, Frame::raw);
    let shared = plan.sole() && place < 16;
    let ticks = request.machine.ticks();
    let used = |index: usize| processor.used.get(index).map_or(0, |used| used.until(ticks));
    // Where one context has all slots nothing happens at their ends, so that its time lies in any of them.
    let spent = if shared {
        (0..PLAN_SLOTS).map(used).fold(0, u64::saturating_add) / 16
    } else {
        used(usize::try_from(place).unwrap_or(0))
    };
    let pending = u64::from(processor.pending.load(Acquire) != plan::NONE);
    let spent = request.machine.time(spent).raw();
    Ok([context, spent, frames(request, processor), pending])
}

fn state<M: Machine>(request: &Request<'_, M>, processor: &Processor) -> [u64; 4] {
    let ticks = request.machine.ticks();
    let idle = processor.account(Place::NONE.raw()).until(ticks);
    let idle = if processor.online() { request.machine.time(idle).raw() } else { 0 };
    [processor.online.get(), idle, processor.timer_interrupts.get(), processor.entries()]
}

fn trace<M: Machine>(request: &Request<'_, M>, processor: &Processor, index: u64) -> Answer {
    let record = processor.trace.get(index, |ticks| request.machine.time(ticks));
    record.ok_or(Refusal::argument(3))
}

fn set_slot<M: Machine>(request: &Request<'_, M>, processor: &Processor, length: u64) -> Answer {
    if !SLOT_LENGTHS.contains(&length) {
        return Err(Refusal::argument(3));
    }
    // Frames of another length would let the others wait for this processor.
    if joint_members(request).next().is_some() {
        return Err(Refusal::with(Error::WrongState, 1));
    }
    processor.next_slot_length.set(length);
    // Its words are reached through the type of objects that is nothing but words.
    let page = Frame::new(request.machine.kernel().time_page.get());
    request.machine.object::<PageTable>(page).entries[TIME_SLOT].set(length);
    Ok(NOTHING)
}
