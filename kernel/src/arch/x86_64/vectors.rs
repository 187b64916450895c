//! The interrupt descriptor table, the same for every processor.
#![expect(unsafe_code, reason = "loads the table")]

use super::control_register;
use super::interrupt;
use super::segments::KERNEL_CODE;
use core::sync::atomic::{AtomicU64, Ordering};
use spin::Once;
use x86::dtables::{DescriptorTablePointer, lidt};

const BREAKPOINT: u8 = 3;
/// NMI, double fault and machine check, in the order of their stacks in the task state.
const CRITICAL: [u8; 3] = [2, 8, 18];
/// A present 64-bit interrupt gate: interrupts stay off.
const GATE: u64 = 0x8e;
/// A gate that `int` in ring 3 may use.
const OPEN: u64 = 3 << 5;

type Gate = [u64; 2];

/// What is read while a partition runs, in pages of its own.
#[repr(C, align(4096))]
pub struct Shown {
    gates: Once<[Gate; 256]>,
    /// The kernel's root, for those who cannot know by what page tables they came.
    pub(super) root: AtomicU64,
}

/// The table.
pub static SHOWN: Shown = Shown { gates: Once::new(), root: AtomicU64::new(0) };

fn gate(vector: u8) -> Gate {
    let target = interrupt::stub(vector);
    let stack = CRITICAL.iter().position(|it| *it == vector).map_or(0, |index| index as u64 + 1);
    let kind = if vector == BREAKPOINT { GATE | OPEN } else { GATE };
    let low = target & 0xffff | u64::from(KERNEL_CODE) << 16 | stack << 32 | kind << 40;
    [low | (target >> 16 & 0xffff) << 48, target >> 32]
}

/// Puts the table in force on this processor.
pub fn load() {
    SHOWN.root.store(control_register::root(), Ordering::Relaxed);
    let table = SHOWN.gates.call_once(|| core::array::from_fn(|vector| gate(vector as u8)));
    // SAFETY: the table lives for ever and each gate leads to a stub of its vector.
    unsafe { lidt(&DescriptorTablePointer::new(table)) }
}
