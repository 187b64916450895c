//! Memory that somebody else writes too: never a reference to it, only copies in and out.

use crate::{Geometry, Ring};
use core::sync::atomic::{AtomicU32, Ordering, fence};

/// An entry of a ring in such memory: words 0 to 15, each access in no particular order with others.
pub trait Entry {
    /// Reads a word.
    fn get(&self, word: usize) -> u64;
    /// Writes a word.
    fn set(&self, word: usize, value: u64);

    /// Reads words from `first` on, each once.
    #[inline]
    fn read(&self, first: usize, to: &mut [u64]) {
        to.iter_mut().zip(first..).for_each(|(to, word)| *to = self.get(word));
    }

    /// Writes words from `first` on.
    #[inline]
    fn write(&self, first: usize, from: impl Iterator<Item = u64>) {
        from.zip(first..).for_each(|(value, word)| self.set(word, value));
    }
}

/// A channel's memory as one side sees it, with its layout. Each access happens once, and never outside.
pub trait SharedMemory {
    /// The layout.
    fn geometry(&self) -> &Geometry;
    /// Loads a word of the first page; `offset` in bytes, a multiple of 4.
    fn load(&self, offset: usize, order: Ordering) -> u32;
    /// Stores a word of the first page.
    fn store(&self, offset: usize, value: u32, order: Ordering);
    /// The entry that the running `index` falls on.
    fn entry(&self, ring: Ring, index: u32) -> impl Entry;
    /// Copies bytes out of the data area; `offset`, in the channel, was found to be inside.
    fn read_data(&self, offset: usize, to: &mut [u8]);
    /// Copies bytes into the data area.
    fn write_data(&self, offset: usize, from: &[u8]);
    /// Orders accesses before it against those after it, as [`fence`](core::sync::atomic::fence) does.
    fn fence(&self, order: Ordering) {
        fence(order);
    }
}

/// Shared memory made of ordinary atomics: where both sides live in one program, or a channel is at hand as a slice.
#[derive(Clone, Copy, Debug)]
pub struct Words<'a> {
    words: &'a [AtomicU32],
    geometry: Geometry,
}

impl<'a> Words<'a> {
    /// Both sides may be made from the same slice. What lies beyond it reads zero and is not written.
    #[must_use]
    pub const fn new(words: &'a [AtomicU32], geometry: Geometry) -> Self {
        Self { words, geometry }
    }

    fn word(&self, offset: usize) -> Option<&AtomicU32> {
        self.words.get(offset / 4)
    }

    /// What does not lie on a word.
    fn read_bytes(&self, offset: usize, to: &mut [u8]) {
        for (byte, at) in to.iter_mut().zip(offset..) {
            let word = self.load(at, Ordering::Relaxed);
            *byte = u8::try_from((word >> shift(at)) & 0xff).unwrap_or(0);
        }
    }

    /// What does not fill a word: the bytes beside it stay.
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

/// How far the byte at `offset` is shifted in its word.
fn shift(offset: usize) -> u32 {
    u32::try_from(offset % 4).unwrap_or(0).wrapping_mul(8)
}

impl SharedMemory for Words<'_> {
    fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    fn load(&self, offset: usize, order: Ordering) -> u32 {
        self.word(offset).map_or(0, |word| word.load(order))
    }

    fn store(&self, offset: usize, value: u32, order: Ordering) {
        if let Some(word) = self.word(offset) {
            word.store(value, order);
        }
    }

    fn entry(&self, ring: Ring, index: u32) -> impl Entry {
        (*self, self.geometry.entry(ring, index))
    }

    fn read_data(&self, mut offset: usize, to: &mut [u8]) {
        for bytes in to.chunks_mut(4) {
            match <&mut [u8; 4]>::try_from(&mut *bytes) {
                Ok(word) if offset.is_multiple_of(4) => {
                    *word = self.load(offset, Ordering::Relaxed).to_le_bytes();
                }
                _ => self.read_bytes(offset, bytes),
            }
            offset = offset.wrapping_add(4);
        }
    }

    fn write_data(&self, offset: usize, from: &[u8]) {
        let whole = if offset.is_multiple_of(4) { from.as_chunks().0 } else { &[] };
        let words = self.words.get(offset / 4..).unwrap_or_default();
        for (word, bytes) in words.iter().zip(whole) {
            word.store(u32::from_le_bytes(*bytes), Ordering::Relaxed);
        }
        let done = whole.len().wrapping_mul(4);
        self.write_bytes(offset.wrapping_add(done), from.get(done..).unwrap_or_default());
    }
}

/// The entry at an offset.
impl Entry for (Words<'_>, usize) {
    fn get(&self, word: usize) -> u64 {
        let at = self.1.wrapping_add(word.wrapping_mul(8));
        let [low, high] = [at, at.wrapping_add(4)].map(|at| self.0.load(at, Ordering::Relaxed));
        u64::from(low) | u64::from(high) << 32
    }

    fn set(&self, word: usize, value: u64) {
        let at = self.1.wrapping_add(word.wrapping_mul(8));
        self.0.write_data(at, &value.to_le_bytes());
    }
}
