//! Makes, starts and ends partitions, one command after the other, and keeps a journal of what it was told.

use crate::{Done, Job, Order, Tally, Work};
use abi::message::change::Change;
use abi::message::resource::{Placement, ResourceRequest, ResourceStatus};
use load::manager::{Manager, Trouble};
use reaper::chance::Chance;
use reaper::journal::{AT_ONCE, Command, Journal, Made, Wrong, look};
use rt::{CallError, Nanoseconds, Server, System, time};

/// One of so many commands is followed by a look at all there is.
const LOOKS: u64 = 16;
/// Pages of heap that none grows beyond.
const LARGEST: u32 = 16;
/// More frames than any of them takes.
const ROOM: u64 = 256;
/// How often the list is begun anew because the resource manager died meanwhile.
const TRIES: u32 = 64;

/// A maker.
pub struct Maker {
    manager: Manager,
    reaper: Server<Work>,
    like: u32,
    chance: Chance,
    works: bool,
    journal: Journal,
    tally: Tally,
}

impl Maker {
    /// One that waits for the reaper's order.
    pub fn new(system: &mut System, reaper: Server<Work>) -> Self {
        Self {
            manager: Manager::of(system),
            reaper,
            like: 0,
            chance: Chance::new(1),
            works: false,
            journal: Journal::default(),
            tally: Tally::default(),
        }
    }

    /// Takes orders.
    pub fn serve(&mut self, system: &mut System) {
        while let Some(request) = self.reaper.next(system) {
            match (request.code(), request.body::<Order>()) {
                (Some(Job::Begin), Some(order)) => {
                    (self.like, self.journal.home) = (order.like, order.home);
                    self.chance = Chance::new(order.seed.into());
                    (self.works, self.tally) = (true, Tally::default());
                    self.reaper.answer(system, &request, Done::Ok, &[]);
                    self.soon(system);
                }
                (Some(Job::Finish), _) => {
                    self.works = false;
                    self.finish(system);
                    let tally = self.tally;
                    self.reaper.answer(system, &request, Done::Ok, rt::bytes(&tally));
                }
                _ => self.reaper.answer(system, &request, Done::NotUnderstood, &[]),
            }
        }
    }

    /// Gives one command, if it is to work.
    pub fn go_on(&mut self, system: &mut System) {
        if self.works && self.tally.wrong == 0 {
            let (command, id) = self.choose();
            self.give(system, command, id);
            if self.chance.one_in(LOOKS) {
                self.compare(system);
            }
            self.soon(system);
        }
    }

    fn soon(&mut self, system: &mut System) {
        if system.after(Nanoseconds::new(0)).is_none() {
            rt::exit();
        }
    }

    fn choose(&mut self) -> (Command, u32) {
        let made = self.journal.made.clone();
        if made.is_empty() || made.len() < AT_ONCE && self.chance.one_in(2) {
            let command = if self.chance.one_in(2) { Command::Create } else { Command::Place };
            return (command, self.like);
        }
        let at = self.chance.below(made.len() as u64) as usize;
        let one = made[at];
        let command = match self.chance.below(8) {
            0 if self.chance.one_in(2) => Command::Move,
            0 => Command::Share,
            1 if one.heap < LARGEST => Command::Memory,
            // The runtime of one that runs would be asked first, and these have none.
            2..=3 if !one.runs && one.heap > 0 => Command::Shrink,
            2..=4 if !one.runs => Command::Start,
            2..=3 if !one.paused => Command::Pause,
            2..=5 if one.paused => Command::Resume,
            _ => Command::Destroy,
        };
        (command, one.id)
    }

    /// Gives a command; what became of it is in the journal afterwards, whatever happened.
    fn give(&mut self, system: &mut System, command: Command, id: u32) {
        match self.ask(system, command, id) {
            Ok(id) => {
                self.tally.acknowledged[command as usize] += 1;
                self.journal.acknowledge(command, id);
            }
            Err(trouble) if is_death(trouble) => {
                self.tally.unanswered += 1;
                self.journal.open = Some((command, id));
                self.compare(system);
            }
            // Something else is being done with it just now, or others have the slots.
            Err(Trouble::Refused(ResourceStatus::Busy)) => {}
            Err(Trouble::Refused(ResourceStatus::Limit)) if takes_slots(command) => {}
            Err(Trouble::Refused(ResourceStatus::Disagrees)) if command == Command::Place => {}
            Err(trouble) => self.note(Wrong::Refused, (command as u32) << 16 | trouble.number()),
        }
    }

    fn ask(&self, system: &mut System, command: Command, id: u32) -> Result<u32, Trouble> {
        use ResourceRequest as R;
        let manager = self.manager;
        let one = self.journal.made.iter().find(|made| made.id == id).copied();
        let one = one.unwrap_or(Made::new(id, self.journal.home));
        let then = one.after(command);
        let change = |before, after| Change { partition: id, before, after };
        match command {
            Command::Create => return manager.create(system, id),
            Command::Place => return manager.place(system, &self.placement(id, &one)),
            Command::Start => manager.act(system, R::Start, id),
            Command::Destroy => manager.act(system, R::Destroy, id),
            Command::Pause => manager.act(system, R::Pause, id),
            Command::Resume => manager.act(system, R::Resume, id),
            Command::Share => manager.change(system, R::SetShare, change(one.share, then.share)),
            Command::Memory | Command::Shrink => {
                manager.change(system, R::SetMemory, change(one.heap, then.heap))
            }
            Command::Move => manager.change(system, R::Move, change(one.processor, then.processor)),
        }?;
        Ok(id)
    }

    /// Where one is to be, as a resource service would say it.
    const fn placement(&self, like: u32, one: &Made) -> Placement {
        Placement {
            definition: like,
            heap: one.heap,
            processor: one.processor as u16,
            share: one.share as u16,
            reserved: 0,
            start: Placement::ANYWHERE,
            count: ROOM,
            generation: 0,
        }
    }

    /// Compares the journal with what there is.
    fn compare(&mut self, system: &mut System) {
        for _ in 0..TRIES {
            match look(system, self.manager, self.like) {
                Ok(there) => {
                    match self.journal.compare(&there) {
                        Ok(effective) => self.tally.effective += u32::from(effective),
                        Err((wrong, id)) => self.note(wrong, id),
                    }
                    return;
                }
                Err(trouble) if is_death(trouble) => {
                    // The next one needs time to come.
                    let _ = rt::sys::wait(0, time::after(time::milliseconds(1)));
                }
                Err(trouble) => return self.note(Wrong::Refused, trouble.number()),
            }
        }
        self.note(Wrong::Silent, self.like);
    }

    /// Ends all there is.
    fn finish(&mut self, system: &mut System) {
        self.compare(system);
        for _ in 0..TRIES {
            let Some(made) = self.journal.made.last().copied() else { break };
            if self.tally.wrong == 0 {
                self.give(system, Command::Destroy, made.id);
            }
        }
        if self.tally.wrong == 0 {
            self.compare(system);
        }
    }

    fn note(&mut self, wrong: Wrong, about: u32) {
        if self.tally.wrong == 0 {
            (self.tally.wrong, self.tally.about) = (wrong as u32, about);
        }
    }
}

/// Whether a command may want slots that others have.
const fn takes_slots(command: Command) -> bool {
    command.makes() || matches!(command, Command::Share | Command::Move)
}

/// Whether the resource manager died before it answered.
fn is_death(trouble: Trouble) -> bool {
    matches!(trouble, Trouble::Channel(CallError::PeerRestarted | CallError::NoPeer))
}
