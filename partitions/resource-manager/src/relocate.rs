//! Moves partitions to other processors.
//!
//! A partition that is moved is stopped and has no place in any plan, from the moment on at which that is written down. Once no plan
//! knows it any more its contexts go over, and it gets its places there. So it never has places in two plans, and every step may
//! be repeated: a manager that takes up the books goes on where the one before it was.

use crate::manager::{Machine, Manager};
use crate::requests::Reply;
use crate::run::contexts;
use crate::trouble::Trouble;
use abi::call::Error;
use abi::control::{ContextOperation, ContextState};
use abi::manifest::EVERY_PROCESSOR;
use abi::message::resource::{Change, Index, ResourceStatus};
use abi::types::{PartitionId, ProcessorId};
use plan::Want;
use program_loader::{Calls, Refusal, Window};
use resource_db::PartitionRow;

/// Nanoseconds between two looks at what is under way.
const LOOK: u64 = 2_000_000;
/// How often it is looked at where somebody waits for it.
const TRIES: u32 = 200;

impl<M: Machine, W: Window> Manager<'_, M, W> {
    /// Begins to move a partition to another processor, its further contexts to those that follow.
    ///
    /// # Errors
    /// `Disagrees` where it is on another processor than the asker believes, `NoSuch` for a processor that is not there or failed,
    /// `NotAllowed` for those that others need or who are on every processor, and where that one is in none of its zones; what the kernel answers.
    pub fn relocate(&mut self, change: Change) -> Result<Reply, Trouble> {
        let id = PartitionId::new(change.partition);
        let row = self.changeable(id)?;
        if row.processor == EVERY_PROCESSOR {
            return Err(ResourceStatus::NotAllowed.into());
        }
        let want = self.want(id, &row, self.definition(&row)?);
        if u32::from(want.processor_of(0, self.facts.processors).raw()) != change.before {
            return Err(ResourceStatus::Disagrees.into());
        }
        let runs = |there: &u16| {
            *there < self.facts.processors && !self.has_failed(ProcessorId::new(*there))
        };
        let there = u16::try_from(change.after).ok().filter(runs);
        let there = there.ok_or(ResourceStatus::NoSuch)?;
        if change.after == change.before {
            return Ok(Reply::status(ResourceStatus::Ok));
        }
        if !self.processors_in_zone(row.definition, there, row.contexts) {
            return Err(ResourceStatus::NotAllowed.into());
        }
        let free = self.free_for(&Want { processor: Some(ProcessorId::new(there)), ..want });
        if free < row.share.into() {
            return Ok(Reply::with(ResourceStatus::Limit, &Index { index: free }));
        }
        self.change_placed(id, |row| (row.processor, row.moving) = (there, 1))?;
        self.changing = true;
        let _ = self.continue_move(id)?;
        Ok(Reply::WhenSettled(id, self.heap_deadline))
    }

    /// Takes what is under way with a partition's contexts as far as it goes; whether that is to its end.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn continue_move(&mut self, id: PartitionId) -> Result<bool, Trouble> {
        let row = self.row(id)?;
        if row.moving == 0 {
            return Ok(true);
        }
        self.stop_contexts(&row)?;
        if !self.take_over(id, &row)? {
            return Ok(false);
        }
        if row.starts > 0 {
            self.bind_interrupts(&row)?;
        }
        if self.runs(&row) {
            self.start_contexts(&row)?;
        }
        self.change_placed(id, |row| row.moving = 0)?;
        // It reads there where it is; that it is not told costs nothing but a look.
        let _ = self.inform(id);
        Ok(true)
    }

    /// Moves every context that is not there yet; false where a plan still knows one.
    fn take_over(&mut self, id: PartitionId, row: &PartitionRow) -> Result<bool, Trouble> {
        let want = self.want(id, row, self.definition(row)?);
        for (index, context) in (0..).zip(contexts(row)) {
            let to = u64::from(want.processor_of(index, self.facts.processors).raw());
            let operation = ContextOperation::Move as u64;
            match self.machine.patient(context, operation, [to, 0, 0, 0]) {
                // One that stopped by itself goes where it is to be when it is started anew.
                Err(Refusal { error: Error::WrongState, value })
                    if value == ContextState::Faulted as u64 => {}
                Err(Refusal { error: Error::WrongState, .. }) => return Ok(false),
                answer => {
                    answer?;
                }
            }
        }
        Ok(true)
    }

    /// Waits until a partition is where it is to be.
    ///
    /// # Errors
    /// `Busy` where that takes too long; what the kernel answers.
    pub fn finish_move(&mut self, id: PartitionId) -> Result<(), Trouble> {
        for _ in 0..TRIES {
            if self.continue_move(id)? {
                return Ok(());
            }
            let until = self.machine.now().saturating_add(LOOK);
            self.replan();
            self.machine.sleep_until(until);
        }
        Err(ResourceStatus::Busy.into())
    }

    /// Goes on with all that is under way; returns when to look again.
    pub fn changes_due(&mut self, now: u64) -> u64 {
        if !core::mem::take(&mut self.changing) {
            return u64::MAX;
        }
        let mut from = 0;
        while let Some(id) = self.unsettled_from(from) {
            from = id.raw() + 1;
            let moved = self.continue_move(id).map(|_| ());
            if let Err(trouble) = moved.and_then(|()| self.continue_heap(id)) {
                self.say(format_args!("partition {} is not changed yet: {trouble}", id.raw()));
            }
            self.changing |= !self.is_settled(id);
        }
        if self.changing { now.saturating_add(LOOK) } else { u64::MAX }
    }

    fn unsettled_from(&self, from: u32) -> Option<PartitionId> {
        let mut rows = self.books.partitions();
        let unsettled =
            |row: &PartitionRow| row.moving != 0 || !self.heap_settled(row, self.heap_deadline);
        rows.find(|(id, row)| id.raw() >= from && unsettled(row)).map(|(id, _)| id)
    }

    /// Whether nothing is under way with a partition any more.
    #[must_use]
    pub fn is_settled(&self, id: PartitionId) -> bool {
        self.is_settled_for(id, self.heap_deadline)
    }

    /// The same for somebody who waits for its runtime until then: others may ask for more of it, again and again.
    #[must_use]
    pub fn is_settled_for(&self, id: PartitionId, until: u64) -> bool {
        let row = self.books.partition(id);
        row.is_none_or(|row| row.moving == 0 && self.heap_settled(row, until))
    }

    /// What is answered then: the pages of heap that it has.
    #[must_use]
    pub fn settled_record(&self, id: PartitionId) -> Reply {
        match self.books.partition(id) {
            Some(row) => Reply::record(&Index { index: row.heap_mapped }),
            None => Reply::status(ResourceStatus::NoSuch),
        }
    }
}
