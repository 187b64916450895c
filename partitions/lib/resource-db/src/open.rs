//! How books are made, and how they are found again.

use crate::berths::Berths;
use crate::books::{Books, Cause};
use crate::ends::{Ends, Head, Links};
use crate::hardware::{DeviceRow, ProcessorRow};
use crate::layout::{Capacity, Layout, bytes_needed, draft_bytes, name};
use crate::owner::Owner;
use crate::rows::{ChannelRow, PartitionRow};
use crate::slots;
use crate::space::Space;
use crate::table::Table;
use abi::types::{Frame, PartitionId, Slot};
use owner_map::{
    AT_INDEX, AT_USER, Draft, Kind, Master, Memory, Outcome, OwnerMap, Page, PageWords, Slab,
    Words, halves, join,
};
use zerocopy::FromBytes;

/// Why books cannot be opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OpenError {
    /// There are none.
    NoBooks,
    /// Their rows are of another version.
    OtherVersion,
    /// The memory is too small, not aligned, or too high.
    TooSmall,
}

/// Words of the master index that say how much the books can hold: frames in two, partitions, channels, processors, devices;
/// then the version of the rows, then places for clients.
const AT_CAPACITY: usize = 64;
const AT_VERSION: usize = AT_CAPACITY + 6;
const AT_BERTHS: usize = AT_VERSION + 1;
/// Raised when a row changes its layout or meaning. The pages have a version of their own, in the master index.
const VERSION: u32 = 3;
const _: () = assert!(AT_USER == 64);

impl<'m> Books<'m> {
    /// Writes empty books into `memory`, which is made of the frames from `base` on: all others are missing, no rows.
    ///
    /// # Errors
    /// Where the memory does not suffice.
    pub fn create(
        memory: &'m mut [u8],
        base: Frame,
        capacity: Capacity,
    ) -> Result<Self, OpenError> {
        let base = Page::of_frame(base.raw()).ok_or(OpenError::TooSmall)?;
        let layout = Layout::new(base, capacity).ok_or(OpenError::TooSmall)?;
        let Parts { pages, draft, rest } = cut(memory, capacity).ok_or(OpenError::TooSmall)?;
        // Index pages are written when they come into use.
        let kept = usize::try_from(layout.kept()).unwrap_or(usize::MAX);
        pages.iter_mut().take(kept).for_each(|page| page.fill(0));
        let map = layout.format(Slab::new(base, pages, draft))?;
        let mut books = Self::around(map, layout, rest);
        books.say_own();
        books.derive_rows();
        Ok(books)
    }

    /// Opens books that are there; a transaction in progress is undone.
    ///
    /// # Errors
    /// Where there are none.
    pub fn open(memory: &'m mut [u8]) -> Result<Self, OpenError> {
        let (master, _) = PageWords::ref_from_prefix(memory).map_err(|_| OpenError::TooSmall)?;
        let (capacity, version) = (capacity(master), master[AT_VERSION]);
        if version != VERSION {
            let other = version != 0 && Master::begins(master);
            return Err(if other { OpenError::OtherVersion } else { OpenError::NoBooks });
        }
        let base = Page::new(master[usize::from(AT_INDEX)]).ok_or(OpenError::NoBooks)?;
        let layout = Layout::new(base, capacity).ok_or(OpenError::NoBooks)?;
        let Parts { pages, draft, rest } = cut(memory, capacity).ok_or(OpenError::TooSmall)?;
        let slab = Slab::new(base, pages, draft);
        let map = OwnerMap::open(slab, base).map_err(|_| OpenError::NoBooks)?;
        if map.master().pools != layout.pools {
            return Err(OpenError::NoBooks);
        }
        let mut books = Self::around(map, layout, rest);
        books.derive();
        Ok(books)
    }

