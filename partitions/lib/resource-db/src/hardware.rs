//! The rows of processors with their plans, and of devices: interrupt lines, ranges of ports, registers, PCI functions.

use crate::table::{Row, per_page, word};
use abi::control::{PLAN_PLACES, PLAN_SLOTS};
use abi::message::database::Stage;
use abi::message::transaction::DeviceKind;
use core::mem::offset_of;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// A processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ProcessorRow {
    /// A [`Stage`]: made, or unused where there is no such processor.
    pub stage: u32,
    /// A [`ProcessorState`].
    pub state: u32,
    /// Raised with every change of its plan.
    pub generation: u32,
    /// Places in use: its slots, then takers of slack. Those behind are 0.
    pub length: u32,
    /// Who is at each place, as the kernel is told: own slot of the context, 0 for nobody.
    pub places: [u16; PLAN_PLACES],
}

impl Default for ProcessorRow {
    fn default() -> Self {
        let (stage, state, generation, length) = (0, 0, 0, SLOTS);
        Self { stage, state, generation, length, places: [0; PLAN_PLACES] }
    }
}

/// Places that every plan has.
const SLOTS: u32 = 16;
const _: () = assert!(PLAN_SLOTS == 16 && PLAN_PLACES == 256);

/// What became of a processor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProcessorState {
    /// It runs its plan.
    Online,
    /// It failed: nobody has a place there any more.
    Failed,
}

impl ProcessorState {
    /// Its number.
    #[must_use]
    pub fn number(self) -> u32 {
        match self {
            Self::Online => 1,
            Self::Failed => 2,
        }
    }
}

impl ProcessorRow {
    /// A processor that runs, and nobody on it.
    #[must_use]
    pub fn online() -> Self {
        let (stage, state) = (Stage::Made.number(), ProcessorState::Online.number());
        Self { stage, state, ..Self::default() }
    }

    /// Whether it failed.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.state == ProcessorState::Failed.number()
    }

    /// The places in use, slots first.
    #[must_use]
    pub fn plan(&self) -> &[u16] {
        let length = usize::try_from(self.length).unwrap_or(PLAN_PLACES);
        self.places.get(..length).unwrap_or(&self.places)
    }

    /// Pairs of words up to the last place in use.
    pub(crate) fn pairs_used(&self) -> usize {
        let places = usize::try_from(self.length).unwrap_or(PLAN_PLACES).min(PLAN_PLACES);
        (BEFORE_PLACES >> 3).wrapping_add(places.div_ceil(4))
    }
}

/// Bytes of a row before its places.
pub(crate) const BEFORE_PLACES: usize = offset_of!(ProcessorRow, places);
const _: () =
    assert!(BEFORE_PLACES.is_multiple_of(8) && size_of::<ProcessorRow>().is_multiple_of(8));

impl Row for ProcessorRow {
    const BEFORE: u16 = 0;
    const PER_PAGE: u32 = per_page::<Self>();
    const STAGE: u16 = word(offset_of!(Self, stage));

    fn stage(&self) -> Stage {
        Stage::from_number(self.stage)
    }
}

/// A device, or a part of one that goes from owner to owner as a whole.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct DeviceRow {
    /// A [`Stage`]: made, or unused.
    pub stage: u32,
    /// A [`DeviceKind`].
    pub kind: u32,
    /// The first port or byte, the line, the function.
    pub first: u64,
    /// How many ports or bytes.
    pub count: u64,
    /// Whose it is: the page of the owner's descriptor, as in the map of memory. Told by [`Books::device_owner`](crate::Books::device_owner).
    pub owner: u32,
    /// One more than the processor on which the line rings its owner, 0: on none.
    pub bound: u32,
}

impl DeviceRow {
    /// A device that is there.
    #[must_use]
    pub fn new(kind: DeviceKind, first: u64, count: u64) -> Self {
        let (stage, kind) = (Stage::Made.number(), kind.code().into());
        Self { stage, kind, first, count, ..Self::default() }
    }

    /// Whether both are about the same ports, line, bytes or function, in part or whole.
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        let end = |row: &Self| row.first.saturating_add(row.count);
        self.kind == other.kind && self.first < end(other) && other.first < end(self)
    }
}

impl Row for DeviceRow {
    const BEFORE: u16 = 0;
    const PER_PAGE: u32 = per_page::<Self>();
    const STAGE: u16 = word(offset_of!(Self, stage));

    fn stage(&self) -> Stage {
        Stage::from_number(self.stage)
    }
}
