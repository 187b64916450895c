//! Processors that fail. Each looks now and then at those after it, up to the first that looks itself: one that did not enter the
//! kernel since, though it was interrupted, is failed for ever.

use crate::context::Context;
use crate::machine::Machine;
use crate::processor::{FAILED, Processor};
use crate::{FaultRecord, Here, plan, stop};
use abi::fault::Reason;
use abi::types::{Frame, ProcessorId};
use core::sync::atomic::Ordering::{AcqRel, Acquire, Release};

/// Looks that others may prevent in turn, who hold the control lock.
const PATIENCE: u64 = 16;

impl<M: Machine> Here<'_, M> {
    /// When this processor is to look next.
    pub(crate) fn next_look(self) -> u64 {
        let watched = self.machine.kernel().watch.get() != 0;
        if watched { self.processor.look_at.get() } else { u64::MAX }
    }

    /// Looks at the others.
    #[inline(never)]
    pub(crate) fn look_at_others(self, now: u64) {
        let (processor, every) = (self.processor, self.machine.kernel().watch.get());
        let (id, count) = (processor.id().raw(), self.machine.processors());
        let next = |step: u16| id.wrapping_add(step).checked_rem(count).map(ProcessorId::new);
        let looked = self.machine.exclusive(|| {
            let others = (1..count).filter_map(|step| self.machine.processor(next(step)?));
            for other in others.filter(|other| other.online()) {
                self.look_at(other, now, every);
                if other.sole.get() == 0 || other.current().is_none() {
                    break;
                }
            }
        });
        let missed = if looked.is_some() { 0 } else { processor.missed.get().wrapping_add(1) };
        processor.missed.set(missed);
        processor.look_at.set(now.saturating_add(if missed == 0 { every } else { every / 4 }));
        // What was half done under the lock cannot be undone by others.
        assert!(missed < PATIENCE, "a processor failed while it changed the kernel's objects");
    }

    /// Notes what a processor did so far, or finds that it did nothing since it was noted.
    fn look_at(self, other: &Processor, now: u64, every: u64) {
        let entries = other.entries.load(Acquire);
        if other.seen.get() != entries {
            other.seen.set(entries);
            other.seen_at.set(now);
        } else if now.saturating_sub(other.seen_at.get()) >= every {
            return self.give_up_on(other);
        }
        self.machine.nudge(other.id());
    }

    /// Takes a processor out of every plan and whatever waits for it. The context that ran on it is lost with its registers; others
    /// can be stopped and moved from now on.
    fn give_up_on(self, other: &Processor) {
        let (machine, ticks) = (self.machine, self.machine.ticks());
        self.processor.quiet.set(0);
        other.online.set(FAILED);
        machine.halt(other.id());
        other.stop.store(0, Release);
        other.flushed.store(u64::MAX, Release);
        other.pending.store(plan::NONE, Release);
        other.plans.iter().for_each(|plan| plan.close(0));
        let (joint, own) = (&machine.kernel().joint, plan::bit(other.id()));
        joint.arrived.fetch_and(!own, AcqRel);
        let rest = joint.mask.fetch_and(!own, AcqRel) & !own;
        plan::members(rest & !plan::bit(self.processor.id())).for_each(|id| machine.nudge(id));
        let lost = other.current.get();
        other.current.set(0);
        if lost != 0 {
            let context = machine.object::<Context>(Frame::new(lost));
            context.used.add(ticks);
            let (reason, code) = (Reason::Processor.number(), other.id().raw().into());
            stop::fail(self, context, FaultRecord { reason, code, address: 0 }, 0);
        }
        for bell in &machine.kernel().bells {
            let _ = self.ring_by(bell);
        }
    }
}
