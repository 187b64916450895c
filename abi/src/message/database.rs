//! The resource database in bulk: tables of records that come through the data area of the channel, the owner map, and
//! the creation that was computed from them.
//!
//! The data area belongs to the answer that came last: who asks does so again only after reading it.

use super::codes;
use crate::image::Name;
use crate::nodes::NODES;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// In [`TableReply::next`]: there is no more.
pub const TABLE_END: u64 = u64::MAX;

codes! {
    /// How far a row has come.
    Stage {
        /// Nothing is there, or nothing any more.
        Unused = 0,
        /// Being made: after an interruption it is taken down again.
        Making = 1,
        /// There.
        Made = 2,
        /// Being taken down.
        Ending = 3,
    }
}

impl Stage {
    /// Its number, as the books have it.
    #[must_use]
    pub fn number(self) -> u32 {
        self.code().into()
    }

    /// The stage with this number; unknown ones are unused.
    #[must_use]
    pub fn from_number(number: u32) -> Self {
        let known = usize::try_from(number).ok().and_then(|at| Self::ALL.get(at));
        known.copied().unwrap_or(Self::Unused)
    }
}
const _: () =
    assert!(Stage::ALL[1].code() == 1 && Stage::ALL[2].code() == 2 && Stage::ALL[3].code() == 3);

codes! {
    /// What can be read in bulk.
    Table {
        /// [`DefinitionRecord`] by index: what the manifest says of each partition. Never changes.
        Definitions = 1,
        /// [`RowRecord`] by partition id.
        Partitions = 2,
        /// [`ProcessorRecord`] by number.
        Processors = 3,
        /// [`JointRecord`] by channel id.
        Channels = 4,
        /// [`RunRecord`] by frame: memory that nobody has.
        Free = 5,
        /// [`DifferenceRecord`] by partition id: where kernel, books and manifest do not say the same. Each answer has one of the kind `Checked`.
        Differences = 6,
        /// [`NodeRecord`], as many as there are ranges of memory with a node, and one for each node without memory. Never changes.
        Nodes = 7,
        /// [`PartitionRecord`](super::resource::PartitionRecord) by partition id, as the kernel and the books have it now.
        Listed = 8,
        /// [`ChannelRecord`](super::resource::ChannelRecord) by channel id, with what its ends count now.
        Ends = 9,
        /// [`DeviceRecord`] by number: what the manifest grants in the order of its grants, then the PCI functions.
        Devices = 10,
        /// [`ManifestZone`](crate::manifest::ManifestZone), as the manifest has them. Never changes.
        Zones = 11,
    }
}

codes! {
    /// What two of kernel, books and manifest say differently.
    Difference {
        /// Nothing: what was looked at in this answer, `partition` partitions, `expected` channels, `found` capabilities.
        Checked = 0,
        /// A partition of the manifest is not there.
        NoPartition = 1,
        /// What has its number is not what the manifest says.
        OtherPartition = 2,
        /// It was made neither by the manifest nor by a creation.
        Unaccounted = 3,
        /// Pages of program (`index` 1), stacks (2) or lasting memory (4).
        Memory = 4,
        /// The kernel does not know the partition.
        NoObject = 5,
        /// Contexts that the kernel counts.
        Contexts = 6,
        /// Pages of capabilities that the kernel counts.
        SlotPages = 7,
        /// What is in slot `index`: kind, rights, and for doorbells, ports and interrupts the parameter, as `Look` tells them.
        Capability = 8,
        /// The capability in slot `index` leads to another object, or to an earlier one in its place.
        Object = 9,
        /// Slot `index` holds what nobody gave.
        Surplus = 10,
        /// The channel `index` of the manifest, of which it is the client, is not there.
        NoChannel = 11,
        /// That channel joins others, or is of another kind.
        OtherChannel = 12,
        /// Pages of the channel `index` that the kernel counts.
        ChannelMemory = 13,
        /// The books have no row of processor `partition`.
        NoProcessor = 14,
        /// At place `index` of processor `partition` the books have the context in own slot `found`, and from the rows of partitions follows `expected`.
        Planned = 15,
        /// At place `index` of processor `partition` the kernel has the context of frame `found`, and the books that of frame `expected`.
        Runs = 16,
        /// The device `index` of the books is not the one that the manifest grants: its first port, byte or line.
        OtherDevice = 17,
        /// The device `index` is partition `found`'s in the books, and was granted to `expected`.
        DeviceOwner = 18,
        /// Whether the line that is device `index` rings somebody: by the books, and by the kernel.
        Line = 19,
    }
}

codes! {
    /// Whose memory is.
    MemoryOwner {
        /// There is none.
        Missing = 0,
        /// Nobody's.
        Available = 1,
        /// The kernel's, the firmware's, a device's.
        Reserved = 2,
        /// Defective.
        Broken = 3,
        /// A partition's.
        Partition = 4,
        /// A channel's. Not told any more: it is the client's.
        Channel = 5,
        /// The resource manager's books'.
        Database = 6,
    }
}

/// Which records are wanted.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct TableQuery {
    /// A [`Table`]; 0 for the owner map, which has none.
    pub table: u32,
    /// Most records wanted; 0: as many as there is room for.
    pub most: u32,
    /// From which id, number or frame on.
    pub from: u64,
    /// For `Changes`: the transaction since which; else 0.
    pub since: u64,
}

