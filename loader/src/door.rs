//! The boot protocols, one file each.

mod multiboot2;
mod pvh;

use abi::boot::Framebuffer;
use abi::types::PhysicalAddress;
use loader_core::{CommandLine, Door, MemoryMap, Refusal, Rsdp, Use};
use loader_machine::machine::memory::Identity;

/// What a protocol tells.
#[derive(Debug)]
pub struct Found {
    /// Which.
    pub door: Door,
    /// Memory, with nothing of the loader in it yet.
    pub map: MemoryMap,
    /// Address and length of the boot image.
    pub image: (PhysicalAddress, u64),
    /// ACPI.
    pub rsdp: Rsdp,
    /// Command line.
    pub command_line: CommandLine,
    /// Framebuffer, address 0 for none.
    pub framebuffer: Framebuffer,
}

/// Reads what the boot loader left.
///
/// # Errors
/// [`Refusal::NoImage`], or [`Refusal::Memory`] where the information cannot be read.
pub fn find(door: u32, information: PhysicalAddress, memory: &Identity) -> Result<Found, Refusal> {
    if door == Door::Pvh.number() {
        pvh::find(information, memory)
    } else {
        multiboot2::find(information, memory)
    }
}

/// What a number of an address range means: ACPI 6.5, 15, which both protocols use.
const fn usage(kind: u32) -> Use {
    match kind {
        1 => Use::Usable,
        3 => Use::AcpiReclaimable,
        4 => Use::AcpiStorage,
        5 => Use::Bad,
        _ => Use::Reserved,
    }
}
