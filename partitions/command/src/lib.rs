//! The operator's console: lines are typed, the resource manager is asked, tables are shown.
//!
//! Everything here runs over [`Surroundings`], on the host as on the machine; [`Main`] puts the channels behind them.

#![cfg_attr(not(test), no_std)]
#![cfg_attr(not(test), deny(clippy::as_conversions, clippy::arithmetic_side_effects))]

extern crate alloc;

mod authority;
mod complaint;
mod console;
mod dumping;
mod hindrance;
mod list;
mod nodes;
mod policy;
mod session;
mod surroundings;
mod unfit;
mod verbs;
mod words;

pub use complaint::Complaint;
pub use console::Main;
pub use session::Session;
pub use surroundings::{Reply, Surroundings, Trouble};

#[cfg(test)]
mod tests;
