//! From what the loader hands over to a first partition that can run.

use crate::capability::{Capability, slot, write};
use crate::context::{Context, START_FLAGS, register, restore};
use crate::control::mapping;
use crate::frame::SLOTS;
use crate::ledger::{self, Entry};
use crate::machine::Machine;
use crate::paging::{self, PageTable, ROOT_LEVEL};
use crate::partition::Partition;
use crate::stop::KERNEL;
use abi::boot::{BootInformation, FrameRange, MemoryKind, MemoryRange};
use abi::control::{Access, ContextState, FrameUse, first_slot};
use abi::layout::{BOOT_INFORMATION, TIME_PAGE};
use abi::rights::{ANY_LINE, Kind, Rights};
use abi::types::{Frame, Generation, ProcessorId, Slot, VirtualAddress};
use core::sync::atomic::Ordering::Relaxed;

/// Frames the loader set aside, zeroed; handed out one after the other and never taken back.
#[derive(Debug)]
pub struct Pool {
    next: u64,
    end: u64,
}

impl Pool {
    /// All of a range.
    pub const fn new(range: FrameRange) -> Self {
        Self { next: range.start.raw(), end: range.start.raw().saturating_add(range.count) }
    }

    /// The next frame, `None` at the end.
    pub fn take(&mut self) -> Option<Frame> {
        self.take_run(1)
    }

    /// The first of `count` frames that follow each other.
    pub fn take_run(&mut self, count: u64) -> Option<Frame> {
        let next = self.next.checked_add(count).filter(|next| *next <= self.end)?;
        Some(Frame::new(core::mem::replace(&mut self.next, next)))
    }
}

/// Why the first partition cannot be made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BootError {
    /// The pool is too small.
    PoolExhausted,
    /// A segment lies outside what a partition may map, or outside its memory, or overlaps another.
    BadSegment,
}

/// Writes the ledger from the memory map: usable memory is free, the kernel's and the first partition's is the kernel's until
/// [`first_partition`]; all else stays absent. Registers that the kernel uses itself are never given away.
pub fn ledger<M: Machine>(machine: &M, information: &BootInformation) {
    for range in ranges(information) {
        let kind = match range.kind {
            kind if kind == MemoryKind::Usable.number() => FrameUse::Free,
            kind if kind >= MemoryKind::Kernel.number() => FrameUse::Kernel,
            _ => continue,
        };
        frames(range.start, range.count).for_each(|frame| put(machine, frame, kind, Frame::new(0)));
    }
    // Frame 0 means "none" in many places.
    put(machine, Frame::new(0), FrameUse::Kernel, Frame::new(0));
    let devices = information.devices.iter();
    devices.for_each(|frame| put(machine, *frame, FrameUse::Kernel, Frame::new(0)));
}

fn ranges(information: &BootInformation) -> impl Iterator<Item = &MemoryRange> {
    information.memory.iter().take(usize::try_from(information.memory_count).unwrap_or(0))
}

fn frames(start: Frame, count: u64) -> impl Iterator<Item = Frame> {
    (start.raw()..start.raw().saturating_add(count)).map(Frame::new)
}

fn put<M: Machine>(machine: &M, frame: Frame, kind: FrameUse, owner: Frame) {
    ledger::set(machine, frame, Entry { kind, mappings: 0, generation: Generation::new(0), owner });
}

/// Makes the first partition, its context (all slots of processor 0, which must be up) and its capabilities, and gives it the memory of
/// its segments, the boot image, and the boot information (mapped read-only; the kernel must not trust that memory afterwards).
/// Returns the frame of its context. `time_page` is a frame of the kernel's. It runs with the next [`crate::nudge`].
///
/// # Errors
/// See [`BootError`].
pub fn first_partition<M: Machine>(
    machine: &M,
    information: &BootInformation,
    pool: &mut Pool,
    time_page: Frame,
) -> Result<Frame, BootError> {
    machine.kernel().time_page.set(time_page.raw());
    put(machine, time_page, FrameUse::Time, Frame::new(0));
    let mut builder = Builder::new(machine, pool)?;
    builder.own(information)?;
    let count = usize::try_from(information.segment_count).unwrap_or(0);
    for segment in information.segments.iter().take(count) {
        let access = mapping::access_of(segment.access).ok_or(BootError::BadSegment)?;
        builder.map(segment.address.raw(), segment.frame, segment.count, access)?;
    }
    let FrameRange { start, count } = information.information;
    builder.map(BOOT_INFORMATION, start, count, Access::empty())?;
    builder.map(TIME_PAGE, time_page, 1, Access::empty())?;
    builder.capabilities();
    Ok(builder.start(information.entry))
}

/// A first partition in the making.
struct Builder<'a, M: Machine> {
    machine: &'a M,
    pool: &'a mut Pool,
    partition: Frame,
    context: Frame,
}

