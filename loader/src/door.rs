//! Which boot protocol we were started by, and the bytes it left.
#![expect(unsafe_code, reason = "reads what the boot loader left in memory")]

use abi::types::PhysicalAddress;
use loader_core::door::{Found, multiboot2, pvh};
use loader_core::{Door, PhysicalMemory, Refusal};
use loader_machine::machine::memory::Identity;

/// Longest Multiboot2 information that is read.
const LONGEST: u32 = 1 << 20;

/// Reads what the boot loader left.
///
/// # Errors
/// [`Refusal::NoImage`], or [`Refusal::Memory`] where the information cannot be read.
pub fn find(door: u32, information: PhysicalAddress, memory: &Identity) -> Result<Found, Refusal> {
    if door == Door::Pvh.number() {
        return pvh::find(information, memory);
    }
    let bytes = multiboot2_bytes(information, memory)
        .ok_or(Refusal::Memory("anything: the boot loader gives no information"))?;
    multiboot2::find(bytes)
}

/// The whole information, whose first word is its size.
fn multiboot2_bytes(information: PhysicalAddress, memory: &Identity) -> Option<&'static [u8]> {
    let mut size = [0; 4];
    if !memory.read(information, &mut size) {
        return None;
    }
    let size = u32::from_le_bytes(size).min(LONGEST);
    // SAFETY: the information is only read, and everything in it is copied before anything is written.
    unsafe { memory.bytes(information, u64::from(size)) }
}
