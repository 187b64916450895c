//! The two 8259 interrupt controllers of old: moved out of the way of exceptions and masked for good.
#![expect(unsafe_code, reason = "interrupts off, port output")]

use super::ports;

/// First of the sixteen vectors a spurious interrupt of theirs may still come by; the kernel takes it for one that went away.
const FIRST_VECTOR: u8 = 0x20;

const COMMAND: [u16; 2] = [0x20, 0xa0];
const DATA: [u16; 2] = [0x21, 0xa1];
/// Line of the first controller at which the second one sits, as each of them is told.
const CASCADE: [u8; 2] = [1 << 2, 2];

/// Initialises both in the four steps of their data sheet, then masks all lines.
pub fn silence() {
    // SAFETY: nothing of the loader needs interrupts; firmware may have left them on.
    unsafe { x86::irq::disable() };
    for (index, vector) in [FIRST_VECTOR, FIRST_VECTOR + 8].into_iter().enumerate() {
        let steps = [vector, CASCADE[index], 0x01, 0xff].map(|value| (DATA[index], value));
        for (port, value) in core::iter::once((COMMAND[index], 0x11)).chain(steps) {
            // SAFETY: the firmware is done; the controllers touch no memory.
            unsafe { ports::write(port, value) };
        }
    }
}
