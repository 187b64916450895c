//! What belongs to one processor: found through GS in the kernel, and by its number from elsewhere.
#![expect(unsafe_code, reason = "makes areas of frames")]

use super::hardware::Hardware;
use super::memory;
use super::segments::{self, Table};
use abi::layout::kernel_stack;
use abi::types::{MAX_PROCESSORS, PAGE_SIZE, ProcessorId};
use core::mem::offset_of;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, AtomicU16, AtomicU64, Ordering};
use kernel_core::boot::Pool;
use kernel_core::context::Context;
use kernel_core::processor::Processor;
use x86::bits64::task::TaskStateSegment;

/// The part that the machine side keeps, in a page of its own: the rest of it is the stack on which interrupts push, see
/// [`super::isolation`].
#[repr(C, align(4096))]
pub struct Head {
    pub(super) this: *const Area,
    /// Top of its stack.
    pub(super) stack: u64,
    pub(super) context: AtomicPtr<Context>,
    pub(super) scratch: AtomicU64,
    /// Not 0 if the entry code has to clear AC.
    pub(super) smap: AtomicU64,
    /// Where page tables are isolated, the kernel's root; else 0.
    pub(super) root: AtomicU64,
    /// Tops of the stacks for NMI, double fault and machine check.
    pub(super) critical: [u64; 3],
    /// Its APIC id.
    pub(super) apic: u32,
    /// Its number; settled when it has come.
    pub(super) id: AtomicU16,
    pub(super) table: Table,
    pub(super) task: TaskStateSegment,
    /// By which the processor and who starts it talk, see `processors`.
    pub(super) note: AtomicU64,
}

/// All of a processor.
#[repr(C)]
pub struct Area {
    pub(super) head: Head,
    /// What core keeps.
    pub processor: Processor,
}

// SAFETY: the head is written before the area is shared and atomic where it changes later; `this` points to the area itself.
unsafe impl Sync for Area {}

static AREAS: [AtomicPtr<Area>; MAX_PROCESSORS as usize] =
    [const { AtomicPtr::new(null_mut()) }; MAX_PROCESSORS as usize];

impl Area {
    /// Makes the area of a processor; `None` when the pool is empty.
    pub fn create(pool: &mut Pool, id: ProcessorId, apic: u32) -> Option<&'static Self> {
        let frame = pool.take_run((size_of::<Self>() as u64).div_ceil(PAGE_SIZE))?;
        let area = memory::pointer::<Self>(frame);
        let head = Head::new(area, id, apic);
        // SAFETY: the frames are the pool's, large enough, and nobody else has them yet.
        let place = unsafe { &raw mut (*area).head };
        // SAFETY: as above.
        unsafe { place.write(head) };
        // SAFETY: the head was written just now; `Processor` is zeroed memory, which is a value of it.
        let area = unsafe { &*area };
        area.number(id);
        Some(area)
    }

    /// Gives it this number, by which [`Self::of`] finds it; before it runs.
    pub(super) fn number(&'static self, id: ProcessorId) {
        let this = core::ptr::from_ref(self).cast_mut();
        let before = self.head.id.swap(id.raw(), Ordering::AcqRel);
        AREAS[usize::from(before)].store(null_mut(), Ordering::Release);
        AREAS[usize::from(id.raw())].store(this, Ordering::Release);
    }

    /// Whether this processor was given up. May be asked anywhere: GS may be that of a partition.
    pub fn has_failed() -> bool {
        let Some(hardware) = Hardware::try_get() else { return false };
        let mut areas = (0..hardware.processors).filter_map(|id| Self::of(ProcessorId::new(id)));
        areas.any(|area| area.processor.failed() && area.head.apic == hardware.apic.id())
    }

    /// The area of a processor.
    pub fn of(id: ProcessorId) -> Option<&'static Self> {
        let area = AREAS.get(usize::from(id.raw()))?.load(Ordering::Acquire);
        // SAFETY: null, or a finished area that stays for ever; `Processor` is zeroed memory, which is a value of it.
        unsafe { area.as_ref() }
    }
}

impl Head {
    fn new(area: *const Area, id: ProcessorId, apic: u32) -> Self {
        let critical = [1, 2, 3].map(|number| kernel_stack(id.raw(), number));
        let task = area.addr() + offset_of!(Area, head) + offset_of!(Self, task);
        Self {
            this: area,
            stack: kernel_stack(id.raw(), 0),
            context: AtomicPtr::new(null_mut()),
            scratch: AtomicU64::new(0),
            smap: AtomicU64::new(0),
            root: AtomicU64::new(0),
            critical,
            apic,
            id: AtomicU16::new(id.raw()),
            table: segments::table(task as u64),
            task: segments::task_state(area.addr() as u64 + PAGE_SIZE, critical),
            note: AtomicU64::new(0),
        }
    }
}
