//! A new map, from what firmware says of the memory.

use crate::descriptor::{self, Kind, Name};
use crate::draft::Draft;
use crate::entry::Entry;
use crate::log::LEAST_LOG_PAGES;
use crate::map::OwnerMap;
use crate::master::Master;
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

/// A map in the making.
struct Maker<'m, M> {
    memory: &'m mut M,
    top: Page,
    scale: Scale,
    /// Pages of the database that are left, as frames.
    next: u64,
    end: u64,
}

impl<M: Memory> OwnerMap<M> {
    /// Makes a map in `memory`.
    ///
    /// # Errors
    /// Where the layout is not possible; what was written then means nothing.
    pub fn format(mut memory: M, layout: &Layout<'_>) -> Result<Self, FormatError> {
        let base = layout.base.frame();
        let end = base.wrapping_add(u64::from(layout.pages));
        let mut maker =
            Maker { memory: &mut memory, top: layout.base, scale: layout.scale, next: base, end };
        let (index, manager) = (maker.take()?, maker.take()?);
        descriptor::write(maker.memory, manager, Kind::Manager, &layout.manager);
        let first_pseudo = maker.next;
        for (kind, name) in layout.pseudo {
            let page = maker.take()?;
            descriptor::write(maker.memory, page, *kind, name);
        }
        let log_pages = layout.log_pages.max(LEAST_LOG_PAGES);
        let log = maker.take()?;
        maker.memory.write(log, 0, 0);
        for _ in 1..log_pages {
            let page = maker.take()?;
            maker.memory.write(page, 0, 0);
        }
        let available = layout.page_of(Kind::AVAILABLE, first_pseudo)?;
        maker.top = maker.take()?;
        maker.fill(maker.top, layout.page_of(Kind::MISSING, first_pseudo)?);
        for section in layout.sections {
            let owner = layout.page_of(section.kind, first_pseudo)?;
            maker.set(*section, owner)?;
        }
        let own = Section { first: base, count: u64::from(layout.pages), kind: Kind::Manager };
        maker.set(own, manager)?;
        for at in first_pseudo..log.frame() {
            let page = Page::of_frame(at).ok_or(FormatError::TooFew)?;
            maker.set(Section { first: at, count: 1, kind: Kind::Manager }, page)?;
        }
        let (top, scale) = (maker.top, maker.scale);
        let master = Master { index, top, scale, manager, available, log, log_pages };
        count(&mut memory, master);
        master.write(&mut memory);
        Self::open(memory, index).map_err(|_| FormatError::TooFew)
    }
}

impl Layout<'_> {
    /// The descriptor of the pseudo partition of this kind.
    fn page_of(&self, kind: Kind, first: u64) -> Result<Page, FormatError> {
        let pages = (first..).zip(self.pseudo);
        let found = pages.into_iter().find(|(_, pseudo)| pseudo.0 == kind);
        found.and_then(|(at, _)| Page::of_frame(at)).ok_or(FormatError::NoSuchKind(kind))
    }
}

impl<M: Memory> Maker<'_, M> {
    /// The next page of the database.
    fn take(&mut self) -> Result<Page, FormatError> {
        let page = Page::of_frame(self.next).filter(|_| self.next < self.end);
        self.next = self.next.wrapping_add(1);
        page.ok_or(FormatError::TooFew)
    }

    fn fill(&mut self, page: Page, owner: Page) {
        for index in 0..WORDS {
            self.memory.write(page, index, Entry::Owner(owner).word());
        }
    }

    /// Gives a section to an owner, in pages as large as fit.
    fn set(&mut self, section: Section, owner: Page) -> Result<(), FormatError> {
        let end = section.first.checked_add(section.count);
        let limit = self.scale.frames().wrapping_mul(1024);
        let end = end.filter(|&end| end <= limit).ok_or(FormatError::Outside(section))?;
        let mut frame = section.first;
        while frame < end {
            let fits = |scale: &Scale| {
                *scale <= self.scale
                    && frame.is_multiple_of(scale.frames())
                    && scale.frames() <= end.wrapping_sub(frame)
            };
            let scale = Scale::ALL.into_iter().rev().find(fits).unwrap_or(Scale::Kilo);
            self.set_one(frame, scale, owner)?;
            frame = frame.wrapping_add(scale.frames());
        }
        Ok(())
    }

    /// Gives one page of a scale to an owner, dividing what is coarser. What is finer is forgotten.
    fn set_one(&mut self, frame: u64, scale: Scale, owner: Page) -> Result<(), FormatError> {
        let (mut page, mut at) = (self.top, self.scale);
        while let Some(finer) = at.finer().filter(|_| at > scale) {
            let index = at.index(frame);
            page = match Entry::from_word(self.memory.read(page, index)) {
                Some(Entry::Index(next)) => next,
                other => {
                    let next = self.take()?;
                    let whole = if let Some(Entry::Owner(whole)) = other { whole } else { owner };
                    self.fill(next, whole);
                    self.memory.write(page, index, Entry::Index(next).word());
                    next
                }
            };
            at = finer;
        }
        self.memory.write(page, at.index(frame), Entry::Owner(owner).word());
        Ok(())
    }
}

/// Writes into every descriptor how many frames it owns.
fn count(memory: &mut impl Memory, master: Master) {
    let mut frame = 0;
    while let Ok((owner, scale)) = Draft::new(memory, master).find(frame) {
        let before = descriptor::frames(memory, owner);
        descriptor::set_frames(memory, owner, before.wrapping_add(scale.frames()));
        frame = frame.wrapping_add(scale.frames());
    }
}
