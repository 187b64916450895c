//! Builds the kernel's page tables (Intel SDM 3A, 4.5).

use crate::map::Use;
use crate::offer::PhysicalMemory;
use crate::program::Loader;
use crate::refusal::Refusal;
use abi::boot::Segment;
use abi::control::Access;
use abi::layout::{DIRECT_MAP, KERNEL_STACK_PAGES, kernel_stack};
use abi::types::{Frame, PAGE_SIZE, PhysicalAddress};

/// Bits of an entry.
mod bit {
    /// Valid.
    pub const PRESENT: u64 = 1 << 0;
    /// Writable.
    pub const WRITE: u64 = 1 << 1;
    /// Uncached: write-through and cache-disable together.
    pub const UNCACHED: u64 = 1 << 3 | 1 << 4;
    /// Maps 2 MiB or 1 GiB instead of pointing to a table.
    pub const LARGE: u64 = 1 << 7;
    /// Stays in the translation buffer when the root changes.
    pub const GLOBAL: u64 = 1 << 8;
    /// No instruction is fetched.
    pub const NO_EXECUTE: u64 = 1 << 63;
    /// Where the next table or the frame is.
    pub const ADDRESS: u64 = 0x000f_ffff_ffff_f000;
}

/// The root table lies below this frame: 4 GiB.
const ROOT_END: Frame = Frame::new(1 << 20);

/// Page tables under construction.
pub(crate) struct Tables<'l, 'm, M> {
    loader: &'l mut Loader<'m, M>,
    root: Frame,
    gigabyte_pages: bool,
}

/// A run of pages still to be mapped.
#[derive(Clone, Copy)]
struct Run {
    address: u64,
    physical: u64,
    end: u64,
    flags: u64,
}

impl<'l, 'm, M: PhysicalMemory> Tables<'l, 'm, M> {
    /// Tables that map nothing.
    ///
    /// # Errors
    /// [`Refusal::Memory`].
    pub(crate) fn new(
        loader: &'l mut Loader<'m, M>,
        gigabyte_pages: bool,
    ) -> Result<Self, Refusal> {
        // A processor that starts loads it in 32-bit mode.
        let reach = loader.reach;
        loader.reach = reach.min(ROOT_END);
        let root = new_table(loader)?;
        loader.reach = reach;
        Ok(Self { loader, root, gigabyte_pages })
    }

    /// The root table.
    pub(crate) const fn root(&self) -> Frame {
        self.root
    }

    /// Shows frames `start..end` in the direct map: writable, never executable.
    ///
    /// # Errors
    /// [`Refusal::Memory`].
    pub(crate) fn map_direct(&mut self, start: u64, end: u64) -> Result<(), Refusal> {
        let address = Frame::new(start).address().raw();
        let count = end.saturating_sub(start);
        self.map(
            DIRECT_MAP.wrapping_add(address),
            address,
            count,
            bit::WRITE | bit::NO_EXECUTE | bit::GLOBAL,
        )
    }

    /// Maps a segment of the kernel.
    ///
    /// # Errors
    /// [`Refusal::Memory`].
    pub(crate) fn map_segment(&mut self, segment: &Segment) -> Result<(), Refusal> {
        let access = Access::from_bits_truncate(segment.access);
        let write = if access.contains(Access::WRITE) { bit::WRITE } else { 0 };
        let execute = if access.contains(Access::EXECUTE) { 0 } else { bit::NO_EXECUTE };
        let physical = segment.frame.address().raw();
        self.map(segment.address.raw(), physical, segment.count, write | execute | bit::GLOBAL)
    }

    /// Maps the page of device registers that holds `physical`, uncached.
    ///
    /// # Errors
    /// [`Refusal::Memory`].
    pub(crate) fn map_device(
        &mut self,
        address: u64,
        physical: PhysicalAddress,
    ) -> Result<(), Refusal> {
        let frame = Frame::containing(physical).address().raw();
        let flags = bit::WRITE | bit::NO_EXECUTE | bit::UNCACHED | bit::GLOBAL;
        self.map(address, frame, 1, flags)
    }

