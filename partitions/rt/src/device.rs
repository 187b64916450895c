//! Registers of a device that the manifest granted.

use crate::memory::Window;

/// A device's registers. Offsets are in bytes; an access outside or unaligned reads zero and writes nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Device(pub(crate) Window);

macro_rules! registers {
    ($($read:ident, $write:ident, $width:ty, $bytes:literal;)*) => {$(
        #[doc = concat!("Reads the register of ", $bytes, " at `offset`.")]
        #[must_use]
        pub fn $read(&self, offset: usize) -> $width {
            self.0.read_register(offset)
        }

        #[doc = concat!("Writes the register of ", $bytes, " at `offset`.")]
        pub fn $write(&self, offset: usize, value: $width) {
            self.0.write_register(offset, value);
        }
    )*};
}

impl Device {
    registers! {
        read8, write8, u8, "one byte";
        read16, write16, u16, "two bytes";
        read32, write32, u32, "four bytes";
        read64, write64, u64, "eight bytes";
    }

    /// Bytes of registers.
    #[must_use]
    pub const fn length(&self) -> usize {
        self.0.length()
    }
}

/// The screen as the firmware has left it, in memory of its own: pixels of red, green and blue in some order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Framebuffer {
    /// Its memory, which may end before its last line.
    pub memory: Device,
    /// Pixels in a line.
    pub width: u32,
    /// Lines.
    pub height: u32,
    /// Bytes from line to line.
    pub pitch: u32,
    /// Bits of a pixel.
    pub depth: u32,
}
