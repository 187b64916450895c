//! Measures the kernel's paths from outside. One program, two roles: where the manifest gives it the channel "ask" it
//! measures, where it gives it that channel to serve it is the other side. With channels there and back it keeps both busy.

#![no_std]
#![no_main]

mod asks;
mod busy;
mod creates;
mod line;
mod report;
mod serves;
mod stamp;
mod worst;

use asks::Asks;
use busy::Busy;
use rt::{Partition, Signal, Start, System, Timer};
use serves::Serves;

rt::entry!(Main);

rt::protocol! {
    /// What the asking side wants the other side to do.
    pub Bench;
    /// The part of the other side. All but the last two are answered before it begins.
    pub enum Play {
        /// Answers each call by a call.
        Call = 1,
        /// Waits, then rings, each time.
        PingPong = 2,
        /// Yields.
        Yield = 3,
        /// Takes interrupts; the stamps are asked for later.
        Interrupts = 4,
        /// Nothing but the answer, the same bytes.
        Echo = 5,
        /// Answers with the ticks that a batch of echoes took.
        Cost = 6,
        /// Echoes as many batches as there are without ever waiting.
        Busy = 7,
    }
    /// How it went.
    pub enum Played {
        /// Well.
        Ok = 0,
        /// No such part.
        NotUnderstood = 1,
    }
}

/// Rounds that count, after [`WARM`] that do not.
pub const ROUNDS: u64 = 20_000;
/// Rounds before those that count.
pub const WARM: u64 = 100;
/// Interrupts that are timed.
pub const INTERRUPTS: usize = 128;
/// Requests of a batch on the channel that is kept busy.
pub const BATCH: u64 = 16;
/// Batches on that channel.
pub const BATCHES: u64 = 256;

/// The partition.
enum Main {
    Asks(Asks),
    Serves(Serves),
    Busy(Busy),
}

impl Partition for Main {
    fn started(system: &mut System, _: &Start) -> Self {
        if let Some(busy) = Busy::find(system) {
            return Self::Busy(busy);
        }
        match system.client("ask") {
            Some(server) => Self::Asks(Asks::new(system, server)),
            None => Self::Serves(Serves::new(system)),
        }
    }

    fn signal(&mut self, system: &mut System, _: Signal) {
        match self {
            Self::Serves(serves) => serves.serve(system),
            Self::Busy(busy) => busy.follow(system),
            Self::Asks(_) => {}
        }
    }

    fn deadline(&mut self, system: &mut System, _: Timer) {
        match self {
            Self::Asks(asks) => asks.measure(system),
            Self::Busy(busy) => busy.lead(system),
            Self::Serves(_) => {}
        }
    }
}
