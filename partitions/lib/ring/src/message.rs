//! A private copy of an entry: what was sent or received, out of the peer's reach.

use crate::{Refused, SharedMemory};
use abi::channel::{ENTRY_SIZE, INLINE};
use zerocopy::IntoBytes;

/// Words of an entry before its payload: id; code, flags and length.
const HEAD: usize = 2;
/// Words of the longest payload.
const PAYLOAD: usize = INLINE / 8;
// abi::channel::Entry as words: read and written without looking at single bytes.
const _: () =
    assert!((HEAD + PAYLOAD) * 8 == ENTRY_SIZE && size_of::<abi::channel::Entry>() == ENTRY_SIZE);

/// A request or a completion.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Message {
    /// Names the request within its epoch.
    pub id: u64,
    /// What is asked, or the status.
    pub code: u16,
    /// [`abi::channel::Entry::flags`].
    pub flags: u16,
    length: u32,
    words: [u64; PAYLOAD],
}

impl Message {
    /// A message with this payload.
    ///
    /// # Errors
    /// [`Refused::TooLong`] beyond [`INLINE`] bytes.
    pub fn new(code: u16, flags: u16, payload: &[u8]) -> Result<Self, Refused> {
        let mut words = [0; PAYLOAD];
        let room = words.as_mut_bytes().get_mut(..payload.len()).ok_or(Refused::TooLong)?;
        room.copy_from_slice(payload);
        let length = u32::try_from(payload.len()).map_err(|_| Refused::TooLong)?;
        Ok(Self { id: 0, code, flags, length, words })
    }

    /// A message without payload.
    #[must_use]
    pub const fn empty() -> Self {
        Self { id: 0, code: 0, flags: 0, length: 0, words: [0; PAYLOAD] }
    }

    /// The payload.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        let length = usize::try_from(self.length).unwrap_or(0);
        self.words.as_bytes().get(..length).unwrap_or(&[])
    }

    /// Words that the payload takes.
    const fn used(length: u32) -> usize {
        // The length was found to be at most INLINE.
        widen(length.div_ceil(8))
    }

    /// Copies this message into the entry at `offset`, under this id.
    pub(crate) fn write<M: SharedMemory>(&self, id: u64, memory: &M, offset: usize) {
        let head =
            u64::from(self.code) | u64::from(self.flags) << 16 | u64::from(self.length) << 32;
        memory.write(offset, &[id, head]);
        let used = self.words.get(..Self::used(self.length)).unwrap_or(&self.words);
        memory.write(offset.wrapping_add(HEAD.wrapping_mul(8)), used);
    }

    /// Copies the entry at `offset` out; false if its length is impossible. Only the copy is looked at.
    pub(crate) fn read<M: SharedMemory>(&mut self, memory: &M, offset: usize) -> bool {
        let mut head = [0; HEAD];
        memory.read(offset, &mut head);
        self.id = head[0];
        self.code = low16(head[1]);
        self.flags = low16(head[1] >> 16);
        self.length = u32::try_from(head[1] >> 32).unwrap_or(0);
        if widen(self.length) > INLINE {
            self.length = 0;
            return false;
        }
        if let Some(used) = self.words.get_mut(..Self::used(self.length)) {
            memory.read(offset.wrapping_add(HEAD.wrapping_mul(8)), used);
        }
        true
    }
}

/// The lowest 16 bits.
#[expect(clippy::as_conversions, reason = "keeps the low half of a word on purpose")]
const fn low16(word: u64) -> u16 {
    word as u16
}

/// `usize::from` for constant functions, where the trait cannot be called yet.
#[expect(
    clippy::as_conversions,
    reason = "widening on every supported machine, and From is not const"
)]
const fn widen(value: u32) -> usize {
    value as usize
}
