//! The kernel's ledger against the books.

use crate::manager::{Machine, Manager};
use crate::requests::Reply;
use crate::trouble::Trouble;
use abi::control::{KernelOperation, first_slot};
use abi::message::resource::AuditRecord;
use program_loader::{Calls as _, Window};

impl<M: Machine, W: Window> Manager<'_, M, W> {
    /// Has the kernel check every frame, and compares what is free.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn audit(&mut self) -> Result<Reply, Trouble> {
        let mut record = AuditRecord {
            frames: self.facts.frames,
            frame: 0,
            violation: 0,
            free: 0,
            books_free: self.books.available(),
        };
        let mut next = 0;
        loop {
            let audit = KernelOperation::Audit as u64;
            let [after, frame, violation, free] =
                self.machine.patient(first_slot::KERNEL, audit, [next, 0, 0, 0])?;
            record.free = record.free.saturating_add(free);
            if record.violation == 0 {
                (record.frame, record.violation) = (frame, violation);
            }
            // A step that does not get on ends the audit as much as the end of memory does.
            if after <= next {
                return Ok(Reply::record(&record));
            }
            next = after;
        }
    }
}
