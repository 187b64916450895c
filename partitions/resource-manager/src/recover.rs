//! The start after the manager's own death: the books are there, the machine goes on.

use crate::manager::{Machine, Manager, SELF};
use crate::pause::is_paused;
use crate::run::{OVERDUE, unfinished};
use crate::shutdown::Shutdown;
use crate::trouble::Trouble;
use crate::wards::is_ward;
use abi::control::{PAGES_PER_STEP, first_slot};
use abi::information::StartReason;
use abi::layout;
use abi::message::resource::{Maker, PartitionState};
use abi::types::PartitionId;
use program_loader::{Calls, Window};
use resource_db::{PartitionRow, Stage};

/// Pages of the window that are ever used.
const WINDOW_PAGES: u64 = layout::INFORMATION_PAGES + 1;
const _: () = assert!(WINDOW_PAGES >= 2 * PAGES_PER_STEP);

impl<M: Machine, W: Window> Manager<'_, M, W> {
    /// Takes up the work: ends what was half made, and tells everybody of the new epoch.
    ///
    /// # Errors
    /// What the kernel or the books answer.
    pub fn recover(&mut self) -> Result<(), Trouble> {
        if self.maker() != Maker::Nobody {
            self.give_back_unused()?;
        }
        // What was being filled when it died is still mapped there.
        let window = self.window.address();
        self.machine.unmap(first_slot::PARTITION, window, WINDOW_PAGES)?;
        // First of all, so that this too can be interrupted by its death.
        self.renew_reaper()?;
        self.take_up_program()?;
        // Until then idle takes it for dead, and boot for one that does nothing about it.
        self.renew_guard()?;
        // What the kernel runs may not be what the books say: who is ended may still have a place there.
        self.note_failed();
        self.outdate_plans();
        self.end_half_made();
        self.undo_half_made();
        self.change(SELF, |row| {
            row.starts = row.starts.saturating_add(1);
            row.start_reason = StartReason::Recovered as u32;
            row.restarts = row.restarts.saturating_add(1);
        })?;
        self.refresh_channels(SELF, true)?;
        self.renew_rescue(SELF)?;
        self.watch_processors()?;
        self.inform(SELF)?;
        self.tell_peers(SELF);
        self.take_up_own_trial()?;
        self.say(format_args!("recovered from the books"));
        self.changing = true;
        self.heap_deadline = self.machine.now().saturating_add(crate::resize::ANSWER_TIME);
        self.take_up_each();
        self.settle_all();
        self.plan_anew();
        let unfinished = self.row(SELF)?.unfinished;
        self.slots_due = self.maker() == Maker::Nobody;
        if let Some(how) = Shutdown::under_way(unfinished) {
            self.begin_shutdown(how);
        }
        Ok(())
    }

    /// Takes up whatever was under way with each partition.
    pub fn take_up_each(&mut self) {
        let mut from = SELF.raw() + 1;
        while let Some((id, row)) = self.made_from(from) {
            from = id.raw() + 1;
            if let Err(trouble) = self.take_up(id, &row) {
                self.say(format_args!("partition {} is not as it should be: {trouble}", id.raw()));
            }
            // That it is not told costs nothing but a look.
            let _ = self.mend_information(id);
            self.tell_again(id);
        }
    }

    fn take_up(&mut self, id: PartitionId, row: &PartitionRow) -> Result<(), Trouble> {
        if row.opened != 0 {
            self.close(id, row)?;
        }
        if row.corpse.count > 0 && row.corpse_life == 0 {
            self.forget_corpse(id)?;
        }
        let row = &self.row(id)?;
        let reason =
            StartReason::ALL.into_iter().find(|reason| unfinished(*reason) == row.unfinished);
        if let Some(reason) = reason {
            return self.restart(id, reason);
        }
        self.drop_spare(id, row)?;
        self.take_up_heap(id, row)?;
        if is_paused(row) {
            // It may have died before all contexts were stopped, or after some were started.
            self.stop_contexts(row)?;
        }
        let down = row.state == PartitionState::Faulted as u32 && row.restart_at == 0;
        if down && is_ward(self.definition(row)?) {
            // It may have died between the note of the restart that was due and the restart.
            self.change(id, |row| row.restart_at = OVERDUE)?;
        }
        Ok(())
    }

    fn made_from(&self, from: u32) -> Option<(PartitionId, PartitionRow)> {
        let made = |(id, row): &(PartitionId, &PartitionRow)| {
            id.raw() >= from && row.stage() == Stage::Made
        };
        self.books.partitions().find(made).map(|(id, row)| (id, *row))
    }

    /// Ends creations that were being made or destroyed.
    fn end_half_made(&mut self) {
        let mut from = u32::try_from(self.manifest.partitions.len()).unwrap_or(u32::MAX);
        while let Some(id) = self.half_made(from) {
            self.go_on_with_end(id);
            from = id.raw() + 1;
        }
    }

    fn half_made(&self, from: u32) -> Option<PartitionId> {
        let mut rows = self
            .books
            .partitions()
            .filter(|(id, row)| id.raw() >= from && row.stage() != Stage::Made);
        rows.next().map(|(id, _)| id)
    }
}
