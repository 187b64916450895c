//! What is said: a draft before it is sent, and the private copy of what was received, out of the peer's reach.

use crate::Entry;
use abi::channel::{ENTRY_SIZE, INLINE};
use zerocopy::IntoBytes;

/// Words of an entry: its id; code, flags and length; the payload.
pub(crate) const ID: usize = 0;
const HEAD: usize = 1;
const PAYLOAD: usize = 2;
/// Words of the longest payload.
const MOST: usize = INLINE / 8;
// abi::channel::Entry as words: read and written without looking at single bytes.
const _: () = assert!((PAYLOAD + MOST) * 8 == ENTRY_SIZE);
const _: () = assert!(size_of::<abi::channel::Entry>() == ENTRY_SIZE);

/// What an entry says beside its payload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Head {
    /// What is asked, or the status.
    pub code: u16,
    /// [`abi::channel::Entry::flags`].
    pub flags: u16,
}

impl Head {
    /// One without flags.
    #[must_use]
    #[inline]
    pub const fn new(code: u16) -> Self {
        Self { code, flags: 0 }
    }
}

/// Writes an entry word by word: nothing but what it uses. The payload was found not to be too long.
#[inline(always)]
pub(crate) fn write(entry: impl Entry, id: u64, head: Head, payload: &[u8]) {
    let (code, flags) = (u64::from(head.code), u64::from(head.flags));
    entry.set(ID, id);
    entry.set(HEAD, code | flags << 16 | long(payload.len()) << 32);
    let (chunks, rest) = payload.as_chunks();
    entry.write(PAYLOAD, chunks.iter().copied().map(u64::from_le_bytes));
    if !rest.is_empty() {
        entry.set(PAYLOAD.wrapping_add(chunks.len()), last_word(payload));
    }
}

/// The last bytes of a payload, less than eight and more than none, as a word.
#[inline(never)]
fn last_word(payload: &[u8]) -> u64 {
    let rest = payload.as_chunks::<8>().1;
    rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

/// A request or a completion that was received.
#[derive(Clone, Copy, Debug)]
pub struct Message {
    /// Names the request within its epoch.
    pub id: u64,
    /// What is asked, or the status.
    pub head: Head,
    length: u32,
    /// The payload; behind it whatever was there.
    words: [u64; MOST],
}

impl Message {
    /// A message without payload.
    #[must_use]
    #[inline]
    pub const fn empty() -> Self {
        Self { id: 0, head: Head::new(0), length: 0, words: [0; MOST] }
    }

    /// A copy of what was sent; `None` of more than an entry carries.
    #[must_use]
    pub fn copy(id: u64, head: Head, payload: &[u8]) -> Option<Self> {
        let mut message = Self { id, head, ..Self::empty() };
        message.words.as_mut_bytes().get_mut(..payload.len())?.copy_from_slice(payload);
        message.length = u32::try_from(payload.len()).ok()?;
        Some(message)
    }

    /// The payload.
    #[must_use]
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        self.words.as_bytes().get(..widen(self.length)).unwrap_or(&[])
    }

    /// Copies an entry out, word by word; false if its length is impossible. Only the copy is looked at.
    #[inline(always)]
    pub(crate) fn read(&mut self, entry: impl Entry) -> bool {
        self.id = entry.get(ID);
        let head = entry.get(HEAD);
        self.head = Head { code: low16(head), flags: low16(head >> 16) };
        self.length = high32(head);
        let Some(used) = self.words.get_mut(..widen(self.length).wrapping_add(7) / 8) else {
            self.length = 0;
            return false;
        };
        entry.read(PAYLOAD, used);
        true
    }
}

/// The lowest 32 bits.
#[inline]
#[expect(clippy::as_conversions, reason = "keeps the low half of a word on purpose")]
pub(crate) const fn low32(word: u64) -> u32 {
    word as u32
}

/// The lowest 16 bits.
#[expect(clippy::as_conversions, reason = "keeps the low quarter of a word on purpose")]
const fn low16(word: u64) -> u16 {
    word as u16
}

/// The highest 32 bits.
#[expect(clippy::as_conversions, reason = "what is left of a word fits")]
const fn high32(word: u64) -> u32 {
    (word >> 32) as u32
}

/// `usize::from`, which there is none of for this width.
#[expect(clippy::as_conversions, reason = "widening on every supported machine")]
const fn widen(value: u32) -> usize {
    value as usize
}

/// `u64::from`, which there is none of for this width.
#[expect(clippy::as_conversions, reason = "widening on every supported machine")]
const fn long(value: usize) -> u64 {
    value as u64
}
