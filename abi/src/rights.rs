//! Kinds of objects and the rights a capability can carry.

/// What a capability names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Kind {
    /// An empty slot.
    None = 0,
    /// The authority over physical memory: frames become objects or memory of partitions.
    Memory = 1,
    /// A partition: address space, capability table, fault route.
    Partition = 2,
    /// A context: registers, event word, place in plans.
    Context = 3,
    /// One bit of a context's event word; the parameter is the bit.
    Doorbell = 4,
    /// Memory that two partitions share.
    Channel = 5,
    /// A processor; the parameter is its [`crate::types::ProcessorId`].
    Processor = 6,
    /// An interrupt line; the parameter is the line, or [`ANY_LINE`].
    Interrupt = 7,
    /// A range of I/O ports; the parameter is `count << 16 | base` (count 0 = all).
    Ports = 8,
    /// The debug port.
    Debug = 9,
    /// The kernel itself: audit, crash record, trace.
    Kernel = 10,
}

/// Parameter of the first interrupt capability, from which those of lines are derived.
pub const ANY_LINE: u32 = u32::MAX;

impl Kind {
    /// Every kind, in the order of its number.
    pub const ALL: [Self; 11] = [
        Self::None,
        Self::Memory,
        Self::Partition,
        Self::Context,
        Self::Doorbell,
        Self::Channel,
        Self::Processor,
        Self::Interrupt,
        Self::Ports,
        Self::Debug,
        Self::Kernel,
    ];

    /// Its number.
    #[inline]
    #[must_use]
    #[expect(clippy::as_conversions, reason = "the number of a unit variant; no trait gives it")]
    pub const fn number(self) -> u64 {
        self as u64
    }

    /// The kind with this number.
    #[must_use]
    pub fn from_number(number: u64) -> Option<Self> {
        Self::ALL.get(usize::try_from(number).ok()?).copied()
    }
}

bitflags::bitflags! {
    /// What a capability allows. Which bits mean something depends on the kind.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct Rights: u8 {
        /// Read state: registers, fault records, plan, usage, trace.
        const INSPECT = 1 << 0;
        /// Ring a doorbell, serve an interrupt, access a port, write to the debug port.
        const USE = 1 << 1;
        /// Start, stop and configure.
        const MANAGE = 1 << 2;
        /// Create from it, map into it, put capabilities into it, join it, destroy it.
        const GRANT = 1 << 3;
    }
}
