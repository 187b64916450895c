//! Entries of index pages.

use crate::page::Page;

/// Set where the memory is described by a finer index page (paragraph 214).
const DIVIDED: u32 = 1 << 31;

/// What an entry of an index page says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Entry {
    /// All of it belongs to this partition.
    Owner(Page),
    /// This index page divides it into 1024.
    Index(Page),
}

impl Entry {
    /// Reads an entry; `None` where bit 30 is set, which no map of ours uses.
    #[must_use]
    pub fn from_word(word: u32) -> Option<Self> {
        let page = Page::new(word & !DIVIDED)?;
        Some(if word & DIVIDED == 0 { Self::Owner(page) } else { Self::Index(page) })
    }

    /// As it is written.
    #[must_use]
    pub fn word(self) -> u32 {
        match self {
            Self::Owner(page) => page.number(),
            Self::Index(page) => page.number() | DIVIDED,
        }
    }
}
