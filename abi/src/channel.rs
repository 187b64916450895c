//! Layout of a channel's memory.
//!
//! Page 0 holds the header, then follow request ring, completion ring and data area, each starting on
//! a page. The geometry that counts is the one in the information pages, which no peer can write; the header repeats it
//! so that a dump explains itself. Each word of the two side areas is written by one side only.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// First word of a channel: "BULKCHAN".
pub const CHANNEL_MAGIC: u64 = u64::from_le_bytes(*b"BULKCHAN");
/// Version of this layout.
pub const CHANNEL_VERSION: u32 = 1;
/// Bytes of an entry of either ring.
pub const ENTRY_SIZE: usize = 128;
/// Bytes that travel in the entry itself.
pub const INLINE: usize = 112;
/// Most entries of a ring, as log2.
pub const MAX_RING_SHIFT: u32 = 12;

/// What a channel is for. Each kind has its own messages, in [`crate::message`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u16)]
pub enum ChannelKind {
    /// Agreed between the two partitions alone.
    Custom = 0,
    /// From any partition to the resource manager.
    Control = 1,
    /// From the command partition to the resource manager.
    Command = 2,
    /// From the boot partition to the resource manager.
    Boot = 3,
    /// Text in and out.
    Console = 4,
    /// Block storage.
    Storage = 5,
    /// Ethernet frames.
    Network = 6,
    /// No channel with memory: a zone of power, for those whom the same failure may take along or must not.
    Power = 7,
    /// No channel with memory: a zone of memory that is as fast as its name says.
    Memory = 8,
    /// No channel with memory: a zone of processors that are as fast as its name says.
    Processor = 9,
}

impl ChannelKind {
    /// Every kind with its name in manifests.
    pub const ALL: [(Self, &'static str); 10] = [
        (Self::Custom, "custom"),
        (Self::Control, "control"),
        (Self::Command, "command"),
        (Self::Boot, "boot"),
        (Self::Console, "console"),
        (Self::Storage, "storage"),
        (Self::Network, "network"),
        (Self::Power, "power"),
        (Self::Memory, "memory"),
        (Self::Processor, "processor"),
    ];
}

/// Versions of the messages of a channel that one end speaks. Those of both ends have a highest in common, or none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Versions(u32);

impl Versions {
    /// The first version alone: what an end speaks that says nothing else.
    pub const FIRST: Self = Self(1);
    /// The highest version that there can be.
    pub const HIGHEST: u32 = u32::BITS;

    /// These versions; numbers beyond 1 to [`Self::HIGHEST`] are none.
    #[must_use]
    pub const fn of(numbers: &[u32]) -> Self {
        let (mut bits, mut rest) = (0_u32, numbers);
        while let [number, more @ ..] = rest {
            if *number >= 1 && *number <= Self::HIGHEST {
                bits |= 1_u32.wrapping_shl(number.wrapping_sub(1));
            }
            rest = more;
        }
        Self(bits)
    }

    /// Version `n` is bit `n - 1`.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The bits.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// The highest version that both speak, 0 where there is none.
    #[must_use]
    pub const fn common(self, other: Self) -> u32 {
        u32::BITS.wrapping_sub((self.0 & other.0).leading_zeros())
    }

    /// Whether this version is one of them.
    #[must_use]
    pub const fn has(self, version: u32) -> bool {
        self.common(Self::of(&[version])) != 0
    }
}

/// Which end of a channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Role {
    /// Owns the memory, sends requests.
    Client = 0,
    /// Answers them.
    Server = 1,
}

impl Role {
    /// Both, each at its number.
    pub const ALL: [Self; 2] = [Self::Client, Self::Server];

    /// The role of the peer.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// Header at the start of a channel; written by the resource manager when it makes the channel.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ChannelHeader {
    /// [`CHANNEL_MAGIC`].
    pub magic: u64,
    /// [`CHANNEL_VERSION`].
    pub version: u32,
    /// A [`ChannelKind`].
    pub kind: u32,
    /// Bytes of the whole channel.
    pub length: u64,
    /// log2 of the entries of each ring.
    pub ring_shift: u32,
    /// Offset of the request ring.
    pub requests: u32,
    /// Offset of the completion ring.
    pub completions: u32,
    /// Offset of the data area.
    pub data: u32,
    /// Bytes of the data area.
    pub data_length: u64,
}

/// Offset of the words that the client writes.
pub const CLIENT_AREA: usize = 256;
/// Offset of the words that the server writes.
pub const SERVER_AREA: usize = 512;

/// What a side stores in its [`word::VERSION`] whose program speaks no version that the other does.
pub const NO_VERSION: u32 = u32::MAX;

/// What a server stores in its [`word::EPOCH`] once it has let go of a channel whose client is gone; then it rings the
/// channel's doorbell, which leads to the resource manager meanwhile. No epoch has this number.
pub const PARTED: u32 = u32::MAX;

/// Words within a side's area, as offsets; each is 32 bits wide and on a cache line of its own.
pub mod word {
    /// The epoch for which the side has set up its words. The client clears both rings' indices first.
    pub const EPOCH: usize = 0;
    /// How often this side rang the other's doorbell; a statistic, nothing depends on it.
    pub const RUNG: usize = 4;
    /// The version of the messages that the side speaks in its epoch, stored before that; 0 stands for 1. Nothing is taken from a peer
    /// that speaks another.
    pub const VERSION: usize = 8;
    /// Entries produced: by the client requests, by the server completions. Counts on, modulo 2^32.
    pub const PRODUCED: usize = 64;
    /// Entries consumed, by the client completions, by the server requests; stored whenever `PRODUCED` of the peer is read. Nothing depends on it.
    pub const CONSUMED: usize = 128;
    /// Not 0 while the side is about to wait or waits: the peer rings only then, and once for each pair of this and `EPOCH`.
    pub const ARMED: usize = 192;
}

/// An entry of the request ring or of the completion ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Entry {
    /// Chosen by the client, repeated in the completion. Never used twice in an epoch.
    pub id: u64,
    /// Request: what is asked. Completion: a status, 0 for success.
    pub code: u16,
    /// Bit 0: may be sent again after a restart of the server (idempotent). The rest 0.
    pub flags: u16,
    /// Bytes of `inline` in use.
    pub length: u32,
    /// The message.
    pub inline: [u8; INLINE],
}

/// [`Entry::flags`]: the request may be sent again.
pub const IDEMPOTENT: u16 = 1;

impl Default for Entry {
    fn default() -> Self {
        Self { id: 0, code: 0, flags: 0, length: 0, inline: [0; INLINE] }
    }
}
