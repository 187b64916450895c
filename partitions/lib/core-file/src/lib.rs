//! Core files: what debuggers read of a program that has ended (System V ABI, chapter 5; the notes as Linux writes them for
//! x86-64), and the text in which they go over a console.
//!
//! The console writes such files on the machine, the runner on the host: one format, written once. Nothing here allocates: bytes go to
//! whoever takes them, piece by piece.

#![cfg_attr(not(test), no_std)]
#![cfg_attr(not(test), deny(clippy::as_conversions, clippy::arithmetic_side_effects))]

mod elf;
mod text;

pub use elf::{Corpse, Registers, Segment, head, length, signal};
pub use text::{Begin, Bytes, Checksum, End, LINE, TEXT, decode, encode};
