//! What a maker was told, against what there is.

use abi::message::resource::{PartitionRecord, PartitionState};
use arrayvec::ArrayVec;
use load::manager::{Manager, Trouble};
use rt::System;

/// Most partitions that a maker has at once.
pub const AT_ONCE: usize = 3;
/// Kinds of commands.
pub const COMMANDS: usize = 10;

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
    /// Moves one from the first processor to the second, or back.
    Move = 7,
    /// Takes pages of heap from one that does not run.
    Shrink = 8,
    /// Makes one more, and says where.
    Place = 9,
}

impl Command {
    /// Whether there is one more afterwards.
    #[must_use]
    pub const fn makes(self) -> bool {
        matches!(self, Self::Create | Self::Place)
    }
}

/// Pages by which a heap grows and shrinks.
pub const GROWTH: u32 = 4;

/// What is not as it was acknowledged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Wrong {
    /// One that was made is not there.
    Lost = 1,
    /// There is one that was never made, or was ended.
    Ghost = 2,
    /// One has another state, share, heap or processor than it was given.
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
    /// Its processor.
    pub processor: u32,
}

impl Made {
    /// A new one, on the processor that its definition names.
    #[must_use]
    pub const fn new(id: u32, processor: u32) -> Self {
        Self { id, runs: false, paused: false, share: 1, heap: 0, processor }
    }

    /// What a command makes of it.
    #[must_use]
    pub const fn after(self, command: Command) -> Self {
        match command {
            Command::Start => Self { runs: true, ..self },
            Command::Pause => Self { paused: true, ..self },
            Command::Resume => Self { paused: false, ..self },
            Command::Share => Self { share: 3 - self.share, ..self },
            Command::Memory => Self { heap: self.heap + GROWTH, ..self },
            Command::Move => Self { processor: 1 - self.processor, ..self },
            Command::Shrink => Self { heap: self.heap.saturating_sub(GROWTH), ..self },
            Command::Create | Command::Place | Command::Destroy => self,
        }
    }
}

/// What there is, as far as the maker was told.
#[derive(Default)]
pub struct Journal {
    /// The processor that new ones are on.
    pub home: u32,
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
            Command::Create | Command::Place => drop(self.made.try_push(Made::new(id, self.home))),
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
            let asked = open.is_some_and(|(command, _)| command.makes());
            if !asked || effective || *one != Made::new(one.id, self.home) {
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
            let PartitionRecord { id, share, heap, processor, .. } = record;
            let made = Made { id, runs, paused, share, heap, processor };
            there.try_push(made).map_err(|_| Trouble::Nonsense)?;
        }
        from = record.id + 1;
    }
}

const RUNNING: u32 = PartitionState::Running as u32;
const WAITING: u32 = PartitionState::Waiting as u32;
const PAUSED: u32 = PartitionState::Paused as u32;

#[cfg(test)]
mod tests {
    use super::*;

    /// A journal of two partitions, of which the first was started, and what there is.
    fn two() -> (Journal, There) {
        let mut journal = Journal::default();
        journal.acknowledge(Command::Create, 7);
        journal.acknowledge(Command::Start, 7);
        journal.acknowledge(Command::Place, 9);
        journal.acknowledge(Command::Memory, 7);
        journal.acknowledge(Command::Memory, 9);
        let there = journal.made.iter().copied().collect();
        (journal, there)
    }

    #[test]
    fn what_is_as_it_was_acknowledged_is_right() {
        let (mut journal, there) = two();
        assert_eq!(journal.compare(&there), Ok(false));
        assert_eq!(journal.made.as_slice(), there.as_slice());
    }

    #[test]
    fn what_is_lost_or_there_twice_or_otherwise_is_found() {
        let (mut journal, mut there) = two();
        there.pop();
        assert_eq!(journal.compare(&there), Err((Wrong::Lost, 9)));
        let (mut journal, mut there) = two();
        there.push(Made::new(11, 0));
        assert_eq!(journal.compare(&there), Err((Wrong::Ghost, 11)));
        for command in
            [Command::Pause, Command::Share, Command::Memory, Command::Move, Command::Shrink]
        {
            let (mut journal, mut there) = two();
            there[0] = there[0].after(command);
            assert_eq!(journal.compare(&there), Err((Wrong::Still, 7)));
        }
        let (mut journal, mut there) = two();
        there[0].runs = false;
        assert_eq!(journal.compare(&there), Err((Wrong::Still, 7)));
    }

    #[test]
    fn an_open_command_may_have_taken_effect_once() {
        let commands = [
            Command::Pause,
            Command::Share,
            Command::Memory,
            Command::Start,
            Command::Move,
            Command::Shrink,
        ];
        for command in commands {
            for done in [false, true] {
                let id = if command == Command::Start { 9 } else { 7 };
                let (mut journal, mut there) = two();
                let place = usize::from(id == 9);
                if done {
                    there[place] = there[place].after(command);
                }
                journal.open = Some((command, id));
                assert_eq!(journal.compare(&there), Ok(done), "{command:?}");
                assert_eq!(journal.made.as_slice(), there.as_slice());
                assert_eq!(journal.open, None);
            }
            // But not at another one.
            let (mut journal, mut there) = two();
            there[1] = there[1].after(command);
            journal.open = Some((command, 7));
            assert_eq!(journal.compare(&there), Err((Wrong::Still, 9)), "{command:?}");
        }
        let (mut journal, mut there) = two();
        there.push(Made::new(11, 0));
        journal.open = Some((Command::Place, 1));
        assert_eq!(journal.compare(&there), Ok(true));
        assert_eq!(journal.made.len(), 3);
        // Two of them are one too many, and one that was half changed is none of it.
        let (mut journal, mut there) = two();
        there.push(Made::new(11, 0));
        there.push(Made::new(12, 0));
        journal.open = Some((Command::Create, 1));
        assert_eq!(journal.compare(&there), Err((Wrong::Ghost, 12)));
        let (mut journal, mut there) = two();
        there.push(Made { runs: true, ..Made::new(11, 0) });
        journal.open = Some((Command::Create, 1));
        assert_eq!(journal.compare(&there), Err((Wrong::Ghost, 11)));
        let (mut journal, mut there) = two();
        there.pop();
        journal.open = Some((Command::Destroy, 9));
        assert_eq!(journal.compare(&there), Ok(true));
        assert_eq!(journal.made.len(), 1);
    }
}
