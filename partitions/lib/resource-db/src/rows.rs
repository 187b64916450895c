//! The rows of the tables.

use crate::heap::{PIECES, Piece};
use abi::boot::FrameRange;
use abi::image::Name;
use abi::message::database::Stage;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// A range of frames; none where the count is 0.
pub type Extent = FrameRange;

/// A partition.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct PartitionRow {
    /// Its name.
    pub name: Name,
    /// A [`Stage`].
    pub stage: u32,
    /// A [`abi::message::resource::PartitionState`].
    pub state: u32,
    /// Index of its definition in the manifest.
    pub definition: u32,
    /// Index of the definition whose hardware it has; none for one that was created at run time.
    pub hardware: u32,
    /// How often it was started.
    pub starts: u32,
    /// How often it was restarted after a fault, since the machine started.
    pub restarts: u32,
    /// Restarts left in its budget.
    pub budget: u32,
    /// 1: its rescuer was told of the stop.
    pub told: u32,
    /// 1: it has places in the plans.
    pub placed: u32,
    /// Milliseconds to wait before the next restart.
    pub backoff: u32,
    /// Contexts it has.
    pub contexts: u32,
    /// Slot of the channel through which it sees the boot image, 0 for none.
    pub image_slot: u16,
    /// One more than the [`abi::information::StartReason`] of a start that has begun and not ended; 0: none.
    /// In the manager's own row, of the creation of all others, or a mark that the machine is being switched off.
    pub unfinished: u16,
    /// Slot of its capability in the manager's table.
    pub partition_slot: u16,
    /// Slot of its first context, the others follow.
    pub context_slot: u16,
    /// Slot of the channel of its information pages.
    pub information_slot: u16,
    /// Slots in use in its own table, slot 0 included.
    pub slots: u16,
    /// When it was last started, nanoseconds.
    pub started: u64,
    /// When it is stopped if it has not by itself, nanoseconds; 0: it was not asked.
    pub stop_by: u64,
    /// One past the last address its channels use.
    pub channels_end: u64,
    /// Channels and interrupts that report by events; those of clients that join later not counted, here and below.
    pub events: u32,
    /// Why it was last started: a [`abi::information::StartReason`].
    pub start_reason: u32,
    /// When its manager restarts it, nanoseconds; 0: it is not waiting for that.
    pub restart_at: u64,
    /// Channels of which it is an end.
    pub ends: u32,
    /// Clients that may join it later.
    pub clients: u32,
    /// Frames of its kernel objects, slot pages and page tables, in the order in which they are made.
    pub kernel: Extent,
    /// Frames of its program.
    pub program: Extent,
    /// Frames of its stacks, the first context's first.
    pub stack: Extent,
    /// Frames of its heap.
    pub heap: Extent,
    /// Frames of its lasting memory.
    pub lasting: Extent,
    /// Frames of its information pages.
    pub information: Extent,
    /// Slots of 16 of each context.
    pub share: u16,
    /// Processor of its first context, or [`abi::manifest::EVERY_PROCESSOR`].
    pub processor: u16,
    /// Pages of heap that it shall have.
    pub heap_pages: u32,
    /// 1: it is being moved to its processor, and has no place in any plan until it is there.
    pub moving: u32,
    /// Pages of heap that are mapped, or will be no more: what it owns beyond them is being taken from it.
    pub heap_mapped: u32,
    /// Raised with every change of `heap_pages`.
    pub heap_request: u32,
    /// The last `heap_request` that its runtime answered.
    pub heap_answered: u32,
    /// Page tables of the heap.
    pub heap_tables: u32,
    /// 0: no page of it is elsewhere. Else pages of it may be with the manager, which was looking at them: one more than the number of
    /// the piece of its memory, or [`OPEN_CORPSE`] for its corpse.
    pub opened: u32,
    /// What the heap got later, in the order of addresses.
    pub pieces: [Piece; PIECES],
    /// The image whose program it runs: 0 the boot image, those beside it from 1 on.
    pub image: u16,
    /// One more than the image whose program its next start goes over to; 0: none.
    pub waiting: u16,
    /// One more than the image that it came from, while what it went over to has not proved itself; 0: it has.
    pub before: u16,
    /// The image whose program is mapped: another one only while that is being exchanged.
    pub loaded: u16,
    /// Images whose program did not come up, one bit each.
    pub refused: u32,
    /// 1: what it went over to has taken up events; 2 and 3, of boot alone: it is to bring the resource manager back, and did.
    pub up: u32,
    /// Frames of the program that is not loaded: of the one waiting, or of the one before.
    pub spare: Extent,
    /// Frames of what was kept of its last life, mapped nowhere.
    pub corpse: Extent,
    /// Which life that was, as `starts` counted them; 0: it is not whole, or not there any more.
    pub corpse_life: u32,
    /// Zero.
    pub reserved: u32,
}

