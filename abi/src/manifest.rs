//! The compiled manifest: what `images/*.toml` says, checked, in fixed records, as the resource manager reads it.
//!
//! A [`ManifestHeader`], then partitions, channels, grants and zones, back to back in that order. Names were
//! resolved to indices by the builder; the reader checks every index again.

use crate::image::Name;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// First word of a compiled manifest: "BULKMANI".
pub const MANIFEST_MAGIC: u64 = u64::from_le_bytes(*b"BULKMANI");
/// Version of this layout.
pub const MANIFEST_VERSION: u32 = 3;
/// "No partition" where an index of one is expected.
pub const NO_PARTITION: u32 = u32::MAX;
/// "Every processor" where the index of one is expected.
pub const EVERY_PROCESSOR: u16 = u16::MAX;

/// "Wherever in the machine" where the number of a node is expected.
pub const ALL_NODES: u32 = u32::MAX;
/// Most zones of an image.
pub const ZONES: usize = 256;

/// Most channels that may lead to the resource manager.
pub const MANAGER_CHANNELS: usize = 64;
/// Name by which boot and command partition find their channel to the resource manager.
pub const RESOURCE_CHANNEL: &str = "resource";
/// Least pages of lasting memory of the boot partition: a life that idle begins has its stack there.
pub const EMERGENCY_PAGES: u32 = 8;

/// Start of the compiled manifest.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ManifestHeader {
    /// [`MANIFEST_MAGIC`].
    pub magic: u64,
    /// [`MANIFEST_VERSION`].
    pub version: u32,
    /// Number of [`ManifestPartition`].
    pub partitions: u32,
    /// Number of [`ManifestChannel`].
    pub channels: u32,
    /// Number of [`ManifestGrant`].
    pub grants: u32,
    /// Nanoseconds of a slot; a frame is 16 of them.
    pub slot: u64,
    /// An [`Isolation`].
    pub isolation: u64,
    /// Nanoseconds between two looks of the processors at each other, 0: what fits the machine.
    pub watch: u64,
    /// Number of [`ManifestZone`].
    pub zones: u32,
    /// Zero.
    pub reserved: u32,
}

/// Whether the kernel is mapped while a partition runs. Where it is not, nothing of it can leak through a processor that
/// looks ahead past the rights of pages (Meltdown); each entry and exit then changes page tables.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u64)]
pub enum Isolation {
    /// Isolated on processors that do not say that they need it not.
    Auto = 0,
    /// Isolated.
    On = 1,
    /// Mapped.
    Off = 2,
}

impl Isolation {
    /// Every wish with its name in manifests.
    pub const ALL: [(Self, &'static str); 3] =
        [(Self::Auto, "auto"), (Self::On, "on"), (Self::Off, "off")];
}

/// What a partition is to the system; each but `Ordinary` at most once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u16)]
pub enum PartitionRole {
    /// None of those below.
    Ordinary = 0,
    /// Started by the kernel, creates all others. Partition 0.
    ResourceManager = 1,
    /// Restarts infrastructure.
    Boot = 2,
    /// Takes the processors nobody uses.
    Idle = 3,
    /// Policy and operator's console.
    Command = 4,
    /// Serves consoles.
    Console = 5,
}

impl PartitionRole {
    /// Every role with its name in manifests.
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::Ordinary, "ordinary"),
        (Self::ResourceManager, "resource-manager"),
        (Self::Boot, "boot"),
        (Self::Idle, "idle"),
        (Self::Command, "command"),
        (Self::Console, "console"),
    ];

    /// The role with this number.
    #[must_use]
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL.get(usize::from(number)).map(|(role, _)| *role)
    }
}

