//! The start after the manager's own death: the books are there, the machine goes on.

use crate::manager::{Machine, Manager, SELF};
use crate::trouble::Trouble;
use abi::control::first_slot;
use abi::information::StartReason;
use abi::layout;
use abi::types::PartitionId;
use program_loader::{Calls, Window};
use resource_db::Stage;

impl<M: Machine, W: Window> Manager<'_, M, W> {
    /// Takes up the work: ends what was half made, and tells everybody of the new epoch.
    ///
    /// # Errors
    /// What the kernel or the books answer.
    pub fn recover(&mut self) -> Result<(), Trouble> {
        // What was being filled when it died is still mapped there.
        let window = self.window.address();
        self.machine.unmap(first_slot::PARTITION, window, layout::INFORMATION_PAGES)?;
        self.end_half_made();
        self.change(SELF, |row| {
            row.starts = row.starts.saturating_add(1);
            row.start_reason = StartReason::Recovered as u32;
            row.restarts = row.restarts.saturating_add(1);
        })?;
        self.refresh_channels(SELF, true)?;
        self.renew_rescue(SELF)?;
        self.inform(SELF)?;
        self.tell_peers(SELF);
        self.say(format_args!("recovered from the books"));
        Ok(())
    }

    /// Ends creations that were being made or destroyed.
    fn end_half_made(&mut self) {
        let mut from = u32::try_from(self.manifest.partitions.len()).unwrap_or(u32::MAX);
        while let Some(id) = self.half_made(from) {
            if let Err(trouble) = self.end(id) {
                self.say(format_args!("partition {} cannot be ended: {trouble}", id.raw()));
            }
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