/// In [`PartitionRow::opened`]: the manager was looking at its corpse.
pub const OPEN_CORPSE: u32 = u32::MAX;

impl Link {
    /// Its number.
    #[must_use]
    pub fn number(self) -> u16 {
        match self {
            Self::None => 0,
            Self::Connected => 1,
            Self::Leaving => 2,
        }
    }
}

impl PartitionRow {
    /// How far it has come.
    #[must_use]
    pub fn stage(&self) -> Stage {
        Stage::from_number(self.stage)
    }

    /// Whether a time of its own is written in it: of its stop, of its restart, or while it has not proved itself.
    #[must_use]
    pub fn is_timed(&self) -> bool {
        self.stop_by != 0 || self.restart_at != 0 || self.before != 0
    }

    /// Its frames, but for those that its heap got later.
    #[must_use]
    pub fn extents(&self) -> [Extent; 6] {
        [self.kernel, self.program, self.stack, self.heap, self.lasting, self.information]
    }

    /// Frames it has.
    #[must_use]
    pub fn frames(&self) -> u64 {
        let later = self.pieces.map(|piece| piece.extent());
        let all = self.extents().into_iter().chain(later).chain([self.spare, self.corpse]);
        all.fold(0, |sum, extent| sum.saturating_add(extent.count))
    }
}

/// One end of a channel.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct End {
    /// Its name there.
    pub name: Name,
    /// Where it is mapped.
    pub address: u64,
    /// Whose it is.
    pub partition: u32,
    /// Slot in the partition's table that holds the doorbell of the other end.
    pub slot: u16,
    /// Event bit by which this end learns that the other rang.
    pub event: u16,
    /// Place among the partition's channels, which is that in its information pages.
    pub place: u32,
    /// Zero.
    pub reserved: u32,
}

/// A channel.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct ChannelRow {
    /// The client's end.
    pub client: End,
    /// The server's end.
    pub server: End,
    /// A [`Stage`].
    pub stage: u32,
    /// The epoch in force.
    pub epoch: u32,
    /// A [`abi::channel::ChannelKind`].
    pub kind: u16,
    /// log2 of the entries of each ring.
    pub ring_shift: u16,
    /// Slot of its capability in the manager's table.
    pub slot: u16,
    /// Whether its server has it: a [`Link`].
    pub link: u16,
    /// Its frames: the kernel object, then the memory.
    pub frames: Extent,
    /// When its server is cut off, nanoseconds.
    pub cut_at: u64,
    /// The version of its messages in this epoch, 0 where its ends have none in common.
    pub version: u32,
    /// Zero.
    pub reserved: u32,
}

/// Whether the server of a channel has it. Only when it has not may the client's memory be used for anything else.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u16)]
pub enum Link {
    /// It is not mapped there.
    None = 0,
    /// It is mapped, and the server may use it.
    Connected = 1,
    /// The server was told to let go of it.
    Leaving = 2,
}

impl ChannelRow {
    /// Whether its server has it; what is damaged is taken as connected.
    #[must_use]
    pub fn link(&self) -> Link {
        match self.link {
            0 => Link::None,
            2 => Link::Leaving,
            _ => Link::Connected,
        }
    }

    /// How far it has come.
    #[must_use]
    pub fn stage(&self) -> Stage {
        Stage::from_number(self.stage)
    }

    /// Whose its ends are, each at the number of its role.
    pub(crate) fn partitions(&self) -> [u32; 2] {
        [self.client.partition, self.server.partition]
    }

    /// The same, each with its place among the channels of its partition.
    pub(crate) fn places(&self) -> [(u32, u32); 2] {
        [&self.client, &self.server].map(|end| (end.partition, end.place))
    }

    /// Slots of the manager's own table that it takes: its own, and the doorbell where the manager is an end.
    pub(crate) fn own_slots(&self) -> [u16; 2] {
        let ends = [&self.client, &self.server];
        let own = ends.into_iter().find(|end| end.partition == 0);
        [self.slot, own.map_or(0, |end| end.slot)]
    }

    /// Frames of its memory, without the kernel object.
    #[must_use]
    pub fn memory(&self) -> Extent {
        let start = self.frames.start.checked_add(1).unwrap_or(self.frames.start);
        Extent { start, count: self.frames.count.saturating_sub(1) }
    }
}
