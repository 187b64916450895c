//! What a maker was told, against what there is.

use abi::message::resource::{PartitionRecord, PartitionState};
use arrayvec::ArrayVec;
use load::manager::{Manager, Trouble};
use rt::System;

/// Most partitions that a maker has at once.
pub const AT_ONCE: usize = 3;
/// Kinds of commands.
pub const COMMANDS: usize = 7;

/// A command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Command {
    /// Makes one more.
    Create = 0,
    /// Starts one.
    Start = 1,
    /// Ends one.
    Destroy = 2,
    /// Lets one pause.
    Pause = 3,
    /// Lets one that pauses go on.
    Resume = 4,
    /// Gives one that has one slot two, and one that has two one.
    Share = 5,
    /// Gives one some more pages of heap.
    Memory = 6,
}

/// Pages by which a heap grows.
pub const GROWTH: u32 = 4;

/// What is not as it was acknowledged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Wrong {
    /// One that was made is not there.
    Lost = 1,
    /// There is one that was never made, or was ended.
    Ghost = 2,
    /// One has another state, share or heap than it was given.
    Still = 3,
    /// A command was refused without a reason that the maker knows of.
    Refused = 4,
    /// The resource manager did not answer in time.
    Silent = 5,
}

/// A partition that was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Made {
    /// Its number.
    pub id: u32,
    /// Whether it was started.
    pub runs: bool,
    /// Whether it pauses.
    pub paused: bool,
    /// Its slots of 16.
    pub share: u32,
    /// Its pages of heap.
    pub heap: u32,
}

impl Made {
    /// A new one.
    pub const fn new(id: u32) -> Self {
        Self { id, runs: false, paused: false, share: 1, heap: 0 }
    }

    /// What a command makes of it.
    pub const fn after(self, command: Command) -> Self {
        match command {
            Command::Start => Self { runs: true, ..self },
            Command::Pause => Self { paused: true, ..self },
            Command::Resume => Self { paused: false, ..self },
            Command::Share => Self { share: 3 - self.share, ..self },
            Command::Memory => Self { heap: self.heap + GROWTH, ..self },
            Command::Create | Command::Destroy => self,
        }
    }
}

/// What there is, as far as the maker was told.
#[derive(Default)]
pub struct Journal {
    /// All that were made and not ended.
    pub made: ArrayVec<Made, AT_ONCE>,
    /// The command of which nobody knows whether it took effect, and whom it is about.
    pub open: Option<(Command, u32)>,
}

impl Journal {
    /// Takes over an acknowledged command.
    pub fn acknowledge(&mut self, command: Command, id: u32) {
        match command {
            // There is room: it was looked for before.
            Command::Create => drop(self.made.try_push(Made::new(id))),
            Command::Destroy => self.made.retain(|made| made.id != id),
            _ => {
                let of = self.made.iter_mut().filter(|made| made.id == id);
                of.for_each(|made| *made = made.after(command));
            }
        }
    }

    /// Compares with what there is; whether the open command took effect.
    ///
    /// # Errors
    /// What is not as it was acknowledged, and which partition that is.
    pub fn compare(&mut self, there: &There) -> Result<bool, (Wrong, u32)> {
        let open = self.open.take();
        let mut effective = false;
        let expected = self.made.clone();
        for made in &expected {
            let command = open.filter(|(_, id)| *id == made.id).map(|(command, _)| command);
            let found = there.iter().find(|one| one.id == made.id);
            match (found, command) {
                (Some(one), _) if one == made => {}
                (None, Some(Command::Destroy)) => {
                    self.acknowledge(Command::Destroy, made.id);
                    effective = true;
                }
                (Some(one), Some(command)) if *one == made.after(command) => {
                    self.acknowledge(command, made.id);
                    effective = true;
                }
                (Some(_), _) => return Err((Wrong::Still, made.id)),
                (None, _) => return Err((Wrong::Lost, made.id)),
            }
        }
        for one in there.iter().filter(|one| expected.iter().all(|made| made.id != one.id)) {
            let asked = open.is_some_and(|(command, _)| command == Command::Create);
            if !asked || effective || *one != Made::new(one.id) {
                return Err((Wrong::Ghost, one.id));
            }
            self.acknowledge(Command::Create, one.id);
            effective = true;
        }
        Ok(effective)
    }
}

/// Partitions of a maker that there are.
pub type There = ArrayVec<Made, { 4 * AT_ONCE }>;

/// All partitions like `like` but that itself.
///
/// # Errors
/// The resource manager refused, or died meanwhile.
pub fn look(system: &mut System, manager: Manager, like: u32) -> Result<There, Trouble> {
    let name = manager.record(system, like)?.name;
    let (mut there, mut from) = (There::new(), like + 1);
    loop {
        let record = match manager.record(system, from) {
            Ok(record) => record,
            Err(trouble) if trouble.is_end() => return Ok(there),
            Err(trouble) => return Err(trouble),
        };
        if record.name == name {
            let paused = record.state & 0xff == PAUSED;
            let runs = paused || [RUNNING, WAITING].contains(&(record.state & 0xff));
            let PartitionRecord { id, share, heap, .. } = record;
            let made = Made { id, runs, paused, share, heap };
            there.try_push(made).map_err(|_| Trouble::Nonsense)?;
        }
        from = record.id + 1;
    }
}

const RUNNING: u32 = PartitionState::Running as u32;
const WAITING: u32 = PartitionState::Waiting as u32;
const PAUSED: u32 = PartitionState::Paused as u32;
