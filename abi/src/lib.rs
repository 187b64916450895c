//! What kernel, loader, partitions and host tools agree on: numbers and layouts, nothing else.
//!
//! `SPEC.md` beside this crate is normative; a test compares its tables with the
//! enums here. No other place in the project may repeat a number of this crate.

#![no_std]
#![deny(missing_docs)]
#![deny(clippy::as_conversions, clippy::arithmetic_side_effects)]

pub mod boot;
pub mod call;
pub mod channel;
pub mod control;
pub mod fault;
pub mod image;
pub mod information;
pub mod layout;
pub mod manifest;
pub mod marks;
pub mod message;
pub mod nodes;
pub mod programs;
pub mod register;
pub mod rights;
pub mod stage;
pub mod trace;
pub mod types;

/// Version of everything in this crate. The upper 16 bits change when something
/// that exists changes its meaning, the lower 16 when something is added.
pub const ABI_VERSION: u32 = 0x0002_0000;

/// Whether a program built for `theirs` can run on an implementation of [`ABI_VERSION`]:
/// the same major half, and nothing asked for that is newer than what is here.
#[must_use]
pub const fn compatible(theirs: u32) -> bool {
    let (major, minor) = (ABI_VERSION >> 16, ABI_VERSION & 0xffff);
    theirs >> 16 == major && theirs & 0xffff <= minor
}
