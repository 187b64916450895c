//! The master index: where the map is, and what else must be known to read it (paragraph 218).

use crate::log::LEAST_LOG_PAGES;
use crate::memory::{Memory, read_wide, write_wide};
use crate::page::{Page, Scale};
use crate::slab::PageWords;

/// First words of the page: "BULKOWNR".
const MAGIC: [u32; 2] = [u32::from_le_bytes(*b"BULK"), u32::from_le_bytes(*b"OWNR")];
/// Raised when the layout changes.
const VERSION: u32 = 1;

const AT_VERSION: u16 = 2;
const AT_ORDER: u16 = 3;
const AT_TOP: u16 = 4;
/// Two words: which 4 TiB the top index page is in. Zero is the only permitted value.
const AT_TOP_HIGH: u16 = 5;
/// Which page this is.
pub const AT_INDEX: u16 = 7;
const AT_MANAGER: u16 = 8;
const AT_AVAILABLE: u16 = 9;
const AT_LOG: u16 = 10;
const AT_LOG_PAGES: u16 = 11;
/// Where the newest transaction is in the log. This word and the next are those of this page that change.
pub(crate) const AT_NEWEST: u16 = 12;
/// Cells behind the newest transaction that may be written over already: those of the longest there was.
pub(crate) const AT_AHEAD: u16 = 13;
const AT_POOLS: u16 = 16;
/// From this word on the page belongs to whoever made the database.
pub const AT_USER: u16 = 64;

/// Pages in a row that are kept for one use; they stay the manager's while they are not used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Pool {
    /// The first.
    pub first: Page,
    /// How many.
    pub count: u32,
}

impl Pool {
    /// Whether a page is one of them.
    #[must_use]
    pub fn contains(&self, page: Page) -> bool {
        page.number().wrapping_sub(self.first.number()) < self.count
    }

    /// Whether any of them is among these frames.
    #[must_use]
    pub fn meets(&self, first: u64, frames: u64) -> bool {
        let own = self.first.frame();
        let end = own.wrapping_add(self.count.into());
        self.count > 0 && first < end && own < first.wrapping_add(frames)
    }

    /// The page with this place among them, from 0.
    #[must_use]
    pub fn page(&self, at: u64) -> Option<Page> {
        let at = u32::try_from(at).ok().filter(|at| *at < self.count)?;
        self.first.number().checked_add(at).and_then(Page::new)
    }
}

/// What a database keeps so that it never needs to look for a page. None of it need be there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Pools {
    /// Descriptors.
    pub descriptors: Pool,
    /// Records of other things.
    pub records: Pool,
    /// Index pages that divide 4 GiB, for each of them one.
    pub giga: Pool,
    /// Index pages that divide 4 MiB, for each of them one.
    pub mega: Pool,
}

impl Pools {
    fn all(&self) -> [Pool; 4] {
        [self.descriptors, self.records, self.giga, self.mega]
    }

    fn read(memory: &impl Memory, page: Page) -> Option<Self> {
        let mut pools = [Pool::default(); 4];
        for (pool, at) in pools.iter_mut().zip((AT_POOLS..).step_by(2)) {
            let first = Page::new(memory.read(page, at))?;
            *pool = Pool { first, count: memory.read(page, at.wrapping_add(1)) };
        }
        let [descriptors, records, giga, mega] = pools;
        Some(Self { descriptors, records, giga, mega })
    }

    fn write(&self, memory: &mut impl Memory, page: Page) {
        for (pool, at) in self.all().into_iter().zip((AT_POOLS..).step_by(2)) {
            memory.write(page, at, pool.first.number());
            memory.write(page, at.wrapping_add(1), pool.count);
        }
    }
}