    fn around(map: OwnerMap<Slab<'m>>, layout: Layout, rest: Derived<'m>) -> Self {
        let Derived { slots, ends, berths, space } = rest;
        let partitions = Table::new(layout.pools.descriptors, layout.capacity.partitions);
        let [channels, processors, devices] = layout.tables();
        let held = map.transactions().find(|found| found.outcome == Outcome::Committed);
        let generation = held.map_or(0, |found| found.sequence);
        let (begun, cause) = (false, Cause::default());
        slots.fill(0);
        let space = Space::new(space);
        Self {
            map,
            layout,
            partitions,
            channels,
            processors,
            devices,
            slots,
            ends,
            berths,
            space,
            timed: true,
            begun,
            cause,
            generation,
        }
    }

    /// Computes anew what follows from the rest.
    pub(crate) fn derive(&mut self) {
        self.recount(0, self.layout.capacity.frames);
        self.slots.fill(0);
        self.derive_rows();
        let slab = self.map.memory();
        for (_, row) in self.partitions.iter::<PartitionRow>(slab) {
            let contexts = u16::try_from(row.contexts).unwrap_or(0);
            slots::mark(self.slots, Slot::new(row.partition_slot), 1, true);
            slots::mark(self.slots, Slot::new(row.information_slot), 1, true);
            slots::mark(self.slots, Slot::new(row.context_slot), contexts, true);
            slots::mark(self.slots, Slot::new(row.image_slot), 1, true);
        }
        for (_, row) in self.channels.iter::<ChannelRow>(slab) {
            for slot in row.own_slots() {
                slots::mark(self.slots, Slot::new(slot), 1, true);
            }
        }
    }

    /// Computes anew what follows from what the last transaction changed and took back. Slots stay taken until their taker gives them back.
    pub(crate) fn derive_undone(&mut self) {
        self.recount_undone();
        self.derive_rows();
    }

    /// Where the tables end, whose the ends of channels are, and which places for clients are taken.
    fn derive_rows(&mut self) {
        let slab = self.map.memory();
        self.partitions.end_at_last::<PartitionRow>(slab);
        self.channels.end_at_last::<ChannelRow>(slab);
        self.processors.end_at_last::<ProcessorRow>(slab);
        self.devices.end_at_last::<DeviceRow>(slab);
        self.ends.clear();
        for (id, row) in self.channels.iter::<ChannelRow>(slab) {
            self.ends.insert(id, row.partitions());
        }
        self.derive_berths();
    }

    pub(crate) fn say_owner(&mut self, first: u64, count: u64, owner: Owner) {
        if let Some(page) = self.page(owner) {
            // The index pages kept suffice for all frames that there are.
            let _ = self.map.say_owner(first, count, page);
        }
    }

    /// The database's pages are its own, the descriptors among them that are in use each their own, whatever else was said.
    pub(crate) fn say_own(&mut self) {
        let (first, layout) = (self.layout.base.frame(), self.layout);
        self.say_owner(first, layout.pages.into(), Owner::Database);
        for page in (0..crate::layout::PSEUDO).map(|at| layout.pseudo(at)) {
            let _ = self.map.say_owner(page.frame(), 1, page);
        }
        if let Some(page) = layout.page(Owner::Partition(PartitionId::new(0))) {
            let _ = self.map.say_partition(page, &name(b"resource-manager"));
        }
        self.recount(first, layout.pages.into());
    }
}

