//! Kills infrastructure at random instructions, while others work. One program, three roles by the channels that the manifest gives it: with
//! "maker-0" to ask over it kills and judges, with "work" to serve it makes and ends partitions, else it is one of two witnesses.

#![no_std]
#![no_main]

extern crate alloc;

mod campaign;
mod maker;
mod report;
mod victim;
mod witness;

use maker::Maker;
use reaper::journal::COMMANDS;
use rt::{Client, Partition, Signal, Start, System, Timer};
use witness::Witness;
use zerocopy::{FromBytes, Immutable, IntoBytes};

rt::entry!(Main);

rt::protocol! {
    /// What the reaper and its makers say to each other.
    pub Work;
    /// What a maker is to do.
    pub enum Job {
        /// An [`Order`]; answered at once. It makes and ends partitions from now on.
        Begin = 1,
        /// Ends all that it made; answered with a [`Tally`].
        Finish = 2,
    }
    /// How it went.
    pub enum Done {
        /// As it was asked.
        Ok = 0,
        /// No such job.
        NotUnderstood = 1,
    }
}

rt::protocol! {
    /// What the two witnesses say to each other, and the reaper to them.
    pub Beating;
    /// What is said.
    pub enum Beat {
        /// From witness to witness, in each frame.
        Beat = 1,
        /// Answered with the [`Gaps`] since it was last asked.
        Tell = 2,
    }
    /// How it went.
    pub enum Beaten {
        /// Heard.
        Ok = 0,
        /// Not understood.
        NotUnderstood = 1,
    }
}

/// What a maker is to make.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct Order {
    /// The partition of the manifest that they are like.
    pub like: u32,
    /// Of its random choices, not 0.
    pub seed: u32,
    /// The processor that they are on.
    pub home: u32,
}

/// What a maker did.
#[derive(Clone, Copy, Default, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct Tally {
    /// Commands that were acknowledged, by [`reaper::journal::Command`].
    pub acknowledged: [u32; COMMANDS],
    /// Commands whose answer was lost with the resource manager's life.
    pub unanswered: u32,
    /// Of them those that had taken effect.
    pub effective: u32,
    /// The first thing that was not as it was acknowledged: a [`reaper::journal::Wrong`], 0 for none.
    pub wrong: u32,
    /// The partition it is about, or the number of what was answered.
    pub about: u32,
}

/// What a witness noted, in nanoseconds.
#[derive(Clone, Copy, Default, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct Gaps {
    /// Longest time between two of its own beats.
    pub own: u64,
    /// Longest time without a message of the other witness.
    pub heard: u64,
}

/// The partition.
enum Main {
    /// Has said all it has to say.
    Reaper,
    Maker(Maker),
    Witness(Witness),
}

impl Partition for Main {
    fn started(system: &mut System, _: &Start) -> Self {
        let makers: Option<Client<Work>> = system.client("maker-0");
        if makers.is_some() {
            campaign::run(system);
            return Self::Reaper;
        }
        match system.server("work") {
            Some(reaper) => Self::Maker(Maker::new(system, reaper)),
            None => Self::Witness(Witness::new(system)),
        }
    }

    fn signal(&mut self, system: &mut System, signal: Signal) {
        match self {
            Self::Reaper => {}
            Self::Maker(maker) => maker.serve(system),
            Self::Witness(witness) => witness.hear(system, signal),
        }
    }

    fn deadline(&mut self, system: &mut System, _: Timer) {
        match self {
            Self::Reaper => {}
            Self::Maker(maker) => maker.go_on(system),
            Self::Witness(witness) => witness.beat(system),
        }
    }
}
