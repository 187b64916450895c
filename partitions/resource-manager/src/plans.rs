//! Makes the processors' plans and commits them.

use crate::manager::{Machine, Manager};
use crate::manifest::{flags, role};
use crate::trouble::Trouble;
use abi::call::Error;
use abi::control::{PLAN_SLOTS, ProcessorOperation, first_slot};
use abi::manifest::{EVERY_PROCESSOR, ManifestPartition, PartitionFlags, PartitionRole};
use abi::types::{PartitionId, ProcessorId, Slot};
use plan::{Fit, Place, Plan, Want};
use program_loader::{Calls, Window};
use resource_db::PartitionRow;

/// Contexts that one `Stage` takes.
const PER_STAGE: usize = 4;

impl<M: Machine, W: Window> Manager<'_, M, W> {
    /// What a partition wants of the processors.
    #[must_use]
    pub fn want(
        &self,
        id: PartitionId,
        row: &PartitionRow,
        definition: &ManifestPartition,
    ) -> Want {
        let every = definition.processor == EVERY_PROCESSOR;
        Want {
            partition: id,
            processor: (!every).then(|| ProcessorId::new(definition.processor)),
            contexts: u16::try_from(row.contexts).unwrap_or(1),
            share: definition.share,
            slack: flags(definition).contains(PartitionFlags::SLACK)
                || role(definition) == PartitionRole::Idle,
        }
    }

    /// The plan of a processor, of all partitions that have places.
    #[must_use]
    pub fn plan(&self, processor: ProcessorId) -> Plan {
        let wants = self.books.partitions().filter(|(_, row)| row.placed == 1);
        let wants = wants.filter_map(|(id, row)| {
            let definition = self.definition(row).ok()?;
            Some(self.want(id, row, definition))
        });
        plan::plan(processor, self.facts.processors, wants)
    }

    /// The plans no longer say what the books say; they are made anew by [`Self::replan`].
    pub fn outdate_plans(&mut self) {
        self.stale_plans = u64::MAX >> (64 - u32::from(self.facts.processors.clamp(1, 64)));
    }

    /// Makes and commits the plans that are out of date. One that cannot be staged yet, because the one before it has
    /// not taken over, stays out of date; whether any does.
    pub fn replan(&mut self) -> bool {
        for processor in (0..self.facts.processors).map(ProcessorId::new) {
            let bit = 1_u64.wrapping_shl(processor.raw().into());
            if self.stale_plans & bit == 0 {
                continue;
            }
            let plan = self.plan(processor);
            if let Err(trouble) = self.commit_plan(processor, &plan) {
                if !is_pending(trouble) {
                    self.say(format_args!("no plan for processor {}: {trouble}", processor.raw()));
                    self.stale_plans &= !bit;
                }
                continue;
            }
            self.stale_plans &= !bit;
            if plan.fit != Fit::Met {
                self.say(format_args!("processor {}: {}", processor.raw(), plan.fit));
            }
        }
        self.stale_plans != 0
    }

    /// Stages a plan, four places at a time, and commits it.
    fn commit_plan(&mut self, processor: ProcessorId, plan: &Plan) -> Result<(), Trouble> {
        let capability = processor_slot(processor);
        let length = PLAN_SLOTS + plan.takers.len();
        for stage in 0..length.div_ceil(PER_STAGE) {
            let mut word = 0_u64;
            for place in (0..PER_STAGE).rev() {
                word = word << 16 | u64::from(self.place_slot(plan, stage * PER_STAGE + place));
            }
            let arguments = [stage as u64, word, 0, 0];
            self.machine.patient(capability, ProcessorOperation::Stage as u64, arguments)?;
        }
        let arguments = [length as u64, 0, 0, 0];
        self.machine.patient(capability, ProcessorOperation::Commit as u64, arguments)?;
        Ok(())
    }

    /// Own slot of the context at a place of a plan, 0 for idle.
    fn place_slot(&self, plan: &Plan, place: usize) -> u16 {
        let taker = |index: usize| plan.takers.get(index).copied();
        let place = match plan.slots.get(place) {
            Some(slot) => *slot,
            None => taker(place - PLAN_SLOTS),
        };
        place.and_then(|place| self.context_slot(place)).map_or(0, Slot::raw)
    }

    fn context_slot(&self, place: Place) -> Option<Slot> {
        let row = self.books.partition(place.partition)?;
        Some(Slot::new(row.context_slot.checked_add(place.context)?))
    }
}

/// Whether a plan was refused only because the one before it has not taken over yet.
fn is_pending(trouble: Trouble) -> bool {
    matches!(trouble, Trouble::Kernel(refusal) if refusal.error == Error::WrongState)
}

/// Own slot of a processor.
#[must_use]
pub fn processor_slot(processor: ProcessorId) -> Slot {
    Slot::new(first_slot::PROCESSORS.raw() + processor.raw())
}
