//! Infrastructure that dies in every way, one life after the other: see README.md.

#![cfg_attr(target_os = "none", no_std, no_main)]

use mortal::WAYS;
use rt::abi::image::name_text;
use rt::{Nanoseconds, Partition, Signal, Start, Stop, System, Timer, time};

/// Each part dies as often as there are ways, one after the other: this long after the machine began, and this long after each other.
const BEGIN: u64 = 1_500_000_000;
const APART: u64 = 600_000_000;
/// How often and how many times the last life says what it noted.
const AGAIN: Nanoseconds = time::milliseconds(300);
const TIMES: u32 = 4;

/// The partition.
struct Main {
    part: Part,
    life: usize,
    timer: Option<Timer>,
    /// Which of [`PARTS`].
    place: usize,
    said: u32,
}

/// Whose part it plays.
#[expect(
    clippy::large_enum_variant,
    reason = "there is one of it, and boxes are for those who move"
)]
enum Part {
    Console(io_console::Main),
    Command(command::Main),
    Boot(boot::Rescuer),
}

/// Has the part do something.
macro_rules! part {
    ($main:expr, $part:ident => $action:expr) => {
        match &mut $main.part {
            Part::Console($part) => $action,
            Part::Command($part) => $action,
            Part::Boot($part) => $action,
        }
    };
}

/// Where in lasting memory notes begin, in words: boot has one of its own at the beginning.
const NOTES: usize = 8;

/// What is noted of a life: when it began, and when it was about to end.
#[derive(Clone, Copy)]
enum Moment {
    Begin = 0,
    End = 1,
}

fn note(system: &System, life: usize, moment: Moment) {
    if let Some(lasting) = system.lasting() {
        let now = time::now().raw();
        lasting.write_bytes(8 * (NOTES + 2 * life + moment as usize), &now.to_le_bytes());
    }
}

/// Nanoseconds.
fn noted(system: &System, life: usize, moment: Moment) -> u64 {
    let mut word = [0; 8];
    if let Some(lasting) = system.lasting() {
        lasting.read_bytes(8 * (NOTES + 2 * life + moment as usize), &mut word);
    }
    u64::from_le_bytes(word)
}

impl Main {
    /// Says how long it took from each death to the life after it.
    fn tell(&mut self, system: &System) {
        let name = PARTS[self.place];
        for (life, (way, _)) in (1..).zip(WAYS) {
            let (end, begin) =
                (noted(system, life, Moment::End), noted(system, life + 1, Moment::Begin));
            rt::log!("doomed: {name} {way} {} us", begin.saturating_sub(end) / 1000);
        }
        self.said += 1;
    }
}

/// The parts, in the order in which they die.
const PARTS: [&str; 3] = ["io-console", "command", "boot"];

impl Partition for Main {
    fn started(system: &mut System, start: &Start) -> Self {
        let life = usize::try_from(start.starts).unwrap_or(usize::MAX);
        if life <= WAYS.len() + 1 {
            note(system, life, Moment::Begin);
        }
        let name = system.information().map(|information| information.name).unwrap_or_default();
        let place = PARTS.into_iter().position(|part| part == name_text(&name)).unwrap_or(0);
        let part = match place {
            0 => Part::Console(Partition::started(system, start)),
            1 => Part::Command(Partition::started(system, start)),
            _ => Part::Boot(Partition::started(system, start)),
        };
        let before = (place * WAYS.len() + life - 1) as u64;
        let end = Nanoseconds::new(BEGIN + before * APART);
        let timer = if life <= WAYS.len() { system.at(end) } else { system.after(AGAIN) };
        Self { part, life, timer, place, said: 0 }
    }

    fn signal(&mut self, system: &mut System, signal: Signal) {
        part!(self, part => part.signal(system, signal));
    }

    fn peer_restarted(&mut self, system: &mut System, signal: Signal) {
        part!(self, part => part.peer_restarted(system, signal));
    }

    fn client_joined(&mut self, system: &mut System, signal: Signal) {
        part!(self, part => part.client_joined(system, signal));
    }

    fn client_left(&mut self, system: &mut System, signal: Signal) {
        part!(self, part => part.client_left(system, signal));
    }

    fn deadline(&mut self, system: &mut System, timer: Timer) {
        if self.timer != Some(timer) {
            return part!(self, part => part.deadline(system, timer));
        }
        if let Some((_, way)) = self.life.checked_sub(1).and_then(|life| WAYS.get(life)) {
            note(system, self.life, Moment::End);
            way();
        }
        self.tell(system);
        self.timer = system.after(AGAIN).filter(|_| self.said < TIMES);
    }

    fn rescue(&mut self, system: &mut System) {
        part!(self, part => part.rescue(system));
    }

    fn changed(&mut self, system: &mut System) {
        part!(self, part => part.changed(system));
    }

    fn stop_asked(&mut self, system: &mut System) -> Stop {
        part!(self, part => part.stop_asked(system))
    }
}

rt::entry!(Main, channels = 128, others = boot::emergency);

#[cfg(not(target_os = "none"))]
fn main() {}
