//! The memory map: what firmware reported, made sorted, disjoint and page-aligned, and what of it was given away.
//!
//! Firmware maps are unsorted, overlap, end inside pages and may be long. The safe reading wins: where ranges
//! overlap the less usable kind holds, usable ranges shrink to whole pages and others grow to them.

use abi::boot::MemoryKind;
use abi::types::{Frame, PAGE_SIZE, PhysicalAddress};
use arrayvec::ArrayVec;

/// Most ranges kept at any time.
const CAPACITY: usize = 512;
/// First frame beyond the memory that is used at all: the kernel's ledger names owners below 1 TiB.
const LAST: u64 = 1 << 28;
/// First frame above 1 MiB: what is below belongs to firmware habits.
const LOW_END: u64 = 0x100;
/// First frame of the video memory below 1 MiB, where usable low memory ends.
const VIDEO: u64 = 0xa0;

/// What frames are used for while the loader runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Use {
    /// Free.
    Usable,
    /// Holds ACPI tables.
    AcpiReclaimable,
    /// ACPI non-volatile storage.
    AcpiStorage,
    /// Not to be touched.
    Reserved,
    /// Defective.
    Bad,
    /// The loader itself and what it still reads; free when the kernel runs.
    Loader,
    /// Given to the kernel.
    Kernel,
    /// The kernel's ELF segments, which the direct map leaves out.
    KernelImage,
    /// The boot image.
    BootImage,
    /// Segments of the first partition.
    FirstProgram,
}

impl Use {
    /// Whether it is memory that the kernel's ledger covers and its direct map shows.
    #[must_use]
    pub const fn is_memory(self) -> bool {
        !matches!(self, Self::AcpiStorage | Self::Reserved | Self::Bad)
    }

    /// What the kernel is told.
    #[must_use]
    pub const fn kind(self) -> MemoryKind {
        match self {
            Self::Usable | Self::Loader => MemoryKind::Usable,
            Self::AcpiReclaimable => MemoryKind::AcpiReclaimable,
            Self::AcpiStorage => MemoryKind::AcpiStorage,
            Self::Reserved => MemoryKind::Reserved,
            Self::Bad => MemoryKind::Bad,
            Self::Kernel | Self::KernelImage => MemoryKind::Kernel,
            Self::BootImage => MemoryKind::BootImage,
            Self::FirstProgram => MemoryKind::FirstProgram,
        }
    }
}

/// A range as firmware reports it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Report {
    /// First byte.
    pub start: PhysicalAddress,
    /// Number of bytes.
    pub length: u64,
    /// What it is: up to [`Use::Loader`] in the order of the enum.
    pub usage: Use,
}

/// Frames `start..end` with one use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Range {
    /// First frame.
    pub start: u64,
    /// One past the last.
    pub end: u64,
    /// What for.
    pub usage: Use,
}

impl Range {
    const fn count(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }
}

/// Sorted and disjoint; neighbours of one use are joined.
#[derive(Clone, Debug, Default)]
pub struct MemoryMap {
    ranges: ArrayVec<Range, CAPACITY>,
    lost: u64,
}

impl MemoryMap {
    /// The map of what firmware reports. Usable ranges are laid down first, so that no later one
    /// uncovers what a map with too many ranges had to forget.
    #[must_use]
    pub fn new(reports: impl Iterator<Item = Report> + Clone) -> Self {
        let mut map = Self::default();
        let order = [
            Use::Usable,
            Use::Loader,
            Use::AcpiReclaimable,
            Use::AcpiStorage,
            Use::Reserved,
            Use::Bad,
        ];
        for usage in order {
            reports
                .clone()
                .filter(|report| report.usage == usage)
                .for_each(|report| map.add(&report));
        }
        // Frame 0 stands for "none" in many places, and holds the BIOS's vectors: nobody gets it.
        map.repaint(0, 1, Use::Usable, Use::Kernel);
        map
    }

