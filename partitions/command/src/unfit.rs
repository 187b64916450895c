//! Why a partition is not halted, moved, or given what was asked for.

use crate::words::Pages;
use core::fmt;

/// What stands against a change of what a partition has of the machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unfit<'a> {
    /// It is not paused nor moved, for everything else needs it.
    Needed {
        /// The verb.
        verb: &'static str,
        /// The partition.
        name: &'a str,
    },
    /// The processor has not so many slots left.
    NoShare {
        /// The partition.
        name: &'a str,
        /// The processor.
        processor: u32,
        /// Slots it could have.
        free: u32,
    },
    /// What it has is in none of the zones that it names.
    OutsideZones {
        /// The partition.
        name: &'a str,
    },
    /// No heap can be so large.
    TooLarge {
        /// The partition.
        name: &'a str,
        /// Pages that it can have at most.
        most: u32,
    },
    /// Its heap is in as many pieces as can be.
    InPieces {
        /// The partition.
        name: &'a str,
    },
    /// The machine has no such processor.
    NoProcessor {
        /// Its number.
        processor: u32,
    },
}

impl fmt::Display for Unfit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Needed { verb, name } => {
                write!(f, "everything else needs {name}: will not {verb} it; ps shows the others")
            }
            Self::NoShare { name, processor, free: 0 } => write!(
                f,
                "processor {processor} has nothing left for {name}: type plan to see who has it, and set another's share first"
            ),
            Self::NoShare { name, processor, free } => write!(
                f,
                "{name} can have at most {free}/16 of processor {processor}: type set {name} processor {free}/16, \
                 or plan to see who has the rest"
            ),
            Self::OutsideZones { name } => write!(
                f,
                "what {name} has of this machine is in none of the zones that it names: type create {name}, which says what is missing"
            ),
            Self::TooLarge { name, most } => {
                let most = Pages(most.into());
                write!(f, "no heap can be larger than {most}: type set {name} memory with less")
            }
            Self::InPieces { name } => write!(
                f,
                "the heap of {name} is in as many pieces as can be, or just being changed: try again, or type restart {name} and then this"
            ),
            Self::NoProcessor { processor } => write!(
                f,
                "there is no processor {processor}: machine says how many there are, from 0 on"
            ),
        }
    }
}
