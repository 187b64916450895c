//! Pages that lie one after the other in one piece of memory.

use crate::draft::{Draft, Part, lowest};
use crate::memory::{Memory, WORDS};
use crate::page::Page;
use crate::record::Words;
use crate::words::Pair;
use core::sync::atomic::{Ordering, compiler_fence};

/// Words of a page.
pub type PageWords = [u32; 1024];
const _: () = assert!(WORDS == 1024);

/// The memory of a database all of whose pages follow each other: a page is found by one subtraction. What lies elsewhere reads as zeroes.
pub struct Slab<'m> {
    base: u32,
    /// The pages, and behind them the draft's copies.
    all: &'m mut [PageWords],
    draft: Draft<'m>,
    #[cfg(feature = "fuse")]
    fuse: Option<(u64, fn())>,
}

impl<'m> Slab<'m> {
    /// Memory whose first page is `base`, with room for copies behind it, and what its transactions are drafted in.
    #[must_use]
    pub fn new(base: Page, all: &'m mut [PageWords], draft: Draft<'m>) -> Self {
        Self {
            base: base.number(),
            all,
            draft,
            #[cfg(feature = "fuse")]
            fuse: None,
        }
    }

    fn at(&self, page: Page) -> usize {
        usize::try_from(page.number().wrapping_sub(self.base)).unwrap_or(usize::MAX)
    }

    /// The words of a page, as the transaction in progress would leave them.
    #[must_use]
    pub fn page(&self, page: Page) -> Option<&PageWords> {
        self.all.get(self.draft.place(self.at(page))?)
    }

    /// Drafts words in a row that differ, and notes that as records from one on. The next record; `None` without room for it.
    pub(crate) fn write_words(
        &mut self,
        page: Page,
        first: u16,
        after: &[Pair],
        noted: u16,
    ) -> Option<u16> {
        let at = self.at(page);
        self.draft.write_words((at, self.all), (page, first), after, noted)
    }

    fn words(&self, page: Page, index: u16, count: u16) -> Option<&[u32]> {
        self.page(page)?.get(usize::from(index)..)?.get(..usize::from(count))
    }

    fn words_mut(&mut self, page: Page, index: u16, count: u16) -> Option<&mut [u32]> {
        let at = self.at(page);
        let words = if self.draft.is_on() {
            self.draft.page_mut(at, self.all, [index, count])?
        } else {
            // Recovery rests on the order of writes, and the manager may end between any two of them.
            compiler_fence(Ordering::SeqCst);
            self.draft.differs(at);
            self.all.get_mut(..self.draft.pages())?.get_mut(at)?
        };
        words.get_mut(usize::from(index)..)?.get_mut(..usize::from(count))
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
        let Some((pages, copies)) = self.all.split_at_mut_checked(self.draft.pages()) else {
            return;
        };
        while let Some(number) = self.draft.next_written() {
            let Some((at, mut parts)) = self.draft.take_parts(number) else { continue };
            let (Some(to), Some(from)) = (pages.get_mut(at), copies.get(number)) else { continue };
            let (to, from): (&mut [Part], &[Part]) = (to.as_chunks_mut().0, from.as_chunks().0);
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

    fn note(&mut self, at: u16) -> Option<&mut Words> {
        self.draft.note(at)
    }

    fn noted(&self, at: u16) -> &Words {
        self.draft.noted(at)
    }

    #[cfg(not(feature = "fuse"))]
    fn log(&mut self, at: u16, count: u16, page: Page, index: u16) {
        compiler_fence(Ordering::SeqCst);
        let (at_page, start) = (self.at(page), usize::from(index));
        let words = self.draft.records(at, count);
        let page = self.all.get_mut(..self.draft.pages()).and_then(|pages| pages.get_mut(at_page));
        let to = page.and_then(|page| page.get_mut(start..)?.get_mut(..words.len()));
        if let Some(to) = to {
            to.copy_from_slice(words);
        }
    }
}
