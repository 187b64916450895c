//! A table of rows, looked at only as far as any is used.

use crate::log::Change;
use crate::rows::{ChannelRow, PartitionRow, Stage};
use zerocopy::FromBytes;

/// A row that may be unused.
pub(crate) trait Row: Copy + FromBytes {
    /// How far it has come.
    fn stage(&self) -> Stage;
}

impl Row for PartitionRow {
    fn stage(&self) -> Stage {
        self.stage()
    }
}

impl Row for ChannelRow {
    fn stage(&self) -> Stage {
        self.stage()
    }
}

/// The table.
pub(crate) struct Table<'m, T> {
    rows: &'m mut [T],
    /// One past the last row that is used.
    end: usize,
}

impl<'m, T: Row> Table<'m, T> {
    /// All rows there is room for.
    pub(crate) fn new(rows: &'m mut [T]) -> Self {
        let end = rows.len();
        let mut table = Self { rows, end };
        table.shorten();
        table
    }

    /// A row, used or not; `None` where there is no room for it.
    pub(crate) fn row(&self, id: u32) -> Option<&T> {
        self.rows.get(usize::try_from(id).ok()?)
    }

    /// A row that is used.
    pub(crate) fn get(&self, id: u32) -> Option<&T> {
        self.row(id).filter(|row| row.stage() != Stage::Unused)
    }

    /// All rows that are used, with their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> + Clone {
        let rows = self.rows.iter().take(self.end);
        (0..).zip(rows).filter(|(_, row)| row.stage() != Stage::Unused)
    }

    /// Number of the first row from `from` on that is not used.
    pub(crate) fn unused(&self, from: u32) -> Option<u32> {
        let rows = self.rows.iter().skip(usize::try_from(from).ok()?);
        (from..).zip(rows).find(|(_, row)| row.stage() == Stage::Unused).map(|(id, _)| id)
    }

    /// Replaces a row, if there is room for it.
    pub(crate) fn set(&mut self, id: u32, new: T) {
        let at = usize::try_from(id).unwrap_or(usize::MAX);
        if let Some(row) = self.rows.get_mut(at) {
            *row = new;
            self.end = self.end.max(at.saturating_add(1));
            self.shorten();
        }
    }

    /// Puts a row back as it was before a change.
    pub(crate) fn restore(&mut self, id: u32, change: &Change) {
        if let Some(before) = change.before() {
            self.set(id, before);
        }
    }

    fn shorten(&mut self) {
        let used = |row: &T| row.stage() != Stage::Unused;
        let rows = self.rows.get(..self.end).unwrap_or_default();
        self.end = rows.iter().rposition(used).map_or(0, |last| last.saturating_add(1));
    }
}
