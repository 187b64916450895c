//! Capabilities: how they lie in their slots, and how a call's argument becomes an object it may use.
//!
//! A slot is two words: kind (8 bits), rights (8), version (16) and parameter (32); frame of the object (32) and generation (32),
//! which together are its [`Name`].
//! It is written under the control lock (first word as being written, second word, first word) and read without one (first, second,
//! first again). Each write raises the version, so that a reader sees even a slot that holds again what it held.

use crate::answer::Refusal;
use crate::context::Context;
use crate::ledger::{self, Name};
use crate::machine::{Machine, Object, sealed::Sealed};
use crate::partition::Partition;
use abi::call::Error;
use abi::control::SLOTS_PER_PAGE;
use abi::rights::{Kind, Rights};
use abi::types::{Frame, Generation};
use core::sync::atomic::{AtomicU64, Ordering};

/// An atomic word. The core's own, or the model checker's.
pub trait Word {
    /// Loads with acquire order.
    fn load(&self) -> u64;
    /// Stores with release order.
    fn store(&self, value: u64);
    /// What is there, read by a read-modify-write: another one that comes later sees all that was stored before this.
    fn look(&self) -> u64;
    /// Sets bits, returns what was there; acquires and releases.
    fn set_bits(&self, bits: u64) -> u64;
    /// Clears bits, returns what was there; acquires and releases.
    fn clear_bits(&self, bits: u64) -> u64;
}

impl Word for AtomicU64 {
    #[inline]
    fn load(&self) -> u64 {
        Self::load(self, Ordering::Acquire)
    }
    #[inline]
    fn store(&self, value: u64) {
        Self::store(self, value, Ordering::Release);
    }
    #[inline]
    fn look(&self) -> u64 {
        self.fetch_add(0, Ordering::AcqRel)
    }
    #[inline]
    fn set_bits(&self, bits: u64) -> u64 {
        self.fetch_or(bits, Ordering::AcqRel)
    }
    #[inline]
    fn clear_bits(&self, bits: u64) -> u64 {
        self.fetch_and(!bits, Ordering::AcqRel)
    }
}

/// What a slot says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Capability {
    /// Kind of the object.
    pub kind: Kind,
    /// What may be done with it.
    pub rights: Rights,
    /// Frame of the object; 0 for kinds that have none.
    pub frame: Frame,
    /// Generation the object had.
    pub generation: Generation,
    /// See [`Kind`].
    pub parameter: u32,
}

impl Capability {
    /// Reads the two words of a slot; `None` for an empty one.
    #[inline]
    pub fn unpack(words: [u64; 2]) -> Option<Self> {
        let [kind, rights, ..] = words[0].to_le_bytes();
        let kind = Kind::from_number(u64::from(kind)).filter(|kind| *kind != Kind::None)?;
        Some(Self {
            kind,
            rights: Rights::from_bits_truncate(rights),
            frame: Name::from_raw(words[1]).frame(),
            generation: Generation::new(u32::try_from(words[1] >> 32).unwrap_or(0)),
            parameter: u32::try_from(words[0] >> 32).unwrap_or(0),
        })
    }

    /// The two words of its slot.
    pub fn pack(self) -> [u64; 2] {
        let use_of = u64::from(self.rights.bits()) << 8 | self.kind.number();
        [u64::from(self.parameter) << 32 | use_of, Name::new(self.frame, self.generation).raw()]
    }

    /// Whether its kind lives in a frame.
    #[inline]
    pub const fn has_frame(self) -> bool {
        matches!(self.kind, Kind::Partition | Kind::Context | Kind::Doorbell | Kind::Channel)
    }

    /// Refuses a capability whose object was renewed or destroyed.
    #[inline]
    pub fn check_fresh<M: Machine>(self, machine: &M) -> Result<Self, Refusal> {
        if !self.has_frame() {
            return Ok(self);
        }
        let now = ledger::entry(machine, self.frame).generation;
        if now == self.generation {
            Ok(self)
        } else {
            Err(Refusal::with(Error::Stale, u64::from(now.raw())))
        }
    }

    /// Refuses one of another kind, or without the right.
    #[inline]
    pub fn check_right(self, kind: Kind, right: Rights) -> Result<Self, Refusal> {
        if self.kind != kind {
            return Err(Error::WrongKind.into());
        }
        if self.rights.contains(right) { Ok(self) } else { Err(Error::NoRight.into()) }
    }
}

/// A slot's two words.
pub type SlotWords = [AtomicU64; 2];

/// The part of a first word that is its version, and what raises it.
const VERSION: u64 = 0xffff << 16;
const NEXT_VERSION: u64 = 1 << 16;
/// In place of a kind: the slot is being written.
const CHANGING: u64 = 0xff;
/// How often a slot that is being written is looked at: far longer than that takes.
const PATIENCE: u32 = 1_000;

