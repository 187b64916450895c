//! What the kernel knows about one processor. Written by that processor alone, unless a field says otherwise.

use crate::context::{live_on, processor_of};
use crate::frame::SLOTS;
use crate::plan::{self, Place, Plan};
use crate::schedule::Standing;
use crate::trace::Trace;
use abi::control::PLAN_PLACES;
use abi::types::{Frame, Nanoseconds, ProcessorId};
use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::{Relaxed, Release, SeqCst};
use zerocopy::FromBytes;

/// A word that one processor writes and others may read.
#[derive(Default, FromBytes)]
#[repr(transparent)]
pub struct Cell(AtomicU64);

impl Cell {
    /// A cell that holds 0.
    pub const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// What it holds.
    #[inline]
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }

    /// Stores a value.
    #[inline]
    pub fn set(&self, value: u64) {
        self.0.store(value, Relaxed);
    }

    /// Where it counts ticks used, and is less than nothing while that goes on: the count at `ticks`.
    pub(crate) fn until(&self, ticks: u64) -> u64 {
        let used = self.get();
        if used.cast_signed() < 0 { used.wrapping_add(ticks) } else { used }
    }

    /// Takes from it, wrapping; for the one writer only.
    #[inline]
    pub(crate) fn subtract(&self, value: u64) {
        self.set(self.get().wrapping_sub(value));
    }

    /// Adds to it, wrapping; for the one writer only.
    #[inline]
    pub fn add(&self, value: u64) {
        self.set(self.get().wrapping_add(value));
    }
}

/// A processor. Consists of `AtomicU64` alone; the machine keeps it in zeroed memory, calls
/// [`Processor::bring_up`] and then [`crate::nudge`] on the processor itself.
#[repr(C)]
pub struct Processor {
    /// Its id, as [`live_on`].
    pub(crate) live: Cell,
    /// 1 where it runs, [`FAILED`].
    pub(crate) online: Cell,
    /// Entries into the kernel and exits from it: odd inside. Read by others.
    pub(crate) entries: AtomicU64,
    /// Frame of the running context, 0 for none.
    pub(crate) current: Cell,
    /// Root in force, as a physical address.
    pub(crate) root: Cell,
    /// By what claim the running context runs, see [`crate::schedule::Standing`].
    pub(crate) standing: Cell,
    /// Place of the plan whose time is used, [`PLAN_PLACES`] for none.
    pub(crate) place: Cell,
    /// Frame of the context whose place it is.
    pub(crate) holder: Cell,
    /// When the timer will fire, `u64::MAX` for never.
    pub(crate) armed: Cell,
    /// When the running slot ends.
    pub(crate) boundary: Cell,
    /// Slot of the frame, 0 to 15.
    pub(crate) slot: Cell,
    /// Number of the frame.
    pub(crate) frame: Cell,
    /// Frame of the context whose slot it is, 0 for none.
    pub(crate) owner: Cell,
    /// 1 where the running plan has nothing to decide, see [`Plan::sole`].
    pub(crate) sole: Cell,
    /// 1 while it waits for the other processors of a joint plan.
    pub(crate) held: Cell,
    /// 1 if the slot's context gave up the rest of it.
    pub(crate) yielded: Cell,
    /// Place of the taker of slack that ran last.
    pub(crate) taker: Cell,
    /// Until when no taker of slack can run unless something comes, 0 where that is not known. Of meaning while the processor halts: every
    /// entry of the kernel but the timer's, and what the timer's does for others, ends it.
    pub(crate) quiet: Cell,
    /// Nanoseconds of a slot.
    pub(crate) slot_length: Cell,
    /// Nanoseconds of a slot from the next wrap on. Written under the control lock.
    pub(crate) next_slot_length: Cell,
    /// Timer interrupts taken.
    pub(crate) timer_interrupts: Cell,
    /// Frame of a context that another processor wants stopped, and from bit 32 on why, see [`crate::stop::stop`]; 0 for none. Written under the control lock, cleared here.
    pub(crate) stop: AtomicU64,
    /// [`crate::interrupt::Kernel::flushes`] when all its TLB was flushed last for an unmapping elsewhere.
    pub(crate) flushed: AtomicU64,
    /// Whether a plan is pending, see [`plan::NONE`]. Set under the control lock; only a plan that takes over clears it outside.
    pub(crate) pending: AtomicU64,
    /// When it looks at others next, and how often in turn it could not, see [`crate::watch`].
    pub(crate) look_at: Cell,
    pub(crate) missed: Cell,
    /// Its entries as others saw them last, and when. Written under the control lock.
    pub(crate) seen: Cell,
    pub(crate) seen_at: Cell,
    /// Which of `plans` runs.
    pub(crate) running: Cell,
    /// The running and the staged plan.
    pub(crate) plans: [Plan; 2],
    /// Ticks used in each place of the plan, and in none, see [`Cell::until`]; as many as an index of 9 bits reaches.
    pub(crate) used: [Cell; 2 * PLAN_PLACES],
    /// Last events.
    pub(crate) trace: Trace,
}

