//! The resource manager's books: who owns which frame, which partitions and channels there are, and what became of them.
//!
//! Everything lies in memory that is given, in fixed tables, so it runs for ever without fragmentation and outlives its
//! reader. Every change is part of a transaction with before- and after-images, logged before it is applied: whoever opens
//! books that were left in the middle of one finds them as they were before it.

#![cfg_attr(not(test), no_std)]
#![cfg_attr(not(test), deny(clippy::as_conversions, clippy::arithmetic_side_effects))]

mod books;
mod frames;
mod log;
mod open;
mod owner;
mod recent;
mod rows;
mod slots;
mod table;
#[cfg(test)]
mod tests;

pub use books::{Books, Problem};
pub use open::{Capacity, OpenError, bytes_needed};
pub use owner::Owner;
pub use recent::Touched;
pub use rows::{ChannelRow, End, Extent, PartitionRow, Stage};
