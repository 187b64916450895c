//! The memory the database lies in.

use crate::page::Page;
use crate::record::Words;

/// 32-bit words of a page.
pub const WORDS: u16 = 1024;

/// Pages of words. On the machine they are mapped frames; in tests every write can be the last.
///
/// An index is taken modulo [`WORDS`], and nothing that is asked for in a row goes beyond its page.
///
/// A transaction is drafted first: between [`draft`](Self::draft) and [`land`](Self::land) or [`forget`](Self::forget) nothing
/// reaches memory, but what is read is as if it had. What was drafted is made, or forgotten, as a whole.
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

    /// From now on writes are drafted: reads see them, the memory does not.
    fn draft(&mut self);

    /// From now on writes reach memory; what was drafted still does not.
    fn land(&mut self);

    /// Writes what was drafted to memory.
    fn make(&mut self);

    /// From now on writes reach memory, and what was drafted was never there.
    fn forget(&mut self);

    /// Whether a drafted write found no room.
    fn is_full(&self) -> bool;

    /// Where a record that the log is to get is noted, by its number in its transaction; `None` where there is no room.
    fn note(&mut self, at: u16) -> Option<&mut Words>;

    /// A record that was noted.
    fn noted(&self, at: u16) -> &Words;

    /// Writes records that were noted to the log, as many as follow each other in a page.
    fn log(&mut self, at: u16, count: u16, page: Page, index: u16) {
        for (at, step) in (at..).zip(0..count) {
            let words = *self.noted(at);
            self.store(page, index.wrapping_add(step.wrapping_mul(16)), &words);
        }
    }
}

/// A number of 64 bits from two words, the lower first.
pub(crate) fn read_wide(memory: &impl Memory, page: Page, index: u16) -> u64 {
    let mut words = [0; 2];
    memory.load(page, index, &mut words);
    join(words[0], words[1])
}

/// A number from its halves, the lower first.
#[must_use]
pub fn join(low: u32, high: u32) -> u64 {
    u64::from(low) | u64::from(high) << 32
}

/// Writes a number of 64 bits as two words, the lower first.
pub(crate) fn write_wide(memory: &mut impl Memory, page: Page, index: u16, value: u64) {
    memory.store(page, index, &halves(value));
}

/// Both halves of a number, the lower first.
#[must_use]
pub fn halves(value: u64) -> [u32; 2] {
    let half = |shift: u32| u32::try_from(value.wrapping_shr(shift) & 0xffff_ffff).unwrap_or(0);
    [half(0), half(32)]
}
