//! The length of slots: short while the machine is founded, then the manifest's.
//!
//! A partition that is started runs when the plan that names it has taken over, which is at the end of a frame. While the machine is
//! founded three plans follow each other, each made by those whom the one before it lets run; with short frames nobody notices.

use crate::manager::{Machine, Manager};
use crate::plans::processor_slot;
use crate::trouble::Trouble;
use abi::control::ProcessorOperation;
use abi::types::ProcessorId;
use program_loader::{Calls, Refusal, Window};

/// Longest slot while the machine is founded, nanoseconds.
const HURRY: u64 = 100_000;

impl<M: Machine, W: Window> Manager<'_, M, W> {
    /// Gives every processor short slots, from the end of the frame on.
    pub fn hurry_slots(&mut self) {
        // Where they stay as they are everything takes a little longer.
        let _ = self.set_slots(HURRY.min(self.manifest.slot));
    }

    /// Gives every processor slots of the manifest's length, from the end of the frame on; false where a plan must take over before.
    pub fn settle_slots(&mut self) -> bool {
        let set = self.set_slots(self.manifest.slot);
        self.slots_due = set.is_err_and(|refusal| crate::plans::is_pending(refusal.into()));
        if let (Err(refusal), false) = (set, self.slots_due) {
            self.say(format_args!("slots stay as they are: {}", Trouble::from(refusal)));
        }
        !self.slots_due
    }

    fn set_slots(&mut self, length: u64) -> Result<(), Refusal> {
        for processor in (0..self.facts.processors).map(ProcessorId::new) {
            let slot = processor_slot(processor);
            let operation = ProcessorOperation::SetSlot as u64;
            self.machine.patient(slot, operation, [length, 0, 0, 0])?;
        }
        Ok(())
    }
}
