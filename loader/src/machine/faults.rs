//! What the loader says when the processor stops it: which exception, where, and about which address.
#![expect(unsafe_code, reason = "the interrupt table, and entries in assembly")]

use super::processor::halt;
use crate::console::Console;
use abi::fault::exception_name;
use core::arch::global_asm;
use core::fmt::Write;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use x86::dtables::{DescriptorTablePointer, lidt};
use x86::segmentation::cs;

global_asm!(include_str!("faults.s"));

unsafe extern "C" {
    safe static fault_entries: u8;
}

/// Exceptions that there are, and bytes of the entry of each, as in the assembly.
const EXCEPTIONS: usize = 32;
const ENTRY_SIZE: usize = 16;
/// A gate that is present, for ring 0, and keeps interrupts off (Intel SDM 3A, 6.14.1).
const GATE: u64 = 0x8e00 << 32;

/// Two words for each gate.
static TABLE: [AtomicU64; 2 * EXCEPTIONS] = [const { AtomicU64::new(0) }; 2 * EXCEPTIONS];
/// Words about one exception were begun: another one in the middle of them says nothing.
static SPEAKING: AtomicBool = AtomicBool::new(false);

/// What lies on the stack (Intel SDM 3A, 6.14.2).
#[repr(C)]
struct Pushed {
    exception: u64,
    code: u64,
    instruction: u64,
}

/// Exceptions are told from here on, in words on the console that was made last.
pub fn catch() {
    let entries = u64::try_from((&raw const fault_entries).addr()).unwrap_or(0);
    let segment = u64::from(cs().bits()) << 16;
    for (gate, entry) in TABLE.chunks(2).zip((entries..).step_by(ENTRY_SIZE)) {
        let low = entry & 0xffff | segment | GATE | (entry >> 16 & 0xffff) << 48;
        for (word, value) in gate.iter().zip([low, entry >> 32]) {
            word.store(value, Ordering::Relaxed);
        }
    }
    let pointer = DescriptorTablePointer::new(&TABLE);
    // SAFETY: every gate leads to an entry of the loader's own code, which does not return.
    unsafe { lidt(&pointer) };
}

/// Called by the entries.
#[unsafe(no_mangle)]
extern "sysv64" fn loader_fault(pushed: &Pushed, address: u64) -> ! {
    if !SPEAKING.swap(true, Ordering::Relaxed) {
        let Pushed { exception, code, instruction } = pushed;
        let _ = writeln!(
            Console::last(),
            "bulkhead: the loader failed: {} at {instruction:#x}, address {address:#x}, code {code:#x}",
            exception_name(*exception)
        );
    }
    halt()
}