/// Writes a slot so that no reader takes half of it; for holders of the control lock.
pub fn write<W: Word>(slot: &[W; 2], words: [u64; 2]) {
    let version = (slot[0].load() & VERSION).wrapping_add(NEXT_VERSION) & VERSION;
    slot[0].store(version | CHANGING);
    slot[1].store(words[1]);
    slot[0].store(version | words[0]);
}

/// Reads a slot, without its version: what it held before a change, or after it.
#[inline(never)]
pub fn read<W: Word>(slot: &[W; 2]) -> [u64; 2] {
    // The first look apart: it is nearly always the last, and a loop costs every call of the kernel some instructions.
    let again = || (0..PATIENCE).find_map(|_| settled(slot));
    settled(slot).or_else(again).unwrap_or_default()
}

/// What a slot holds, without its version; `None` while it is being changed.
#[inline]
pub fn settled<W: Word>(slot: &[W; 2]) -> Option<[u64; 2]> {
    let [first, second] = versioned(slot)?;
    (first & CHANGING != CHANGING).then_some([first & !VERSION, second])
}

/// Both words of one writing, with the version; `None` for a slot that is being changed. An empty one has no kind.
#[inline]
fn versioned<W: Word>(slot: &[W; 2]) -> Option<[u64; 2]> {
    let [first, second] = [slot[0].load(), slot[1].load()];
    (slot[0].load() == first).then_some([first, second])
}

/// Whether a slot holds nothing.
pub fn is_empty<W: Word>(slot: &[W; 2]) -> bool {
    read(slot)[0] == 0
}

const PAGE_SLOTS: usize = 256;
const _: () = assert!(SLOTS_PER_PAGE == 256);

/// A page of a capability table.
#[repr(C)]
pub struct SlotTable {
    /// Its slots.
    pub slots: [SlotWords; PAGE_SLOTS],
}

impl Sealed for SlotTable {}
impl Object for SlotTable {}

/// The slot with a number in a partition's table; `None` beyond the table.
#[inline]
pub fn slot<M: Machine>(machine: &M, partition: Frame, number: u64) -> Option<&SlotWords> {
    let partition = machine.object::<Partition>(partition);
    let page = partition.slot_page(number >> 8)?;
    machine.object::<SlotTable>(page).slots.get(usize::try_from(number & 0xff).ok()?)
}

/// The capability in a slot of the context's partition, if its object is still the one it was put for.
#[inline]
pub fn lookup<M: Machine>(
    machine: &M,
    context: &Context,
    number: u64,
) -> Result<Capability, Refusal> {
    let slot = slot(machine, context.partition(), number).ok_or(Error::NoCapability)?;
    Capability::unpack(read(slot)).ok_or(Error::NoCapability)?.check_fresh(machine)
}

/// A doorbell that may be rung: a context, and one bit of its event word.
#[derive(Clone, Copy)]
pub(crate) struct Doorbell {
    pub(crate) name: Name,
    pub(crate) bit: u64,
}

impl Doorbell {
    #[inline(always)]
    const fn new(name: Name, number: u32) -> Self {
        Self { name, bit: 1_u64.wrapping_shl(number) }
    }
}

impl From<Capability> for Doorbell {
    fn from(found: Capability) -> Self {
        Self::new(Name::new(found.frame, found.generation), found.parameter)
    }
}

/// The doorbell in a slot, if it may be rung: what [`lookup_as`] would find, in one comparison each. A doorbell has no other
/// right than to be rung.
#[inline(always)]
pub(crate) fn usable_doorbell<M: Machine>(machine: &M, slot: &SlotWords) -> Option<Doorbell> {
    let [first, second] = versioned(slot)?;
    let [kind, rights, ..] = first.to_le_bytes();
    let (name, number) = (Name::from_raw(second), u32::try_from(first >> 32).ok()?);
    let wanted = [DOORBELL, Rights::USE.bits()];
    if u16::from_le_bytes([kind, rights]) != u16::from_le_bytes(wanted) {
        return None;
    }
    name.current(machine).map(|_| Doorbell::new(name, number))
}

/// Number of the kind of doorbells.
const DOORBELL: u8 = Kind::Doorbell.number().to_le_bytes()[0];

/// [`lookup`], then kind and right.
#[inline]
pub fn lookup_as<M: Machine>(
    machine: &M,
    context: &Context,
    number: u64,
    kind: Kind,
    right: Rights,
) -> Result<Capability, Refusal> {
    lookup(machine, context, number)?.check_right(kind, right)
}