    fn add(&mut self, report: &Report) {
        let start = report.start.raw();
        let end = start.saturating_add(report.length);
        let (start, end) = if report.usage == Use::Usable {
            (start.div_ceil(PAGE_SIZE), end / PAGE_SIZE)
        } else {
            (start / PAGE_SIZE, end.div_ceil(PAGE_SIZE))
        };
        self.set(start, end.min(LAST), report.usage);
    }

    /// Marks bytes that must not be overwritten while the loader runs, whatever the firmware calls them.
    pub fn protect(&mut self, start: PhysicalAddress, length: u64) {
        let end = start.raw().saturating_add(length).div_ceil(PAGE_SIZE);
        self.repaint(start.raw() / PAGE_SIZE, end, Use::Usable, Use::Loader);
    }

    /// The ranges in ascending order.
    #[must_use]
    pub fn ranges(&self) -> &[Range] {
        &self.ranges
    }

    /// Frames that were left out because the map has too many ranges.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.lost
    }

    /// One past the last frame of memory.
    #[must_use]
    pub fn frames(&self) -> u64 {
        let memory = self.ranges.iter().filter(|range| range.usage.is_memory());
        memory.map(|range| range.end).max().unwrap_or(0)
    }

    /// Frames of memory.
    #[must_use]
    pub fn memory_frames(&self) -> u64 {
        let memory = self.ranges.iter().filter(|range| range.usage.is_memory());
        memory.map(Range::count).fold(0, u64::saturating_add)
    }

    /// Whether device registers of so many bytes can lie there: within a page, in no memory, where every processor of 64 bits reaches.
    #[must_use]
    pub fn may_be_device(&self, start: PhysicalAddress, length: u64) -> bool {
        let frame = start.raw() / PAGE_SIZE;
        let in_page = (start.raw() % PAGE_SIZE).saturating_add(length) <= PAGE_SIZE;
        in_page && frame < LAST && !self.holds_memory(start, length)
    }

    /// Whether any of these bytes is memory.
    #[must_use]
    pub fn holds_memory(&self, start: PhysicalAddress, length: u64) -> bool {
        let end = start.raw().saturating_add(length).div_ceil(PAGE_SIZE);
        let touched = |range: &Range| range.start < end && start.raw() / PAGE_SIZE < range.end;
        self.ranges.iter().any(|range| range.usage.is_memory() && touched(range))
    }

    /// Takes `count` free frames above 1 MiB and below `limit`, the highest there are, on a multiple of `align`.
    pub fn allocate(&mut self, count: u64, align: u64, limit: Frame, usage: Use) -> Option<Frame> {
        self.take(count, align, LOW_END, limit.raw(), usage)
    }

    /// Takes the highest free frame below 640 KiB, never the first.
    pub fn allocate_low(&mut self, usage: Use) -> Option<Frame> {
        self.take(1, 1, 1, VIDEO, usage)
    }

    /// Takes the lowest free frame from `start` on and below `limit`; else the highest below.
    ///
    /// What the loader takes from above does not change the answer, so it is the same at each start of
    /// the same machine: the crash record's place.
    pub fn allocate_from(&mut self, start: Frame, limit: Frame, usage: Use) -> Option<Frame> {
        let free = self.ranges.iter().filter(|range| range.usage == Use::Usable);
        let first = free
            .map(|range| range.start.max(start.raw())..range.end.min(limit.raw()))
            .find(|range| !range.is_empty());
        match first {
            None => self.allocate(1, 1, limit, usage),
            Some(range) => self.take(1, 1, range.start, range.start.saturating_add(1), usage),
        }
    }

    /// Gives the whole pages `start..start + count` this use. They must be free memory, or the loader's.
    #[must_use]
    pub fn claim(&mut self, start: Frame, count: u64, usage: Use) -> bool {
        let Some(end) = start.checked_add(count) else { return false };
        let free = |range: &&Range| matches!(range.usage, Use::Usable | Use::Loader);
        let covered = self
            .ranges
            .iter()
            .filter(free)
            .map(|range| range.end.min(end.raw()).saturating_sub(range.start.max(start.raw())))
            .fold(0, u64::saturating_add);
        if covered == count {
            self.set(start.raw(), end.raw(), usage);
        }
        covered == count
    }

    fn take(&mut self, count: u64, align: u64, low: u64, high: u64, usage: Use) -> Option<Frame> {
        let fit = |range: &Range| {
            let last = range.end.min(high).checked_sub(count)?;
            let start = last.checked_sub(last.checked_rem(align)?)?;
            (start >= range.start.max(low)).then_some(start)
        };
        let free = self.ranges.iter().rev().filter(|range| range.usage == Use::Usable);
        let start = free.filter_map(fit).next()?;
        self.set(start, start.checked_add(count)?, usage);
        Some(Frame::new(start))
    }

    /// Turns what is `from` within `start..end` into `to`.
    fn repaint(&mut self, mut start: u64, end: u64, from: Use, to: Use) {
        let part = |range: &Range, start: u64| {
            let (low, high) = (range.start.max(start), range.end.min(end));
            (range.usage == from && low < high).then_some((low, high))
        };
        while let Some((low, high)) = self.ranges.iter().find_map(|range| part(range, start)) {
            self.set(low, high, to);
            start = high;
        }
    }

    /// Gives `start..end` the use `usage` whatever it was.
    fn set(&mut self, start: u64, end: u64, usage: Use) {
        if start >= end {
            return;
        }
        self.make_room();
        self.split(start);
        self.split(end);
        self.ranges.retain(|range| range.start < start || range.start >= end);
        let position = self.ranges.iter().take_while(|range| range.start < start).count();
        self.insert(position, Range { start, end, usage });
        self.join(position.saturating_add(1));
        self.join(position);
    }

    /// Makes `at` a border between ranges where it lies within one.
    fn split(&mut self, at: u64) {
        let inside = |range: &Range| range.start < at && at < range.end;
        let Some(position) = self.ranges.iter().position(inside) else { return };
        let Some(range) = self.ranges.get_mut(position) else { return };
        let upper = Range { start: at, ..*range };
        range.end = at;
        self.insert(position.saturating_add(1), upper);
    }

    /// Joins the range at `position` to the one before it, if they touch and agree.
    fn join(&mut self, position: usize) {
        let Some(before) = position.checked_sub(1) else { return };
        let Some(&upper) = self.ranges.get(position) else { return };
        let Some(lower) = self.ranges.get_mut(before) else { return };
        if lower.end == upper.start && lower.usage == upper.usage {
            lower.end = upper.end;
            self.ranges.remove(position);
        }
    }

    fn insert(&mut self, position: usize, range: Range) {
        // `make_room` has left room for the three insertions of `set`.
        if self.ranges.try_insert(position, range).is_err() {
            self.lost = self.lost.saturating_add(range.count());
        }
    }

    /// Leaves room for three more ranges.
    fn make_room(&mut self) {
        self.shrink(CAPACITY.saturating_sub(3));
    }

    /// Forgets ranges until at most `most` are left: first those that are no memory (what is absent is
    /// not touched either), then the smallest free ones.
    pub fn shrink(&mut self, most: usize) {
        while self.ranges.len() > most {
            let weight = |range: &Range| match range.usage {
                usage if !usage.is_memory() => 0,
                Use::Usable => range.count(),
                _ => u64::MAX,
            };
            let smallest = self.ranges.iter().enumerate().min_by_key(|(_, range)| weight(range));
            let Some((position, &range)) = smallest else { return };
            self.ranges.remove(position);
            if range.usage.is_memory() {
                self.lost = self.lost.saturating_add(range.count());
            }
        }
    }
}
