//! The master index: where the map is, and what else must be known to read it (paragraph 218).

use crate::memory::{Memory, read_wide, write_wide};
use crate::page::{Page, Scale};

/// First words of the page: "BULKOWNR".
const MAGIC: [u32; 2] = [u32::from_le_bytes(*b"BULK"), u32::from_le_bytes(*b"OWNR")];
/// Raised when the layout changes.
const VERSION: u32 = 1;

const AT_VERSION: u16 = 2;
const AT_ORDER: u16 = 3;
const AT_TOP: u16 = 4;
/// Two words: which 4 TiB the top index page is in. Zero is the only permitted value.
const AT_TOP_HIGH: u16 = 5;
const AT_INDEX: u16 = 7;
const AT_MANAGER: u16 = 8;
const AT_AVAILABLE: u16 = 9;
const AT_LOG: u16 = 10;
const AT_LOG_PAGES: u16 = 11;

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
    /// Pages of the log, one for each transaction that is remembered.
    pub log_pages: u32,
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
        };
        let true_to_itself = master.index == page && page.next() == Some(master.manager);
        let low = read_wide(memory, page, AT_TOP_HIGH) == 0;
        (known && low && true_to_itself && master.has_log()).then_some(master)
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
        memory.write(page, 1, MAGIC[1]);
        memory.write(page, 0, MAGIC[0]);
    }

    /// One past the last frame that the map can describe.
    #[must_use]
    pub fn frames(&self) -> u64 {
        self.scale.frames().wrapping_mul(1024)
    }

    /// The page of the log for the transaction with this number; they are used in turn.
    #[must_use]
    pub fn log_page(&self, sequence: u64) -> Page {
        let turn = sequence.checked_rem(u64::from(self.log_pages)).unwrap_or(0);
        Page::of_frame(self.log.frame().wrapping_add(turn)).unwrap_or(self.log)
    }

    fn has_log(&self) -> bool {
        let last = self.log.number().checked_add(self.log_pages);
        self.log_pages > 0 && last.and_then(|end| Page::new(end.wrapping_sub(1))).is_some()
    }
}
