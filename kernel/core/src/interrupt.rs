//! State that all processors share: interrupt lines and plans that change together.

use crate::processor::Cell;
use core::sync::atomic::AtomicU64;

/// Interrupt lines the kernel can bind.
pub const LINES: usize = 256;

/// An interrupt line.
pub struct Line {
    /// 0 armed, 1 rung and not acknowledged, 2 came once more since.
    state: AtomicU64,
    /// Doorbell it rings: capability words, 0 for none.
    pub(crate) target: [AtomicU64; 2],
    /// Times it came.
    came: Cell,
    /// Times it was held.
    held: Cell,
}

impl Line {
    const fn new() -> Self {
        Self {
            state: AtomicU64::new(0),
            target: [const { AtomicU64::new(0) }; 2],
            came: Cell::new(),
            held: Cell::new(),
        }
    }
}

/// What all processors share; the machine keeps one.
pub struct Kernel {
    pub(crate) lines: [Line; LINES],
    pub(crate) joint: crate::plan::Joint,
    /// Frame of the time page; set at boot.
    pub(crate) time_page: Cell,
}

impl Kernel {
    /// Nothing bound, nothing pending.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            lines: [const { Line::new() }; LINES],
            joint: crate::plan::Joint::new(),
            time_page: Cell::new(),
        }
    }
}

impl Default for Kernel {
    fn default() -> Self {
        Self::new()
    }
}
