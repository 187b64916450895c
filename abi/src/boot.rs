//! What the loader hands to the kernel, and the kernel to the first partition.
//!
//! The loader has looked at firmware tables, checked the boot image and laid out memory. It enters the
//! kernel in long mode on its own page tables with interrupts off, `rdi` = [`BootInformation`] through the
//! direct map, on a stack the kernel leaves at once. Everything the kernel needs of ACPI is in
//! [`Machine`]: parsing is the loader's, where it is tested on the host.

use crate::nodes::Nodes;
use crate::types::{Frame, PhysicalAddress, VirtualAddress};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// First word of [`BootInformation`]: "BULKBOOT".
pub const BOOT_MAGIC: u64 = u64::from_le_bytes(*b"BULKBOOT");
/// Most ranges of the memory map.
pub const MEMORY_RANGES: usize = 256;
/// Most segments of a program.
pub const SEGMENTS: usize = 8;
/// Most I/O APICs.
pub const IO_APICS: usize = 8;
/// Pages of device registers that the kernel uses: those, the local APIC, the HPET.
pub const REGISTER_PAGES: usize = 10;
const _: () = assert!(REGISTER_PAGES == IO_APICS + 2);
/// Most interrupt overrides.
pub const OVERRIDES: usize = 24;
/// Most ACPI tables named.
pub const ACPI_TABLES: usize = 32;
/// Most images beside the boot image.
pub const LATER_IMAGES: usize = 3;
/// Most processors listed.
pub const PROCESSORS: usize = 64;

/// What the memory of a range holds when the kernel starts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum MemoryKind {
    /// Free for any use.
    Usable = 1,
    /// Not to be touched.
    Reserved = 2,
    /// ACPI tables; memory once they are no longer needed.
    AcpiReclaimable = 3,
    /// ACPI non-volatile storage.
    AcpiStorage = 4,
    /// Defective.
    Bad = 5,
    /// Kernel image, its page tables, the ledger, the kernel's pool, this structure, trampoline and crash record.
    Kernel = 6,
    /// The boot image, or a later one: becomes memory of the first partition.
    BootImage = 7,
    /// Segments of the first partition.
    FirstProgram = 8,
}

impl MemoryKind {
    /// Every kind, in the order of its number, which starts at 1.
    pub const ALL: [Self; 8] = [
        Self::Usable,
        Self::Reserved,
        Self::AcpiReclaimable,
        Self::AcpiStorage,
        Self::Bad,
        Self::Kernel,
        Self::BootImage,
        Self::FirstProgram,
    ];

    /// The kind with this number.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.get(usize::try_from(number.checked_sub(1)?).ok()?).copied()
    }

    /// Its number, as it stands in [`MemoryRange::kind`].
    #[must_use]
    #[expect(clippy::as_conversions, reason = "the number of a unit variant; no trait gives it")]
    pub const fn number(self) -> u32 {
        self as u32
    }
}

/// A range of physical memory, page-aligned.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct MemoryRange {
    /// First frame.
    pub start: Frame,
    /// Number of frames.
    pub count: u64,
    /// A [`MemoryKind`].
    pub kind: u32,
    /// Node of its first frame: [`BootInformation::nodes`] says where in it another one begins.
    pub node: u32,
}

/// A segment of the first partition, already filled.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Segment {
    /// Where the partition sees it.
    pub address: VirtualAddress,
    /// Its first frame.
    pub frame: Frame,
    /// Number of pages.
    pub count: u64,
    /// Bits of [`crate::control::Access`].
    pub access: u64,
}

/// An I/O APIC.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct IoApic {
    /// Registers, as the kernel sees them (mapped uncached by the loader).
    pub address: VirtualAddress,
    /// Registers in physical memory.
    pub physical: PhysicalAddress,
    /// First global system interrupt.
    pub base: u32,
    /// Its id.
    pub id: u32,
}

/// An ISA interrupt that is wired differently (ACPI 6.5, 5.2.12.5).
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct InterruptOverride {
    /// ISA interrupt.
    pub source: u32,
    /// Global system interrupt it arrives at.
    pub line: u32,
    /// MPS INTI flags: bits 0-1 polarity, bits 2-3 trigger mode.
    pub flags: u32,
    /// Zero.
    pub reserved: u32,
}

/// A linear framebuffer, `address` 0 for none.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Framebuffer {
    /// First pixel.
    pub address: PhysicalAddress,
    /// Bytes from line to line.
    pub pitch: u32,
    /// Pixels in a line.
    pub width: u32,
    /// Lines.
    pub height: u32,
    /// Bits per pixel.
    pub depth: u32,
}

