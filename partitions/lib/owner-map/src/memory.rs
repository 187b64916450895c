//! The memory the database lies in.

use crate::page::Page;

/// 32-bit words of a page.
pub const WORDS: u16 = 1024;

/// Pages of words. On the machine they are mapped frames; in tests every write can be the last.
///
/// An index is taken modulo [`WORDS`], and nothing that is asked for in a row goes beyond its page.
pub trait Memory {
    /// The word at `index`.
    fn read(&self, page: Page, index: u16) -> u32;

    /// Replaces the word at `index`. Writes reach memory in the order in which they are made.
    fn write(&mut self, page: Page, index: u16, value: u32);

    /// Reads words in a row.
    fn load(&self, page: Page, index: u16, to: &mut [u32]) {
        for (word, at) in to.iter_mut().zip(index..) {
            *word = self.read(page, at);
        }
    }

    /// Writes words in a row.
    fn store(&mut self, page: Page, index: u16, from: &[u32]) {
        for (word, at) in from.iter().zip(index..) {
            self.write(page, at, *word);
        }
    }

    /// Writes one word `count` times in a row.
    fn fill(&mut self, page: Page, index: u16, count: u16, value: u32) {
        for at in index..index.wrapping_add(count) {
            self.write(page, at, value);
        }
    }

    /// The first of `count` words in a row that is not `value`.
    fn other_than(&self, page: Page, index: u16, count: u16, value: u32) -> Option<u32> {
        let words = (index..index.wrapping_add(count)).map(|at| self.read(page, at));
        words.into_iter().find(|&word| word != value)
    }
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
