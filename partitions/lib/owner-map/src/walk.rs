//! Going through the whole map.

use crate::entry::Entry;
use crate::map::OwnerMap;
use crate::memory::{Memory, WORDS};
use crate::page::{Page, Scale};

/// What a walk meets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Seen {
    /// Memory from `first` on, one page of `scale`, of `owner`.
    Owned {
        /// First frame.
        first: u64,
        /// How much.
        scale: Scale,
        /// Whose.
        owner: Page,
    },
    /// An index page whose entries describe `scale` each, for memory from `first` on.
    Index {
        /// First frame that it describes.
        first: u64,
        /// What an entry describes.
        scale: Scale,
        /// The index page.
        page: Page,
    },
    /// An entry that makes no sense.
    Damaged {
        /// The index page.
        page: Page,
        /// Which entry.
        index: u16,
    },
}

impl<M: Memory> OwnerMap<M> {
    /// Shows `see` every index page before what it describes, and every entry that is not divided, in the order of addresses.
    pub fn walk(&self, mut see: impl FnMut(Seen)) {
        let master = self.master();
        walk(self.memory(), master.top, master.scale, 0, &mut see);
    }
}

/// Walks an index page; the scale, which gets finer, bounds the depth to four.
fn walk(memory: &impl Memory, page: Page, scale: Scale, first: u64, see: &mut impl FnMut(Seen)) {
    see(Seen::Index { first, scale, page });
    for index in 0..WORDS {
        let first = first.wrapping_add(u64::from(index).wrapping_mul(scale.frames()));
        match (Entry::from_word(memory.read(page, index)), scale.finer()) {
            (Some(Entry::Owner(owner)), _) => see(Seen::Owned { first, scale, owner }),
            (Some(Entry::Index(next)), Some(finer)) => walk(memory, next, finer, first, see),
            _ => see(Seen::Damaged { page, index }),
        }
    }
}
