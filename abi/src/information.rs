//! What a partition can read about itself and the time, in pages that only others write.

use crate::image::Name;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// First word of the information pages: "BULKINFO".
pub const INFORMATION_MAGIC: u64 = u64::from_le_bytes(*b"BULKINFO");
/// Bytes of [`Information`]; the resources follow.
pub const INFORMATION_HEADER: usize = 256;
/// How many changes of single records [`Information::changed`] remembers.
pub const CHANGES: usize = 16;

/// The time page, written by the kernel, read by everybody at [`crate::layout::TIME_PAGE`].
///
/// Nanoseconds are `base + ((tsc - base_tsc) * multiplier >> shift)` in 128-bit arithmetic, where `source` is 1. Where the time
/// stamp counter cannot be trusted `source` is 0 and `base` is the time of the last kernel tick. Read `sequence`
/// before and after; odd or changed means again.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct TimePage {
    /// Raised by one before and after a change.
    pub sequence: u64,
    /// 1: compute from the time stamp counter; 0: use `base`.
    pub source: u64,
    /// Nanoseconds at `base_tsc`.
    pub base: u64,
    /// Time stamp counter at `base`.
    pub base_tsc: u64,
    /// Nanoseconds per tick, scaled by `2^shift`.
    pub multiplier: u64,
    /// See `multiplier`.
    pub shift: u64,
    /// Ticks of the time stamp counter per second.
    pub frequency: u64,
    /// [`crate::ABI_VERSION`] of the kernel.
    pub version: u32,
    /// Processors online.
    pub processors: u32,
    /// Nanoseconds of a slot.
    pub slot: u64,
}

/// Why a partition was started.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum StartReason {
    /// The first time.
    Boot = 0,
    /// By hand, after it was stopped.
    Started = 1,
    /// After a fault, panic or exit.
    Recovered = 2,
    /// By hand, while it ran.
    Restarted = 3,
}

impl StartReason {
    /// Every reason.
    pub const ALL: [Self; 4] = [Self::Boot, Self::Started, Self::Recovered, Self::Restarted];
}

/// Head of a partition's information pages, written by the resource manager, at [`crate::layout::INFORMATION`].
/// Read `sequence` before and after, as for the time page.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Information {
    /// [`INFORMATION_MAGIC`].
    pub magic: u64,
    /// Raised by one before and after a change.
    pub sequence: u64,
    /// [`crate::ABI_VERSION`] of the resource manager.
    pub version: u32,
    /// The partition's [`crate::types::PartitionId`].
    pub partition: u32,
    /// Its name.
    pub name: Name,
    /// How often it was started, from 1.
    pub starts: u32,
    /// A [`StartReason`].
    pub reason: u32,
    /// Contexts; the index of each is its argument.
    pub contexts: u32,
    /// Number of [`Resource`] records that follow at [`INFORMATION_HEADER`].
    pub resources: u32,
    /// Bytes of heap at [`crate::layout::HEAP`].
    pub heap: u64,
    /// Bytes of lasting memory at [`crate::layout::LASTING`].
    pub lasting: u64,
    /// Bytes of stack of each context.
    pub stack: u64,
    /// Bytes of the boot image at [`crate::layout::BOOT_IMAGE`], 0 where it is not mapped.
    pub boot_image: u64,
    /// Slots of 16 a frame that the plan gives it, over all processors.
    pub share: u32,
    /// Processor of the first context.
    pub processor: u32,
    /// Raised with every change of `heap_wanted`.
    pub heap_request: u64,
    /// Bytes of heap that it shall have: where that is less than `heap`, the rest is to be given back, see [`Report`].
    pub heap_wanted: u64,
    /// Counts changes of records: change `n` was of the record at place `changed[n % CHANGES]`. Who is more than [`CHANGES`] behind
    /// looks at all of them.
    pub changes: u64,
    /// Places of the records that changed last.
    pub changed: [u16; CHANGES],
}

/// What a partition's runtime tells the resource manager, at [`crate::layout::REPORT`]. All zero when the partition starts. What it says
/// of itself is believed: who lies harms nobody else.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Report {
    /// Changes while the partition takes up events.
    pub alive: u64,
    /// The [`Information::heap_request`] that was answered last.
    pub heap_request: u64,
    /// Bytes of heap, whole pages, behind which nothing is used any more; never less than [`Information::heap_wanted`].
    pub heap_kept: u64,
    /// How deep each of the first 16 contexts waits, four bits for each from the lowest on: 0 and 1 in its plan as ever, 2 with one slot of its
    /// share, 3 in no plan. Looked at where the manifest allows it.
    pub depths: u64,
    /// Until when the contexts that wait deeper than 1 wait, nanoseconds.
    pub wait_until: u64,
}

/// What a [`Resource`] is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum ResourceKind {
    /// Nothing: the place of a channel whose client may join later, or has left.
    Vacant = 0,
    /// A channel.
    Channel = 1,
    /// An interrupt line.
    Interrupt = 2,
    /// A range of I/O ports.
    Ports = 3,
    /// Device registers, mapped.
    Device = 4,
    /// The debug port.
    Debug = 5,
    /// Any other capability, by its name.
    Capability = 6,
    /// The firmware's framebuffer, mapped; without bytes where there is none.
    Framebuffer = 7,
}

/// Something a partition was given, under the name the manifest gave it.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Resource {
    /// Its name in the manifest.
    pub name: Name,
    /// A [`ResourceKind`].
    pub kind: u8,
    /// Channel: a [`crate::channel::Role`].
    pub role: u8,
    /// Event bit by which it reports; several may share one. 255: none.
    pub event: u8,
    /// Channel: log2 of the entries of each ring.
    pub ring_shift: u8,
    /// Capability slot: the peer's doorbell, the interrupt, the ports, the debug port.
    pub slot: u16,
    /// Channel: a [`crate::channel::ChannelKind`].
    pub channel_kind: u16,
    /// Channel, device and framebuffer: address. Ports: first port. Interrupt: line. `manager-context` in the boot partition:
    /// [`crate::programs::Programs`].
    pub address: u64,
    /// Channel, device and framebuffer: bytes. Ports: number of ports. `manager-context` in the boot partition: nanoseconds
    /// in which it must answer, 0 for any number.
    pub length: u64,
    /// Channel: the epoch in force; 0 while there is no peer: a server lets go of the channel then, see
    /// [`crate::channel::PARTED`]. Framebuffer: pixels in a line.
    pub epoch: u32,
    /// Channel: its [`crate::types::ChannelId`]. Framebuffer: lines.
    pub id: u32,
    /// Channel: [`crate::types::PartitionId`] of the peer. Framebuffer: bytes from line to line.
    pub peer: u32,
    /// Channel: the version of its messages in this epoch, 0 where its ends have none in common. Framebuffer: bits per pixel. Else zero.
    pub version: u32,
}

// The resources start where the header says, whatever is added to it.
const _: () = assert!(size_of::<Information>() <= INFORMATION_HEADER);
const _: () = assert!(size_of::<Resource>() == 64);
