//! The first start: finds memory for the books, writes down who owns what, and creates everything the manifest names.

use crate::manager::{Facts, Machine, Manager, SELF, map_with_tables};
use crate::manifest::{Manifest, flags};
use crate::plans::processor_slot;
use crate::run::unfinished;
use crate::trouble::Trouble;
use abi::boot::{BootInformation, FrameRange, MemoryKind, MemoryRange};
use abi::control::{Access, PartitionOperation, ProcessorOperation, first_slot};
use abi::information::StartReason;
use abi::layout;
use abi::manifest::PartitionFlags;
use abi::message::resource::ResourceStatus;
use abi::types::{ChannelId, Frame, PAGE_SIZE, PartitionId, ProcessorId};
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
    /// Creates and starts everything the manifest names. What cannot be made is told and left out.
    ///
    /// # Errors
    /// Where not even the books can be written.
    pub fn create_all(&mut self) -> Result<(), Trouble> {
        self.define_all()?;
        self.make_own_pages()?;
        for index in 1..self.manifest.partitions.len() as u32 {
            self.make_or_tell(PartitionId::new(index));
        }
        for index in 0..self.manifest.channels.len() as u32 {
            if let Err(trouble) = self.make_channel(ChannelId::new(index)) {
                self.say(format_args!("channel {index} cannot be made: {trouble}"));
            }
        }
        for index in 0..self.manifest.partitions.len() as u32 {
            // The rescuers that come later in the manifest are there now.
            self.renew_rescue(PartitionId::new(index))?;
        }
        self.renew_guard()?;
        self.watch_processors()?;
        self.inform(SELF)?;
        self.plan_anew();
        self.start_all();
        let (partitions, channels) =
            (self.books.partitions().count(), self.books.channels().count());
        let free = self.books.available() >> 8;
        self.say(format_args!("{partitions} partitions, {channels} channels, {free} MiB free"));
        Ok(())
    }

    fn make_or_tell(&mut self, id: PartitionId) {
        if let Err(trouble) = self.make(id) {
            let name = self.row(id).map(|row| row.name).unwrap_or_default();
            let name = abi::image::name_text(&name);
            self.say(format_args!("{name} cannot be made: {trouble}"));
        }
    }

    /// Gives every processor slots of the manifest's length.
    fn set_slots(&mut self) {
        let arguments = [self.manifest.slot, 0, 0, 0];
        for processor in (0..self.facts.processors).map(ProcessorId::new) {
            let slot = processor_slot(processor);
            let operation = ProcessorOperation::SetSlot as u64;
            if let Err(refusal) = self.machine.patient(slot, operation, arguments) {
                self.say(format_args!("slots stay as they are: {}", Trouble::from(refusal)));
            }
        }
    }

    /// Starts what the manifest says is started at boot and was not yet, and writes down that all were.
    pub fn start_all(&mut self) {
        self.set_slots();
        for index in 1..self.manifest.partitions.len() as u32 {
            let id = PartitionId::new(index);
            let Ok(row) = self.row(id) else { continue };
            let Ok(definition) = self.definition(&row) else { continue };
            if row.starts > 0 || !flags(definition).contains(PartitionFlags::START) {
                continue;
            }
            if let Err(trouble) = self.start(id, StartReason::Boot) {
                let name = abi::image::name_text(&row.name);
                self.say(format_args!("{name} cannot be started: {trouble}"));
            }
        }
        // The manager's own row is there, or nothing would be.
        let _ = self.change(SELF, |row| row.unfinished = 0);
    }

    /// The manager's own information pages, so that its runtime finds its channels as any other's does.
    fn make_own_pages(&mut self) -> Result<(), Trouble> {
        let row = self.row(SELF)?;
        let count = self.information_pages(&row);
        self.books.begin();
        let information = self.books.allocate(count, Owner::Partition(SELF))?;
        let unfinished = unfinished(StartReason::Boot);
        let row = PartitionRow { information, placed: 1, starts: 1, unfinished, ..row };
        self.books.set_partition(SELF, row)?;
        self.books.commit();
        let FrameRange { start, count } = information;
        self.machine.assign(first_slot::MEMORY, start, count, first_slot::PARTITION)?;
        self.map_own(layout::INFORMATION, information, Access::empty())?;
        // The window's tables are made by mapping something there once.
        let first = FrameRange { start, count: 1 };
        self.map_own(self.window.address().raw(), first, Access::empty())?;
        self.machine.unmap(first_slot::PARTITION, self.window.address(), 1)?;
        Ok(())
    }
}

/// Pages that hold so many bytes.
#[must_use]
pub fn pages(bytes: usize) -> u64 {
    (bytes as u64).div_ceil(PAGE_SIZE)
}
