//! The language of the operator's console: a line becomes commands, a mistake becomes a sentence that says what to type.
//!
//! One table, [`VERBS`], is the source of parsing, completion and help. No memory is allocated: names
//! are borrowed from the line.

#![cfg_attr(not(test), no_std)]
#![cfg_attr(not(test), deny(clippy::as_conversions, clippy::arithmetic_side_effects))]

mod complete;
mod creation;
mod help;
mod mistake;
mod nearest;
mod parse;
mod settings;
mod value;
mod verbs;

pub use complete::candidates;
pub use creation::{Area, Creation};
pub use help::{Overview, Page};
pub use mistake::Mistake;
pub use nearest::nearest;
pub use parse::{Command, Going, Look, commands, parse};
pub use settings::Setting;
pub use value::BadValue;
pub use verbs::{Argument, VERBS, Verb, verb};

#[cfg(test)]
mod tests;
