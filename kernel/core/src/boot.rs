//! From what the loader hands over to a first partition that can run.

use crate::machine::Machine;
use abi::boot::{BootInformation, FrameRange};
use abi::types::Frame;

/// Frames the loader set aside, zeroed; handed out one after the other and never taken back.
#[derive(Debug)]
pub struct Pool {
    next: u64,
    end: u64,
}

impl Pool {
    /// All of a range.
    #[must_use]
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

/// Writes the ledger from the memory map. Everything is `Kernel`, `Free`, or left `Absent`.
pub fn ledger<M: Machine>(machine: &M, information: &BootInformation) {
    let _ = (machine, information);
}

/// Makes the first partition, its context (all slots of processor 0, which must be up) and its capabilities, and gives it the memory of
/// its segments, the boot image, and the boot information (mapped read-only; the kernel must not trust that memory afterwards).
/// Returns the frame of its context. `time_page` is a frame of the pool.
pub fn first_partition<M: Machine>(
    machine: &M,
    information: &BootInformation,
    pool: &mut Pool,
    time_page: Frame,
) -> Result<Frame, BootError> {
    let _ = (machine, information, pool, time_page);
    Err(BootError::PoolExhausted)
}
