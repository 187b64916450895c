//! A context: saved registers, event word, and what it waits for.
//!
//! The registers lie at offset 0, where the entry code writes them. State and everything the owner's processor
//! decides are written by that processor alone, or under the control lock while the context is stopped.

use crate::capability::Word;
use crate::machine::{Machine, Object, sealed::Sealed};
use crate::partition::Partition;
use crate::processor::Cell;
use abi::control::ContextState;
use abi::fault::word;
pub use abi::register;
use abi::types::{Frame, MAX_PROCESSORS, ProcessorId};
use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// How a context is restored, [`Context::restore`]. While it runs this is [`restore::CALL`]: whoever restores it otherwise
/// puts it back, so that a call has nothing to store.
pub mod restore {
    /// Return by `sysret` from a call that succeeded, its value 0 in a register of the kernel's, see [`crate::Next`].
    pub const CALL: u64 = 0;
    /// Everything from the saved registers, return by `iret`.
    pub const FULL: u64 = 1;
    /// Return by `sysret` from a call, status and values from the saved registers.
    pub const ANSWER: u64 = 2;
}

/// Flags of a context that starts: interrupts on, the bit that is always one.
pub const START_FLAGS: u64 = 0x202;

/// A context object. All zero is a stopped context of nobody.
#[repr(C)]
pub struct Context {
    /// Saved registers, by [`register`].
    pub registers: [AtomicU64; register::COUNT],
    /// See [`restore`].
    pub restore: AtomicU64,
    /// Physical address of the root page table outside the kernel.
    pub outside: AtomicU64,
    /// The same while the kernel runs on its behalf: another one only where page tables are isolated.
    pub root: AtomicU64,
    /// Its own frame.
    pub(crate) frame: AtomicU64,
    /// A [`ContextState`] (8 bits) and the processor it was configured for: one word, so that nobody takes a context that
    /// was moved meanwhile for one of its own. One that waits is `Ready` here.
    pub(crate) place: AtomicU64,
    /// Bits for which it waits; 0 while it runs.
    pub(crate) wanted: AtomicU64,
    /// When a wait ends in any case, nanoseconds; 0 while it does not wait.
    pub(crate) deadline: AtomicU64,
    /// In a `call`: the context called, packed by [`crate::ledger::Name`]; else 0.
    pub(crate) callee: AtomicU64,
    /// Frame of its partition.
    pub(crate) partition: AtomicU64,
    /// Frame of the first page of its partition's capability table, see [`Context::note`].
    pub(crate) slots: AtomicU64,
    /// Ticks it ran, see [`Cell::until`].
    pub(crate) used: Cell,
    /// Fault record, and behind it the doorbells that were rung.
    pub(crate) fault: [Cell; FAULT_WORDS],
    /// 1 while it is being destroyed.
    pub(crate) dying: AtomicU64,
    /// Entry counts of the processors when destruction began.
    pub(crate) grace: [AtomicU64; PROCESSOR_WORDS],
    /// Pending events. On cache lines of its own: other processors write here.
    pub(crate) events: AtomicU64,
    rest: [AtomicU64; 511 - 38 - PROCESSOR_WORDS],
}

/// Bits of [`Context::place`] that hold the state.
const STATE_BITS: u32 = 8;
const STATE_MASK: u64 = 0xff;

/// [`Context::place`] of one that is on a processor and did not stop.
#[inline]
pub(crate) fn live_on(processor: ProcessorId) -> u64 {
    u64::from(processor.raw()) << STATE_BITS | ContextState::Ready.number()
}

/// The processor of a [`Context::place`].
#[inline]
pub(crate) fn processor_of(place: u64) -> ProcessorId {
    ProcessorId::new(u16::try_from(place >> STATE_BITS).unwrap_or(u16::MAX))
}

/// The word only ever holds numbers of states.
#[inline]
fn state_of(place: u64) -> ContextState {
    ContextState::from_number(place & STATE_MASK).unwrap_or(ContextState::Stopped)
}

const FAULT_WORDS: usize = 8;
const PROCESSOR_WORDS: usize = 64;
const _: () = assert!(word::COUNT == 8 && MAX_PROCESSORS == 64);
const _: () = assert!(size_of::<Context>() == 4096);

impl Sealed for Context {}
impl Object for Context {}

