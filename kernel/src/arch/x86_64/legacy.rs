//! The two 8259 interrupt controllers of old: moved out of the way of exceptions and masked for good.

use super::port;

/// First of the sixteen vectors a spurious interrupt of theirs may still come by.
pub const FIRST_VECTOR: u8 = 0x20;

const COMMAND: [u16; 2] = [0x20, 0xa0];
const DATA: [u16; 2] = [0x21, 0xa1];
/// Line of the first controller at which the second one sits, as each of them is told.
const CASCADE: [u8; 2] = [1 << 2, 2];

/// Initialises both in the four steps of their data sheet, then masks all lines.
pub fn silence() {
    for index in [0, 1] {
        port::write8(COMMAND[index], 0x11);
        port::write8(DATA[index], FIRST_VECTOR + 8 * index as u8);
        port::write8(DATA[index], CASCADE[index]);
        port::write8(DATA[index], 0x01);
        port::write8(DATA[index], 0xff);
    }
}
