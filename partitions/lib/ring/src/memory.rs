//! Memory that somebody else writes too: never a reference to it, only copies in and out.

use core::sync::atomic::{AtomicU32, Ordering, fence};

/// A channel's memory as one side sees it.
///
/// All offsets are in bytes; those of words are multiples of their size. An access that is not inside reads zero
/// and writes nothing, so that no mistake in a layout can reach other memory.
pub trait SharedMemory {
    /// Loads a word.
    fn load(&self, offset: usize, order: Ordering) -> u32;
    /// Stores a word.
    fn store(&self, offset: usize, value: u32, order: Ordering);
    /// Copies words out, in no particular order, each read once.
    fn read(&self, offset: usize, to: &mut [u64]);
    /// Copies words in, in no particular order.
    fn write(&self, offset: usize, from: &[u64]);
    /// Copies bytes out of the data area.
    fn read_bytes(&self, offset: usize, to: &mut [u8]);
    /// Copies bytes into the data area.
    fn write_bytes(&self, offset: usize, from: &[u8]);
    /// Orders every access before against every access after it, loads against stores included.
    fn fence(&self) {
        fence(Ordering::SeqCst);
    }
}

/// Shared memory made of ordinary atomics: for tests, where both sides live in one program.
#[derive(Clone, Copy, Debug)]
pub struct Words<'a>(&'a [AtomicU32]);

impl<'a> Words<'a> {
    /// Both sides may be made from the same slice.
    #[must_use]
    pub const fn new(words: &'a [AtomicU32]) -> Self {
        Self(words)
    }

    fn word(&self, offset: usize) -> Option<&AtomicU32> {
        self.0.get(offset / 4)
    }

    fn half(&self, offset: usize, half: usize) -> u64 {
        self.load(offset.wrapping_add(half), Ordering::Relaxed).into()
    }
}

/// How far the byte at `offset` is shifted in its word.
fn shift(offset: usize) -> u32 {
    u32::try_from(offset % 4).unwrap_or(0).wrapping_mul(8)
}

impl SharedMemory for Words<'_> {
    fn load(&self, offset: usize, order: Ordering) -> u32 {
        self.word(offset).map_or(0, |word| word.load(order))
    }

    fn store(&self, offset: usize, value: u32, order: Ordering) {
        if let Some(word) = self.word(offset) {
            word.store(value, order);
        }
    }

    fn read(&self, offset: usize, to: &mut [u64]) {
        for (word, at) in to.iter_mut().zip((offset..).step_by(8)) {
            *word = self.half(at, 0) | (self.half(at, 4) << 32);
        }
    }

    fn write(&self, offset: usize, from: &[u64]) {
        for (word, at) in from.iter().zip((offset..).step_by(8)) {
            self.write_bytes(at, &word.to_le_bytes());
        }
    }

    fn read_bytes(&self, offset: usize, to: &mut [u8]) {
        for (byte, at) in to.iter_mut().zip(offset..) {
            let word = self.load(at, Ordering::Relaxed);
            *byte = u8::try_from((word >> shift(at)) & 0xff).unwrap_or(0);
        }
    }

    fn write_bytes(&self, offset: usize, from: &[u8]) {
        for (byte, at) in from.iter().zip(offset..) {
            let Some(word) = self.word(at) else { return };
            let others = !(0xff_u32 << shift(at));
            let _ = word.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |old| {
                Some((old & others) | (u32::from(*byte) << shift(at)))
            });
        }
    }
}