impl Context {
    /// All zero.
    #[cfg(test)]
    pub(crate) const fn new() -> Self {
        Self {
            registers: [const { AtomicU64::new(0) }; register::COUNT],
            restore: AtomicU64::new(0),
            outside: AtomicU64::new(0),
            root: AtomicU64::new(0),
            frame: AtomicU64::new(0),
            place: AtomicU64::new(0),
            wanted: AtomicU64::new(0),
            deadline: AtomicU64::new(0),
            callee: AtomicU64::new(0),
            partition: AtomicU64::new(0),
            slots: AtomicU64::new(0),
            used: Cell::new(),
            fault: [const { Cell::new() }; FAULT_WORDS],
            dying: AtomicU64::new(0),
            grace: [const { AtomicU64::new(0) }; PROCESSOR_WORDS],
            events: AtomicU64::new(0),
            rest: [const { AtomicU64::new(0) }; 511 - 38 - PROCESSOR_WORDS],
        }
    }

    /// A saved register; 0 for a number that does not exist.
    pub fn register(&self, number: usize) -> u64 {
        self.registers.get(number).map_or(0, |word| word.load(Relaxed))
    }

    /// Changes a saved register.
    pub fn set_register(&self, number: usize, value: u64) {
        if let Some(word) = self.registers.get(number) {
            word.store(value, Relaxed);
        }
    }

    /// Count of the doorbells it rang.
    #[inline(always)]
    pub(crate) const fn rung(&self) -> &Cell {
        &self.fault[FAULT_WORDS - 1]
    }

    /// The frame it lies in.
    pub fn frame(&self) -> Frame {
        Frame::new(self.frame.load(Relaxed))
    }

    /// Whether this is its frame.
    #[inline]
    pub(crate) fn is_in(&self, frame: u64) -> bool {
        self.frame.load(Relaxed) == frame
    }

    /// Its state, as its processor sees it.
    pub fn state(&self) -> ContextState {
        match state_of(self.place.load(Acquire)) {
            ContextState::Ready if self.deadline.load(Relaxed) != 0 => ContextState::Waiting,
            ContextState::Resting if !self.awaits() => ContextState::Stopped,
            state => state,
        }
    }

    /// Whether it waits and nothing of that has come. Who rings after this sees what was stored before.
    pub(crate) fn awaits(&self) -> bool {
        self.deadline.load(Relaxed) != 0 && self.events.look() & self.wanted.load(Relaxed) == 0
    }

    /// Whether somebody is to be told that an event has come for it.
    #[inline]
    pub(crate) fn rests(&self) -> bool {
        self.place.load(Acquire) & STATE_MASK == ContextState::Resting.number()
    }

    /// Whether it is ready or waits on the processor of `live`, see [`live_on`]. It goes on being there until this processor
    /// has left the kernel.
    #[inline]
    pub(crate) fn lives_at(&self, live: u64) -> bool {
        self.place.load(Acquire) == live
    }

    /// Changes its state.
    pub(crate) fn set_state(&self, state: ContextState) {
        let place = self.place.load(Relaxed) & !STATE_MASK;
        self.place.store(place | state.number(), Release);
    }

    /// Stops it on a processor.
    pub(crate) fn stop_at(&self, processor: ProcessorId) {
        let place = live_on(processor) & !STATE_MASK;
        self.place.store(place | ContextState::Stopped.number(), Release);
    }

    /// Notes where address space and capabilities of its partition are, before it starts; false where it has no address
    /// space. Where there are no capabilities the root table will do: its words are zero or odd, and no capability is.
    pub(crate) fn note<M: Machine>(&self, machine: &M, partition: &Partition) -> bool {
        let root = Frame::new(partition.root.get());
        let inside = machine.outside_root().map_or(root, |_| machine.kernel_root());
        self.root.store(inside.address().raw(), Relaxed);
        self.outside.store(root.address().raw(), Relaxed);
        self.slots.store(partition.slot_page(0).unwrap_or(root).raw(), Relaxed);
        root.raw() != 0
    }

    /// Frame of its partition.
    #[inline]
    pub fn partition(&self) -> Frame {
        Frame::new(self.partition.load(Relaxed))
    }

    /// The processor it belongs to.
    pub fn processor(&self) -> ProcessorId {
        processor_of(self.place.load(Relaxed))
    }
}