/// The master index.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Master {
    /// Its own page, which precedes the manager's descriptor.
    pub index: Page,
    /// The coarsest index page.
    pub top: Page,
    /// What an entry of that page describes.
    pub scale: Scale,
    /// The partition that owns the pages of the database.
    pub manager: Page,
    /// The pseudo partition that owns what can be given.
    pub available: Page,
    /// First page of the log.
    pub log: Page,
    /// Pages of the log.
    pub log_pages: u32,
    /// Pages that are kept for one use.
    pub pools: Pools,
}

impl Master {
    /// Reads the master index at `page`; `None` where there is none, or one that does not refer to itself.
    #[must_use]
    pub fn read(memory: &impl Memory, page: Page) -> Option<Self> {
        let at = |index| Page::new(memory.read(page, index));
        let magic = [memory.read(page, 0), memory.read(page, 1)];
        let known = magic == MAGIC && memory.read(page, AT_VERSION) == VERSION;
        let order = memory.read(page, AT_ORDER).checked_sub(1).and_then(Scale::from_number);
        let master = Self {
            index: at(AT_INDEX)?,
            top: at(AT_TOP)?,
            scale: order?,
            manager: at(AT_MANAGER)?,
            available: at(AT_AVAILABLE)?,
            log: at(AT_LOG)?,
            log_pages: memory.read(page, AT_LOG_PAGES),
            pools: Pools::read(memory, page)?,
        };
        let true_to_itself = master.index == page && page.next() == Some(master.manager);
        let low = read_wide(memory, page, AT_TOP_HIGH) == 0;
        (known && low && true_to_itself && master.has_log()).then_some(master)
    }

    /// Whether a page begins as a master index does, of whatever version.
    #[must_use]
    pub fn begins(page: &PageWords) -> bool {
        page.starts_with(&MAGIC)
    }

    /// Writes it to its page, the magic number last.
    pub(crate) fn write(&self, memory: &mut impl Memory) {
        let page = self.index;
        memory.write(page, AT_VERSION, VERSION);
        memory.write(page, AT_ORDER, self.scale.number().wrapping_add(1));
        memory.write(page, AT_TOP, self.top.number());
        write_wide(memory, page, AT_TOP_HIGH, 0);
        memory.write(page, AT_INDEX, page.number());
        memory.write(page, AT_MANAGER, self.manager.number());
        memory.write(page, AT_AVAILABLE, self.available.number());
        memory.write(page, AT_LOG, self.log.number());
        memory.write(page, AT_LOG_PAGES, self.log_pages);
        memory.write(page, AT_NEWEST, 0);
        memory.write(page, AT_AHEAD, 0);
        self.pools.write(memory, page);
        memory.write(page, 1, MAGIC[1]);
        memory.write(page, 0, MAGIC[0]);
    }

    /// One past the last frame that the map can describe.
    #[must_use]
    pub fn frames(&self) -> u64 {
        self.scale.frames().wrapping_mul(1024)
    }

    /// The page kept for dividing the page of `scale` that starts at `first`; `None` where none is.
    #[must_use]
    pub fn kept_index(&self, first: u64, scale: Scale) -> Option<Page> {
        match scale {
            Scale::Mega => self.pools.mega.page(first >> 10),
            Scale::Giga => self.pools.giga.page(first >> 20),
            Scale::Kilo | Scale::Tera => None,
        }
    }

    /// Whether the page of `scale` that starts at `first` has places for descriptors, which go from owner to owner one by one.
    #[must_use]
    pub fn divides(&self, first: u64, scale: Scale) -> bool {
        scale > Scale::Kilo && self.pools.descriptors.meets(first, scale.frames())
    }

    /// Whether a page is kept for one use.
    #[must_use]
    pub fn is_kept(&self, page: Page) -> bool {
        self.pools.all().iter().any(|pool| pool.contains(page))
    }

    fn has_log(&self) -> bool {
        let last = self.log.number().checked_add(self.log_pages);
        self.log_pages >= LEAST_LOG_PAGES
            && last.and_then(|end| Page::new(end.wrapping_sub(1))).is_some()
    }
}
