//! What a machine is made of, in the answers to [`super::resource::ResourceRequest::Hardware`] and
//! [`super::resource::ResourceRequest::Function`].

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// What a [`HardwareRecord`] is about; with each, its values in their order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum HardwareKind {
    /// Door of the loader, address of the root of the ACPI tables, base port of the first serial port; 0 for none.
    Boot = 1,
    /// Features in use ([`crate::control::Feature`]).
    Features = 2,
    /// Timer source (`Fact` 1), ticks per second of the time stamp counter and of the timer, port of the ACPI power-management timer or 0.
    Time = 3,
    /// Local APIC id, node.
    Processor = 4,
    /// Id, address of the registers, first line.
    IoApic = 5,
    /// ISA interrupt, line it arrives at, MPS INTI flags.
    Override = 6,
    /// Ports and values that switch off: PM1a port and value, PM1b port and value; 0 for none.
    PowerOff = 7,
    /// Address, width, height, bits per pixel.
    Framebuffer = 8,
    /// First frame, frames, kind ([`crate::boot::MemoryKind`]).
    Memory = 9,
    /// Signatures of ACPI tables, two in each value, the first in its low half; 0 behind the last.
    Tables = 10,
    /// Nodes, and a [`NodeSource`](crate::nodes::NodeSource).
    Nodes = 11,
    /// Node, first frame, frames.
    NodeMemory = 12,
    /// How far memory of each node is from processors of one, a byte for each, the first lowest, 0 behind the last; the first such record is of node 0. Only where there are
    /// several nodes.
    Distances = 13,
}

impl HardwareKind {
    /// Every kind, in the order of the list.
    pub const ALL: [Self; 13] = [
        Self::Boot,
        Self::Features,
        Self::Time,
        Self::Processor,
        Self::IoApic,
        Self::Override,
        Self::PowerOff,
        Self::Framebuffer,
        Self::Memory,
        Self::Tables,
        Self::Nodes,
        Self::NodeMemory,
        Self::Distances,
    ];

    /// The kind with this number.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.get(usize::try_from(number.checked_sub(1)?).ok()?).copied()
    }
}

/// Something about the machine.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct HardwareRecord {
    /// A [`HardwareKind`].
    pub kind: u32,
    /// Zero.
    pub reserved: u32,
    /// See [`HardwareKind`]; 0 where there are fewer.
    pub values: [u64; 4],
}

/// A PCI function (PCI Local Bus 3.0, 6.1), or none yet.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct FunctionRecord {
    /// Bus (8 bits), device (5) and function (3).
    pub address: u32,
    /// From where to ask for the next one.
    pub next: u32,
    /// Vendor in the low half, device in the high; all ones where none was found before `next`.
    pub identity: u32,
    /// Class, subclass, interface, revision, from the high byte to the low.
    pub class: u32,
    /// Subsystem's vendor in the low half, subsystem in the high; 0 for bridges.
    pub subsystem: u32,
    /// Interrupt line that the firmware wrote down (bits 0-7), pin (8-15).
    pub interrupt: u32,
}
