//! A partition object: its address space, its capability table, and counts of what it holds.

use crate::machine::{Machine, Object, sealed::Sealed};
use crate::processor::Cell;
use abi::control::SLOT_PAGES;
use abi::types::{Frame, MAX_PROCESSORS, ProcessorId};
use core::sync::atomic::{AtomicU64, Ordering};

const PAGES: usize = 128;
const PROCESSORS: usize = 64;
const _: () = assert!(SLOT_PAGES == 128 && MAX_PROCESSORS == 64);

/// A partition. Written under the control lock, but for `live`.
#[repr(C)]
pub struct Partition {
    /// Root page table, 0 for none.
    pub(crate) root: Cell,
    /// Frames of memory it owns, those of its channels included.
    pub(crate) frames: Cell,
    /// Page tables.
    pub(crate) tables: Cell,
    /// Contexts.
    pub(crate) contexts: Cell,
    /// Pages of slots.
    pub(crate) slot_pages: Cell,
    /// Channels it is an end of.
    pub(crate) channels: Cell,
    /// Doorbell of its rescuer, as capability words.
    pub(crate) rescuer: [AtomicU64; 2],
    /// Contexts on each processor that are not stopped. Raised under the control lock, lowered by that processor.
    pub(crate) live: [AtomicU64; PROCESSORS],
    /// Pages of the capability table.
    slots: [Cell; PAGES],
    rest: [AtomicU64; 512 - 8 - PROCESSORS - PAGES],
}

const _: () = assert!(size_of::<Partition>() == 4096);

impl Sealed for Partition {}
impl Object for Partition {}

impl Partition {
    /// Page `index` of its capability table.
    #[inline]
    #[must_use]
    pub fn slot_page(&self, index: u64) -> Option<Frame> {
        let frame = self.slots.get(usize::try_from(index).ok()?)?.get();
        (frame != 0).then_some(Frame::new(frame))
    }

    /// Makes a frame, or none, page `index` of the table.
    pub(crate) fn set_slot_page(&self, index: u64, page: Option<Frame>) {
        if let Some(cell) = usize::try_from(index).ok().and_then(|index| self.slots.get(index)) {
            cell.set(page.map_or(0, Frame::raw));
        }
    }

    /// Whether a context of it that is not stopped belongs to another of the machine's processors than `here` (`None`: to
    /// any).
    pub(crate) fn lives_beyond<M: Machine>(&self, machine: &M, here: Option<ProcessorId>) -> bool {
        let mut live = self.live.iter().take(machine.processors().into()).enumerate();
        let beyond = |id: usize| here.is_none_or(|here| id != usize::from(here.raw()));
        live.any(|(id, count)| beyond(id) && count.load(Ordering::Acquire) != 0)
    }

    /// One more (`true`) or one fewer context that is not stopped on a processor.
    pub(crate) fn count_live(&self, processor: ProcessorId, more: bool) {
        if let Some(count) = self.live.get(usize::from(processor.raw())) {
            if more {
                count.fetch_add(1, Ordering::AcqRel)
            } else {
                count.fetch_sub(1, Ordering::AcqRel)
            };
        }
    }
}