bitflags::bitflags! {
    /// Properties of a partition.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct PartitionFlags: u32 {
        /// Started at boot.
        const START = 1 << 0;
        /// Takes slack of its processor.
        const SLACK = 1 << 1;
        /// Sees the boot image read-only.
        const BOOT_IMAGE = 1 << 2;
        /// May write to the debug port.
        const DEBUG = 1 << 3;
        /// May create and destroy partitions over its control channel (tests).
        const CREATOR = 1 << 4;
        /// Holds capabilities to its own partition and context (tests of the calls).
        const SELF = 1 << 5;
        /// Holds capabilities to memory, kernel, processor 0 and one interrupt line (tests of the calls).
        const TESTER = 1 << 6;
        /// Holds capabilities to stop and start the contexts of the partitions with the roles resource manager, boot, command and console
        /// (tests of death and return).
        const REAPER = 1 << 7;
        /// The command partition alone: it decides what is made and started beside infrastructure. Without it boot makes everything.
        const POLICY = 1 << 8;
        /// Contexts that wait deeper than 1 may leave the plan.
        const RESTS = 1 << 9;
    }
}

/// A partition.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ManifestPartition {
    /// Its name.
    pub name: Name,
    /// Name of its program in the image.
    pub program: Name,
    /// A [`PartitionRole`].
    pub role: u16,
    /// Preferred processor of the first context, or [`EVERY_PROCESSOR`] for a context on each.
    pub processor: u16,
    /// Slots of 16 on its processor.
    pub share: u16,
    /// Contexts.
    pub contexts: u16,
    /// [`PartitionFlags`].
    pub flags: u32,
    /// Index of the partition that learns of its faults, or [`NO_PARTITION`].
    pub rescuer: u32,
    /// Restarts allowed before it stays down.
    pub restarts: u32,
    /// Milliseconds before the first restart; doubled each time.
    pub backoff: u32,
    /// Milliseconds of running after which the budget of restarts is full again.
    pub proof: u32,
    /// Pages of stack of each context.
    pub stack: u32,
    /// Pages of heap.
    pub heap: u32,
    /// Pages of lasting memory.
    pub lasting: u32,
    /// Milliseconds of its own running time after which it counts as hung unless its event loop turned; 0: nobody looks.
    pub watchdog: u32,
    /// Doorbells that it may ring in a second; 0: any number.
    pub doorbells: u32,
    /// Number of its group, whose members stop when one of them ends for good; 0: none.
    pub group: u32,
    /// Clients that may join it while the machine runs.
    pub clients: u32,
    /// Version of its program; a partition is upgraded to a higher one.
    pub version: u32,
    /// Milliseconds in which a version that is gone over to must have taken up events.
    pub up_within: u32,
}

/// A channel.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ManifestChannel {
    /// Its name as the client sees it.
    pub client_name: Name,
    /// Its name as the server sees it.
    pub server_name: Name,
    /// Index of the client.
    pub client: u32,
    /// Index of the server.
    pub server: u32,
    /// A [`crate::channel::ChannelKind`].
    pub kind: u16,
    /// log2 of the entries of each ring.
    pub ring_shift: u16,
    /// Pages of the data area.
    pub data: u32,
    /// Versions of its messages that the client speaks, and those that the server does: [`crate::channel::Versions`].
    pub speaks: [u32; 2],
}

/// A zone: a name for something that machines have or have not, and that partitions ask for. Of one that several are named of, the first
/// is wanted most.
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ManifestZone {
    /// Its name.
    pub name: Name,
    /// Index of the partition that asks for it, or [`NO_PARTITION`]: this machine offers it.
    pub partition: u32,
    /// A [`crate::channel::ChannelKind`] without memory: power, memory or processor.
    pub kind: u16,
    /// Zero.
    pub reserved: u16,
    /// Where it is offered: the node whose memory or processors it is, or [`ALL_NODES`].
    pub node: u32,
}

/// What a grant gives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum GrantKind {
    /// `base`, `count`: I/O ports.
    Ports = 1,
    /// `base`: a global system interrupt, or an ISA interrupt where `count` is 1.
    Interrupt = 2,
    /// `base`, `count`: physical address and bytes of device registers.
    Device = 3,
    /// The framebuffer that the firmware left, wherever it is; nothing where there is none.
    Framebuffer = 4,
}

/// Hardware for a partition.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ManifestGrant {
    /// Its name as the partition sees it.
    pub name: Name,
    /// Index of the partition.
    pub partition: u32,
    /// A [`GrantKind`].
    pub kind: u32,
    /// See [`GrantKind`].
    pub base: u64,
    /// See [`GrantKind`].
    pub count: u64,
}
