//! Newtypes for everything that has a number: addresses, frames, slots, ids.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Bytes in a page and in a frame.
pub const PAGE_SIZE: u64 = 4096;
/// log2 of [`PAGE_SIZE`].
pub const PAGE_SHIFT: u32 = 12;
/// Most processors a kernel of this version drives.
pub const MAX_PROCESSORS: u16 = 64;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident, $inner:ty) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash,
                 FromBytes, IntoBytes, Immutable, KnownLayout)]
        #[repr(transparent)]
        pub struct $name($inner);

        impl $name {
            /// Wraps the raw number.
            #[must_use]
            pub const fn new(raw: $inner) -> Self {
                Self(raw)
            }

            /// The raw number.
            #[must_use]
            pub const fn raw(self) -> $inner {
                self.0
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, concat!(stringify!($name), "({:#x})"), self.0)
            }
        }
    };
}

number!(/** A byte address in physical memory. */ PhysicalAddress, u64);
number!(/** A byte address in a partition's or the kernel's address space. */ VirtualAddress, u64);
number!(/** A 4 KiB frame of physical memory: its address divided by 4096. */ Frame, u64);
number!(/** A place in a partition's capability table. Slot 0 never holds one. */ Slot, u16);
number!(/** How often an object's frame was put to a new use; 24 bits are stored. */ Generation, u32);
number!(/** A logical processor, counted from 0 in the order of [`crate::boot::Machine`]. */ ProcessorId, u16);
number!(/** Names a partition in image, console and resource manager: its index in the manifest, or above that for created ones. */ PartitionId, u32);
number!(/** Names a channel: its index in the manifest, or above that for created ones. */ ChannelId, u32);
number!(/** A point in time, or a length of it, in nanoseconds; points count from the start of the kernel. */ Nanoseconds, u64);
number!(/** How often one side of a channel was started; 0 means never. */ Epoch, u32);

impl Frame {
    /// The frame that holds `address`.
    #[must_use]
    pub const fn containing(address: PhysicalAddress) -> Self {
        Self(address.0 >> PAGE_SHIFT)
    }

    /// Address of the first byte.
    #[must_use]
    pub const fn address(self) -> PhysicalAddress {
        PhysicalAddress(self.0 << PAGE_SHIFT)
    }

    /// The frame `count` further on, or `None` past the end of the address space.
    #[must_use]
    pub const fn checked_add(self, count: u64) -> Option<Self> {
        match self.0.checked_add(count) {
            Some(raw) => Some(Self(raw)),
            None => None,
        }
    }
}

impl Nanoseconds {
    /// A deadline that never comes.
    pub const NEVER: Self = Self(u64::MAX);
    /// A deadline that has always passed: look, do not wait.
    pub const NOW: Self = Self(0);
}

/// One of the 64 bits of a context's event word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EventBit(u8);

impl EventBit {
    /// A partition that this one rescues has stopped; ask the resource manager which.
    pub const FAULT: Self = Self(56);
    /// The information pages changed: a peer was restarted, a channel came or went, or the heap is to be of another size.
    pub const PEER: Self = Self(57);
    /// The partition is asked to stop by itself.
    pub const STOP: Self = Self(58);
    /// A processor failed.
    pub const PROCESSOR: Self = Self(59);
    /// Number of bits that channels and interrupts may use: 0 to 55.
    pub const ASSIGNABLE: u8 = 56;

    /// Bit `index`, or `None` where it is not below 64.
    #[must_use]
    pub const fn new(index: u8) -> Option<Self> {
        if index < 64 { Some(Self(index)) } else { None }
    }

    /// Which bit.
    #[must_use]
    pub const fn index(self) -> u8 {
        self.0
    }

    /// The word with only this bit set.
    #[must_use]
    pub const fn mask(self) -> u64 {
        // The constructor keeps the index below 64, so nothing is shifted out.
        1_u64.wrapping_shl(u32_from(self.0))
    }
}

/// `u32::from` for constant functions, where the trait cannot be called yet.
#[expect(clippy::as_conversions, reason = "widening, and From is not const")]
const fn u32_from(value: u8) -> u32 {
    value as u32
}
