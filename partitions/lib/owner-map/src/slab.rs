//! Pages that lie one after the other in one piece of memory.

use crate::draft::{Draft, Part};
use crate::memory::{Memory, WORDS};
use crate::page::Page;
use crate::record::Words;
use core::sync::atomic::{Ordering, compiler_fence};

/// Words of a page.
pub type PageWords = [u32; 1024];
const _: () = assert!(WORDS == 1024);

/// The memory of a database all of whose pages follow each other: a page is found by one subtraction. What lies elsewhere reads as zeroes.
pub struct Slab<'m> {
    base: u32,
    pages: &'m mut [PageWords],
    draft: Draft<'m>,
    #[cfg(feature = "fuse")]
    fuse: Option<(u64, fn())>,
}

impl<'m> Slab<'m> {
    /// Memory whose first page is `base`, and what its transactions are drafted in.
    #[must_use]
    pub fn new(base: Page, pages: &'m mut [PageWords], draft: Draft<'m>) -> Self {
        Self {
            base: base.number(),
            pages,
            draft,
            #[cfg(feature = "fuse")]
            fuse: None,
        }
    }

    /// The words of a page, as the transaction in progress would leave them.
    #[must_use]
    pub fn page(&self, page: Page) -> Option<&PageWords> {
        let at = usize::try_from(page.number().wrapping_sub(self.base)).ok()?;
        if self.draft.is_on() { self.drafted(at) } else { self.pages.get(at) }
    }

    fn drafted(&self, at: usize) -> Option<&PageWords> {
        self.draft.page(at).or_else(|| self.pages.get(at))
    }

    /// Drafts words in a row that differ, and notes that as records from one on. The next record; `None` without room for it.
    pub(crate) fn write_words(
        &mut self,
        page: Page,
        first: u16,
        after: &[u32],
        noted: u16,
    ) -> Option<u16> {
        let at = usize::try_from(page.number().wrapping_sub(self.base)).ok()?;
        self.draft.write_words((at, self.pages.get(at)?), (page, first), after, noted)
    }

    fn words(&self, page: Page, index: u16, count: u16) -> Option<&[u32]> {
        let start = usize::from(index);
        self.page(page)?.get(start..start.wrapping_add(usize::from(count)))
    }

    fn words_mut(&mut self, page: Page, index: u16, count: u16) -> Option<&mut [u32]> {
        let at = usize::try_from(page.number().wrapping_sub(self.base)).ok()?;
        let start = usize::from(index);
        let words = if self.draft.is_on() {
            self.draft.page_mut(at, self.pages.get(at)?, [index, count])?
        } else {
            // Recovery rests on the order of writes, and the manager may end between any two of them.
            compiler_fence(Ordering::SeqCst);
            self.draft.differs(at);
            self.pages.get_mut(at)?
        };
        words.get_mut(start..)?.get_mut(..usize::from(count))
    }

    /// After that many writes from now on `end` is called before each, and must not return.
    #[cfg(feature = "fuse")]
    pub fn fuse(&mut self, writes: Option<u64>, end: fn()) {
        self.fuse = writes.map(|writes| (writes, end));
    }

    /// Writes left of those that [`fuse`](Self::fuse) allowed.
    #[cfg(feature = "fuse")]
    #[must_use]
    pub fn left(&self) -> Option<u64> {
        self.fuse.map(|(left, _)| left)
    }
}

/// Number of the lowest bit that is set.
fn lowest(bits: u64) -> Option<usize> {
    if bits == 0 { None } else { usize::try_from(bits.trailing_zeros()).ok() }
}

/// Before a write to memory.
#[cfg(feature = "fuse")]
fn burn(fuse: &mut Option<(u64, fn())>) {
    match fuse {
        Some((0, end)) => end(),
        Some((left, _)) => *left = left.wrapping_sub(1),
        None => {}
    }
}

impl Memory for Slab<'_> {
    fn read(&self, page: Page, index: u16) -> u32 {
        let word = self.page(page).and_then(|words| words.get(usize::from(index & 1023)));
        word.copied().unwrap_or(0)
    }

    fn write(&mut self, page: Page, index: u16, value: u32) {
        #[cfg(feature = "fuse")]
        if !self.draft.is_on() {
            burn(&mut self.fuse);
        }
        if let Some([word]) = self.words_mut(page, index & 1023, 1) {
            *word = value;
        }
    }

    fn load(&self, page: Page, index: u16, to: &mut [u32]) {
        let count = u16::try_from(to.len()).unwrap_or(0);
        match self.words(page, index, count) {
            Some(words) => to.copy_from_slice(words),
            None => to.fill(0),
        }
    }

    fn store(&mut self, page: Page, index: u16, from: &[u32]) {
        #[cfg(feature = "fuse")]
        if !self.draft.is_on() {
            return (index..).zip(from).for_each(|(at, word)| self.write(page, at, *word));
        }
        let count = u16::try_from(from.len()).unwrap_or(0);
        if let Some(words) = self.words_mut(page, index, count) {
            words.copy_from_slice(from);
        }
    }

    fn fill(&mut self, page: Page, index: u16, count: u16, value: u32) {
        #[cfg(feature = "fuse")]
        if !self.draft.is_on() {
            let end = index.wrapping_add(count);
            return (index..end).for_each(|at| self.write(page, at, value));
        }
        if let Some(words) = self.words_mut(page, index, count) {
            words.fill(value);
        }
    }

    fn other_than(&self, page: Page, index: u16, count: u16, value: u32) -> Option<u32> {
        let words = self.words(page, index, count).unwrap_or_default();
        words.iter().copied().find(|&word| word != value)
    }

    fn draft(&mut self) {
        self.draft.begin();
    }

    fn land(&mut self) {
        self.draft.land();
    }

    fn make(&mut self) {
        let mut copies = self.draft.written();
        while let Some(number) = lowest(copies.into()) {
            copies &= copies.wrapping_sub(1);
            let Some((at, mut parts, from)) = self.draft.copied(number) else { continue };
            let to = self.pages.get_mut(at);
            let to: &mut [Part] = to.map(|page| page.as_chunks_mut().0).unwrap_or_default();
            while let Some(part) = lowest(parts) {
                parts &= parts.wrapping_sub(1);
                let (Some(to), Some(from)) = (to.get_mut(part), from.get(part)) else { continue };
                // Recovery rests on what was logged before.
                compiler_fence(Ordering::SeqCst);
                #[cfg(not(feature = "fuse"))]
                (*to = *from);
                #[cfg(feature = "fuse")]
                to.iter_mut().zip(from).filter(|(to, from)| to != from).for_each(|(to, from)| {
                    burn(&mut self.fuse);
                    *to = *from;
                });
            }
        }
    }

    fn forget(&mut self) {
        self.draft.forget();
    }

    fn is_full(&self) -> bool {
        self.draft.is_full()
    }

    fn note(&mut self, at: u16, record: &Words) {
        self.draft.note(at, record);
    }

    fn noted(&self, at: u16) -> Words {
        self.draft.noted(at)
    }

    #[cfg(not(feature = "fuse"))]
    fn log(&mut self, at: u16, count: u16, page: Page, index: u16) {
        compiler_fence(Ordering::SeqCst);
        let place = usize::try_from(page.number().wrapping_sub(self.base)).unwrap_or(usize::MAX);
        let words = self.draft.records(at, count);
        let start = usize::from(index);
        let to = self
            .pages
            .get_mut(place)
            .and_then(|page| page.get_mut(start..)?.get_mut(..words.len()));
        if let Some(to) = to {
            to.copy_from_slice(words);
        }
    }
}
