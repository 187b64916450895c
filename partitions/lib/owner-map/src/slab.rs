//! Pages that lie one after the other in one piece of memory.

use crate::memory::{Memory, WORDS};
use crate::page::Page;
use core::sync::atomic::{Ordering, compiler_fence};

/// Words of a page.
pub type PageWords = [u32; 1024];
const _: () = assert!(WORDS == 1024);

/// The memory of a database all of whose pages follow each other: a page is found by one subtraction. What lies elsewhere reads as zeroes.
pub struct Slab<'m> {
    base: u32,
    pages: &'m mut [PageWords],
    #[cfg(feature = "fuse")]
    fuse: Option<(u64, fn())>,
}

impl<'m> Slab<'m> {
    /// Memory whose first page is `base`.
    #[must_use]
    pub fn new(base: Page, pages: &'m mut [PageWords]) -> Self {
        Self {
            base: base.number(),
            pages,
            #[cfg(feature = "fuse")]
            fuse: None,
        }
    }

    /// The words of a page.
    #[must_use]
    pub fn page(&self, page: Page) -> Option<&PageWords> {
        self.pages.get(usize::try_from(page.number().wrapping_sub(self.base)).ok()?)
    }

    fn words(&self, page: Page, index: u16, count: u16) -> Option<&[u32]> {
        let start = usize::from(index);
        self.page(page)?.get(start..start.wrapping_add(usize::from(count)))
    }

    fn words_mut(&mut self, page: Page, index: u16, count: usize) -> Option<&mut [u32]> {
        // Recovery rests on the order of writes, and the manager may end between any two of them.
        compiler_fence(Ordering::SeqCst);
        let at = usize::try_from(page.number().wrapping_sub(self.base)).ok()?;
        let start = usize::from(index);
        self.pages.get_mut(at)?.get_mut(start..start.wrapping_add(count))
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

    #[cfg(feature = "fuse")]
    fn burn(&mut self) {
        match &mut self.fuse {
            Some((0, end)) => end(),
            Some((left, _)) => *left = left.wrapping_sub(1),
            None => {}
        }
    }
}

impl Memory for Slab<'_> {
    fn read(&self, page: Page, index: u16) -> u32 {
        let word = self.page(page).and_then(|words| words.get(usize::from(index & 1023)));
        word.copied().unwrap_or(0)
    }

    fn write(&mut self, page: Page, index: u16, value: u32) {
        #[cfg(feature = "fuse")]
        self.burn();
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

    #[cfg(not(feature = "fuse"))]
    fn store(&mut self, page: Page, index: u16, from: &[u32]) {
        if let Some(words) = self.words_mut(page, index, from.len()) {
            words.copy_from_slice(from);
        }
    }

    #[cfg(not(feature = "fuse"))]
    fn fill(&mut self, page: Page, index: u16, count: u16, value: u32) {
        if let Some(words) = self.words_mut(page, index, usize::from(count)) {
            words.fill(value);
        }
    }

    fn other_than(&self, page: Page, index: u16, count: u16, value: u32) -> Option<u32> {
        let words = self.words(page, index, count).unwrap_or_default();
        words.iter().copied().find(|&word| word != value)
    }
}
