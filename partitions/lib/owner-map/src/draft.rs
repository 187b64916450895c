//! What a transaction would make of the pages of a database, beside them: copies of those that it is about, and the records of it
//! that the log is to get.
//!
//! A copy stays true after its transaction, since that is made of the page itself then: the next one finds it there.

use crate::log::LOG_OPERATIONS;
use crate::page::Page;
use crate::record::Words;
use crate::slab::PageWords;
use crate::words::replace;

/// Most pages that one transaction may be about.
const COPIES: usize = 32;
/// Most records of one.
const RECORDS: usize = 120;
/// Words that are made at once: as many as a page has 64 times.
const PART: usize = 16;
const _: () = assert!(LOG_OPERATIONS == 120 && COPIES <= 32);

/// So many words.
pub(crate) type Part = [u32; PART];
const _: () = assert!(size_of::<Part>() * 64 == size_of::<PageWords>());

/// Pages that differ from those in memory.
pub struct Draft<'m> {
    /// Whether the copies are what is read and written.
    on: bool,
    /// Whether there was no copy for a page.
    full: bool,
    /// Copies that the transaction has written to, one bit each.
    written: u32,
    /// Parts of each copy that it has written to, one bit each.
    parts: [u64; COPIES],
    /// The copy that is taken next.
    next: usize,
    /// The page that each is a copy of.
    whose: [Option<usize>; COPIES],
    space: DraftSpace<'m>,
}

/// The memory of a draft. None of it must outlive anybody.
pub struct DraftSpace<'m> {
    copies: &'m mut [PageWords],
    records: &'m mut [Words],
    /// For each page one more than the number of its copy, 0 where it has none.
    of: &'m mut [u8],
}

impl<'m> DraftSpace<'m> {
    /// Copies, records and bytes that a database of so many pages needs.
    #[must_use]
    pub const fn sizes(pages: usize) -> [usize; 3] {
        [COPIES, RECORDS, pages]
    }

    /// Memory of these [sizes](Self::sizes).
    #[must_use]
    pub fn new(copies: &'m mut [PageWords], records: &'m mut [Words], of: &'m mut [u8]) -> Self {
        of.fill(0);
        Self { copies, records, of }
    }
}

impl<'m> Draft<'m> {
    /// Nothing drafted yet.
    #[must_use]
    pub fn new(space: DraftSpace<'m>) -> Self {
        let (on, full, written, next) = (false, false, 0, 0);
        Self { on, full, written, parts: [0; COPIES], next, whose: [None; COPIES], space }
    }

    pub(crate) fn begin(&mut self) {
        (self.on, self.full, self.written) = (true, false, 0);
    }

    pub(crate) fn land(&mut self) {
        self.on = false;
    }

    pub(crate) fn forget(&mut self) {
        let written = self.written;
        let all = self.whose.iter_mut().enumerate();
        for (_, whose) in all.filter(|(number, _)| written & bit(*number) != 0) {
            let of = whose.take().and_then(|at| self.space.of.get_mut(at));
            of.into_iter().for_each(|of| *of = 0);
        }
        (self.on, self.full, self.written) = (false, false, 0);
    }

    /// A page is written to beside any transaction: its copy is none any more.
    pub(crate) fn differs(&mut self, at: usize) {
        self.space.of.get_mut(at).into_iter().for_each(|of| *of = 0);
    }

    pub(crate) fn is_on(&self) -> bool {
        self.on
    }

    pub(crate) fn is_full(&self) -> bool {
        self.full
    }

    /// The copy of a page, where it has one.
    pub(crate) fn page(&self, at: usize) -> Option<&PageWords> {
        let number = usize::from(*self.space.of.get(at)?).checked_sub(1)?;
        self.space.copies.get(number)
    }

    /// The copy of a page, to write so many words of it; `None` where there is no room for one.
    pub(crate) fn page_mut(
        &mut self,
        at: usize,
        page: &PageWords,
        [start, count]: [u16; 2],
    ) -> Option<&mut PageWords> {
        let number = self.number(at, page)?;
        self.mark(number, parts_of(start, count));
        self.space.copies.get_mut(number)
    }

