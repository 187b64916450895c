//! The resource manager's books: who owns which frame, which partitions and channels there are, and what became of them.
//!
//! They are one database of pages (`owner-map`): the map of owners, a descriptor for each partition that holds its row, pages of
//! rows of channels, and the log. Every change is part of a transaction with before- and after-images, logged before it is made:
//! whoever opens books that were left in the middle of one finds them as they were before it. There is no heap.

#![cfg_attr(not(test), no_std)]
#![cfg_attr(not(test), deny(clippy::as_conversions, clippy::arithmetic_side_effects))]

mod berths;
mod books;
mod devices;
mod ends;
mod fields;
mod free;
mod give;
mod hardware;
mod heap;
mod history;
mod layout;
mod lines;
mod open;
mod owner;
mod processors;
mod rows;
mod slots;
mod space;
mod table;
#[cfg(test)]
mod tests;
mod words;

pub use abi::message::database::Stage;
pub use books::{Books, Cause, Problem};
pub use hardware::{DeviceRow, ProcessorRow, ProcessorState};
pub use heap::{PIECES, Piece, heap_tables};
pub use history::Touched;
pub use layout::{Capacity, bytes_needed};
pub use lines::{Of, Place, Step, Value};
pub use open::OpenError;
pub use owner::Owner;
pub use owner_map::{Name, Outcome, Page, Run, Transaction};
pub use rows::{ChannelRow, End, Extent, Link, OPEN_CORPSE, PartitionRow};
