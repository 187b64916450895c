//! Makes the processors' plans and commits them.

use crate::manager::{Machine, Manager};
use crate::manifest::{flags, role};
use crate::trouble::Trouble;
use abi::call::Error;
use abi::control::{PLAN_SLOTS, ProcessorOperation, first_slot};
use abi::manifest::{EVERY_PROCESSOR, ManifestPartition, PartitionFlags, PartitionRole};
use abi::message::resource::PartitionState;
use abi::types::{MAX_PROCESSORS, PartitionId, ProcessorId, Slot};
use arrayvec::ArrayVec;
use plan::{Fit, Place, Plan, Want};
use program_loader::{Calls, Refusal, Window};
use resource_db::PartitionRow;

/// Contexts that one `Stage` takes, and one word of it.
const PER_STAGE: usize = 12;
const PER_WORD: usize = 4;

impl<M: Machine, W: Window> Manager<'_, M, W> {
    /// What a partition wants of the processors.
    #[must_use]
    pub fn want(
        &self,
        id: PartitionId,
        row: &PartitionRow,
        definition: &ManifestPartition,
    ) -> Want {
        let every = row.processor == EVERY_PROCESSOR;
        Want {
            partition: id,
            processor: (!every).then(|| ProcessorId::new(row.processor)),
            contexts: u16::try_from(row.contexts).unwrap_or(1),
            share: row.share,
            slack: flags(definition).contains(PartitionFlags::SLACK)
                || role(definition) == PartitionRole::Idle,
            failed: self.failed,
        }
    }

    /// The plan of a processor, of all partitions that have places.
    #[must_use]
    pub fn plan(&self, processor: ProcessorId) -> Plan {
        let wants = self.books.partitions().filter(|(_, row)| has_places(row));
        let wants = wants.filter_map(|(id, row)| {
            let definition = self.definition(row).ok()?;
            Some(self.want(id, row, definition))
        });
        plan::plan(processor, self.facts.processors, wants)
    }

    /// No plan says any more what the books say; they are made anew by [`Self::replan`].
    pub fn outdate_plans(&mut self) {
        let all = u64::MAX >> (64 - u32::from(self.facts.processors.clamp(1, 64)));
        self.stale_plans = all & !self.failed;
    }

    /// As [`Self::outdate_plans`] for the processors that a partition's contexts are on.
    pub fn outdate_plans_of(&mut self, id: PartitionId, row: &PartitionRow) {
        let Ok(definition) = self.definition(row) else { return };
        let (want, processors) = (self.want(id, row, definition), self.facts.processors);
        for context in 0..want.contexts_on(processors) {
            self.stale_plans |= bit(want.processor_of(context, processors));
        }
    }

    /// Makes the plans that are out of date and commits them, several so that they take over together. Where one cannot be
    /// staged yet, because the one before it has not taken over, all stay out of date; whether any does.
    pub fn replan(&mut self) -> bool {
        let mut staged = ArrayVec::<_, { MAX_PROCESSORS as usize }>::new();
        for processor in members(self.stale_plans) {
            let plan = self.plan(processor);
            match self.stage_plan(processor, &plan) {
                Ok(length) => staged.push((processor, length, plan.fit)),
                Err(trouble) if is_pending(trouble) => return true,
                Err(trouble) => self.give_plan_up(processor, trouble),
            }
        }
        let together = if staged.len() > 1 { self.stale_plans } else { 0 };
        for (processor, length, fit) in staged {
            match self.commit_plan(processor, length, together) {
                Ok(()) if fit == Fit::Met => {}
                Ok(()) => self.say(format_args!("processor {}: {fit}", processor.raw())),
                // Those that are committed already wait for this one, until they are called off by being staged again.
                Err(trouble) => {
                    if !is_pending(trouble) {
                        self.give_plan_up(processor, trouble);
                    }
                    return self.stale_plans != 0;
                }
            }
        }
        self.stale_plans = 0;
        false
    }

    fn give_plan_up(&mut self, processor: ProcessorId, trouble: Trouble) {
        self.say(format_args!("no plan for processor {}: {trouble}", processor.raw()));
        self.stale_plans &= !bit(processor);
    }

    /// Stages a plan, twelve places at a time; its length.
    fn stage_plan(&mut self, processor: ProcessorId, plan: &Plan) -> Result<usize, Trouble> {
        let length = PLAN_SLOTS + plan.takers.len();
        let (slot, operation) = (processor_slot(processor), ProcessorOperation::Stage as u64);
        for first in (0..length).step_by(PER_STAGE) {
            let mut arguments = [0; 4];
            let words = (length - first).min(PER_STAGE).div_ceil(PER_WORD);
            arguments[0] = (first / PER_WORD) as u64 | (words as u64 - 1) << 32;
            let mut last = (None, 0);
            for place in 0..words * PER_WORD {
                let who = place_of(plan, first + place);
                if who != last.0 {
                    last = (who, who.and_then(|who| self.context_slot(who)).map_or(0, Slot::raw));
                }
                arguments[1 + place / PER_WORD] |= u64::from(last.1) << (place % PER_WORD * 16);
            }
            self.machine.patient(slot, operation, arguments)?;
        }
        Ok(length)
    }

    /// Commits a plan that is staged, alone where no others are to take over with it.
    fn commit_plan(
        &mut self,
        processor: ProcessorId,
        length: usize,
        together: u64,
    ) -> Result<(), Trouble> {
        let (slot, operation) = (processor_slot(processor), ProcessorOperation::Commit as u64);
        self.machine.patient(slot, operation, [length as u64, together, 0, 0])?;
        Ok(())
    }

    fn context_slot(&self, place: Place) -> Option<Slot> {
        let row = self.books.partition(place.partition)?;
        Some(Slot::new(row.context_slot.checked_add(place.context)?))
    }
}

/// Whether a partition has places in plans now.
fn has_places(row: &PartitionRow) -> bool {
    row.placed == 1 && row.moving == 0 && row.state != PartitionState::Paused as u32
}

/// Who is at a place of a plan.
fn place_of(plan: &Plan, place: usize) -> Option<Place> {
    match plan.slots.get(place) {
        Some(slot) => *slot,
        None => plan.takers.get(place - PLAN_SLOTS).copied(),
    }
}

/// Whether a plan was refused only because the one before it has not taken over yet.
fn is_pending(trouble: Trouble) -> bool {
    trouble == Trouble::Kernel(Refusal { error: Error::WrongState, value: 1 })
}

fn bit(processor: ProcessorId) -> u64 {
    1_u64.wrapping_shl(processor.raw().into())
}

/// The processors of a mask.
pub fn members(mask: u64) -> impl Iterator<Item = ProcessorId> {
    (0..MAX_PROCESSORS).map(ProcessorId::new).filter(move |processor| mask & bit(*processor) != 0)
}

/// Own slot of a processor.
#[must_use]
pub fn processor_slot(processor: ProcessorId) -> Slot {
    Slot::new(first_slot::PROCESSORS.raw() + processor.raw())
}
