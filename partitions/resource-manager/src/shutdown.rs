//! The end: everybody is asked to stop, then stopped, then the machine goes off.

use crate::manager::{Machine, Manager, SELF};
use crate::manifest::role;
use abi::call::PortOperation;
use abi::control::{KernelOperation, first_slot};
use abi::manifest::PartitionRole;
use abi::message::resource::PartitionState;
use abi::types::PartitionId;
use program_loader::{Calls, Window};
use resource_db::PartitionRow;

/// What tools wait for on the debug port; see `kernel/doc/0004`.
const OFF: &[u8] = b"bulkhead: the machine is off\n";

/// The same of a machine that is about to start again.
const ANEW: &[u8] = b"bulkhead: the machine starts anew\n";

/// What people read where that was not true.
const STILL_ON: &[u8] =
    b"bulkhead: nobody runs any more, but nothing switches this machine off: do it by hand\n";

/// How long a machine may take to switch off, nanoseconds.
const POWER_OFF_TIME: u64 = 2_000_000_000;

/// How it ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shutdown {
    /// Power off.
    Off,
    /// Reset.
    Reset,
}

impl Shutdown {
    /// Both, each with what the manager's own row says is unfinished while it is under way.
    const ALL: [(Self, u16); 2] = [(Self::Off, 100), (Self::Reset, 101)];

    /// What is under way where the manager's own row says this.
    #[must_use]
    pub fn under_way(unfinished: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, mark)| *mark == unfinished).map(|(how, _)| how)
    }

    fn mark(self) -> u16 {
        Self::ALL.into_iter().find(|(how, _)| *how == self).map_or(0, |(_, mark)| mark)
    }
}

impl<M: Machine, W: Window> Manager<'_, M, W> {
    /// Asks everybody to stop. What has not after a second is stopped. A manager that dies meanwhile goes on with it: those who bring
    /// it back go with the machine.
    pub fn begin_shutdown(&mut self, how: Shutdown) {
        self.shutdown = Some(how);
        // The manager's own row is there, or nothing would be.
        let _ = self.change(SELF, |row| row.unfinished = how.mark());
        for index in 1..self.books_end() {
            let id = PartitionId::new(index);
            if self.row(id).is_ok_and(|row| self.stops_with_others(&row)) {
                // One that cannot be asked is stopped with the machine.
                let _ = self.begin_stop(id);
            }
        }
    }

    fn stops_with_others(&self, row: &PartitionRow) -> bool {
        let rescues = |one| [PartitionRole::Boot, PartitionRole::Idle].contains(&role(one));
        let running = row.state == PartitionState::Running as u32;
        running && !self.definition(row).is_ok_and(rescues)
    }

    /// Ends it once nobody else runs any more.
    pub fn continue_shutdown(&mut self) {
        let Some(how) = self.shutdown else { return };
        let running = self
            .books
            .partitions()
            .skip(1)
            .any(|(_, row)| row.state == PartitionState::Stopping as u32);
        if running {
            return;
        }
        if how == Shutdown::Off {
            self.machine.say(OFF);
            let off = self.facts.power_off;
            for (port, value) in [(off.port_a, off.value_a), (off.port_b, off.value_b)] {
                if port != 0 {
                    self.machine.port(PortOperation::Out16, port, value.into());
                }
            }
            // The chipset switches off a little later.
            let now = self.machine.now();
            self.machine.sleep_until(now.saturating_add(POWER_OFF_TIME));
            // Whoever switches a machine off does not want it to start again.
            self.machine.say(STILL_ON);
            self.shutdown = None;
            let _ = self.change(SELF, |row| row.unfinished = 0);
            return;
        }
        self.machine.say(ANEW);
        let reset = KernelOperation::Reset as u64;
        let _ = self.machine.patient(first_slot::KERNEL, reset, [0; 4]);
    }

    /// One past the last partition there is.
    fn books_end(&self) -> u32 {
        self.books.partitions().map(|(id, _)| id.raw() + 1).max().unwrap_or(0)
    }
}
