//! Plans: which context each slot of the frame belongs to, and who takes slack.

use crate::processor::Cell;
use abi::control::{PLAN_PLACES, PLAN_SLOTS};
use abi::types::{Frame, ProcessorId};
use core::sync::atomic::{AtomicU64, Ordering::Acquire};
use zerocopy::FromBytes;

/// A place of a plan: a slot of the frame (0 to 15) or a taker of slack.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place(u64);

impl Place {
    /// No place: idle time.
    pub const NONE: Self = Self(256);

    /// Place `index`, if a plan can have it.
    pub fn new(index: u64) -> Option<Self> {
        (index < Self::NONE.0).then_some(Self(index))
    }

    /// Its number.
    pub const fn raw(self) -> u64 {
        self.0
    }
}
const _: () = assert!(PLAN_PLACES == 256 && PLAN_SLOTS == 16);

/// A plan. The running one is read by its processor; the other is written under the control lock.
#[repr(C)]
pub struct Plan {
    /// Places in use. Beyond them all are idle.
    length: Cell,
    /// 1 where one context, or none, has all slots, and nobody else a place.
    sole: Cell,
    /// Frames of contexts, 0 for idle.
    places: [Cell; PLAN_PLACES],
}

impl Plan {
    /// A plan without places.
    #[cfg(test)]
    pub(crate) const fn new() -> Self {
        Self {
            length: Cell::new(),
            sole: Cell::new(),
            places: [const { Cell::new() }; PLAN_PLACES],
        }
    }

    /// Context at a place, which is one, `None` for idle.
    #[inline]
    pub fn context(&self, place: u64) -> Option<Frame> {
        let [place, ..] = place.to_le_bytes();
        let frame = self.places[usize::from(place)].get();
        (frame != 0).then_some(Frame::new(frame))
    }

    /// Puts contexts at places from one on: four bits of `order` for each, from the lowest on, say which.
    pub fn set(&self, first: u64, count: u64, mut order: u128, contexts: &[u64; 16]) {
        self.length.set(self.length.get().max(first.saturating_add(count)));
        let cells = self.places.iter().skip(usize::try_from(first).unwrap_or(PLAN_PLACES));
        for (cell, _) in cells.zip(0..count) {
            cell.set(contexts[usize::from(order.to_le_bytes()[0] & 15)]);
            order >>= 4;
        }
    }

    /// The places in use.
    fn used(&self) -> &[Cell] {
        self.places.get(..usize::try_from(self.length.get()).unwrap_or(0)).unwrap_or(&self.places)
    }

    /// Places in use.
    #[inline]
    pub fn length(&self) -> u64 {
        self.length.get()
    }

    /// Whether no other than one context (or none at all) can ever run under it.
    #[inline]
    pub fn sole(&self) -> bool {
        self.sole.get() != 0 || self.length.get() == 0
    }

    /// Closes the plan: it has `length` places.
    pub fn close(&self, length: u64) {
        // What lies beyond would come back with a longer plan.
        let kept = usize::try_from(length).unwrap_or(PLAN_PLACES);
        self.used().iter().skip(kept).for_each(|cell| cell.set(0));
        self.length.set(length);
        let first = self.context(0);
        let mut slots = self.places.iter().take(PLAN_SLOTS);
        let alone = slots.all(|cell| cell.get() == first.map_or(0, Frame::raw));
        let takers = (16..length).any(|place| self.context(place).is_some());
        self.sole.set(u64::from(alone && !takers));
    }

    /// Whether a context stands in it.
    pub fn names(&self, context: Frame) -> bool {
        self.used().iter().any(|cell| cell.get() == context.raw())
    }

    /// Makes every place of a context idle.
    pub fn forget(&self, context: Frame) {
        self.used().iter().filter(|cell| cell.get() == context.raw()).for_each(|cell| cell.set(0));
    }
}

/// No plan is pending.
pub(crate) const NONE: u64 = 0;
/// A plan takes over at the next wrap.
pub(crate) const ALONE: u64 = 1;
/// A plan takes over with those of other processors, not all of which are committed. Above [`ALONE`], any other number is
/// two more than the frame from which on they take over: one word, so that nobody reads the frame of another set.
pub(crate) const JOINING: u64 = u64::MAX;

/// What is pending for plans that take over together from a frame on.
pub(crate) const fn together(frame: u64) -> u64 {
    frame.saturating_add(2)
}

/// The plan in force and the one that is not.
#[inline]
pub(crate) fn in_order<'a>([first, second]: &'a [Plan; 2], running: &Cell) -> [&'a Plan; 2] {
    if running.get() == 0 { [first, second] } else { [second, first] }
}

/// Whether the plan in force, or one that is pending, has a place for a context. A plan that is only being staged forgets
/// it. For holders of the control lock.
pub(crate) fn keeps(
    plans: &[Plan; 2],
    running: &Cell,
    pending: &AtomicU64,
    context: Frame,
) -> bool {
    if pending.load(Acquire) != NONE {
        // It may take over while this looks, so that which of the two is in force is not known.
        return plans.iter().any(|plan| plan.names(context));
    }
    let [now, staged] = in_order(plans, running);
    let named = now.names(context);
    if !named {
        staged.forget(context);
    }
    named
}

/// A processor in a mask.
pub(crate) fn bit(processor: ProcessorId) -> u64 {
    1_u64.wrapping_shl(processor.raw().into())
}

/// The processors of a mask.
pub(crate) fn members(mask: u64) -> impl Iterator<Item = ProcessorId> {
    (0..64).map(ProcessorId::new).filter(move |id| mask & bit(*id) != 0)
}

/// Plans of several processors that take over together.
#[derive(FromBytes)]
pub struct Joint {
    /// Processors that take part in the last set that was begun. Written under the control lock.
    pub(crate) mask: AtomicU64,
    /// Those that finished their frame and wait.
    pub(crate) arrived: AtomicU64,
}
