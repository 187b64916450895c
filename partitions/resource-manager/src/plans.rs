//! Makes the processors' plans and commits them.

use crate::manager::{Machine, Manager};
use crate::manifest::flags;
use crate::trouble::Trouble;
use abi::control::{PLAN_SLOTS, ProcessorOperation, first_slot};
use abi::manifest::{EVERY_PROCESSOR, ManifestPartition, PartitionFlags};
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
            slack: flags(definition).contains(PartitionFlags::SLACK),
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

    /// Makes and commits the plans of all processors.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn replan(&mut self) -> Result<(), Trouble> {
        for processor in (0..self.facts.processors).map(ProcessorId::new) {
            let plan = self.plan(processor);
            if plan.fit != Fit::Met {
                self.say(format_args!("processor {}: {}", processor.raw(), plan.fit));
            }
            self.commit_plan(processor, &plan)?;
        }
        Ok(())
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

/// Own slot of a processor.
#[must_use]
pub fn processor_slot(processor: ProcessorId) -> Slot {
    Slot::new(first_slot::PROCESSORS.raw() + processor.raw())
}
