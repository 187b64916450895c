//! Has a turn in every frame, answers the other one in it, and tells of the longest silence of both.

#![no_std]
#![no_main]

use rt::{Client, Nanoseconds, Partition, Server, Signal, Start, System, Timer, time};

rt::entry!(Pacer);

rt::protocol! {
    /// What two of them say to each other.
    pub Pacing;
    /// In every frame.
    pub enum Say {
        /// A beat.
        Beat = 1,
    }
    /// And back.
    pub enum Answer {
        /// Heard.
        Ok = 0,
    }
}

/// A quarter of a frame: the next beat comes in the next slot after it.
const PAUSE: Nanoseconds = Nanoseconds::new(1_600_000);
/// What is said of is longer than before by so much, for the console is slow.
const STEP: u64 = 200_000;

/// The longest time between two of something.
#[derive(Default)]
struct Gap {
    last: u64,
    longest: u64,
    told: u64,
}

impl Gap {
    /// It happens now: whether it is worth telling how long it did not.
    fn end(&mut self, now: u64) -> bool {
        let gap = if self.last == 0 { 0 } else { now - self.last };
        self.last = now;
        self.longest = self.longest.max(gap);
        let worth = self.longest > self.told + STEP;
        if worth {
            self.told = self.longest;
        }
        worth
    }
}

/// One of two.
struct Pacer {
    asks: Option<Client<Pacing>>,
    answers: Server<Pacing>,
    own: Gap,
    heard: Gap,
}

impl Partition for Pacer {
    fn started(system: &mut System, _: &Start) -> Self {
        system.after(PAUSE);
        let answers = system.server("peer").unwrap_or_default();
        Self { asks: system.client("peer"), answers, own: Gap::default(), heard: Gap::default() }
    }

    fn deadline(&mut self, system: &mut System, _: Timer) {
        if self.own.end(time::now().raw()) {
            self.tell();
        }
        if let Some(peer) = self.asks {
            // One that was not answered yet is waited for: the silence is noted when it is.
            let _ = peer.send(system, Say::Beat, &[]);
        }
        if system.after(PAUSE).is_none() {
            rt::exit();
        }
    }

    fn signal(&mut self, system: &mut System, _: Signal) {
        while let Some(request) = self.answers.next(system) {
            self.hear();
            self.answers.answer(system, &request, Answer::Ok, &[]);
        }
        while self.asks.is_some_and(|peer| peer.next(system).is_some()) {
            self.hear();
        }
    }
}

impl Pacer {
    fn hear(&mut self) {
        if self.heard.end(time::now().raw()) {
            self.tell();
        }
    }

    fn tell(&self) {
        rt::log!(
            "longest: own {} us, heard {} us",
            self.own.longest / 1000,
            self.heard.longest / 1000
        );
    }
}
