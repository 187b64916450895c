//! Letters on a linear framebuffer of 32 or 24 bits per pixel.
#![expect(unsafe_code, reason = "the framebuffer is at an address the firmware gives")]

use abi::boot::Framebuffer;
use font8x8::legacy::BASIC_LEGACY;

/// Pixels of a letter's side.
const SIDE: u32 = 8;

/// A framebuffer, written from the top.
#[derive(Debug)]
pub struct Pixels {
    buffer: Framebuffer,
    column: u32,
    line: u32,
}

impl Pixels {
    /// Takes possession of a framebuffer; `None` for one whose format is not known.
    ///
    /// # Safety
    /// What `buffer` describes is mapped at its physical address, and nobody else writes to it.
    #[must_use]
    pub unsafe fn new(buffer: Framebuffer) -> Option<Self> {
        let line = buffer.width.checked_mul(buffer.depth / 8)?;
        let known = matches!(buffer.depth, 24 | 32) && line <= buffer.pitch;
        let shown = buffer.width >= SIDE && buffer.height >= SIDE && buffer.address.raw() != 0;
        (known && shown).then_some(Self { buffer, column: 0, line: 0 })
    }

    /// Where it draws.
    #[must_use]
    pub const fn buffer(&self) -> &Framebuffer {
        &self.buffer
    }

    /// Shows a letter, or starts a new line; after the last comes the first.
    pub fn put(&mut self, byte: u8) {
        if byte == b'\n' || self.column == self.buffer.width / SIDE {
            self.column = 0;
            self.line = (self.line + 1) % (self.buffer.height / SIDE);
        }
        let Some(glyph) = BASIC_LEGACY.get(usize::from(byte)) else { return };
        if byte != b'\n' {
            self.draw(glyph);
            self.column += 1;
        }
    }

    fn draw(&self, glyph: &[u8; 8]) {
        for (y, bits) in (0..SIDE).zip(glyph) {
            for x in 0..SIDE {
                self.set(self.column * SIDE + x, self.line * SIDE + y, bits >> x & 1 != 0);
            }
        }
    }

    fn set(&self, x: u32, y: u32, lit: bool) {
        let depth = u64::from(self.buffer.depth / 8);
        let offset = u64::from(y) * u64::from(self.buffer.pitch) + u64::from(x) * depth;
        for byte in 0..depth {
            let address = self.buffer.address.raw().saturating_add(offset + byte);
            let Ok(address) = usize::try_from(address) else { return };
            let pixel = core::ptr::with_exposed_provenance_mut::<u8>(address);
            // SAFETY: within the lines and columns that `new` was promised.
            unsafe { pixel.write_volatile(if lit { 0xc0 } else { 0 }) };
        }
    }
}
