//! A partition object: its address space, its capability table, and counts of what it holds.

use crate::machine::{Machine, Object, sealed::Sealed};
use crate::processor::Cell;
use abi::call::Error;
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
    /// Pages that these map.
    pub(crate) mapped: Cell,
    /// Contexts.
    pub(crate) contexts: Cell,
    /// Pages of slots.
    pub(crate) slot_pages: Cell,
    /// Channels it is an end of.
    pub(crate) channels: Cell,
    /// [`Kernel::flushes`] after the last unmapping that a processor may not know of yet, 0 for none.
    pub(crate) unmapped: Cell,
    /// Doorbell of its rescuer, as capability words.
    pub(crate) rescuer: [AtomicU64; 2],
    /// Contexts on each processor that are not stopped. Raised under the control lock, lowered by that processor.
    pub(crate) live: [AtomicU64; PROCESSORS],
    /// Pages of the capability table.
    slots: [Cell; PAGES],
    rest: [AtomicU64; 512 - 10 - PROCESSORS - PAGES],
}

const _: () = assert!(size_of::<Partition>() == 4096);

impl Sealed for Partition {}
impl Object for Partition {}

impl Partition {
    /// Page `index` of its capability table.
    #[inline]
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
        machine.ids().any(|id| here != Some(id) && self.lives_on(id))
    }

    /// A page was unmapped: makes the other processors that it lives on forget it.
    pub(crate) fn forget<M: Machine>(&self, machine: &M, here: ProcessorId) {
        if self.lives_beyond(machine, Some(here)) {
            self.unmapped
                .set(machine.kernel().flushes.fetch_add(1, Ordering::AcqRel).wrapping_add(1));
            let elsewhere = |id: &ProcessorId| *id != here && self.lives_on(*id);
            machine.ids().filter(elsewhere).for_each(|id| machine.nudge(id));
        }
    }

    /// Refuses while a processor may still know a page that was unmapped. One without live contexts has other page tables loaded.
    pub(crate) fn check_forgotten<M: Machine>(&self, machine: &M) -> Result<(), Error> {
        let unmapped = self.unmapped.get();
        let knows = |id: ProcessorId| {
            let flushed = machine.processor(id).map(|there| there.flushed.load(Ordering::Acquire));
            self.lives_on(id) && flushed.is_some_and(|flushed| flushed < unmapped)
        };
        if unmapped != 0 && machine.ids().any(knows) {
            return Err(Error::Again);
        }
        self.unmapped.set(0);
        Ok(())
    }

    fn lives_on(&self, id: ProcessorId) -> bool {
        let count = self.live.get(usize::from(id.raw()));
        count.is_some_and(|count| count.load(Ordering::Acquire) != 0)
    }

    /// One more (`true`) or one fewer context that is not stopped on a processor.
    pub(crate) fn count_live(&self, processor: ProcessorId, more: bool) {
        if let Some(count) = self.live.get(usize::from(processor.raw())) {
            count.fetch_add(if more { 1 } else { u64::MAX }, Ordering::AcqRel);
        }
    }
}