/// [`Processor::online`] of one that failed.
pub(crate) const FAILED: u64 = 2;

/// Where the entry code finds the count of [`Processor::enter`] and [`Processor::leave`].
pub const ENTRIES: usize = core::mem::offset_of!(Processor, entries);

impl Processor {
    /// Prepares a processor that will run: an empty plan, slots of `slot` nanoseconds (at least 1).
    pub fn bring_up(&self, id: ProcessorId, slot: Nanoseconds, kernel_root: Frame) {
        self.live.set(live_on(id));
        self.account(Place::NONE.raw()).subtract(1);
        self.taker.set(SLOTS);
        self.slot_length.set(slot.raw().max(1));
        self.next_slot_length.set(slot.raw().max(1));
        self.armed.set(u64::MAX);
        self.place.set(Place::NONE.raw());
        self.root.set(kernel_root.address().raw());
        self.frame.set(u64::MAX);
        self.online.set(1);
    }

    /// Its id.
    pub fn id(&self) -> ProcessorId {
        processor_of(self.live.get())
    }

    /// Whether it was brought up and did not fail.
    pub fn online(&self) -> bool {
        self.online.get() == 1
    }

    /// Whether it was found to have stopped by itself.
    pub fn failed(&self) -> bool {
        self.online.get() == FAILED
    }

    /// Frame of the running context, `None` while it halts.
    pub fn current(&self) -> Option<Frame> {
        Some(self.current.get()).filter(|frame| *frame != 0).map(Frame::new)
    }

    /// The kernel is entered: from here on nothing that this processor may look at is put to a new use. The machine's side
    /// of it does this, and [`Processor::leave`], before it calls core and after.
    #[inline]
    pub fn enter(&self) {
        // A full fence: who frees an object must see the odd count, or this processor the new generation.
        self.entries.fetch_add(1, SeqCst);
    }

    /// The kernel is left.
    #[inline]
    pub fn leave(&self) {
        self.entries.store(self.entries.load(Relaxed).wrapping_add(1), Release);
    }

    /// The account of a place; that of [`Place::NONE`] is of idle time.
    #[inline(always)]
    pub(crate) fn account(&self, place: u64) -> &Cell {
        let [low, high, ..] = place.to_le_bytes();
        &self.used[usize::from(u16::from_le_bytes([low, high & 1]))]
    }

    /// Times the kernel was entered here.
    pub fn entries(&self) -> u64 {
        self.entries.load(Relaxed).div_ceil(2)
    }

    /// The plan in force.
    #[inline]
    pub(crate) fn plan(&self) -> &Plan {
        plan::in_order(&self.plans, &self.running)[0]
    }

    /// The plan that is not in force.
    pub(crate) fn staged(&self) -> &Plan {
        plan::in_order(&self.plans, &self.running)[1]
    }

    /// See [`plan::keeps`].
    pub(crate) fn keeps(&self, context: Frame) -> bool {
        plan::keeps(&self.plans, &self.running, &self.pending, context)
    }

    /// Whether the running context runs in a slot of its own, and not in one that another lent or left.
    #[inline]
    pub(crate) fn owned(&self) -> bool {
        self.standing.get() < Standing::Slack.raw() && self.current.get() == self.owner.get()
    }

    /// Looks up whose the running slot is, and whether all slots are the same.
    pub(crate) fn own_slot(&self) {
        self.sole.set(u64::from(self.plan().sole()));
        self.owner.set(self.plan().context(self.slot.get()).map_or(0, Frame::raw));
    }
}
