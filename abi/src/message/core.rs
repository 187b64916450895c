//! What is left of a partition: registers and memory of one that stands still, or of its last life, as a debugger wants to see them.

use super::codes;
use crate::image::Name;
use crate::types::PAGE_SIZE;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

codes! {
    /// What is wanted of it.
    CoreWhat {
        /// [`CoreRegisters`] of each context from number `from` on.
        Registers = 0,
        /// [`CoreRun`] for each run of pages from place `from` on.
        Runs = 1,
        /// [`CorePage`] for each page with contents from place `from` on. Places that nobody needs are stepped over: an answer
        /// may hold none, and yet not be the last.
        Pages = 2,
    }
}

/// Which piece of which corpse.
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct CoreQuery {
    /// [`crate::types::PartitionId`].
    pub partition: u32,
    /// 0: as it stands still now; 1: what was kept of its last life.
    pub last: u32,
    /// A [`CoreWhat`].
    pub what: u32,
    /// Zero.
    pub reserved: u32,
    /// Where to begin; 0 for the beginning, else what the answer before said.
    pub from: u64,
    /// [`CoreReply::stamp`] of the answers before; 0 in the first question. Pieces of two moments never get mixed.
    pub stamp: u64,
}

/// What stands before the records, which are in the data area.
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct CoreReply {
    /// Another one as soon as it has run, or was started anew.
    pub stamp: u64,
    /// Where to go on; [`super::database::TABLE_END`]: there is no more.
    pub next: u64,
    /// Why it stopped, [`crate::fault`]; 0 with `stopped` 0 where it did not by itself.
    pub reason: u64,
    /// Which of its lives, counted from 1.
    pub life: u32,
    /// Records.
    pub count: u32,
    /// Bytes of each.
    pub size: u32,
    /// 1: it stopped by itself.
    pub stopped: u32,
    /// Pages with contents that are missing, for there was no more room to keep them.
    pub missing: u32,
    /// Zero.
    pub reserved: u32,
}

/// Registers of a context.
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct CoreRegisters {
    /// In the order of [`crate::control::ContextOperation::Register`].
    pub registers: [u64; 18],
}

/// Pages that follow each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct CoreRun {
    /// Address of the first.
    pub address: u64,
    /// Pages.
    pub pages: u32,
    /// 1: they have contents; 0: they are zero.
    pub filled: u32,
}

/// A page.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct CorePage {
    /// Its address.
    pub address: u64,
    /// What it holds.
    pub bytes: [u8; CORE_PAGE],
}

/// Bytes of a page.
pub const CORE_PAGE: usize = 4096;
const _: () = assert!(PAGE_SIZE == 4096);

/// A corpse that was kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct CorpseRecord {
    /// Name of the partition.
    pub name: Name,
    /// [`crate::types::PartitionId`].
    pub id: u32,
    /// Which of its lives, counted from 1.
    pub life: u32,
    /// When that ended, nanoseconds.
    pub time: u64,
    /// Why, [`crate::fault`].
    pub reason: u64,
    /// Pages of memory that the corpse takes.
    pub pages: u32,
    /// Pages with contents that are missing in it.
    pub missing: u32,
}