impl<'a, M: Machine> Builder<'a, M> {
    fn new(machine: &'a M, pool: &'a mut Pool) -> Result<Self, BootError> {
        let partition = pool.take().ok_or(BootError::PoolExhausted)?;
        let context = pool.take().ok_or(BootError::PoolExhausted)?;
        put(machine, partition, FrameUse::PartitionObject, Frame::new(0));
        put(machine, context, FrameUse::ContextObject, partition);
        let mut builder = Self { machine, pool, partition, context };
        let slots = builder.take(FrameUse::SlotTable)?;
        let root = builder.take(FrameUse::PageTable)?;
        paging::share_kernel(machine, root);
        let object = builder.object();
        object.set_slot_page(0, Some(slots));
        object.slot_pages.set(1);
        object.contexts.set(1);
        object.tables.set(1);
        object.root.set(root.raw());
        Ok(builder)
    }

    fn object(&self) -> &'a Partition {
        self.machine.object::<Partition>(self.partition)
    }

    fn take(&mut self, kind: FrameUse) -> Result<Frame, BootError> {
        let frame = self.pool.take().ok_or(BootError::PoolExhausted)?;
        put(self.machine, frame, kind, self.partition);
        Ok(frame)
    }

    /// Gives it the memory that the loader filled for it.
    fn own(&mut self, information: &BootInformation) -> Result<(), BootError> {
        let own = |range: &&MemoryRange| range.kind >= MemoryKind::BootImage.number();
        ranges(information)
            .filter(own)
            .try_for_each(|range| self.give(range.start, range.count))?;
        self.give(information.information.start, information.information.count)
    }

    fn give(&mut self, start: Frame, count: u64) -> Result<(), BootError> {
        for frame in frames(start, count) {
            if ledger::entry(self.machine, frame).kind != FrameUse::Kernel {
                return Err(BootError::BadSegment);
            }
            put(self.machine, frame, FrameUse::User, self.partition);
            self.object().frames.add(1);
        }
        Ok(())
    }

    fn map(
        &mut self,
        address: u64,
        start: Frame,
        count: u64,
        access: Access,
    ) -> Result<(), BootError> {
        mapping::range(address, count).map_err(|_| BootError::BadSegment)?;
        for (number, frame) in (0..).zip(frames(start, count)) {
            let page = mapping::page(address, number);
            self.tables(page)?;
            mapping::check_page(self.machine, self.partition, page, frame, access)
                .map_err(|_| BootError::BadSegment)?;
            mapping::put_page(self.machine, self.partition, page, frame, access);
        }
        Ok(())
    }

    /// Makes the tables that are missing for a page.
    fn tables(&mut self, page: VirtualAddress) -> Result<(), BootError> {
        for above in (2..=ROOT_LEVEL).rev() {
            let root = self.object().root.get();
            let entry =
                paging::walk(self.machine, root, page, above).map_err(|_| BootError::BadSegment)?;
            if entry.get() == 0 {
                let table = self.take(FrameUse::PageTable)?;
                self.object().tables.add(1);
                entry.set(paging::table_entry(table));
            }
        }
        Ok(())
    }

    /// Its capabilities; for its rescuer it has the kernel until it names another.
    fn capabilities(&self) {
        let none = Frame::new(0);
        let given = [
            (first_slot::PARTITION, Kind::Partition, self.partition, 0),
            (first_slot::CONTEXT, Kind::Context, self.context, 0),
            (first_slot::MEMORY, Kind::Memory, none, 0),
            (first_slot::DEBUG, Kind::Debug, none, 0),
            (first_slot::KERNEL, Kind::Kernel, none, 0),
            (first_slot::PORTS, Kind::Ports, none, 0),
            (first_slot::INTERRUPT, Kind::Interrupt, none, ANY_LINE),
        ];
        given.into_iter().for_each(|one| self.grant(one));
        for id in 0..self.machine.processors() {
            let number = first_slot::PROCESSORS.raw().saturating_add(id);
            self.grant((Slot::new(number), Kind::Processor, none, u32::from(id)));
        }
        write(&self.object().rescuer, KERNEL);
    }

    fn grant(&self, (number, kind, frame, parameter): (Slot, Kind, Frame, u32)) {
        let generation = Generation::new(0);
        let capability = Capability { kind, rights: Rights::all(), frame, generation, parameter };
        if let Some(slot) = slot(self.machine, self.partition, u64::from(number.raw())) {
            write(slot, capability.pack());
        }
    }

    /// Makes the context ready and gives it processor 0.
    fn start(&self, entry: VirtualAddress) -> Frame {
        let context = self.machine.object::<Context>(self.context);
        context.frame.store(self.context.raw(), Relaxed);
        context.partition.store(self.partition.raw(), Relaxed);
        // The first partition has an address space.
        let _ = context.note(self.machine, self.object());
        context.set_register(register::RIP, entry.raw());
        context.set_register(register::RSP, abi::layout::STACK_TOP);
        context.set_register(register::RFLAGS, START_FLAGS);
        context.restore.store(restore::FULL, Relaxed);
        context.set_state(ContextState::Ready);
        let first = ProcessorId::new(0);
        self.object().count_live(first, true);
        if let Some(processor) = self.machine.processor(first) {
            processor.plan().set(0, SLOTS, 0, &[self.context.raw(); 16]);
            processor.plan().close(SLOTS);
        }
        self.context
    }
}

const _: () = assert!(size_of::<PageTable>() == 4096);
