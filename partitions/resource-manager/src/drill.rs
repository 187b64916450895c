//! A boot partition on trial shows that it brings the manager back: the manager ends on purpose, once. Where nobody brings it back, idle ends
//! the boot partition and starts the program before it, which does; the manager that comes back finds that one on trial ended.

use crate::manager::{Machine, Manager};
use crate::run::contexts;
use crate::trouble::Trouble;
use abi::control::ContextOperation;
use abi::manifest::{ManifestPartition, PartitionRole};
use abi::types::{EventBit, PartitionId};
use program_loader::{Calls, Window};
use resource_db::PartitionRow;

/// How far one on trial has come, as its row says (`up`): it takes up events; the manager was about to end; it brought the manager back.
pub const UP: u32 = 1;
/// See [`UP`].
pub const ASKED: u32 = 2;
/// See [`UP`].
pub const SHOWN: u32 = 3;

/// Nanoseconds in which idle must have run, or nobody would help: then it is not tried.
const IDLE: u64 = 1_000_000_000;
/// Nanoseconds in which the event loop of one that brought the manager back must turn once more.
const TURN: u64 = 1_000_000_000;

/// What this life of the manager has seen of it.
#[derive(Clone, Copy, Default, Debug)]
pub struct Drill {
    /// Time that idle had run, and until when it must run, nanoseconds.
    idle: Option<[u64; 2]>,
    /// Turns of the event loop of the boot partition, and until when there must be one more.
    turns: Option<[u64; 2]>,
}

/// How it stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shown {
    /// Enough for now.
    Yes,
    /// Look again.
    NotYet,
    /// It will not.
    No,
}

impl<M: Machine, W: Window> Manager<'_, M, W> {
    /// Goes on with having a partition that is up show what it must; only the boot partition must.
    ///
    /// # Errors
    /// What the books answer.
    pub fn has_shown(
        &mut self,
        id: PartitionId,
        row: &PartitionRow,
        definition: &ManifestPartition,
    ) -> Result<Shown, Trouble> {
        let boot = crate::manifest::role(definition) == PartitionRole::Boot;
        match row.up {
            UP if boot => self.end_on_purpose(id),
            ASKED => self.was_brought_back(id, row),
            _ => Ok(Shown::Yes),
        }
    }

    fn end_on_purpose(&mut self, id: PartitionId) -> Result<Shown, Trouble> {
        let (now, used) = (self.machine.now(), self.idle_has_run());
        let [before, until] = *self.drill.idle.get_or_insert([used, now.saturating_add(IDLE)]);
        if used > before {
            self.change(id, |row| row.up = ASKED)?;
            self.say(format_args!("ends, for boot to show that it can start it anew"));
            self.leave();
        } else if now >= until {
            self.say(format_args!("idle did not run: boot need not show what it can"));
            self.change(id, |row| row.up = SHOWN)?;
        }
        Ok(Shown::NotYet)
    }

    /// This is the next life, or one after it. An emergency life of the boot partition, which takes up nothing, may still run.
    fn was_brought_back(&mut self, id: PartitionId, row: &PartitionRow) -> Result<Shown, Trouble> {
        if self.is_leaving() {
            return Ok(Shown::NotYet);
        }
        let (now, turns) = (self.machine.now(), self.alive(row));
        let Some([before, until]) = self.drill.turns else {
            self.drill.turns = Some([turns, now.saturating_add(TURN)]);
            self.ring(id, EventBit::PEER);
            return Ok(Shown::NotYet);
        };
        if turns == before {
            return Ok(if now >= until { Shown::No } else { Shown::NotYet });
        }
        self.change(id, |row| row.up = SHOWN)?;
        Ok(Shown::NotYet)
    }

    /// Time that the context of idle has run that looks after boot and manager.
    fn idle_has_run(&mut self) -> u64 {
        let idle = self.made(PartitionRole::Idle).and_then(|(_, row)| contexts(&row).next());
        let state = ContextOperation::State as u64;
        let used = idle.map(|context| self.machine.patient(context, state, [0; 4]));
        used.and_then(Result::ok).map_or(0, |[_, _, used, _]| used)
    }
}
