//! The heap in a partition's row: where its pages are, in the order of their addresses.

use crate::rows::{Extent, PartitionRow};
use abi::types::Frame;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Pieces that a heap can get beside the one it was made with.
pub const PIECES: usize = 3;
/// Pages that one table of the last level maps; the heap begins where such a table does.
const TABLE_PAGES: u32 = 512;

/// Pages that a heap got later, and the page tables that they took.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Piece {
    /// The first frame: of a table, if there are any, else of a page.
    pub start: Frame,
    /// Tables.
    pub tables: u32,
    /// Pages, which follow the tables.
    pub pages: u32,
}

impl Piece {
    /// All its frames.
    #[must_use]
    pub fn extent(&self) -> Extent {
        Extent {
            start: self.start,
            count: u64::from(self.tables).saturating_add(self.pages.into()),
        }
    }

    /// The frames of its pages from number `from` on.
    #[must_use]
    pub fn pages_from(&self, from: u32) -> Extent {
        let before = u64::from(self.tables).saturating_add(from.into());
        let start = self.start.checked_add(before).unwrap_or(self.start);
        Extent { start, count: self.pages.saturating_sub(from).into() }
    }
}

/// Tables that a heap of so many pages takes.
#[must_use]
pub fn heap_tables(pages: u32) -> u32 {
    pages.div_ceil(TABLE_PAGES)
}

impl PartitionRow {
    /// Gives it the heap that it is made with.
    pub fn make_heap(&mut self, frames: Extent) {
        self.heap = frames;
        self.heap_mapped = self.heap_pages;
        self.heap_tables = heap_tables(self.heap_pages);
    }

    /// Pages of heap that it owns, mapped or not.
    #[must_use]
    pub fn heap_owned(&self) -> u32 {
        let first = u32::try_from(self.heap.count).unwrap_or(u32::MAX);
        self.pieces.iter().fold(first, |sum, piece| sum.saturating_add(piece.pages))
    }

    /// The pages of its heap: number of the first of each run, and its frames.
    pub fn heap_runs(&self) -> impl Iterator<Item = (u32, Extent)> + use<> {
        let first = Extent { start: self.heap.start, count: self.heap.count };
        let later = self.pieces.map(|piece| piece.pages_from(0));
        let mut number = 0_u32;
        core::iter::once(first).chain(later).map(move |run| {
            let at = number;
            number = number.saturating_add(u32::try_from(run.count).unwrap_or(u32::MAX));
            (at, run)
        })
    }
}
