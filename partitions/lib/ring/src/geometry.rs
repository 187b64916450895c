//! Where things are in a channel, from its length and the size of its rings.

use abi::channel::{ENTRY_SIZE, MAX_RING_SHIFT};

/// Bytes of a page, on which the areas start.
const PAGE: usize = 4096;
// The number is abi's; only its type differs.
const _: () = assert!(abi::types::PAGE_SHIFT == PAGE.trailing_zeros());

/// One of the two rings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ring {
    /// The client writes it.
    Requests,
    /// The server writes it.
    Completions,
}

/// The layout of one channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Geometry {
    /// Entries of each ring, less one: the bits of an index that count.
    mask: u32,
    completions: usize,
    data: usize,
    length: usize,
}

impl Geometry {
    /// The layout of a channel of `length` bytes with rings of `2^shift` entries, or `None` where they do not fit.
    #[must_use]
    pub fn new(shift: u32, length: usize) -> Option<Self> {
        if shift > MAX_RING_SHIFT {
            return None;
        }
        let entries = 1_u32.checked_shl(shift)?;
        let ring = usize::try_from(entries).ok()?.checked_mul(ENTRY_SIZE)?;
        let ring = ring.checked_next_multiple_of(PAGE)?;
        let completions = PAGE.checked_add(ring)?;
        let data = completions.checked_add(ring)?;
        (data <= length).then_some(Self {
            mask: entries.wrapping_sub(1),
            completions,
            data,
            length,
        })
    }

    /// Entries of each ring, a power of two.
    #[must_use]
    pub const fn entries(&self) -> u32 {
        self.mask.wrapping_add(1)
    }

    /// Bytes of the whole channel.
    #[must_use]
    pub const fn length(&self) -> usize {
        self.length
    }

    /// Offset of a ring.
    #[must_use]
    #[inline]
    pub const fn ring(&self, ring: Ring) -> usize {
        match ring {
            Ring::Requests => PAGE,
            Ring::Completions => self.completions,
        }
    }

    /// Offset of the entry that the running `index` falls on: always inside the channel.
    #[must_use]
    #[inline]
    pub const fn entry(&self, ring: Ring, index: u32) -> usize {
        // At most MAX_RING_SHIFT + 7 bits: nothing wraps.
        self.ring(ring).wrapping_add(widen(index & self.mask).wrapping_mul(ENTRY_SIZE))
    }

    /// Offset of the data area.
    #[must_use]
    pub const fn data(&self) -> usize {
        self.data
    }

    /// Bytes of the data area.
    #[must_use]
    pub const fn data_length(&self) -> usize {
        self.length.wrapping_sub(self.data)
    }
}

/// `usize::from` for constant functions, where the trait cannot be called yet.
#[expect(
    clippy::as_conversions,
    reason = "widening on every supported machine, and From is not const"
)]
const fn widen(value: u32) -> usize {
    value as usize
}
