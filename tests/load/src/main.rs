//! Creates and destroys partitions in masses. One program, two roles: where the manifest gives it the channels "maker-0" to
//! "maker-3" it leads a round and says how it went (with the channel "beat": a round of changes of plan), where it gives it "work" it
//! creates and destroys.

#![no_std]
#![no_main]

mod leader;
mod maker;
mod planner;

use maker::Maker;
use rt::{Partition, Signal, Start, System};
use zerocopy::{FromBytes, Immutable, IntoBytes};

rt::entry!(Load);

rt::protocol! {
    /// What the leader and its makers say to each other.
    pub Work;
    /// What a maker is to do.
    pub enum Job {
        /// An [`Order`]; answered with a [`Tally`] when all of it is done.
        Make = 1,
    }
    /// How it went.
    pub enum Done {
        /// As the tally says.
        Ok = 0,
        /// No such job.
        NotUnderstood = 1,
    }
}

/// What a maker is to make.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct Order {
    /// Partitions to create and destroy.
    pub count: u32,
    /// The partition of the manifest that they are like.
    pub like: u32,
    /// Of its random choices, not 0.
    pub seed: u32,
}

/// What a maker did.
#[derive(Clone, Copy, Default, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct Tally {
    /// Partitions created, and all of them destroyed.
    pub made: u32,
    /// Of them started in between.
    pub started: u32,
    /// Creations refused because memory was out.
    pub refused: u32,
    /// What else went wrong, as [`load::manager::Trouble::number`]; 0: nothing.
    pub trouble: u32,
}

/// The partition.
enum Load {
    /// Has said all it has to say.
    Leader,
    /// Waits for orders.
    Maker(Maker),
}

impl Partition for Load {
    fn started(system: &mut System, start: &Start) -> Self {
        match system.server("work") {
            Some(leader) => Self::Maker(Maker::new(system, leader)),
            None => {
                match system.client("beat") {
                    Some(witnesses) => planner::change(system, witnesses, start.starts),
                    None => leader::lead(system, start.starts),
                }
                Self::Leader
            }
        }
    }

    fn signal(&mut self, system: &mut System, _: Signal) {
        if let Self::Maker(maker) = self {
            maker.serve(system);
        }
    }
}
