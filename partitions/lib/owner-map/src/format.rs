//! A new map, from what firmware says of the memory.

use crate::descriptor::{self, Kind, Name};
use crate::entry::Entry;
use crate::log::LEAST_LOG_PAGES;
use crate::map::OwnerMap;
use crate::master::{Master, Pools};
use crate::memory::{Memory, WORDS};
use crate::page::{Page, Scale};

/// Memory of one sort.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Section {
    /// First frame.
    pub first: u64,
    /// Frames.
    pub count: u64,
    /// Whose it is at first: one of the pseudo partitions of [`Layout`].
    pub kind: Kind,
}

/// What a new map is made from. The pages from `base` on are used for master index, descriptors of the manager and of the pseudo
/// partitions, log and index pages, in this order; all are the manager's, also those for which there is no use yet.
#[derive(Clone, Copy, Debug)]
pub struct Layout<'a> {
    /// First page of the database.
    pub base: Page,
    /// Pages of the database.
    pub pages: u32,
    /// Pages of the log among them, at least [`LEAST_LOG_PAGES`].
    pub log_pages: u32,
    /// What an entry of the coarsest index page describes.
    pub scale: Scale,
    /// Name of the manager.
    pub manager: Name,
    /// The pseudo partitions. Available and missing must be among them.
    pub pseudo: &'a [(Kind, Name)],
    /// The memory; what no section names is missing.
    pub sections: &'a [Section],
    /// Pages that are kept for one use, some of those of the database. Where index pages are kept, no others are taken.
    pub pools: Pools,
}

/// Why no map can be made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FormatError {
    /// The pages of the database do not suffice.
    TooFew,
    /// A section has a kind that no pseudo partition has, or one that must be there is not.
    NoSuchKind(Kind),
    /// A section goes beyond the map.
    Outside(Section),
}

impl<M: Memory> OwnerMap<M> {
    /// Makes a map in `memory`.
    ///
    /// # Errors
    /// Where the layout is not possible; what was written then means nothing.
    pub fn format(mut memory: M, layout: &Layout<'_>) -> Result<Self, FormatError> {
        let mut next = layout.next();
        let (index, manager) = (next.take()?, next.take()?);
        descriptor::write(&mut memory, manager, Kind::Manager, &layout.manager);
        let first_pseudo = next.at;
        for (kind, name) in layout.pseudo {
            descriptor::write(&mut memory, next.take()?, *kind, name);
        }
        let (log, log_pages) = (next.take()?, layout.log_pages.max(LEAST_LOG_PAGES));
        for _ in 1..log_pages {
            next.take()?;
        }
        let available = layout.page_of(Kind::AVAILABLE, first_pseudo)?;
        let missing = layout.page_of(Kind::MISSING, first_pseudo)?;
        let (scale, pools) = (layout.scale, layout.pools);
        let top = next.take()?;
        let master = Master { index, top, scale, manager, available, log, log_pages, pools };
        memory.fill(log, 0, WORDS, 0);
        memory.fill(top, 0, WORDS, Entry::Owner(missing).word());
        descriptor::set_frames(&mut memory, missing, master.frames());
        master.write(&mut memory);
        let mut map = Self::open(memory, index).map_err(|_| FormatError::TooFew)?;
        for section in layout.sections {
            let owner = layout.page_of(section.kind, first_pseudo)?;
            map.first_owner(&mut next, *section, owner)?;
        }
        let own =
            Section { first: layout.base.frame(), count: layout.pages.into(), kind: Kind::Manager };
        map.first_owner(&mut next, own, manager)?;
        for at in first_pseudo..log.frame() {
            let page = Page::of_frame(at).ok_or(FormatError::TooFew)?;
            map.first_owner(&mut next, Section { first: at, count: 1, kind: own.kind }, page)?;
        }
        Ok(map)
    }

    /// Says whose memory is when the machine starts: no transaction, because nothing is known before. Index pages are those that are kept.
    ///
    /// # Errors
    /// Where none is kept, or the memory lies outside.
    pub fn say_owner(&mut self, first: u64, count: u64, owner: Page) -> Result<(), FormatError> {
        let section = Section { first, count, kind: Kind::Ordinary };
        self.first_owner(&mut Next { at: 0, end: 0 }, section, owner)
    }

    /// Makes a descriptor of a page that is kept for one, without a transaction, as when the machine starts.
    ///
    /// # Errors
    /// As [`say_owner`](Self::say_owner).
    pub fn say_partition(&mut self, page: Page, name: &Name) -> Result<(), FormatError> {
        if !self.is_partition(page) {
            descriptor::write(&mut self.memory, page, Kind::Ordinary, name);
        }
        self.say_owner(page.frame(), 1, page)
    }

    /// Gives a section to an owner, entry by entry, dividing what is coarser.
    fn first_owner(
        &mut self,
        next: &mut Next,
        section: Section,
        owner: Page,
    ) -> Result<(), FormatError> {
        let end = section.first.checked_add(section.count);
        let end = end.filter(|&end| end <= self.master.frames());
        let end = end.ok_or(FormatError::Outside(section))?;
        let mut frame = section.first;
        while frame < end {
            let leaf = self.leaf(frame).map_err(|_| FormatError::Outside(section))?;
            let frames = leaf.scale.frames();
            let first = frame & !frames.wrapping_sub(1);
            let part = first != frame || frames > end.wrapping_sub(frame);
            if part || self.master.divides(first, leaf.scale) {
                let kept = self.master.kept_index(first, leaf.scale);
                let child = kept.map_or_else(|| next.take(), Ok)?;
                self.memory.fill(child, 0, WORDS, Entry::Owner(leaf.owner).word());
                self.memory.write(leaf.page, leaf.index, Entry::Index(child).word());
                continue;
            }
            self.memory.write(leaf.page, leaf.index, Entry::Owner(owner).word());
            let before = descriptor::frames(&self.memory, leaf.owner);
            descriptor::set_frames(&mut self.memory, leaf.owner, before.wrapping_sub(frames));
            let before = descriptor::frames(&self.memory, owner);
            descriptor::set_frames(&mut self.memory, owner, before.wrapping_add(frames));
            frame = frame.wrapping_add(frames);
        }
        Ok(())
    }
}

/// Pages of the database that are left for whatever needs one, as frames.
struct Next {
    at: u64,
    end: u64,
}

impl Next {
    fn take(&mut self) -> Result<Page, FormatError> {
        let page = Page::of_frame(self.at).filter(|_| self.at < self.end);
        self.at = self.at.wrapping_add(1);
        page.ok_or(FormatError::TooFew)
    }
}

impl Layout<'_> {
    fn next(&self) -> Next {
        let at = self.base.frame();
        Next { at, end: at.wrapping_add(self.pages.into()) }
    }

    /// The descriptor of the pseudo partition of this kind.
    fn page_of(&self, kind: Kind, first: u64) -> Result<Page, FormatError> {
        let pages = (first..).zip(self.pseudo);
        let found = pages.into_iter().find(|(_, pseudo)| pseudo.0 == kind);
        found.and_then(|(at, _)| Page::of_frame(at)).ok_or(FormatError::NoSuchKind(kind))
    }
}
