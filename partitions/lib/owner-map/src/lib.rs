//! The owner map: whose every page of the machine's memory is, as index pages of 1024 entries at scales of 2^10, and the
//! transactions that change it.
//!
//! Source: WO 2005/036358, paragraphs 197-198 and 207-224. Everything lies in 4 KiB pages of 32-bit words behind [`Memory`]; there is
//! no heap, and an operation costs the same on 64 MiB and on 4 PiB. A transaction is checked as a whole, written to its page of the
//! log, applied, and marked as committed, in this order: whoever opens a map that was left in the middle of one finds it as
//! it was before.

#![cfg_attr(not(test), no_std)]
#![cfg_attr(not(test), deny(clippy::as_conversions, clippy::arithmetic_side_effects))]

mod apply;
mod descriptor;
mod draft;
mod entry;
mod format;
mod log;
mod map;
mod master;
mod memory;
mod operation;
mod page;
mod rules;
mod walk;

pub use descriptor::{Kind, Name};
pub use entry::Entry;
pub use format::{FormatError, Layout, Section};
pub use log::{LEAST_LOG_PAGES, LOG_OPERATIONS, Outcome, Transaction};
pub use map::{OpenError, OwnerMap};
pub use master::Master;
pub use memory::{Memory, WORDS};
pub use operation::{Operation, Problem, Record, Refusal, Run};
pub use page::{Page, Scale};
pub use walk::Seen;