/// What stands in the data area now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct TableReply {
    /// Number of the last transaction committed: these records say what was after it.
    pub generation: u64,
    /// From where on to ask for the rest, [`TABLE_END`] if there is none.
    pub next: u64,
    /// Records.
    pub count: u32,
    /// Bytes of each.
    pub size: u32,
}

/// What the manifest says of a partition: what one more like it would need.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct DefinitionRecord {
    /// Its name.
    pub name: Name,
    /// Its place in the manifest.
    pub index: u32,
    /// [`crate::manifest::PartitionFlags`].
    pub flags: u32,
    /// Pages of one more like it, its heap included; 0 where none can be made.
    pub pages: u32,
    /// Pages of heap.
    pub heap: u32,
    /// A [`crate::manifest::PartitionRole`].
    pub role: u16,
    /// Preferred processor, or [`crate::manifest::EVERY_PROCESSOR`].
    pub processor: u16,
    /// Slots of 16 for each context.
    pub share: u16,
    /// Contexts, on this processor and those that follow.
    pub contexts: u16,
}

/// Pages in a row; none where the count is 0.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Pages {
    /// The first frame.
    pub start: u32,
    /// How many.
    pub count: u32,
}

/// A partition as the books have it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct RowRecord {
    /// [`crate::types::PartitionId`].
    pub id: u32,
    /// Place of its definition in the manifest.
    pub definition: u32,
    /// A [`Stage`].
    pub stage: u16,
    /// A [`super::resource::PartitionState`], as the books know it.
    pub state: u16,
    /// Preferred processor of the first context, or [`crate::manifest::EVERY_PROCESSOR`].
    pub processor: u16,
    /// Slots of 16 for each context.
    pub share: u16,
    /// Contexts.
    pub contexts: u32,
    /// How often it was started.
    pub starts: u32,
    /// Kernel objects, program, stacks, heap, lasting memory, information pages.
    pub memory: [Pages; 6],
}

/// A processor.
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ProcessorRecord {
    /// Its number.
    pub processor: u32,
    /// Slots of 16 that no partition's share takes.
    pub free: u32,
    /// Contexts that take what others leave.
    pub takers: u32,
    /// The part of the machine whose memory is near to it.
    pub node: u16,
    /// 1: it runs plans.
    pub online: u16,
}

/// Memory of a node: a part of the machine whose processors reach it faster than others do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct NodeRecord {
    /// The first frame.
    pub start: u64,
    /// How many; 0 for a node that has no memory.
    pub count: u64,
    /// The node.
    pub node: u32,
    /// A [`NodeSource`](crate::nodes::NodeSource), the same in all records.
    pub source: u32,
    /// How far this memory is from the processors of each node: 10 for its own, the more the further.
    pub distances: [u8; NODES],
}

/// A channel as the books have it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct JointRecord {
    /// [`crate::types::ChannelId`].
    pub id: u32,
    /// Client's id.
    pub client: u32,
    /// Server's id.
    pub server: u32,
    /// The epoch in force.
    pub epoch: u32,
    /// A [`crate::channel::ChannelKind`].
    pub kind: u16,
    /// A [`Stage`].
    pub stage: u16,
    /// Its kernel object, then its memory.
    pub memory: Pages,
}

/// Where kernel, books and manifest do not say the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct DifferenceRecord {
    /// A [`Difference`].
    pub kind: u32,
    /// The partition.
    pub partition: u32,
    /// Which of its things, where it has several.
    pub index: u32,
    /// Zero.
    pub reserved: u32,
    /// What should be.
    pub expected: u64,
    /// What is.
    pub found: u64,
}

/// A device and its owner.
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct DeviceRecord {
    /// The first port or byte, the line, or the function: bus, device (5 bits) and function (3 bits).
    pub first: u64,
    /// How many ports or bytes.
    pub count: u64,
    /// Its number in the books.
    pub id: u32,
    /// A [`DeviceKind`](super::transaction::DeviceKind).
    pub kind: u16,
    /// Whose it is: a [`MemoryOwner`].
    pub owner: u16,
    /// His number, where he is a partition.
    pub owner_id: u32,
    /// One more than the processor on which the line rings him, 0: on none.
    pub bound: u32,
}

/// Frames of one owner. Runs that follow each other may have the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct RunRecord {
    /// The first frame.
    pub start: u64,
    /// How many.
    pub count: u64,
    /// A [`MemoryOwner`].
    pub owner: u32,
    /// Its id, where it is a partition or a channel.
    pub id: u32,
}

/// One more partition like a definition, where it was decided that it is to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Placement {
    /// Place of the definition in the manifest.
    pub definition: u32,
    /// Pages of heap.
    pub heap: u32,
    /// Processor of the first context, the others on those that follow; [`crate::manifest::EVERY_PROCESSOR`] as the definition.
    pub processor: u16,
    /// Slots of 16 for each context.
    pub share: u16,
    /// Zero.
    pub reserved: u32,
    /// First frame of free memory: the heap first, then the rest; [`Placement::ANYWHERE`] wherever there is some.
    pub start: u64,
    /// Frames of it that may be taken; what is not needed stays free.
    pub count: u64,
    /// The transaction after which all this was free.
    pub generation: u64,
}

impl Placement {
    /// The manager takes what memory there is at that instant: for who lost what he had chosen too often. No frame has this number.
    pub const ANYWHERE: u64 = u64::MAX;
}