    /// Writes words of a page where they differ, and notes that as records from one on. The next record; `None` without room.
    pub(crate) fn write_words(
        &mut self,
        (at, page): (usize, &PageWords),
        (name, first): (Page, u16),
        after: &[u32],
        noted: u16,
    ) -> Option<u16> {
        let number = self.number(at, page)?;
        let copy = self.space.copies.get_mut(number)?;
        let words = copy.get_mut(usize::from(first)..)?.get_mut(..after.len())?;
        let records = self.space.records.get_mut(usize::from(noted)..)?;
        let mut parts = 0;
        let used = replace(words, after, records, |record, start, count| {
            let index = first.wrapping_add(start);
            [record[0], record[1], record[2]] =
                [6 | u32::from(count) << 16, name.number(), index.into()];
            parts |= parts_of(index, count);
        });
        if parts != 0 {
            self.mark(number, parts);
        }
        noted.checked_add(used?)
    }

    /// Number of the copy of a page, which is made where there is none.
    fn number(&mut self, at: usize, page: &PageWords) -> Option<usize> {
        match usize::from(*self.space.of.get(at)?).checked_sub(1) {
            Some(number) => Some(number),
            None => self.copy(at, page),
        }
    }

    /// Notes that parts of a copy were written to.
    fn mark(&mut self, number: usize, more: u64) {
        let first = self.written & bit(number) == 0;
        if let Some(parts) = self.parts.get_mut(number) {
            *parts = if first { more } else { *parts | more };
        }
        self.written |= bit(number);
    }

    /// Makes a copy of a page where none that was written to is.
    fn copy(&mut self, at: usize, page: &PageWords) -> Option<usize> {
        let order = (self.next..COPIES).chain(0..self.next);
        let Some(number) = order.into_iter().find(|number| self.written & bit(*number) == 0) else {
            self.full = true;
            return None;
        };
        self.next = number.wrapping_add(1) % COPIES;
        let one = u8::try_from(number).ok()?.checked_add(1)?;
        let old = self.whose.get_mut(number)?.replace(at);
        let old = old.and_then(|old| self.space.of.get_mut(old));
        old.filter(|of| **of == one).into_iter().for_each(|of| *of = 0);
        *self.space.of.get_mut(at)? = one;
        *self.space.copies.get_mut(number)? = *page;
        Some(number)
    }

    /// Copies that were written to, one bit each.
    pub(crate) fn written(&self) -> u32 {
        self.written
    }

    /// One of them: of which page, which parts of it were written to, and what it says.
    pub(crate) fn copied(&self, number: usize) -> Option<(usize, u64, &[Part])> {
        let words = self.space.copies.get(number)?.as_chunks::<PART>().0;
        Some(((*self.whose.get(number)?)?, *self.parts.get(number)?, words))
    }

    pub(crate) fn note(&mut self, at: u16, record: &Words) {
        if let Some(to) = self.space.records.get_mut(usize::from(at)) {
            *to = *record;
        }
    }

    pub(crate) fn noted(&self, at: u16) -> Words {
        self.space.records.get(usize::from(at)).copied().unwrap_or_default()
    }

    /// Words of so many records.
    #[cfg(not(feature = "fuse"))]
    pub(crate) fn records(&self, at: u16, count: u16) -> &[u32] {
        let start = usize::from(at);
        let end = start.wrapping_add(usize::from(count));
        self.space.records.get(start..end).unwrap_or_default().as_flattened()
    }
}

/// The parts in which so many words from one on are, one bit each.
fn parts_of(start: u16, count: u16) -> u64 {
    let last = start.wrapping_add(count.wrapping_sub(1));
    let [first, last] = [start, last].map(|word| u32::from(word >> 4) & 63);
    u64::MAX.wrapping_shl(first) & u64::MAX.wrapping_shr(63_u32.wrapping_sub(last))
}

fn bit(number: usize) -> u32 {
    u32::try_from(number).map_or(0, |number| 1_u32.wrapping_shl(number))
}
