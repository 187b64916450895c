//! The memory the database lies in.

use crate::page::Page;

/// 32-bit words of a page.
pub const WORDS: u16 = 1024;

/// Pages of words. On the machine they are mapped frames; in tests every write can be the last.
pub trait Memory {
    /// The word at `index`, which is taken modulo [`WORDS`].
    fn read(&self, page: Page, index: u16) -> u32;

    /// Replaces the word at `index`, which is taken modulo [`WORDS`]. Writes reach memory in the order in which they are made.
    fn write(&mut self, page: Page, index: u16, value: u32);
}

/// A number of 64 bits from two words, the lower first.
pub(crate) fn read_wide(memory: &impl Memory, page: Page, index: u16) -> u64 {
    join(memory.read(page, index), memory.read(page, index.wrapping_add(1)))
}

/// A number from its halves, the lower first.
pub(crate) fn join(low: u32, high: u32) -> u64 {
    u64::from(low) | u64::from(high) << 32
}

/// Writes a number of 64 bits as two words, the lower first.
pub(crate) fn write_wide(memory: &mut impl Memory, page: Page, index: u16, value: u64) {
    let [low, high] = halves(value);
    memory.write(page, index, low);
    memory.write(page, index.wrapping_add(1), high);
}

/// Both halves of a number, the lower first.
pub(crate) fn halves(value: u64) -> [u32; 2] {
    let half = |shift: u32| u32::try_from(value.wrapping_shr(shift) & 0xffff_ffff).unwrap_or(0);
    [half(0), half(32)]
}
