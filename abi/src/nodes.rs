//! Nodes: parts of the machine whose processors reach the memory of their own part faster than that of others.
//!
//! The loader reads them off the firmware's tables (ACPI 6.5, 5.2.16 and 5.2.17) and numbers them from 0 on, in the order of the firmware's
//! own numbers. It believes all of the tables or nothing: where they say nothing, or what cannot be, the machine is one node.

use crate::boot::PROCESSORS;
use crate::types::Frame;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Most nodes.
pub const NODES: usize = 32;
/// Most ranges of memory of all nodes together.
pub const NODE_RANGES: usize = 64;
/// Distances of all nodes from all.
pub const NODE_PAIRS: usize = 1024;
const _: () = assert!(NODE_PAIRS == NODES * NODES);
/// Distance of a node from itself; all others are further.
pub const NEAR: u8 = 10;
/// Distance of other nodes where the firmware tells of none.
pub const FAR: u8 = 20;

/// What the nodes are known from, or why there is only one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum NodeSource {
    /// The firmware has no table of them.
    Untold = 0,
    /// The firmware's table.
    Told = 1,
    /// A record of the table ends outside it, or its memory beyond all addresses.
    Broken = 2,
    /// There are more nodes, or ranges of memory, than there is room for.
    TooMany = 3,
    /// Memory is said to be of two nodes.
    Overlap = 4,
    /// Memory of the machine is of no node.
    MemoryLeftOut = 5,
    /// A processor is of no node, or of two.
    ProcessorLeftOut = 6,
    /// Not all processors run that the loader found, and which these are is not known.
    ProcessorsMissing = 7,
}

impl NodeSource {
    /// Each with its words, at its number.
    pub const ALL: [(Self, &'static str); 8] = [
        (Self::Untold, "the firmware tells of no nodes"),
        (Self::Told, "as the firmware tells"),
        (Self::Broken, "the firmware's table of nodes is broken"),
        (Self::TooMany, "the firmware tells of more nodes than there is room for"),
        (Self::Overlap, "the firmware tells of memory that is on two nodes"),
        (Self::MemoryLeftOut, "the firmware tells of memory that is on no node"),
        (Self::ProcessorLeftOut, "the firmware does not tell of each processor its node"),
        (
            Self::ProcessorsMissing,
            "not all processors came, and which nodes they are on is not known",
        ),
    ];

    /// What a number stands for.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.get(usize::try_from(number).ok()?).map(|(source, _)| *source)
    }

    /// Its number.
    #[must_use]
    #[expect(clippy::as_conversions, reason = "the number of a unit variant; no trait gives it")]
    pub const fn number(self) -> u32 {
        self as u32
    }

    /// Its words.
    #[must_use]
    pub fn words(self) -> &'static str {
        Self::ALL.iter().find(|(source, _)| *source == self).map_or("", |(_, words)| words)
    }
}

/// Frames of a node, memory or not.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct NodeRange {
    /// First frame.
    pub start: Frame,
    /// Number of frames.
    pub count: u64,
    /// The node.
    pub node: u32,
    /// Zero.
    pub reserved: u32,
}

/// The nodes of the machine.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Nodes {
    /// Number of nodes; 0 stands for 1.
    pub count: u32,
    /// A [`NodeSource`].
    pub source: u32,
    /// Number of `ranges` in use; without any all memory is of node 0.
    pub range_count: u32,
    /// Zero.
    pub reserved: u32,
    /// Whose the memory is: in the order of addresses, without overlap.
    pub ranges: [NodeRange; NODE_RANGES],
    /// Node of each processor, at its place in the list of processors.
    pub processors: [u8; PROCESSORS],
    /// How far memory is from processors: at [`NODES`] times the processors' node plus the memory's; [`NEAR`] for a node's own, the
    /// more the further.
    pub distances: [u8; NODE_PAIRS],
}

impl Nodes {
    /// A machine of one node.
    #[must_use]
    pub fn one(why: NodeSource) -> Self {
        let mut one: Self = zerocopy::FromZeros::new_zeroed();
        (one.count, one.source) = (1, why.number());
        one.distances = [NEAR; NODE_PAIRS];
        one
    }

    /// How far the memory of each node is from processors of this one.
    #[must_use]
    pub fn distances_from(&self, node: u32) -> [u8; NODES] {
        let rows = self.distances.as_chunks::<NODES>().0;
        let row = usize::try_from(node).ok().and_then(|node| rows.get(node));
        row.copied().unwrap_or([FAR; NODES])
    }

    /// The ranges in use.
    #[must_use]
    pub fn ranges(&self) -> &[NodeRange] {
        let count = usize::try_from(self.range_count).unwrap_or(NODE_RANGES);
        self.ranges.get(..count).unwrap_or(&self.ranges)
    }

    /// The node of a frame, 0 where no range holds it.
    #[must_use]
    pub fn of(&self, frame: Frame) -> u32 {
        let holds = |range: &&NodeRange| {
            range.start <= frame && frame.raw() < range.start.raw().saturating_add(range.count)
        };
        self.ranges().iter().find(holds).map_or(0, |range| range.node)
    }
}
