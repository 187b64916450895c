//! Resetting the machine.
#![expect(unsafe_code, reason = "halts, and provokes a triple fault")]

use super::port;
use core::arch::asm;
use x86::dtables::{DescriptorTablePointer, lidt};

const KEYBOARD_COMMAND: u16 = 0x64;
const KEYBOARD_FULL: u8 = 1 << 1;
const KEYBOARD_RESET: u8 = 0xfe;
const CHIPSET_RESET: u16 = 0xcf9;
const CHIPSET_FULL_RESET: u8 = 0x06;
/// Port reads to wait for a reset: about a microsecond each.
const PATIENCE: u32 = 50_000;

/// Halts with interrupts off; an NMI ends it.
pub fn wait_forever() {
    // SAFETY: the processor stops; nothing else happens.
    unsafe { asm!("cli", "hlt", options(nomem, nostack)) }
}

/// By the keyboard controller, else by the chipset, else by a triple fault.
pub fn machine() -> ! {
    for _ in 0..PATIENCE {
        if port::read8(KEYBOARD_COMMAND) & KEYBOARD_FULL == 0 {
            break;
        }
    }
    port::write8(KEYBOARD_COMMAND, KEYBOARD_RESET);
    wait();
    port::write8(CHIPSET_RESET, CHIPSET_FULL_RESET);
    wait();
    // SAFETY: an empty table; the next exception resets the machine, which is wanted.
    unsafe { lidt(&DescriptorTablePointer::<u64>::default()) };
    // SAFETY: raises that exception.
    unsafe { asm!("ud2", options(noreturn)) }
}

fn wait() {
    for _ in 0..PATIENCE {
        let _ = port::read8(KEYBOARD_COMMAND);
    }
}
