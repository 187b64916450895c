//! The first serial port, a 16550 (PC16550D data sheet, 8).
#![expect(unsafe_code, reason = "registers of the serial port are I/O ports")]

use crate::machine::ports;

/// Where the first port is on every PC that has one.
const COM1: u16 = 0x3f8;
/// Registers, as offsets from the base.
mod register {
    pub const DATA: u16 = 0;
    pub const INTERRUPTS: u16 = 1;
    pub const DIVISOR_LOW: u16 = 0;
    pub const DIVISOR_HIGH: u16 = 1;
    pub const FIFO: u16 = 2;
    pub const LINE: u16 = 3;
    pub const MODEM: u16 = 4;
    pub const STATUS: u16 = 5;
    pub const SCRATCH: u16 = 7;
}
/// Line control: 8 bits, no parity, one stop bit; and the bit that shows the divisor.
const EIGHT_BITS: u8 = 3;
const DIVISOR: u8 = 1 << 7;
/// Status: the transmitter takes a byte.
const TRANSMITTER_EMPTY: u8 = 1 << 5;
/// How often the status is read before a byte is given up.
const PATIENCE: u32 = 1 << 16;

/// A serial port that is there.
#[derive(Debug)]
pub struct Serial {
    base: u16,
}

impl Serial {
    /// Looks for the first port and sets it to 115200 bits per second.
    #[must_use]
    pub fn find() -> Option<Self> {
        let serial = Self { base: COM1 };
        // Where there is no port, reads give all ones whatever was written.
        for pattern in [0x5a, 0xa5] {
            serial.write(register::SCRATCH, pattern);
            if serial.read(register::SCRATCH) != pattern {
                return None;
            }
        }
        let steps = [
            (register::INTERRUPTS, 0),
            (register::LINE, DIVISOR),
            (register::DIVISOR_LOW, 1),
            (register::DIVISOR_HIGH, 0),
            (register::LINE, EIGHT_BITS),
            (register::FIFO, 1),
            (register::MODEM, 3),
        ];
        steps.into_iter().for_each(|(register, value)| serial.write(register, value));
        Some(serial)
    }

    /// Its base port.
    #[must_use]
    pub const fn base(&self) -> u16 {
        self.base
    }

    /// Sends a byte, a line feed with a carriage return before it.
    pub fn put(&mut self, byte: u8) {
        if byte == b'\n' {
            self.send(b'\r');
        }
        self.send(byte);
    }

    fn send(&self, byte: u8) {
        for _ in 0..PATIENCE {
            if self.read(register::STATUS) & TRANSMITTER_EMPTY != 0 {
                break;
            }
        }
        self.write(register::DATA, byte);
    }

    fn read(&self, register: u16) -> u8 {
        // SAFETY: registers of the serial port touch no memory.
        unsafe { ports::read(self.base + register) }
    }

    fn write(&self, register: u16, value: u8) {
        // SAFETY: registers of the serial port touch no memory.
        unsafe { ports::write(self.base + register, value) }
    }
}
