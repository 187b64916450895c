//! A line editor for terminals: bytes typed go in, bytes to show come out, whole lines are events.
//!
//! A state machine without memory allocation or waiting: [`Editor::feed`] takes one byte. What a terminal or a wire may send
//! beyond keys (unknown escape sequences, broken UTF-8, marks of pasted text) changes nothing. Lines wider than
//! the terminal are wrapped by the editor itself, so that it knows where the cursor is.

#![cfg_attr(not(test), no_std)]
#![cfg_attr(not(test), deny(clippy::as_conversions, clippy::arithmetic_side_effects))]

mod complete;
mod editor;
mod history;
mod keys;
mod screen;
mod text;

pub use complete::Complete;
pub use editor::{Editor, Event};
pub use keys::{Decoder, Key};
pub use screen::Sink;
pub use text::LINE;

#[cfg(test)]
mod tests;
