//! Kinds of channels: who may have one of each, how many, and what the logical ones ask of a machine.
//!
//! One table, for the image builder, which refuses on the host, for the resource manager, which refuses in a transaction, and for the command partition,
//! which says why.

#![cfg_attr(not(test), no_std)]
#![cfg_attr(not(test), deny(clippy::as_conversions, clippy::arithmetic_side_effects))]

mod breach;
mod kinds;
mod matching;
#[cfg(test)]
mod tests;

pub use breach::Breach;
pub use kinds::{Already, Cardinality, Ends, RULES, Rule, lacking, may_add};
pub use matching::{Wanted, offers, wanted};
