//! What happens by itself: partitions that stop, restarts that fall due, the end.

use crate::manager::{Machine, Manager, SELF};
use crate::requests::Reply;
use crate::run::{contexts, unfinished};
use crate::trouble::Trouble;
use crate::wards::is_ward;
use abi::control::{ContextOperation, ContextState};
use abi::information::StartReason;
use abi::message::resource::{PartitionState, ResourceStatus, StoppedRecord};
use abi::message::transaction::OwnWork;
use abi::types::{EventBit, PartitionId, Slot};
use program_loader::{Calls, Window};
use resource_db::{PartitionRow, Stage};

/// Nanoseconds that a partition has to stop by itself.
pub const STOP_TIME: u64 = 1_000_000_000;
/// Nanoseconds between two looks at partitions that are stopping.
const LOOK: u64 = 5_000_000;
/// Nanoseconds between the request to restart the manager and its end.
const LEAVE_TIME: u64 = 20_000_000;
/// Longest back-off, milliseconds.
const LONGEST_BACKOFF: u32 = 10_000;
/// Nanoseconds in a millisecond.
const MILLISECOND: u64 = 1_000_000;

impl<M: Machine, W: Window> Manager<'_, M, W> {
    /// Looks after all that is due; returns when to look again.
    pub fn watch(&mut self) -> u64 {
        let now = self.machine.now();
        self.own_work(OwnWork::Watch, now);
        let again = self.look_by_itself(now);
        let mut next = self.look_at_all(now).min(again);
        if self.ending || now >= self.end_again {
            self.go_on_ending();
            next = if self.ending { next.min(now.saturating_add(LOOK)) } else { next };
        }
        next = next.min(self.end_again);
        next = next.min(self.look_at_signs(now)).min(self.look_at_resting(now));
        self.continue_shutdown();
        next = next.min(self.changes_due(now));
        if self.slots_due && !self.settle_slots() {
            next = next.min(now.saturating_add(self.manifest.slot));
        }
        if self.stale_plans != 0 && self.replan() {
            next = next.min(now.saturating_add(self.manifest.slot));
        }
        next = next.min(self.look_at_own_trial(now));
        if self.is_leaving() {
            next = next.min(self.leave_at);
        }
        self.usage_due(now).min(next)
    }

    /// Looks after every partition that waits for something; returns when to look again. Where nobody was given a time since the last look,
    /// which found nothing due before now, there is nothing to look for: requests cost the same however many partitions there are.
    fn look_at_all(&mut self, now: u64) -> u64 {
        if !self.books.take_timed() && now < self.looked && !self.wards_due {
            return self.looked;
        }
        let (mut next, mut from) = (u64::MAX, 0);
        let wards_due = self.wards_due;
        while let Some((id, row)) = self.due_from(from) {
            from = id.raw() + 1;
            next = next.min(self.look_at(id, &row, now));
        }
        // A stop that was noted just now may not have been the only one.
        self.wards_due &= !wards_due;
        next = if self.wards_due { now } else { next };
        self.looked = next;
        next
    }

    /// Has the manager end as soon as the answer to this has had time to be read; its rescuer starts it anew.
    pub fn leave(&mut self) {
        self.leave_at = self.machine.now().saturating_add(LEAVE_TIME);
    }

    /// Whether it was told to end.
    #[must_use]
    pub fn is_leaving(&self) -> bool {
        self.leave_at != 0
    }

    /// Whether the time has come to end.
    pub fn is_to_leave(&self) -> bool {
        self.is_leaving() && self.machine.now() >= self.leave_at
    }

    /// The first partition from `from` on that waits for something to happen to it.
    fn due_from(&self, from: u32) -> Option<(PartitionId, PartitionRow)> {
        let rows = self.books.partitions_from(PartitionId::new(from));
        let is_due =
            |row: &PartitionRow| row.stop_by != 0 || row.restart_at != 0 || self.is_on_trial(row);
        let mut rows =
            rows.filter(|(_, row)| row.is_timed() && is_due(row) || self.is_ward_due(row));
        rows.next().map(|(id, row)| (id, *row))
    }

    /// Whether a partition that runs may have stopped since the kernel rang.
    fn is_ward_due(&self, row: &PartitionRow) -> bool {
        self.wards_due && self.runs(row) && self.definition(row).is_ok_and(is_ward)
    }

    /// Looks after one partition; returns when to look again.
    fn look_at(&mut self, id: PartitionId, row: &PartitionRow, now: u64) -> u64 {
        if row.restart_at != 0 {
            if now < row.restart_at {
                return row.restart_at;
            }
            self.restart_in_place(id);
        } else if row.stop_by != 0 {
            let stopped = self.faulted_context(row).is_some();
            if !stopped && now < row.stop_by {
                return now.saturating_add(LOOK).min(row.stop_by);
            }
            // There is nothing to be done about a partition that cannot be stopped.
            let _ = self.kill(id);
        } else if self.is_on_trial(row) {
            return self.look_at_trial(id, row, now);
        } else if self.look_at_ward(id) {
            let at = self.row(id).map_or(0, |row| row.restart_at);
            return if at == 0 { u64::MAX } else { at };
        }
        u64::MAX
    }

    /// A context of a partition that stopped on a fault or by exit.
    pub fn faulted_context(&mut self, row: &PartitionRow) -> Option<Slot> {
        contexts(row).find(|&context| {
            let state = self.machine.patient(context, ContextOperation::State as u64, [0; 4]);
            state.is_ok_and(|[state, ..]| state == ContextState::Faulted as u64)
        })
    }

    /// Writes down that a partition stopped on a fault, if it did and that is not known yet.
    ///
    /// # Errors
    /// Where there is none.
    pub fn note_fault(&mut self, id: PartitionId) -> Result<bool, Trouble> {
        if self.fell(id)? {
            return Ok(false);
        }
        let row = self.row(id)?;
        if !self.runs(&row) || row.stop_by != 0 || self.faulted_context(&row).is_none() {
            return Ok(false);
        }
        let definition = self.definition(&row)?;
        let now = self.machine.now();
        let proven = now.saturating_sub(row.started) >= u64::from(definition.proof) * MILLISECOND;
        let full = (definition.restarts, definition.backoff);
        let (budget, backoff) = if proven { full } else { (row.budget, row.backoff) };
        let failed = budget == 0;
        let restart_at = if failed { 0 } else { self.restart_time(definition, backoff) };
        if failed {
            // First: who takes up the books in between finds it not noted yet, and all is done again.
            self.end_for_good(id)?;
        }
        let state = if failed { PartitionState::Failed } else { PartitionState::Faulted };
        let keeps = self.keeps_slots(&row);
        let stopped = |row: &mut PartitionRow| {
            (row.budget, row.backoff) = (budget, backoff);
            (row.state, row.told, row.restart_at) = (state as u32, 0, restart_at);
            row.placed = u32::from(row.placed == 1 && (!failed || keeps));
        };
        // Nobody keeps slots for who stays down.
        match failed && !keeps {
            true => self.change_placed(id, stopped)?,
            false => self.change(id, stopped)?,
        };
        // Its rescuer, or whom it rescues, may have stopped with it.
        self.wards_due = true;
        Ok(true)
    }

    /// One partition that `rescuer` rescues, has stopped, and was not told of.
    ///
    /// # Errors
    /// `NoSuch` where there is none.
    pub fn stopped_record(&mut self, rescuer: PartitionId) -> Result<Reply, Trouble> {
        let mut from = 0;
        while let Some(id) = self.rescued(rescuer, from) {
            from = id.raw() + 1;
            self.note_fault(id)?;
            let row = self.row(id)?;
            if is_down(&row) && row.told == 0 {
                self.change(id, |row| row.told = 1)?;
                return Ok(Reply::record(&self.stopped(id, &row)));
            }
        }
        Err(ResourceStatus::NoSuch.into())
    }

    /// Has a rescuer ask once more who stopped: what it was told, and what it meant to do, may be lost with a life.
    pub fn tell_again(&mut self, rescuer: PartitionId) {
        let (mut from, mut any) = (0, false);
        while let Some(id) = self.rescued(rescuer, from) {
            from = id.raw() + 1;
            if self.row(id).is_ok_and(|row| is_down(&row) && row.told != 0) {
                any |= self.change(id, |row| row.told = 0).is_ok();
            }
        }
        if any {
            self.ring(rescuer, EventBit::FAULT);
        }
    }

    fn stopped(&mut self, id: PartitionId, row: &PartitionRow) -> StoppedRecord {
        let mut fault = [0; 7];
        if let Some(context) = self.faulted_context(row) {
            for (index, word) in (0..).zip(&mut fault) {
                *word = self.fault_word(context, index);
            }
        }
        let (restarts_left, backoff) = (row.budget, row.backoff);
        StoppedRecord { name: row.name, id: id.raw(), restarts_left, backoff, reserved: 0, fault }
    }

    /// A word of a context's fault record, 0 where it has none.
    pub fn fault_word(&mut self, context: Slot, index: u64) -> u64 {
        let fault = ContextOperation::Fault as u64;
        self.machine.patient(context, fault, [index, 0, 0, 0]).map_or(0, |[value, ..]| value)
    }

    /// Restarts a partition for its rescuer, at the cost of its budget.
    ///
    /// # Errors
    /// `NotAllowed` for others than its rescuer, `Limit` where the budget is used up.
    pub fn restart_by_rescuer(
        &mut self,
        rescuer: PartitionId,
        id: PartitionId,
    ) -> Result<(), Trouble> {
        let row = self.row(id)?;
        if id == SELF || self.definition(&row)?.rescuer != rescuer.raw() {
            return Err(ResourceStatus::NotAllowed.into());
        }
        self.restart_within_budget(id)
    }

    /// Restarts a partition at the cost of its budget.
    ///
    /// # Errors
    /// `Limit` where the budget is used up.
    pub fn restart_within_budget(&mut self, id: PartitionId) -> Result<(), Trouble> {
        if self.fell(id)? {
            return Ok(());
        }
        self.note_fault(id)?;
        let row = self.row(id)?;
        if row.budget == 0 || row.stage() != Stage::Made {
            return Err(ResourceStatus::Limit.into());
        }
        self.change(id, |row| {
            (row.budget, row.restarts) = (row.budget - 1, row.restarts.saturating_add(1));
            row.backoff = row.backoff.saturating_mul(2).min(LONGEST_BACKOFF);
            // Together, so that a restart is never paid for twice.
            row.unfinished = unfinished(StartReason::Recovered);
        })?;
        self.restart(id, StartReason::Recovered)
    }
}

/// Whether a partition stopped on a fault, as the books say.
#[must_use]
pub fn is_down(row: &PartitionRow) -> bool {
    [PartitionState::Faulted as u32, PartitionState::Failed as u32].contains(&row.state)
}
