//! Plans as rows of the books. Whatever changes who has a place changes the plans in the same transaction; the kernel is told what
//! the rows say, at once or by whoever takes up the books.

use crate::manager::{Machine, Manager};
use crate::plans::members;
use crate::trouble::Trouble;
use abi::control::{PLAN_PLACES, PLAN_SLOTS};
use abi::types::{PartitionId, ProcessorId};
use plan::{Fit, Plan};
use program_loader::Window;
use resource_db::{PartitionRow, Problem, ProcessorRow, ProcessorState};

/// Plans that are written in one transaction with what changes them. Where it is about more processors each plan has one of
/// its own, for a transaction has an end.
const TOGETHER: u32 = 16;

impl<M: Machine, W: Window> Manager<'_, M, W> {
    /// Rows of all processors, which run nothing yet.
    ///
    /// # Errors
    /// Where the table is full.
    pub fn define_processors(&mut self) -> Result<(), Trouble> {
        self.books.begin();
        for processor in (0..self.facts.processors).map(ProcessorId::new) {
            self.books.set_processor(processor, &ProcessorRow::online())?;
        }
        self.books.commit();
        Ok(())
    }

    /// Changes a partition's row, and the plans of all processors it has places on before or after, in one transaction.
    ///
    /// # Errors
    /// Where there is none.
    pub fn change_placed(
        &mut self,
        id: PartitionId,
        change: impl FnOnce(&mut PartitionRow),
    ) -> Result<PartitionRow, Trouble> {
        let mut row = self.row(id)?;
        let (there, mut processors) = (row.processor, self.processors_of(id, &row));
        change(&mut row);
        if row.processor != there {
            processors |= self.processors_of(id, &row);
        }
        self.set_placed(id, &row, processors)?;
        Ok(row)
    }

    /// Writes a partition's row with the plans of some processors.
    fn set_placed(
        &mut self,
        id: PartitionId,
        row: &PartitionRow,
        processors: u64,
    ) -> Result<(), Trouble> {
        if processors.count_ones() > TOGETHER || !self.change_together(id, row, processors)? {
            self.books.begin();
            self.books.set_partition(id, row)?;
            self.books.commit();
            self.write_plans(processors)?;
        }
        self.stale_plans |= processors & !self.failed;
        Ok(())
    }

    /// As one transaction; false where it would be too long.
    fn change_together(
        &mut self,
        id: PartitionId,
        row: &PartitionRow,
        processors: u64,
    ) -> Result<bool, Trouble> {
        self.books.begin();
        self.books.set_partition(id, row)?;
        for processor in members(processors) {
            match self.write_plan(processor) {
                Err(Trouble::Books(Problem::TooLong)) => return Ok(false),
                written => written?,
            }
        }
        self.books.commit();
        Ok(true)
    }

    /// Writes the plans of some processors as they follow from the partitions' rows, each in a transaction of its own. Those that are
    /// written already stay as they are.
    ///
    /// # Errors
    /// What the books answer.
    pub fn write_plans(&mut self, processors: u64) -> Result<(), Trouble> {
        for processor in members(processors) {
            self.books.begin();
            self.write_plan(processor)?;
            self.books.commit();
        }
        Ok(())
    }

    /// Writes the plan of a processor, within a transaction.
    fn write_plan(&mut self, processor: ProcessorId) -> Result<(), Trouble> {
        let Some(before) = self.books.processor(processor) else { return Ok(()) };
        let mut row = ProcessorRow { generation: before.generation, ..ProcessorRow::online() };
        let fit = self.planned(processor, &mut row);
        if row != *before {
            row.generation = row.generation.wrapping_add(1);
            self.books.set_processor(processor, &row)?;
            if fit != Fit::Met {
                self.say(format_args!("processor {}: {fit}", processor.raw()));
            }
        }
        Ok(())
    }

    /// Fills in the plan of a processor that follows from the partitions' rows; how well that does what was wanted.
    pub fn planned(&self, processor: ProcessorId, row: &mut ProcessorRow) -> Fit {
        if self.has_failed(processor) {
            row.state = ProcessorState::Failed.number();
            return Fit::Met;
        }
        let mut plan = Plan::empty();
        self.plan(processor, &mut plan);
        fill(row, &plan);
        plan.fit
    }
}

/// Own slots of the contexts at the places of a plan.
fn fill(row: &mut ProcessorRow, plan: &Plan) {
    let (slots, takers) = row.places.split_at_mut(PLAN_SLOTS);
    for (to, who) in slots.iter_mut().zip(&plan.slots) {
        *to = who.map_or(0, |place| place.slot);
    }
    for (to, who) in takers.iter_mut().zip(&plan.takers) {
        *to = who.slot;
    }
    let length = PLAN_SLOTS.saturating_add(plan.takers.len()).min(PLAN_PLACES);
    row.length = u32::try_from(length).unwrap_or(0);
}
