//! The ledger: what each frame of memory is used for, by whom, how often mapped, and in which generation.
//!
//! One word for each frame: bits 0-3 use, 4-31 frame of the owner, 32-55 generation, 56-63 mappings. Written under the
//! control lock; generations are read without it. An object is never mapped, so that its upper half is its generation.

use crate::machine::Machine;
use abi::control::FrameUse;
use abi::types::{Frame, Generation};
use core::sync::atomic::{AtomicU64, Ordering};

/// Most mappings of one frame.
pub const MAX_MAPPINGS: u64 = 0xff;
/// Last generation; an object in it can be destroyed, and then never made again.
pub const MAX_GENERATION: u32 = 0x00ff_ffff;
/// One past the highest frame that can be an object (1 TiB): what an owner's 28 bits hold.
pub const OBJECT_FRAMES: u64 = 1 << 28;
/// An owner's bits.
const OWNER: u64 = OBJECT_FRAMES - 1;

/// What the ledger says of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    /// What it is used for.
    pub kind: FrameUse,
    /// How often it is mapped.
    pub mappings: u64,
    /// How often it was put to a new use as an object.
    pub generation: Generation,
    /// Frame of its owner, 0 for none.
    pub owner: Frame,
}

impl Entry {
    /// Reads a packed word. Numbers of uses that do not exist are never written; they read as `Absent`.
    #[inline]
    pub fn unpack(word: u64) -> Self {
        Self {
            kind: FrameUse::from_number(word & 0xf).unwrap_or(FrameUse::Absent),
            mappings: word >> 56,
            generation: generation(word),
            owner: Frame::new((word >> 4) & OWNER),
        }
    }

    /// Packs it; parts that are too large are cut.
    #[inline]
    pub fn pack(self) -> u64 {
        let generation = u64::from(self.generation.raw() & MAX_GENERATION);
        self.kind.number()
            | (self.owner.raw() & OWNER) << 4
            | generation << 32
            | self.mappings << 56
    }

    /// The entry for a new use and owner, all else kept.
    pub const fn with(self, kind: FrameUse, owner: Frame) -> Self {
        Self { kind, owner, ..self }
    }

    /// The entry in the next generation, `None` after the last.
    pub fn next_generation(self) -> Option<Self> {
        let raw = self.generation.raw();
        (raw < MAX_GENERATION)
            .then(|| Self { generation: Generation::new(raw.wrapping_add(1)), ..self })
    }
}

#[inline]
fn generation(word: u64) -> Generation {
    Generation::new(u32::try_from((word >> 32) & u64::from(MAX_GENERATION)).unwrap_or(0))
}

#[inline]
fn word<M: Machine>(machine: &M, frame: Frame) -> Option<&AtomicU64> {
    machine.ledger().get(usize::try_from(frame.raw()).ok()?)
}

/// The entry of a frame; beyond memory an `Absent` one.
#[inline]
pub fn entry<M: Machine>(machine: &M, frame: Frame) -> Entry {
    Entry::unpack(word(machine, frame).map_or(0, |word| word.load(Ordering::Acquire)))
}

/// Writes an entry; ignored beyond memory.
pub fn set<M: Machine>(machine: &M, frame: Frame, entry: Entry) {
    if let Some(word) = word(machine, frame) {
        word.store(entry.pack(), Ordering::Release);
    }
}

/// Names an object for good: its frame, which is one of memory, and generation in one word; 0 names none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Name(u64);

impl Name {
    /// The object in `frame` in `generation`.
    #[inline]
    pub fn new(frame: Frame, generation: Generation) -> Self {
        Self(u64::from(generation.raw()) << 32 | frame.raw())
    }

    /// From its word.
    #[inline]
    pub const fn from_raw(word: u64) -> Self {
        Self(word)
    }

    /// Its word.
    #[inline]
    pub const fn raw(self) -> u64 {
        self.0
    }

    /// Its frame.
    #[inline]
    pub const fn frame(self) -> Frame {
        Frame::new(self.0 & 0xffff_ffff)
    }

    /// Its frame, if the object it names is still there.
    #[inline]
    pub fn current<M: Machine>(self, machine: &M) -> Option<Frame> {
        let found = word(machine, self.frame())?.load(Ordering::Acquire);
        ((found ^ self.0) >> 32 == 0).then_some(self.frame())
    }
}
