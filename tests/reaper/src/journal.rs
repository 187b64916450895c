//! What a maker was told, against what there is.

use arrayvec::ArrayVec;
use load::manager::{Manager, Trouble};
use rt::System;

/// Most partitions that a maker has at once.
pub const AT_ONCE: usize = 4;
/// Kinds of commands.
pub const COMMANDS: usize = 3;

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
}

/// What is not as it was acknowledged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Wrong {
    /// One that was made is not there.
    Lost = 1,
    /// There is one that was never made, or was ended.
    Ghost = 2,
    /// One that was started does not run.
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
            Command::Create => drop(self.made.try_push(Made { id, runs: false })),
            Command::Start => self.of(id, |made| made.runs = true),
            Command::Destroy => self.made.retain(|made| made.id != id),
        }
    }

    fn of(&mut self, id: u32, action: impl Fn(&mut Made)) {
        self.made.iter_mut().filter(|made| made.id == id).for_each(action);
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
            match there.iter().find(|one| one.id == made.id) {
                Some(one) if made.runs && !one.runs => return Err((Wrong::Still, made.id)),
                Some(one) if open == Some((Command::Start, made.id)) && one.runs => {
                    self.acknowledge(Command::Start, made.id);
                    effective = true;
                }
                Some(_) => {}
                None if open == Some((Command::Destroy, made.id)) => {
                    self.acknowledge(Command::Destroy, made.id);
                    effective = true;
                }
                None => return Err((Wrong::Lost, made.id)),
            }
        }
        for one in there.iter().filter(|one| expected.iter().all(|made| made.id != one.id)) {
            let asked = open.is_some_and(|(command, _)| command == Command::Create);
            if !asked || effective {
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
            let runs = [RUNNING, WAITING].contains(&(record.state & 0xff));
            there.try_push(Made { id: record.id, runs }).map_err(|_| Trouble::Nonsense)?;
        }
        from = record.id + 1;
    }
}

const RUNNING: u32 = abi::message::resource::PartitionState::Running as u32;
const WAITING: u32 = abi::message::resource::PartitionState::Waiting as u32;