    /// Maps the kernel's stacks of the first `processors` processors, in fresh frames.
    ///
    /// # Errors
    /// [`Refusal::Memory`].
    pub(crate) fn map_stacks(&mut self, processors: u16) -> Result<(), Refusal> {
        let stacks = (0..).zip(KERNEL_STACK_PAGES);
        for (processor, (number, pages)) in (0..processors)
            .flat_map(|processor| stacks.clone().map(move |stack| (processor, stack)))
        {
            let frame = self.loader.frames(pages, Use::Kernel, "the kernel's stacks")?;
            let bottom =
                kernel_stack(processor, number).wrapping_sub(pages.wrapping_mul(PAGE_SIZE));
            self.map(
                bottom,
                frame.address().raw(),
                pages,
                bit::WRITE | bit::NO_EXECUTE | bit::GLOBAL,
            )?;
        }
        Ok(())
    }

    /// Maps a frame at its own address, to run code in it but not to write to it.
    ///
    /// # Errors
    /// [`Refusal::Memory`].
    pub(crate) fn map_trampoline(&mut self, frame: Frame) -> Result<(), Refusal> {
        self.map(frame.address().raw(), frame.address().raw(), 1, 0)
    }

    /// Maps `count` pages with the largest page size that fits at each place.
    fn map(&mut self, address: u64, physical: u64, count: u64, flags: u64) -> Result<(), Refusal> {
        let end = physical.saturating_add(count.saturating_mul(PAGE_SIZE));
        let mut run = Run { address, physical, end, flags };
        while run.physical < run.end {
            let level = self.level(&run);
            let size = page_size(level);
            self.put(&run, level)?;
            run.address = run.address.wrapping_add(size);
            run.physical = run.physical.saturating_add(size);
        }
        Ok(())
    }

    /// The highest level at which the start of `run` can be one page.
    fn level(&self, run: &Run) -> u32 {
        let fits = |level: &u32| {
            let mask = page_size(*level).wrapping_sub(1);
            (run.address | run.physical) & mask == 0 && run.end.saturating_sub(run.physical) > mask
        };
        let highest = if self.gigabyte_pages { 3 } else { 2 };
        (2..=highest).rev().find(fits).unwrap_or(1)
    }

    fn put(&mut self, run: &Run, level: u32) -> Result<(), Refusal> {
        let mut table = self.root;
        for above in (level.saturating_add(1)..=4).rev() {
            table = self.next(table, run.address, above)?;
        }
        let large = if level > 1 { bit::LARGE } else { 0 };
        let entry = run.physical | run.flags | large | bit::PRESENT;
        self.loader.memory.write(entry_address(table, run.address, level), &entry.to_le_bytes());
        Ok(())
    }

    /// The table of the level below `level` for `address`, made where it is missing.
    fn next(&mut self, table: Frame, address: u64, level: u32) -> Result<Frame, Refusal> {
        let place = entry_address(table, address, level);
        let mut bytes = [0; 8];
        if !self.loader.memory.read(place, &mut bytes) {
            return Err(Refusal::Memory(PURPOSE));
        }
        let entry = u64::from_le_bytes(bytes);
        if entry & bit::PRESENT != 0 {
            return Ok(Frame::containing(PhysicalAddress::new(entry & bit::ADDRESS)));
        }
        let new = new_table(self.loader)?;
        let entry = new.address().raw() | bit::PRESENT | bit::WRITE;
        self.loader.memory.write(place, &entry.to_le_bytes());
        Ok(new)
    }
}

/// What page tables are called in a refusal.
const PURPOSE: &str = "page tables";

fn new_table<M: PhysicalMemory>(loader: &mut Loader<'_, M>) -> Result<Frame, Refusal> {
    loader.frames(1, Use::Kernel, PURPOSE)
}

/// Bytes that an entry of a table of `level` covers: 4 KiB, 2 MiB, 1 GiB, 512 GiB.
fn page_size(level: u32) -> u64 {
    PAGE_SIZE.wrapping_shl(level.saturating_sub(1).saturating_mul(9))
}

/// Where in a table of `level` the entry for `address` is.
fn entry_address(table: Frame, address: u64, level: u32) -> PhysicalAddress {
    let shift = page_size(level).trailing_zeros();
    let index = address.wrapping_shr(shift) & 0x1ff;
    PhysicalAddress::new(table.address().raw() | index.wrapping_shl(3))
}