impl Layout {
    /// An empty map.
    fn format(self, slab: Slab<'_>) -> Result<OwnerMap<Slab<'_>>, OpenError> {
        let pseudo = [
            (Kind::AVAILABLE, name(b"available")),
            (Kind::MISSING, name(b"missing")),
            (Kind::BROKEN, name(b"broken")),
            (Kind::RESERVED, name(b"reserved")),
        ];
        let layout = owner_map::Layout {
            base: self.base,
            pages: self.pages,
            log_pages: self.log_pages,
            scale: self.scale,
            manager: name(b"database"),
            pseudo: &pseudo,
            sections: &[],
            pools: self.pools,
        };
        let mut map = OwnerMap::format(slab, &layout).map_err(|_| OpenError::TooSmall)?;
        let (held, [low, high]) = (self.capacity, halves(self.capacity.frames));
        let Capacity { partitions, channels, processors, devices, berths, .. } = held;
        let words = [low, high, partitions, channels, processors, devices, 0, berths];
        map.memory_mut().store(self.base, AT_USER, &words);
        // Last, so that nobody takes for books what its maker did not come to the end of.
        map.memory_mut().store(self.base, AT_USER.wrapping_add(6), &[VERSION]);
        Ok(map)
    }
}

/// How much the books with this master index can hold.
fn capacity(master: &PageWords) -> Capacity {
    let [low, high, partitions, channels, processors, devices] =
        [0, 1, 2, 3, 4, 5].map(|at| master[AT_CAPACITY.wrapping_add(at)]);
    let (frames, berths) = (join(low, high), master[AT_BERTHS]);
    Capacity { frames, partitions, channels, processors, devices, berths }
}

/// What the books' memory is made of.
struct Parts<'m> {
    /// Copies behind them.
    pages: &'m mut [PageWords],
    draft: Draft<'m>,
    rest: Derived<'m>,
}

/// What is computed anew whenever books are opened.
struct Derived<'m> {
    slots: &'m mut [u64],
    ends: Ends<'m>,
    berths: Berths<'m>,
    /// The summary of memory.
    space: &'m mut [u32],
}

/// Cuts the memory into what the books are made of.
fn cut(memory: &mut [u8], capacity: Capacity) -> Option<Parts<'_>> {
    let memory = memory.get_mut(..bytes_needed(capacity)?)?;
    let all = usize::try_from(Layout::new(Page::default(), capacity)?.pages).ok()?;
    let blocks = Space::blocks(capacity.frames)?;
    let space = blocks.checked_mul(size_of::<u32>())?;
    let slots = slots::WORDS.checked_mul(size_of::<u64>())?;
    let [heads, links] = Ends::bytes(capacity.partitions, capacity.channels)?;
    let [taken, first] = Berths::bytes(capacity.berths, capacity.partitions)?;
    let [pages, records, of] = draft_bytes(all)?;
    // Rows are of numbers of 64 bits, so pages come before what is of odd length.
    let (pages, rest) = memory.split_at_mut_checked(pages)?;
    let (slots, rest) = rest.split_at_mut_checked(slots)?;
    let (taken, rest) = rest.split_at_mut_checked(taken)?;
    let (records, rest) = rest.split_at_mut_checked(records)?;
    let (of, rest) = rest.split_at_mut_checked(of)?;
    let (heads, rest) = rest.split_at_mut_checked(heads)?;
    let (links, rest) = rest.split_at_mut_checked(links)?;
    let (first, rest) = rest.split_at_mut_checked(first)?;
    let (space, _) = rest.split_at_mut_checked(space)?;
    let records = <[Words]>::mut_from_bytes(records).ok()?;
    let (of, _) = <[u32]>::mut_from_prefix_with_elems(of, all).ok()?;
    let (heads, links) =
        (<[Head]>::mut_from_bytes(heads).ok()?, <[[Links; 2]]>::mut_from_bytes(links).ok()?);
    let taken = <[u64]>::mut_from_bytes(taken).ok()?;
    let berths = Berths { taken, first: <[u32]>::mut_from_bytes(first).ok()? };
    let rest = Derived {
        slots: <[u64]>::mut_from_bytes(slots).ok()?,
        ends: Ends { heads, links },
        berths,
        space: <[u32]>::mut_from_bytes(space).ok()?,
    };
    let pages = <[PageWords]>::mut_from_bytes(pages).ok()?;
    Some(Parts { pages, draft: Draft::new(records, of), rest })
}
