//! The boot protocols that leave their information in memory, one file each.

pub mod multiboot2;
pub mod pvh;

use crate::later::Modules;
use crate::map::{MemoryMap, Use};
use crate::offer::{CommandLine, Door, Rsdp};
use abi::boot::Framebuffer;
use abi::types::PhysicalAddress;

/// What a protocol tells.
#[derive(Debug)]
pub struct Found {
    /// Which protocol.
    pub door: Door,
    /// Memory, with nothing of the loader in it yet.
    pub map: MemoryMap,
    /// Address and length of the boot image.
    pub image: (PhysicalAddress, u64),
    /// Address and length of further modules, where later images may be.
    pub modules: Modules,
    /// ACPI.
    pub rsdp: Rsdp,
    /// Command line.
    pub command_line: CommandLine,
    /// Framebuffer, address 0 for none.
    pub framebuffer: Framebuffer,
}

/// What the number of an address range means (ACPI 6.5, 15; both protocols use it).
const fn usage(kind: u32) -> Use {
    match kind {
        1 => Use::Usable,
        3 => Use::AcpiReclaimable,
        4 => Use::AcpiStorage,
        5 => Use::Bad,
        _ => Use::Reserved,
    }
}
