//! What a transaction would make of the pages of a database, beside them: copies of those that it is about, and the records of it
//! that the log is to get.
//!
//! A copy stays true after its transaction, since that is made of the page itself then: the next one finds it there.

use crate::log::LOG_OPERATIONS;
use crate::page::Page;
use crate::record::Words;
use crate::slab::PageWords;
use crate::words::{Pair, replace};

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

/// What is drafted. The copies themselves lie behind the pages, so that a page is found in one look, drafted or not.
pub struct Draft<'m> {
    /// Whether writes are drafted.
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
    records: &'m mut [Words],
    /// For each page where its words are: its own place, or that of its copy.
    of: &'m mut [u32],
}

/// Pages, records and places that a database of so many pages needs, its copies among the pages.
#[must_use]
pub const fn draft_sizes(pages: usize) -> [usize; 3] {
    [pages.saturating_add(COPIES), RECORDS, pages]
}

impl<'m> Draft<'m> {
    /// Nothing drafted yet, with memory of these [sizes](draft_sizes), none of which must outlive anybody.
    #[must_use]
    pub fn new(records: &'m mut [Words], of: &'m mut [u32]) -> Self {
        of.iter_mut().zip(0..).for_each(|(of, own)| *of = own);
        let (on, full, written, next) = (false, false, 0, 0);
        Self { on, full, written, parts: [0; COPIES], next, whose: [None; COPIES], records, of }
    }

    pub(crate) fn begin(&mut self) {
        (self.on, self.full) = (true, false);
    }

    pub(crate) fn land(&mut self) {
        self.on = false;
    }

    pub(crate) fn forget(&mut self) {
        while let Some(number) = self.next_written() {
            self.take_parts(number);
            let at = self.whose.get_mut(number).and_then(Option::take);
            at.into_iter().for_each(|at| self.differs(at));
        }
        (self.on, self.full) = (false, false);
    }

    /// A page is written to beside any transaction: its copy is none any more.
    pub(crate) fn differs(&mut self, at: usize) {
        if let (Some(of), Ok(own)) = (self.of.get_mut(at), u32::try_from(at)) {
            *of = own;
        }
    }

    pub(crate) fn is_on(&self) -> bool {
        self.on
    }

    pub(crate) fn is_full(&self) -> bool {
        self.full
    }

    /// Pages, without the copies.
    pub(crate) fn pages(&self) -> usize {
        self.of.len()
    }

    /// Where the words of a page are: in its copy, which is true whenever there is one.
    pub(crate) fn place(&self, at: usize) -> Option<usize> {
        usize::try_from(*self.of.get(at)?).ok()
    }

    /// The copy of a page, to write so many words of it; `None` where there is no room for one.
    pub(crate) fn page_mut<'a>(
        &mut self,
        at: usize,
        all: &'a mut [PageWords],
        [start, count]: [u16; 2],
    ) -> Option<&'a mut PageWords> {
        let place = self.drafted(at, all)?;
        self.mark(place, parts_of(start, count));
        all.get_mut(place)
    }

    /// Writes words of a page where they differ, and notes that as records from one on. The next record; `None` without room.
    pub(crate) fn write_words(
        &mut self,
        (at, all): (usize, &mut [PageWords]),
        (name, first): (Page, u16),
        after: &[Pair],
        noted: u16,
    ) -> Option<u16> {
        let place = self.drafted(at, all)?;
        let words = all.get_mut(place)?.get_mut(usize::from(first)..)?.as_chunks_mut().0;
        let words = words.get_mut(..after.len())?;
        let records = self.records.get_mut(usize::from(noted)..)?;
        let mut parts = 0;
        let used = replace(words, after, records, |record, start, count| {
            let index = first.wrapping_add(start);
            [record[0], record[1], record[2]] =
                [6 | u32::from(count) << 16, name.number(), index.into()];
            parts |= parts_of(index, count);
        });
        if parts != 0 {
            self.mark(place, parts);
        }
        noted.checked_add(used?)
    }

    /// Place of the copy of a page, which is made where there is none.
    fn drafted(&mut self, at: usize, all: &mut [PageWords]) -> Option<usize> {
        let place = self.place(at)?;
        if place == at { self.copy(at, all) } else { Some(place) }
    }

    /// Notes that parts of the copy at a place were written to.
    fn mark(&mut self, place: usize, more: u64) {
        let number = place.wrapping_sub(self.of.len());
        if let Some(parts) = self.parts.get_mut(number) {
            *parts |= more;
            self.written |= bit(number);
        }
    }

    /// Makes a copy of a page where none that was written to is; its place.
    fn copy(&mut self, at: usize, all: &mut [PageWords]) -> Option<usize> {
        let order = (self.next..COPIES).chain(0..self.next);
        let Some(number) = order.into_iter().find(|number| self.written & bit(*number) == 0) else {
            self.full = true;
            return None;
        };
        self.next = number.wrapping_add(1) % COPIES;
        let place = self.of.len().checked_add(number)?;
        let page = *all.get(at)?;
        *all.get_mut(place)? = page;
        let old = self.whose.get_mut(number)?.replace(at);
        old.filter(|old| self.place(*old) == Some(place))
            .into_iter()
            .for_each(|old| self.differs(old));
        *self.of.get_mut(at)? = u32::try_from(place).ok()?;
        Some(place)
    }

    /// One of the copies that were written to and not [taken](Self::take_parts) since.
    pub(crate) fn next_written(&self) -> Option<usize> {
        lowest(self.written.into())
    }

    /// A copy was not written to any more. Of which page it is, and the parts of it that were.
    pub(crate) fn take_parts(&mut self, number: usize) -> Option<(usize, u64)> {
        self.written &= !bit(number);
        let parts = core::mem::take(self.parts.get_mut(number)?);
        Some(((*self.whose.get(number)?)?, parts))
    }

    pub(crate) fn note(&mut self, at: u16) -> Option<&mut Words> {
        self.records.get_mut(usize::from(at))
    }

    pub(crate) fn noted(&self, at: u16) -> &Words {
        self.records.get(usize::from(at)).unwrap_or(&[0; 16])
    }

    /// Words of so many records.
    #[cfg(not(feature = "fuse"))]
    pub(crate) fn records(&self, at: u16, count: u16) -> &[u32] {
        let start = usize::from(at);
        let end = start.wrapping_add(usize::from(count));
        self.records.get(start..end).unwrap_or_default().as_flattened()
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

/// Number of the lowest bit that is set.
pub(crate) fn lowest(bits: u64) -> Option<usize> {
    if bits == 0 { None } else { usize::try_from(bits.trailing_zeros()).ok() }
}
