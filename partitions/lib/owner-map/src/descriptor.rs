//! Partition descriptors: a page that is owned by itself (paragraphs 214-216).

use crate::memory::{Memory, read_wide, write_wide};
use crate::page::Page;

/// First word of a descriptor that is in force: "PART".
const MAGIC: u32 = u32::from_le_bytes(*b"PART");

const AT_STATE: u16 = 0;
const AT_ME: u16 = 1;
const AT_KIND: u16 = 2;
/// Two words: frames it owns.
const AT_FRAMES: u16 = 4;
const AT_NAME: u16 = 8;
/// The first word that the map leaves to others.
pub const RECORD: u16 = 16;
const _: () = assert!(AT_STATE == 0 && AT_ME == 1 && AT_KIND == 2 && AT_NAME == 8);

/// A name of at most 32 bytes, padded with zeroes.
pub type Name = [u8; 32];

/// What sort of owner it is. The map treats those that are not ordinary alike, so a new sort needs no change here (paragraph 207).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A partition that is created and destroyed.
    Ordinary,
    /// The partition that owns the database.
    Manager,
    /// A pseudo partition for memory that nobody uses: available, missing, broken, reserved, ...
    Pseudo(u16),
}

impl Kind {
    /// The pseudo partition whose memory can be given to others.
    pub const AVAILABLE: Self = Self::Pseudo(0);
    /// The pseudo partition that owns what is not installed.
    pub const MISSING: Self = Self::Pseudo(1);
    /// The pseudo partition that owns what is defective.
    pub const BROKEN: Self = Self::Pseudo(2);
    /// The pseudo partition that owns what belongs to firmware, kernel or devices.
    pub const RESERVED: Self = Self::Pseudo(3);

    /// Its number.
    #[must_use]
    pub fn number(self) -> u32 {
        match self {
            Self::Ordinary => 0,
            Self::Manager => 1,
            Self::Pseudo(sort) => u32::from(sort) | 1 << 16,
        }
    }

    /// The kind with this number.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        match (number >> 16, u16::try_from(number & 0xffff).ok()?) {
            (0, 0) => Some(Self::Ordinary),
            (0, 1) => Some(Self::Manager),
            (1, sort) => Some(Self::Pseudo(sort)),
            _ => None,
        }
    }
}

/// Whether `page` is a descriptor in force. A partition could write the same into its own memory: that the page is owned by itself must be seen too.
pub(crate) fn is_live(memory: &impl Memory, page: Page) -> bool {
    let mut words = [0; 2];
    memory.load(page, AT_STATE, &mut words);
    words == [MAGIC, page.number()]
}

/// Kind of a descriptor.
pub(crate) fn kind(memory: &impl Memory, page: Page) -> Option<Kind> {
    Kind::from_number(memory.read(page, AT_KIND))
}

/// Frames that it owns.
pub(crate) fn frames(memory: &impl Memory, page: Page) -> u64 {
    read_wide(memory, page, AT_FRAMES)
}

/// Replaces the number of frames that it owns.
pub(crate) fn set_frames(memory: &mut impl Memory, page: Page, frames: u64) {
    write_wide(memory, page, AT_FRAMES, frames);
}

/// Its name.
pub(crate) fn name(memory: &impl Memory, page: Page) -> Name {
    let mut name = Name::default();
    for (index, bytes) in (AT_NAME..).zip(name.chunks_exact_mut(4)) {
        bytes.copy_from_slice(&memory.read(page, index).to_le_bytes());
    }
    name
}

/// Writes a descriptor of a partition that owns nothing yet, and puts it in force as the last step.
pub(crate) fn write(memory: &mut impl Memory, page: Page, kind: Kind, name: &Name) {
    let mut all = [0; 15];
    [all[0], all[1]] = [page.number(), kind.number()];
    all.iter_mut().skip(7).zip(words(name)).for_each(|(to, word)| *to = word);
    memory.store(page, AT_ME, &all);
    set_live(memory, page, true);
}

/// Puts a descriptor in force, or out of it; what else it says stays.
pub(crate) fn set_live(memory: &mut impl Memory, page: Page, live: bool) {
    memory.write(page, AT_STATE, if live { MAGIC } else { 0 });
}

/// The words of a name.
pub(crate) fn words(name: &Name) -> impl Iterator<Item = u32> {
    let word = |bytes: &[u8]| <[u8; 4]>::try_from(bytes).map_or(0, u32::from_le_bytes);
    name.chunks_exact(4).map(word)
}
