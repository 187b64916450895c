//! What the kernel's logic asks of the machine under it.
//!
//! The kernel implements this over hardware, the tests over vectors. Everything is monomorphic, so it inlines.

use crate::interrupt::Kernel;
use crate::processor::Processor;
use abi::call::PortOperation;
use abi::types::{Frame, Nanoseconds, PhysicalAddress, ProcessorId, VirtualAddress};
use core::sync::atomic::AtomicU64;

/// Marks types that one frame can hold as an object: 4096 bytes of `AtomicU64` and nothing else, so that any
/// bytes are a valid value. Implemented in this crate alone, for [`crate::context::Context`],
/// [`crate::partition::Partition`], [`crate::channel::Channel`], [`crate::capability::SlotTable`] and [`crate::paging::PageTable`].
pub trait Object: sealed::Sealed {}

pub(crate) mod sealed {
    /// Keeps [`super::Object`] to this crate.
    pub trait Sealed {}
}

/// The machine.
pub trait Machine {
    /// The object in a frame. Called only with frames of memory (those of the ledger, or of the kernel's page tables).
    fn object<T: Object>(&self, frame: Frame) -> &T;
    /// The ledger: one word for each frame of memory, see [`crate::ledger`].
    fn ledger(&self) -> &[AtomicU64];
    /// Fills a frame with zeros.
    fn zero(&self, frame: Frame);
    /// A processor that the machine has, online or not; `None` where there is no such one.
    fn processor(&self, id: ProcessorId) -> Option<&Processor>;
    /// Number of processors for which [`Machine::processor`] answers.
    fn processors(&self) -> u16;
    /// Their numbers.
    fn ids(&self) -> impl Iterator<Item = ProcessorId> + Clone + use<Self> {
        (0..self.processors()).map(ProcessorId::new)
    }
    /// State that all processors share.
    fn kernel(&self) -> &Kernel;
    /// Runs `work` under the lock of control operations, interrupts are off already; `None` where others hold it too long.
    fn exclusive<R>(&self, work: impl FnOnce() -> R) -> Option<R>;

    /// Ticks since the kernel's start, never 0: what costs least to read.
    fn ticks(&self) -> u64;
    /// What a count of ticks is in nanoseconds, as well as the counter can tell.
    fn time(&self, ticks: u64) -> Nanoseconds;
    /// Nanoseconds since the kernel's start, the same on all processors, while the count of ticks is this.
    fn now_at(&self, ticks: u64) -> Nanoseconds;
    /// Nanoseconds since the kernel's start, the same on all processors.
    #[inline]
    fn now(&self) -> Nanoseconds {
        self.now_at(self.ticks())
    }
    /// Sets this processor's one-shot timer to a point in time; `None` stops it. A point that has passed fires at once.
    fn set_timer(&self, at: Option<Nanoseconds>);
    /// Sends another processor the interrupt that makes it call [`crate::nudge`].
    fn nudge(&self, processor: ProcessorId);

    /// Makes sure that a processor that failed never goes on, should it come back.
    fn halt(&self, processor: ProcessorId);

    /// Loads an address space's root into this processor, flushing what it kept of another one.
    fn activate(&self, root: PhysicalAddress);
    /// Root of the kernel's own page tables; their upper half is part of every address space.
    fn kernel_root(&self) -> Frame;
    /// Root whose upper half partitions get where they do not get the kernel's: the machine then runs the kernel on its own page
    /// tables, and changes them as it enters and leaves it.
    fn outside_root(&self) -> Option<Frame>;
    /// Forgets the translation of one page on this processor.
    fn flush(&self, address: VirtualAddress);

    /// One port access. Returns what was read, 0 for a write.
    fn port(&self, operation: PortOperation, port: u16, value: u32) -> u32;
    /// Routes an interrupt line to a processor and unmasks it. Whether it stays up until its device is served; `None` where
    /// there is no such line.
    fn bind_line(&self, line: u32, processor: ProcessorId) -> Option<bool>;
    /// Masks a line.
    fn unbind_line(&self, line: u32);
    /// A line was delivered: ends the interrupt; one that stays up is masked until [`Machine::release_line`].
    fn hold_line(&self, line: u32, masked: bool);
    /// The line was served: unmasks it.
    fn release_line(&self, line: u32);

    /// Writes to the debug port what it takes at once of the bytes of `who`; how many that was. Others take none while `who` has a rest.
    fn debug(&self, bytes: &[u8], who: Frame) -> usize;
    /// Word `index` of the crash record of the previous run (0 beyond it), and the record's length in bytes (0: none).
    fn crash_record(&self, index: u64) -> (u64, u64);
    /// A fact of `KernelOperation::Fact`; `None` for unknown numbers.
    fn fact(&self, what: u64) -> Option<u64>;
    /// Stops the other processors and resets the machine. Returns only in tests.
    fn reset(&self);
}
