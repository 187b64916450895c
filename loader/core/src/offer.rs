//! What a door offers.

use crate::later::LaterImages;
use crate::map::MemoryMap;
use abi::boot::Framebuffer;
use abi::types::{Frame, PhysicalAddress};
use boot_image::Image;

/// By which door the loader was entered; the number is what the kernel is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Door {
    /// Direct boot in a virtual machine.
    Pvh = 1,
    /// GRUB and its like.
    Multiboot2 = 2,
    /// UEFI firmware.
    Uefi = 3,
}

impl Door {
    /// The number in [`abi::boot::BootInformation::door`].
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Self::Pvh => 1,
            Self::Multiboot2 => 2,
            Self::Uefi => 3,
        }
    }
}

/// Where the root of the ACPI tables is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rsdp {
    /// Not known: search where a BIOS leaves it.
    Search,
    /// At this address.
    At(PhysicalAddress),
    /// The boot loader passed a copy of 20 or 36 bytes, zero-padded.
    Copy([u8; 36]),
}

/// A command line, cut after 255 bytes and zero-terminated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CommandLine([u8; 256]);

impl CommandLine {
    /// The text up to its first zero. What is not printable ASCII becomes '?'.
    #[must_use]
    pub fn new(text: &[u8]) -> Self {
        let mut line = [0; 256];
        let text = text.iter().take_while(|&&byte| byte != 0).take(255);
        for (to, &from) in line.iter_mut().zip(text) {
            *to = if from.is_ascii_graphic() || from == b' ' { from } else { b'?' };
        }
        Self(line)
    }

    /// The bytes as the kernel is told them.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 256] {
        &self.0
    }
}

/// What a door found out.
#[derive(Debug)]
pub struct Offer<'a> {
    /// Which door.
    pub door: Door,
    /// The firmware's map, in which the door has marked what must outlive it ([`crate::Use::Loader`]).
    pub map: MemoryMap,
    /// The boot image, checked.
    pub image: &'a Image<'a>,
    /// Where the image lies.
    pub image_address: PhysicalAddress,
    /// Further images, checked.
    pub later: LaterImages<'a>,
    /// Root of the ACPI tables.
    pub rsdp: Rsdp,
    /// Command line.
    pub command_line: CommandLine,
    /// Framebuffer, address 0 for none.
    pub framebuffer: Framebuffer,
    /// Base port of the serial port, 0 for none.
    pub serial: u16,
    /// APIC id of this processor.
    pub processor: u32,
    /// Whether pages of 1 GiB may be used.
    pub gigabyte_pages: bool,
    /// First frame that [`PhysicalMemory`] cannot reach; nothing is put at or beyond it.
    pub reach: Frame,
}

/// The machine's memory, as far as the loader can reach it.
pub trait PhysicalMemory {
    /// Copies from memory. Returns false, and leaves `bytes` in any state, where it cannot be reached.
    #[must_use]
    fn read(&self, address: PhysicalAddress, bytes: &mut [u8]) -> bool;

    /// Copies to memory that was allocated from the map.
    fn write(&mut self, address: PhysicalAddress, bytes: &[u8]);

    /// Zeroes frames that were allocated from the map.
    fn clear(&mut self, start: Frame, count: u64);
}
