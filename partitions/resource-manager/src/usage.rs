//! Who used how much of the processors in the last second; in this manager's first one, since the kernel started.

use crate::manager::{Machine, Manager};
use crate::plans::processor_slot;
use abi::control::{PLAN_SLOTS, ProcessorOperation};
use abi::types::{MAX_PROCESSORS, ProcessorId};
use program_loader::{Calls, Window};

/// Nanoseconds between two samples.
const PERIOD: u64 = 1_000_000_000;
/// Values of a processor: one for each slot, and idle.
const VALUES: usize = PLAN_SLOTS + 1;

/// The last sample, and what was used between it and the one before.
#[derive(Debug)]
pub struct Usage {
    taken: u64,
    last: [[u64; VALUES]; MAX_PROCESSORS as usize],
    thousandths: [[u16; VALUES]; MAX_PROCESSORS as usize],
}

impl Default for Usage {
    fn default() -> Self {
        Self {
            taken: 0,
            last: [[0; VALUES]; MAX_PROCESSORS as usize],
            thousandths: [[0; VALUES]; MAX_PROCESSORS as usize],
        }
    }
}

impl Usage {
    /// Thousandths used by the owner of each slot, then idle.
    #[must_use]
    pub fn of(&self, processor: ProcessorId) -> [u16; VALUES] {
        self.thousandths.get(usize::from(processor.raw())).copied().unwrap_or([0; VALUES])
    }

    /// Takes note of the time used up to now.
    fn note(&mut self, processor: ProcessorId, used: [u64; VALUES], passed: u64) {
        let index = usize::from(processor.raw());
        let (Some(last), Some(thousandths)) =
            (self.last.get_mut(index), self.thousandths.get_mut(index))
        else {
            return;
        };
        for ((share, last), used) in thousandths.iter_mut().zip(last).zip(used) {
            let share_now = used.saturating_sub(*last).saturating_mul(1000) / passed.max(1);
            *share = u16::try_from(share_now.min(1000)).unwrap_or(1000);
            *last = used;
        }
    }
}

impl<M: Machine, W: Window> Manager<'_, M, W> {
    /// Takes a sample if a second has passed; returns when the next is due.
    pub fn usage_due(&mut self, now: u64) -> u64 {
        let passed = now.saturating_sub(self.usage.taken);
        if passed < PERIOD {
            return self.usage.taken.saturating_add(PERIOD);
        }
        self.take_sample(now);
        now.saturating_add(PERIOD)
    }

    /// Who asks before a second has passed hears of the time since the kernel started.
    pub(crate) fn sample_at_first(&mut self) {
        if self.usage.taken == 0 {
            self.take_sample(self.machine.now());
        }
    }

    fn take_sample(&mut self, now: u64) {
        let passed = now.saturating_sub(self.usage.taken);
        for processor in (0..self.facts.processors).map(ProcessorId::new) {
            let used = self.used(processor);
            self.usage.note(processor, used, passed);
        }
        self.usage.taken = now;
    }

    /// Time used in each slot of a processor since it started, and idle.
    fn used(&mut self, processor: ProcessorId) -> [u64; VALUES] {
        let slot = processor_slot(processor);
        let mut used = [0; VALUES];
        for (place, used) in (0..).zip(used.iter_mut().take(PLAN_SLOTS)) {
            let operation = ProcessorOperation::Place as u64;
            let values = self.machine.patient(slot, operation, [place, 0, 0, 0]);
            *used = values.map_or(0, |[_, time, ..]| time);
        }
        let state = self.machine.patient(slot, ProcessorOperation::State as u64, [0; 4]);
        if let Some(idle) = used.last_mut() {
            *idle = state.map_or(0, |[_, idle, ..]| idle);
        }
        used
    }
}
