//! What the leader of the call fuzz and its fuzzers say to each other.

#![no_std]

use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Most frames of others that a fuzzer is told of.
pub const FOREIGN: usize = 8;

rt::protocol! {
    /// What leader and fuzzer say to each other.
    pub Fuzzing;
    /// What the leader asks.
    pub enum Fuzz {
        /// An [`Order`]; answered with a [`Tally`] unless the fuzzer dies of it.
        Calls = 1,
    }
    /// How it went.
    pub enum Fuzzed {
        /// Done.
        Ok = 0,
        /// Not understood.
        Malformed = 1,
    }
}

/// What a fuzzer is to do.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct Order {
    /// What the calls follow from.
    pub seed: u64,
    /// How many calls.
    pub calls: u32,
    /// How it dies afterwards, see [`DEATHS`]; anything else: not at all.
    pub death: u32,
    /// Frames of others: of the kernel, of objects and tables, of partitions; 0 for none.
    pub foreign: [u64; FOREIGN],
}

/// Ways to die: an invalid instruction's, an exit, a panic, memory that is not there.
pub const DEATHS: u32 = 4;

/// What a fuzzer did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct Tally {
    /// Calls made.
    pub calls: u64,
    /// Calls that were done.
    pub done: u64,
    /// All answers, mixed: the same seed in the same state gives the same number.
    pub answers: u64,
}
