//! A table of rows in pages, looked at only as far as any is used.

use crate::rows::{ChannelRow, PartitionRow};
use abi::message::database::Stage;
use core::mem::offset_of;
use owner_map::{Page, Pool, RECORD, Slab, WORDS};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// A row that may be unused.
pub(crate) trait Row: Copy + FromBytes + IntoBytes + Immutable + KnownLayout {
    /// Words before the first row of a page.
    const BEFORE: u16;
    /// Rows of a page.
    const PER_PAGE: u32;
    /// The word that says how far it has come.
    const STAGE: u16;
    /// How far it has come.
    fn stage(&self) -> Stage;
}

/// 32-bit words of a row.
pub(crate) const fn words<T>() -> usize {
    size_of::<T>() >> 2
}

impl Row for PartitionRow {
    const BEFORE: u16 = RECORD;
    const PER_PAGE: u32 = 1;
    const STAGE: u16 = word(offset_of!(Self, stage));

    fn stage(&self) -> Stage {
        self.stage()
    }
}

impl Row for ChannelRow {
    const BEFORE: u16 = 0;
    const PER_PAGE: u32 = per_page::<Self>();
    const STAGE: u16 = word(offset_of!(Self, stage));

    fn stage(&self) -> Stage {
        self.stage()
    }
}

// A change of a partition's stage tells the state too.
const _: () = assert!(
    word(offset_of!(PartitionRow, state)) == PartitionRow::STAGE | 1
        && PartitionRow::STAGE & 1 == 0
);

/// The word in which a byte of a row is.
pub(crate) const fn word(byte: usize) -> u16 {
    let (mut word, mut at) = (0_u16, 4);
    while at <= byte {
        (word, at) = (word.wrapping_add(1), at.wrapping_add(4));
    }
    word
}

/// Rows that fit into a page.
pub(crate) const fn per_page<T>() -> u32 {
    let mut count: u32 = 0;
    let mut used: usize = words::<T>();
    while used <= 1024 {
        count = count.wrapping_add(1);
        used = used.wrapping_add(words::<T>());
    }
    count
}

/// The table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Table {
    pool: Pool,
    count: u32,
    /// One past the last row that is used.
    pub(crate) end: u32,
    /// All rows before this one are used.
    full: u32,
}

impl Table {
    /// Pages for so many rows.
    pub(crate) fn pages<T: Row>(count: u32) -> u32 {
        count.div_ceil(T::PER_PAGE.max(1))
    }

    /// So many rows in the pages of a pool.
    pub(crate) fn new(pool: Pool, count: u32) -> Self {
        Self { pool, count, end: count, full: 0 }
    }

    /// Page and first word of a row; `None` where there is no room for it.
    pub(crate) fn place<T: Row>(&self, id: u32) -> Option<(Page, u16)> {
        let per_page = T::PER_PAGE.max(1);
        let page = self.pool.page(u64::from(id.checked_div(per_page)?))?;
        let within = usize::try_from(id.checked_rem(per_page)?).ok()?;
        let first = u16::try_from(within.checked_mul(words::<T>())?).ok()?;
        (id < self.count).then_some((page, first.checked_add(T::BEFORE)?))
    }

    /// The row at a word of a page, and that word; `None` where there is none.
    pub(crate) fn row_at<T: Row>(&self, page: Page, word: u16) -> Option<(u32, u16)> {
        if !self.pool.contains(page) || word >= WORDS {
            return None;
        }
        let size = u16::try_from(words::<T>()).ok()?;
        let within = word.checked_sub(T::BEFORE)?.checked_div(size)?;
        let first = page.number().wrapping_sub(self.pool.first.number());
        let id = first.checked_mul(T::PER_PAGE)?.checked_add(within.into())?;
        let start = within.checked_mul(size)?.checked_add(T::BEFORE)?;
        (id < self.count).then_some((id, start))
    }

    /// A row, used or not; `None` where there is no room for it.
    pub(crate) fn row<'s, T: Row>(&self, slab: &'s Slab<'_>, id: u32) -> Option<&'s T> {
        let (page, first) = self.place::<T>(id)?;
        let words = slab.page(page)?.get(usize::from(first)..)?;
        T::ref_from_prefix(words.as_bytes()).ok().map(|(row, _)| row)
    }

    /// A row that is used.
    pub(crate) fn get<'s, T: Row>(&self, slab: &'s Slab<'_>, id: u32) -> Option<&'s T> {
        self.row(slab, id).filter(|row: &&T| row.stage() != Stage::Unused)
    }

    /// All rows that are used, with their numbers.
    pub(crate) fn iter<'s, T: Row + 's>(
        &self,
        slab: &'s Slab<'_>,
    ) -> impl Iterator<Item = (u32, &'s T)> + Clone + use<'s, '_, T> {
        self.iter_from(slab, 0)
    }

    /// Those from a number on.
    pub(crate) fn iter_from<'s, T: Row + 's>(
        &self,
        slab: &'s Slab<'_>,
        from: u32,
    ) -> impl Iterator<Item = (u32, &'s T)> + Clone + use<'s, '_, T> {
        let table = *self;
        (from..self.end).filter_map(move |id| table.get(slab, id).map(|row| (id, row)))
    }

    /// Number of the first row from `from` on that is not used.
    pub(crate) fn unused<T: Row>(&self, slab: &Slab<'_>, from: u32) -> Option<u32> {
        let unused = |id: &u32| self.get::<T>(slab, *id).is_none();
        let from = from.max(self.full);
        (from..self.end.min(self.count)).find(unused).or_else(|| {
            let next = from.max(self.end);
            (next < self.count).then_some(next)
        })
    }

    /// A row was used, or is not used any more.
    pub(crate) fn renew<T: Row>(&mut self, slab: &Slab<'_>, id: u32) {
        self.end = self.end.max(id.saturating_add(1)).min(self.count);
        self.shorten::<T>(slab);
        if id < self.full && self.get::<T>(slab, id).is_none() {
            self.full = id;
        }
        self.lengthen_full::<T>(slab);
    }

    /// Finds the first row that is not used, from where all before are used on.
    fn lengthen_full<T: Row>(&mut self, slab: &Slab<'_>) {
        while self.full < self.end && self.get::<T>(slab, self.full).is_some() {
            self.full = self.full.wrapping_add(1);
        }
    }

    /// Finds the last row that is used anew.
    pub(crate) fn end_at_last<T: Row>(&mut self, slab: &Slab<'_>) {
        (self.end, self.full) = (self.count, 0);
        self.shorten::<T>(slab);
        self.lengthen_full::<T>(slab);
    }

    /// Finds the last row that is used, from the end on.
    pub(crate) fn shorten<T: Row>(&mut self, slab: &Slab<'_>) {
        while self.end.checked_sub(1).is_some_and(|last| self.get::<T>(slab, last).is_none()) {
            self.end = self.end.wrapping_sub(1);
        }
    }
}
