//! Where in the books' pages everything lies.

use crate::berths::Berths;
use crate::ends::Ends;
use crate::hardware::{DeviceRow, ProcessorRow};
use crate::rows::{ChannelRow, PartitionRow};
use crate::slots;
use crate::space::Space;
use crate::table::Table;
use owner_map::{Name, Page, PageWords, Pool, Pools, RECORD, Scale, Words, draft_sizes};

/// How much the books can hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Capacity {
    /// Frames: one past the last.
    pub frames: u64,
    /// Partitions.
    pub partitions: u32,
    /// Channels.
    pub channels: u32,
    /// Processors.
    pub processors: u32,
    /// Devices.
    pub devices: u32,
    /// Places for clients that join later, of all partitions together.
    pub berths: u32,
}

impl Capacity {
    /// Pages of channels, processors and devices.
    fn records(&self) -> [u32; 3] {
        [
            Table::pages::<ChannelRow>(self.channels),
            Table::pages::<ProcessorRow>(self.processors),
            Table::pages::<DeviceRow>(self.devices),
        ]
    }
}

/// The first pages: master index, the database's own descriptor, those of the pseudo partitions.
pub(crate) const FIXED: u32 = 2 + PSEUDO;
/// Pseudo partitions.
pub(crate) const PSEUDO: u32 = 4;
/// The coarsest index page, behind the log.
const TOP: u32 = 1;
const _: () = assert!(RECORD == 16 && size_of::<PartitionRow>() <= size_of::<PageWords>() - 16 * 4);

/// Pages of the log: one for each 4 MiB, within bounds.
fn log_pages(capacity: &Capacity) -> u32 {
    u32::try_from(capacity.frames >> 10).unwrap_or(u32::MAX).clamp(8, 64)
}

/// Bytes that books of this capacity take; `None` where they are too large to be.
#[must_use]
pub fn bytes_needed(capacity: Capacity) -> Option<usize> {
    let pages = usize::try_from(Layout::new(Page::default(), capacity)?.pages).ok()?;
    let space = size_of::<u32>().checked_mul(Space::blocks(capacity.frames)?)?;
    let slots = size_of::<u64>().checked_mul(slots::WORDS)?;
    let [heads, links] = Ends::bytes(capacity.partitions, capacity.channels)?;
    let [taken, first] = Berths::bytes(capacity.berths, capacity.partitions)?;
    let [pages, records, of] = draft_bytes(pages)?;
    let all = [pages, slots, taken, records, of, heads, links, first, space];
    all.into_iter().try_fold(0, usize::checked_add)
}

/// Bytes of pages with their copies, of records and places that drafts of transactions on so many pages take.
pub(crate) fn draft_bytes(pages: usize) -> Option<[usize; 3]> {
    let [pages, records, of] = draft_sizes(pages);
    let pages = pages.checked_mul(size_of::<PageWords>())?;
    let records = records.checked_mul(size_of::<Words>())?;
    Some([pages, records, of.checked_mul(size_of::<u32>())?.checked_next_multiple_of(8)?])
}

/// The books' pages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    pub(crate) base: Page,
    pub(crate) pages: u32,
    pub(crate) log_pages: u32,
    /// What an entry of the coarsest index page describes.
    pub(crate) scale: Scale,
    pub(crate) pools: Pools,
    pub(crate) capacity: Capacity,
}

impl Layout {
    /// Books of this capacity from `base` on.
    pub(crate) fn new(base: Page, capacity: Capacity) -> Option<Self> {
        let scale = if capacity.frames > 1 << 20 { Scale::Giga } else { Scale::Mega };
        let log_pages = log_pages(&capacity);
        let giga = if scale == Scale::Giga { capacity.frames.div_ceil(1 << 20) } else { 0 };
        let records = capacity.records().into_iter().try_fold(0_u32, u32::checked_add)?;
        let counts = [
            capacity.partitions,
            records,
            u32::try_from(giga).ok()?,
            u32::try_from(capacity.frames.div_ceil(1 << 10)).ok()?,
        ];
        let mut next = FIXED.checked_add(log_pages)?.checked_add(TOP)?;
        let mut pools = [Pool::default(); 4];
        for (pool, count) in pools.iter_mut().zip(counts) {
            *pool = Pool { first: Page::new(base.number().checked_add(next)?)?, count };
            next = next.checked_add(count)?;
        }
        let [descriptors, records, giga, mega] = pools;
        let pools = Pools { descriptors, records, giga, mega };
        Some(Self { base, pages: next, log_pages, scale, pools, capacity })
    }

    /// The tables of channels, processors and devices: their pages follow each other.
    pub(crate) fn tables(&self) -> [Table; 3] {
        let Capacity { channels, processors, devices, .. } = self.capacity;
        let mut first = self.pools.records.first;
        let mut rows = [channels, processors, devices].into_iter();
        self.capacity.records().map(|count| {
            let pool = Pool { first, count };
            first = Page::new(first.number().wrapping_add(count)).unwrap_or(first);
            Table::new(pool, rows.next().unwrap_or(0))
        })
    }

    /// Whether a page is one of the books'.
    pub(crate) fn has(&self, page: Page) -> bool {
        page.number().wrapping_sub(self.base.number()) < self.pages
    }

    /// Pages before the index pages: those that must be empty at first.
    pub(crate) fn kept(&self) -> u32 {
        self.pools.giga.first.number().wrapping_sub(self.base.number())
    }

    /// The descriptor of a pseudo partition, counted from 0.
    pub(crate) fn pseudo(&self, at: u32) -> Page {
        let first = self.base.number().wrapping_add(FIXED.wrapping_sub(PSEUDO));
        Page::new(first.wrapping_add(at)).unwrap_or(self.base)
    }
}

/// A name as descriptors hold it.
pub(crate) fn name(text: &[u8]) -> Name {
    let mut name = Name::default();
    name.iter_mut().zip(text).for_each(|(to, from)| *to = *from);
    name
}