/// How to switch the machine off (ACPI 6.5, 4.8.3.2): write the values to the ports; port 0 for "unknown".
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct PowerOff {
    /// PM1a control port.
    pub port_a: u16,
    /// PM1b control port.
    pub port_b: u16,
    /// Value for PM1a: SLP_TYP of \_S5 and SLP_EN.
    pub value_a: u16,
    /// Value for PM1b.
    pub value_b: u16,
}

/// The machine beside its memory, read off the firmware's tables by the loader.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Machine {
    /// Root of the ACPI tables, 0 for none.
    pub rsdp: PhysicalAddress,
    /// Local APIC registers as the kernel sees them, 0 for none.
    pub local_apic: VirtualAddress,
    /// HPET registers as the kernel sees them, 0 for none.
    pub hpet: VirtualAddress,
    /// Port of the ACPI power-management timer (3.579545 MHz), 0 for none.
    pub pm_timer: u32,
    /// 1 if that timer has 32 bits instead of 24.
    pub pm_timer_wide: u32,
    /// Number of `processors` in use; the first is the one that booted.
    pub processor_count: u32,
    /// Number of `io_apics` in use.
    pub io_apic_count: u32,
    /// Number of `overrides` in use.
    pub override_count: u32,
    /// Base port of the first serial port, 0 for none found.
    pub serial: u32,
    /// How to switch off.
    pub power_off: PowerOff,
    /// APIC ids.
    pub processors: [u32; PROCESSORS],
    /// I/O APICs.
    pub io_apics: [IoApic; IO_APICS],
    /// Overrides.
    pub overrides: [InterruptOverride; OVERRIDES],
    /// Framebuffer left by the firmware.
    pub framebuffer: Framebuffer,
}

/// A range of frames.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct FrameRange {
    /// First frame.
    pub start: Frame,
    /// Number of frames.
    pub count: u64,
}

/// A boot image beside the one that was booted, with versions of programs to go over to while the machine runs.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct LaterImage {
    /// Where it lies in memory.
    pub frames: FrameRange,
    /// Its length in bytes, 0 where there is none.
    pub length: u64,
}

/// What the loader hands over.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct BootInformation {
    /// [`BOOT_MAGIC`].
    pub magic: u64,
    /// [`crate::ABI_VERSION`] the loader was built for.
    pub version: u32,
    /// Which door: 1 PVH, 2 Multiboot2, 3 UEFI.
    pub door: u32,
    /// One past the last frame of memory, or of the framebuffer where that lies beyond at little cost; the ledger has that many entries.
    pub frames: u64,
    /// 8 bytes for each frame below `frames`, zeroed.
    pub ledger: FrameRange,
    /// Zeroed frames for the kernel's first objects and its areas per processor.
    pub pool: FrameRange,
    /// A frame below 1 MiB for the code that starts further processors, identity-mapped executable in `page_tables`.
    pub trampoline: Frame,
    /// A frame that is never cleared at boot: the crash record of the previous run, if its magic is there.
    pub crash_record: Frame,
    /// Root of the page tables in force: upper half for ever, lower half only the trampoline.
    pub page_tables: Frame,
    /// The boot image in memory.
    pub boot_image: FrameRange,
    /// Length of the boot image in bytes.
    pub boot_image_length: u64,
    /// This structure.
    pub information: FrameRange,
    /// Entry of the first partition.
    pub entry: VirtualAddress,
    /// Number of `segments` in use.
    pub segment_count: u32,
    /// Number of `memory` ranges in use.
    pub memory_count: u32,
    /// Segments of the first partition; its stack is among them.
    pub segments: [Segment; SEGMENTS],
    /// Processors, interrupt controllers, timers.
    pub machine: Machine,
    /// Command line, zero-terminated ASCII.
    pub command_line: [u8; 256],
    /// Sorted, without overlap; gaps are absent.
    pub memory: [MemoryRange; MEMORY_RANGES],
    /// Signatures of the ACPI tables, as little-endian numbers; 0 behind the last.
    pub tables: [u32; ACPI_TABLES],
    /// Whether page tables are to be isolated: a [`crate::manifest::Isolation`].
    pub isolation: u64,
    /// Frames of the registers that the kernel uses itself, which nobody else gets; 0 behind the last.
    pub devices: [Frame; REGISTER_PAGES],
    /// Further images, in the order in which the boot loader gave them; checked as the boot image was.
    pub later: [LaterImage; LATER_IMAGES],
    /// Which memory is near to which processors.
    pub nodes: Nodes,
}
