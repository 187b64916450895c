//! The resource service: keeps a copy of the resource manager's books, and decides by it what a new partition gets.
//!
//! Policy lives here, not in the manager: which memory, which processor, which slots, and why not. What is decided goes to
//! the manager as one request that says what must be free; if that is not so any more the copy is brought up to date and
//! it is decided again. The service may die at any time: another one takes a new copy and goes on.

#![cfg_attr(not(test), no_std)]
#![cfg_attr(not(test), deny(clippy::as_conversions, clippy::arithmetic_side_effects))]

extern crate alloc;

mod authority;
mod change;
mod create;
mod map;
mod memory;
mod near;
mod place;
mod refusal;
mod size;
mod snapshot;
#[cfg(test)]
mod tests;
mod zones;

pub use authority::{Answer, Authority, Failure, read_table};
pub use create::{Created, NotCreated, Options, Service};
pub use map::{MapText, Zoom};
pub use memory::{Run, room_for};
pub use near::several_nodes;
pub use place::{Far, Placed, View, Wish, place};
pub use refusal::{Refusal, ZoneKind};
pub use size::{Size, pad};
pub use snapshot::{Snapshot, query};
