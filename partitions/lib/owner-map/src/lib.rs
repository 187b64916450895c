//! The owner map: whose every page of the machine's memory is, as index pages of 1024 entries at scales of 2^10, records of words
//! beside it, and the transactions that change both.
//!
//! Source: WO 2005/036358, paragraphs 197-198 and 207-224. Everything lies in 4 KiB pages of 32-bit words behind [`Memory`]; there is
//! no heap, and an operation costs the same on 64 MiB and on 4 PiB. A transaction is checked as a whole, written to the log, and
//! made, in this order, and one write at the end commits it: whoever opens a map that was left in the middle of a transaction
//! finds it as it was before.

#![cfg_attr(not(test), no_std)]
#![cfg_attr(not(test), deny(clippy::as_conversions, clippy::arithmetic_side_effects))]

mod apply;
mod descriptor;
mod draft;
mod entry;
mod format;
mod log;
mod look;
mod map;
mod master;
mod memory;
mod operation;
mod page;
mod record;
mod rules;
mod slab;
mod standing;
mod walk;
mod words;

pub use descriptor::{Kind, Name, RECORD};
pub use draft::{Draft, draft_sizes};
pub use entry::Entry;
pub use format::{FormatError, Layout, Section};
pub use log::{Cause, LEAST_LOG_PAGES, LOG_OPERATIONS, Outcome, Transaction};
pub use look::Leaf;
pub use map::{OpenError, OwnerMap};
pub use master::{AT_INDEX, AT_USER, Master, Pool, Pools};
pub use memory::{Memory, WORDS, halves, join};
pub use operation::{Operation, Problem, Refusal, Run, WRITE_WORDS};
pub use page::{Page, Scale};
pub use record::{Record, Words};
pub use slab::{PageWords, Slab};
pub use walk::Seen;
pub use words::Pair;
