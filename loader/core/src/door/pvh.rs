//! Direct boot in a virtual machine (Xen, public/arch-x86/hvm/start_info.h).

use super::{Found, usage};
use crate::map::{MemoryMap, Report};
use crate::offer::{CommandLine, Door, PhysicalMemory, Rsdp};
use crate::refusal::Refusal;
use abi::boot::{Framebuffer, LATER_IMAGES};
use abi::types::PhysicalAddress;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// First word of the start information.
pub const MAGIC: u32 = 0x336e_c578;
/// What to do without an image.
const ADVICE: &str = "give it as the initial RAM disk (-initrd boot.img)";
/// Bytes of a command line that are looked at, and most ranges that are.
const LINE: usize = 256;
const MOST_RANGES: u32 = 4096;

/// Start information, version 1.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct StartInformation {
    /// [`MAGIC`].
    pub magic: u32,
    /// Version 0 has no memory map.
    pub version: u32,
    /// Unused here.
    pub flags: u32,
    /// Number of modules; the first is the boot image.
    pub module_count: u32,
    /// Address of the first [`Module`].
    pub modules: u64,
    /// Address of the zero-terminated command line, or 0.
    pub command_line: u64,
    /// Address of the root of the ACPI tables, or 0.
    pub rsdp: u64,
    /// Address of the first [`Entry`].
    pub memory_map: u64,
    /// Number of entries.
    pub memory_count: u32,
    /// Zero.
    pub reserved: u32,
}

/// A module.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Module {
    /// First byte.
    pub address: u64,
    /// Number of bytes.
    pub size: u64,
    /// Unused here.
    pub command_line: u64,
    /// Zero.
    pub reserved: u64,
}

/// A range of memory.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Entry {
    /// First byte.
    pub address: u64,
    /// Number of bytes.
    pub size: u64,
    /// As in ACPI's address ranges.
    pub kind: u32,
    /// Zero.
    pub reserved: u32,
}

/// Reads the start information at `information`.
///
/// # Errors
/// [`Refusal::Memory`] without a memory map, [`Refusal::NoImage`] without a module.
pub fn find<M: PhysicalMemory>(information: PhysicalAddress, memory: &M) -> Result<Found, Refusal> {
    let start: StartInformation = read(memory, information.raw())
        .filter(|start: &StartInformation| start.magic == MAGIC && start.version >= 1)
        .ok_or(Refusal::Memory("anything: the virtual machine gives no memory map"))?;
    let mut modules = modules(&start, memory);
    let (address, size) = modules.next().ok_or(Refusal::NoImage(ADVICE))?;
    Ok(Found {
        door: Door::Pvh,
        map: memory_map(&start, memory),
        image: (address, size),
        modules: modules.take(LATER_IMAGES + 1).collect(),
        rsdp: match start.rsdp {
            0 => Rsdp::Search,
            address => Rsdp::At(PhysicalAddress::new(address)),
        },
        command_line: command_line(start.command_line, memory),
        framebuffer: Framebuffer::default(),
    })
}

/// Address and length of every module.
fn modules<M: PhysicalMemory>(
    start: &StartInformation,
    memory: &M,
) -> impl Iterator<Item = (PhysicalAddress, u64)> {
    let size = u64::try_from(size_of::<Module>()).unwrap_or(0);
    let first = start.modules;
    (0..start.module_count).map_while(move |index| {
        let offset = u64::from(index).checked_mul(size)?;
        let module: Module = read(memory, first.checked_add(offset)?)?;
        Some((PhysicalAddress::new(module.address), module.size))
    })
}

fn memory_map<M: PhysicalMemory>(start: &StartInformation, memory: &M) -> MemoryMap {
    let size = u64::try_from(size_of::<Entry>()).unwrap_or(0);
    let entry = |index: u32| {
        let offset = u64::from(index).checked_mul(size)?;
        read::<Entry, M>(memory, start.memory_map.checked_add(offset)?)
    };
    let entries = (0..start.memory_count.min(MOST_RANGES)).filter_map(entry);
    MemoryMap::new(entries.map(report))
}

const fn report(entry: Entry) -> Report {
    Report {
        start: PhysicalAddress::new(entry.address),
        length: entry.size,
        usage: usage(entry.kind),
    }
}

fn command_line<M: PhysicalMemory>(address: u64, memory: &M) -> CommandLine {
    let mut bytes = [0; LINE];
    let read = address != 0 && memory.read(PhysicalAddress::new(address), &mut bytes);
    CommandLine::new(if read { &bytes } else { &[] })
}

fn read<T: FromBytes + IntoBytes, M: PhysicalMemory>(memory: &M, address: u64) -> Option<T> {
    let mut value = T::new_zeroed();
    memory.read(PhysicalAddress::new(address), value.as_mut_bytes()).then_some(value)
}
