//! Makes the processors' plans, and tells the kernel those of the books.

use crate::manager::{Machine, Manager};
use crate::manifest::flags;
use crate::trouble::Trouble;
use abi::call::Error;
use abi::control::{ProcessorOperation, first_slot};
use abi::manifest::{EVERY_PROCESSOR, ManifestPartition, PartitionFlags, PartitionRole};
use abi::message::resource::{PartitionState, ResourceStatus};
use abi::stage;
use abi::types::{MAX_PROCESSORS, PartitionId, ProcessorId, Slot};
use arrayvec::ArrayVec;
use plan::{Plan, Want};
use program_loader::{Calls, Refusal, Window};
use resource_db::PartitionRow;

/// Words that one `Stage` takes, and contexts of one.
const PER_STAGE: usize = 3;
const PER_WORD: usize = stage::PER_WORD as usize;
/// Where its first argument says how many words follow the first, and how long a plan is, less one, that is committed with it.
const MORE: u32 = 32;
const ENDS: u32 = 40;

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
                || definition.role == PartitionRole::Idle as u16,
            failed: self.failed,
            depths: self.resting.depths(id),
            context_slot: row.context_slot,
        }
    }

    /// Fills in the plan of a processor, of all partitions that have places.
    pub fn plan(&self, processor: ProcessorId, plan: &mut Plan) {
        let here = |row: &PartitionRow| has_places(row) && self.may_be_on(row, processor);
        let wants = self.books.partitions().filter(|(_, row)| here(row));
        let wants = wants.filter_map(|(id, row)| {
            let definition = self.definition(row).ok()?;
            Some(self.want(id, row, definition))
        });
        plan.fill(processor, self.facts.processors, wants);
    }

    /// Whether a partition can have a context on a processor at all: told by its row alone, for most are elsewhere.
    #[must_use]
    pub fn may_be_on(&self, row: &PartitionRow, processor: ProcessorId) -> bool {
        let elsewhere = row.processor != processor.raw() && row.processor < self.facts.processors;
        !elsewhere || row.contexts != 1 || self.failed != 0
    }

    /// All processors, one bit each.
    fn all_processors(&self) -> u64 {
        u64::MAX >> (64 - u32::from(self.facts.processors.clamp(1, 64)))
    }

    /// No processor may run what the books say; they are told anew by [`Self::replan`].
    pub fn outdate_plans(&mut self) {
        self.stale_plans = self.all_processors() & !self.failed;
    }

    /// Writes all plans as they follow from the partitions' rows, where they are not written so already, and has all processors told.
    pub fn plan_anew(&mut self) {
        if let Err(trouble) = self.write_plans(self.all_processors()) {
            self.say(format_args!("plans stay as they are: {trouble}"));
        }
        self.outdate_plans();
    }

    /// The processors that a partition's contexts are on, one bit each.
    #[must_use]
    pub fn processors_of(&self, id: PartitionId, row: &PartitionRow) -> u64 {
        let Ok(definition) = self.definition(row) else { return 0 };
        let (want, processors) = (self.want(id, row, definition), self.facts.processors);
        let contexts = 0..want.contexts_on(processors);
        contexts.fold(0, |mask, context| mask | bit(want.processor_of(context, processors)))
    }

    /// Tells the kernel the plans that are out of date as the books have them, several so that they take over together. Where one
    /// cannot be staged yet, because the one before it has not taken over, all stay out of date; whether any does.
    pub fn replan(&mut self) -> bool {
        let mut staged = ArrayVec::<_, { MAX_PROCESSORS as usize }>::new();
        let alone = self.stale_plans.is_power_of_two();
        for processor in members(self.stale_plans) {
            match self.stage_plan(processor, alone) {
                Ok(length) => staged.push((processor, length)),
                Err(trouble) if is_pending(trouble) => return true,
                Err(trouble) => self.give_plan_up(processor, trouble),
            }
        }
        let together = if staged.len() > 1 { self.stale_plans } else { 0 };
        for &(processor, length) in staged.iter().filter(|_| !alone) {
            // Those that are committed already wait for this one, until they are called off by being staged again.
            if let Err(trouble) = self.commit_plan(processor, length, together) {
                if !is_pending(trouble) {
                    self.give_plan_up(processor, trouble);
                }
                return self.stale_plans != 0;
            }
        }
        self.stale_plans = 0;
        false
    }

    fn give_plan_up(&mut self, processor: ProcessorId, trouble: Trouble) {
        self.say(format_args!("no plan for processor {}: {trouble}", processor.raw()));
        self.stale_plans &= !bit(processor);
    }

    /// Stages the plan of a processor, all of it at once where few contexts are in it, and commits one that takes over alone with the
    /// last of its places; its length.
    fn stage_plan(&mut self, processor: ProcessorId, alone: bool) -> Result<usize, Trouble> {
        let row = self.books.processor(processor).ok_or(ResourceStatus::NoSuch)?;
        let (slot, operation) = (processor_slot(processor), ProcessorOperation::Stage as u64);
        let (length, places) = (row.plan().len(), row.places.as_chunks().0);
        let end = if alone { (length as u64 - 1) << ENDS } else { 0 };
        let words = length.div_ceil(PER_WORD);
        let few = row.places.first_chunk().and_then(stage::few);
        let told = few.map_or(0, |_| stage::FEW_LENGTH / PER_WORD);
        if let Some([head, slots, first, second]) = few {
            let last = if words <= told { end } else { 0 };
            let head = head | stage::FEW << MORE | last;
            self.machine.patient(slot, operation, [head, slots, first, second])?;
        }
        for at in (told..words).step_by(PER_STAGE) {
            let rest = places.get(at..words).unwrap_or_default();
            let word = |at: usize| rest.get(at).map_or(0, stage::word);
            let last = if rest.len() <= PER_STAGE { end } else { 0 };
            let more = rest.len().min(PER_STAGE) as u64 - 1;
            let head = at as u64 | more << MORE | last;
            self.machine.patient(slot, operation, [head, word(0), word(1), word(2)])?;
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
}

/// Whether a partition has places in plans now.
#[must_use]
pub fn has_places(row: &PartitionRow) -> bool {
    row.placed == 1 && row.moving == 0 && row.state != PartitionState::Paused as u32
}

/// Whether something was refused only because a plan has not taken over yet.
#[must_use]
pub fn is_pending(trouble: Trouble) -> bool {
    trouble == Trouble::Kernel(Refusal { error: Error::WrongState, value: 1 })
}

fn bit(processor: ProcessorId) -> u64 {
    1_u64.wrapping_shl(processor.raw().into())
}

/// The processors of a mask.
pub fn members(mask: u64) -> impl Iterator<Item = ProcessorId> {
    let mut left = mask;
    core::iter::from_fn(move || {
        let next = u16::try_from(left.trailing_zeros()).ok()?;
        left &= left.wrapping_sub(1);
        (next < MAX_PROCESSORS).then_some(ProcessorId::new(next))
    })
}

/// Own slot of a processor.
#[must_use]
pub fn processor_slot(processor: ProcessorId) -> Slot {
    Slot::new(first_slot::PROCESSORS.raw() + processor.raw())
}
