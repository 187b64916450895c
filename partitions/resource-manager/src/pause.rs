//! Stops partitions where they are, and lets them go on there.
//!
//! A paused partition keeps its share: nobody else can be promised it, so that it can always go on. It has no place in any
//! plan, and its contexts are stopped, so that nobody who calls it lends it time.

use crate::manager::{Machine, Manager};
use crate::manifest::role;
use crate::run::contexts;
use crate::trouble::Trouble;
use abi::call::Error;
use abi::control::ContextOperation;
use abi::manifest::PartitionRole;
use abi::message::resource::{PartitionState, ResourceStatus};
use abi::types::PartitionId;
use program_loader::{Calls, Refusal, Window};
use resource_db::{PartitionRow, Stage};

impl<M: Machine, W: Window> Manager<'_, M, W> {
    /// Stops a partition that runs, with all it has.
    ///
    /// # Errors
    /// `NotAllowed` for those that others need, `WrongState` where it does not run; what the kernel answers.
    pub fn pause(&mut self, id: PartitionId) -> Result<(), Trouble> {
        let row = self.changeable(id)?;
        if row.state != PartitionState::Running as u32 || self.faulted_context(&row).is_some() {
            return Err(ResourceStatus::WrongState.into());
        }
        // Were the manager to die after this, the next one stops what still runs.
        self.change_placed(id, |row| row.state = PartitionState::Paused as u32)?;
        self.stop_contexts(&row)?;
        if self.faulted_context(&row).is_some() {
            // It stopped by itself meanwhile: its rescuer was rung, and has to find it so.
            self.change_placed(id, |row| row.state = PartitionState::Running as u32)?;
            return Err(ResourceStatus::WrongState.into());
        }
        Ok(())
    }

    /// Lets a paused partition go on.
    ///
    /// # Errors
    /// `WrongState` where it is not paused; what the kernel answers.
    pub fn resume(&mut self, id: PartitionId) -> Result<(), Trouble> {
        let row = self.changeable(id)?;
        if !is_paused(&row) {
            return Err(ResourceStatus::WrongState.into());
        }
        // Without a place in a plan none of them runs yet: were the manager to die now, it would still be paused.
        self.start_contexts(&row)?;
        let now = self.machine.now();
        self.change_placed(id, |row| {
            row.state = PartitionState::Running as u32;
            if row.before != 0 {
                // A version on trial is not to blame for the time that it stood still.
                row.started = now;
            }
        })?;
        Ok(())
    }

    /// Makes all contexts ready that are stopped.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn start_contexts(&mut self, row: &PartitionRow) -> Result<(), Trouble> {
        for context in contexts(row) {
            match self.machine.patient(context, ContextOperation::Start as u64, [0; 4]) {
                // Started already, before the manager died.
                Err(Refusal { error: Error::WrongState, .. }) => {}
                answer => {
                    answer?;
                }
            }
        }
        Ok(())
    }

    /// The row of a partition that may be paused and moved.
    ///
    /// # Errors
    /// `NotAllowed` for those that others need, `Busy` while it is moved.
    pub fn changeable(&self, id: PartitionId) -> Result<PartitionRow, Trouble> {
        let row = self.row(id)?;
        if role(self.definition(&row)?) != PartitionRole::Ordinary {
            return Err(ResourceStatus::NotAllowed.into());
        }
        if row.stage() != Stage::Made {
            return Err(ResourceStatus::WrongState.into());
        }
        if row.moving != 0 { Err(ResourceStatus::Busy.into()) } else { Ok(row) }
    }
}

/// Whether a partition is paused, as the books say.
#[must_use]
pub fn is_paused(row: &PartitionRow) -> bool {
    row.state == PartitionState::Paused as u32
}
