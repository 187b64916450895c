//! The first start: finds memory for the books, writes down who owns what, and creates everything the manifest names.

use crate::manager::{Facts, Machine, Manager, SELF, map_with_tables};
use crate::manifest::Manifest;
use crate::run::unfinished;
use crate::trouble::Trouble;
use abi::boot::{BootInformation, FrameRange, MemoryKind, MemoryRange};
use abi::control::{Access, PartitionOperation, first_slot};
use abi::information::StartReason;
use abi::layout;
use abi::message::resource::ResourceStatus;
use abi::types::{Frame, PAGE_SIZE, VirtualAddress};
use core::cmp::max_by_key;
use program_loader::{Calls, Kernel, Window};
use resource_db::{Books, Capacity, Owner, PartitionRow};

/// Free frames taken before there are books, from the start of one range.
#[derive(Clone, Copy, Debug)]
pub struct Early {
    /// The largest range of free memory.
    pub range: FrameRange,
    /// How many of its frames are taken.
    pub taken: u64,
}

impl Early {
    /// The largest range of free memory that the loader found.
    #[must_use]
    pub fn new(boot: &BootInformation) -> Self {
        let usable = ranges(boot).filter(|range| range.kind == MemoryKind::Usable as u32);
        let largest =
            usable.copied().fold(MemoryRange::default(), |a, b| max_by_key(a, b, |r| r.count));
        Self { range: FrameRange { start: largest.start, count: largest.count }, taken: 0 }
    }

    /// The next `count` frames.
    ///
    /// # Errors
    /// Where the range is used up.
    pub fn take(&mut self, count: u64) -> Result<FrameRange, Trouble> {
        let start = self.range.start.checked_add(self.taken).ok_or(ResourceStatus::NoMemory)?;
        self.taken = self.taken.saturating_add(count);
        if self.taken > self.range.count {
            return Err(ResourceStatus::NoMemory.into());
        }
        Ok(FrameRange { start, count })
    }

    /// Maps frames into the own address space, tables from this range.
    ///
    /// # Errors
    /// What the kernel answers, or where the range is used up.
    pub fn map<K: Kernel>(
        &mut self,
        kernel: &mut K,
        address: u64,
        frames: FrameRange,
        access: Access,
    ) -> Result<(), Trouble> {
        let mut table = || self.take(1).map(|frames| frames.start);
        map_with_tables(kernel, &mut table, address, frames, access)
    }

    /// Takes frames as own memory and maps them.
    ///
    /// # Errors
    /// What the kernel answers, or where the range is used up.
    pub fn own<K: Kernel>(
        &mut self,
        kernel: &mut K,
        address: u64,
        count: u64,
    ) -> Result<FrameRange, Trouble> {
        let frames = self.take(count)?;
        let own = first_slot::PARTITION;
        kernel.assign(first_slot::MEMORY, frames.start, count, own)?;
        self.map(kernel, address, frames, Access::WRITE)?;
        Ok(frames)
    }
}

/// The ranges of the memory map.
pub fn ranges(boot: &BootInformation) -> impl Iterator<Item = &MemoryRange> {
    boot.memory.iter().take(boot.memory_count as usize)
}

/// What does not change, from the loader and the kernel.
///
/// # Errors
/// What the kernel answers.
pub fn facts<M: Machine>(
    machine: &mut M,
    boot: &'static BootInformation,
) -> Result<Facts, Trouble> {
    let translate = PartitionOperation::Translate;
    let time = machine.partition(first_slot::PARTITION, translate, [layout::TIME_PAGE, 0, 0, 0])?;
    let mut overrides = [(u32::MAX, u32::MAX); abi::boot::OVERRIDES];
    let count = boot.machine.override_count as usize;
    for (to, from) in overrides.iter_mut().zip(boot.machine.overrides.iter().take(count)) {
        *to = (from.source, from.line);
    }
    Ok(Facts {
        processors: machine.processors(),
        image: boot.boot_image,
        time: Frame::new(time[0]),
        power_off: boot.machine.power_off,
        boot,
        frames: boot.frames,
        overrides,
    })
}

/// PCI functions that are written down.
pub const FUNCTIONS: u32 = 128;

/// How much the books must hold: what the manifest names, and what memory allows beyond it.
#[must_use]
pub fn capacity(manifest: &Manifest<'_>, frames: u64, processors: u16) -> Capacity {
    let more = |each: u64| u32::try_from(frames / each).unwrap_or(u32::MAX);
    let count = |items: usize| u32::try_from(items).unwrap_or(u32::MAX);
    // A descriptor is a page; the smallest partition takes some 25 beside it.
    let (partitions, channels) = (more(64).clamp(64, 1200), more(32).clamp(64, 4800));
    Capacity {
        frames,
        partitions: count(manifest.partitions.len()).saturating_add(partitions),
        channels: count(manifest.channels.len()).saturating_add(channels),
        processors: processors.into(),
        devices: count(manifest.grants.len()).saturating_add(FUNCTIONS),
        berths: manifest.partitions.iter().map(|one| one.clients).fold(0, u32::saturating_add),
    }
}

/// Writes down whose every frame is.
pub fn describe(books: &mut Books<'_>, boot: &BootInformation, early: &Early) {
    for range in ranges(boot) {
        let owner = match range.kind {
            kind if kind == MemoryKind::Usable as u32 => Owner::Available,
            kind if kind == MemoryKind::Bad as u32 => Owner::Broken,
            kind if kind == MemoryKind::BootImage as u32 => Owner::Partition(SELF),
            kind if kind == MemoryKind::FirstProgram as u32 => Owner::Partition(SELF),
            _ => Owner::Reserved,
        };
        books.describe(FrameRange { start: range.start, count: range.count }, owner);
    }
    // Frame 0 stands for "none" in many places: the kernel keeps it.
    books.describe(FrameRange { start: Frame::new(0), count: 1 }, Owner::Reserved);
    // The books know which of these are theirs.
    let taken = FrameRange { start: early.range.start, count: early.taken };
    books.describe(taken, Owner::Partition(SELF));
}

impl<M: Machine, W: Window> Manager<'_, M, W> {
    /// Writes down what the manifest names, and makes those who ask for the rest.
    ///
    /// # Errors
    /// Where not even the books can be written.
    pub fn create_all(&mut self) -> Result<(), Trouble> {
        self.hurry_slots();
        self.define_all()?;
        self.make_own_pages()?;
        self.found()
    }

    /// The manager's own information pages, so that its runtime finds its channels as any other's does.
    fn make_own_pages(&mut self) -> Result<(), Trouble> {
        let row = self.row(SELF)?;
        let count = self.information_pages(&row);
        self.books.begin();
        let information = self.books.allocate(count, Owner::Partition(SELF))?;
        let unfinished = unfinished(StartReason::Boot);
        let row = PartitionRow { information, placed: 1, starts: 1, unfinished, ..row };
        self.books.set_partition(SELF, &row)?;
        self.books.commit();
        self.map_own_pages()
    }

    /// Maps the own information pages, and makes the tables of the window. May be repeated.
    ///
    /// # Errors
    /// What the kernel or the books answer.
    pub fn map_own_pages(&mut self) -> Result<(), Trouble> {
        let information = self.row(SELF)?.information;
        let FrameRange { start, count } = information;
        let (own, window) = (first_slot::PARTITION, self.window.address());
        // Refused where that was done before.
        let _ = self.machine.assign(first_slot::MEMORY, start, count, own);
        let _ = self.machine.unmap(own, VirtualAddress::new(layout::INFORMATION), count);
        let _ = self.machine.unmap(own, window, 1);
        self.map_own(layout::INFORMATION, information, Access::empty())?;
        // Tables are made by mapping something there once.
        let first = FrameRange { start, count: 1 };
        self.map_own(window.raw(), first, Access::empty())?;
        Ok(self.machine.unmap(own, window, 1)?)
    }
}

/// Pages that hold so many bytes.
#[must_use]
pub fn pages(bytes: usize) -> u64 {
    (bytes as u64).div_ceil(PAGE_SIZE)
}
