//! Direct boot in a virtual machine (Xen, public/arch-x86/hvm/start_info.h).
#![expect(unsafe_code, reason = "reads what the virtual machine monitor left in memory")]

use super::{Found, usage};
use abi::boot::Framebuffer;
use abi::types::PhysicalAddress;
use loader_core::{CommandLine, Door, MemoryMap, PhysicalMemory, Refusal, Report, Rsdp};
use loader_machine::machine::memory::Identity;
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout};

/// First word of the start information.
const MAGIC: u32 = 0x336e_c578;
/// What to do without an image.
const ADVICE: &str = "give it as the initial RAM disk (-initrd boot.img)";
/// Longest command line that is looked at, most modules and ranges.
const LONGEST_LINE: usize = 256;
const MOST_RANGES: u32 = 4096;

/// Start information, version 1.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct StartInformation {
    magic: u32,
    version: u32,
    flags: u32,
    module_count: u32,
    modules: u64,
    command_line: u64,
    rsdp: u64,
    memory_map: u64,
    memory_count: u32,
    reserved: u32,
}

/// A module.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Module {
    address: u64,
    size: u64,
    command_line: u64,
    reserved: u64,
}

/// A range of memory.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Entry {
    address: u64,
    size: u64,
    kind: u32,
    reserved: u32,
}

/// Reads the start information.
pub(super) fn find(information: PhysicalAddress, memory: &Identity) -> Result<Found, Refusal> {
    let start: StartInformation = read(memory, information.raw())
        .filter(|start: &StartInformation| start.magic == MAGIC && start.version >= 1)
        .ok_or(Refusal::Memory("anything: the virtual machine gives no memory map"))?;
    let module: Option<Module> =
        if start.module_count == 0 { None } else { read(memory, start.modules) };
    let module = module.ok_or(Refusal::NoImage(ADVICE))?;
    Ok(Found {
        door: Door::Pvh,
        map: memory_map(&start, memory),
        image: (PhysicalAddress::new(module.address), module.size),
        rsdp: match start.rsdp {
            0 => Rsdp::Search,
            address => Rsdp::At(PhysicalAddress::new(address)),
        },
        command_line: command_line(start.command_line, memory),
        framebuffer: Framebuffer::default(),
    })
}

fn memory_map(start: &StartInformation, memory: &Identity) -> MemoryMap {
    let size = u64::try_from(size_of::<Entry>()).unwrap_or(0);
    let length = u64::from(start.memory_count.min(MOST_RANGES)) * size;
    // SAFETY: the monitor's information is only read, and nothing is written before the map is made.
    let bytes = unsafe { memory.bytes(PhysicalAddress::new(start.memory_map), length) };
    let entries = bytes.unwrap_or_default().chunks_exact(size_of::<Entry>());
    MemoryMap::new(entries.filter_map(|bytes| Entry::read_from_bytes(bytes).ok()).map(report))
}

const fn report(entry: Entry) -> Report {
    Report {
        start: PhysicalAddress::new(entry.address),
        length: entry.size,
        usage: usage(entry.kind),
    }
}

fn command_line(address: u64, memory: &Identity) -> CommandLine {
    let mut bytes = [0; LONGEST_LINE];
    let read = address != 0 && memory.read(PhysicalAddress::new(address), &mut bytes);
    CommandLine::new(if read { &bytes } else { &[] })
}

fn read<T: FromBytes + IntoBytes + FromZeros>(memory: &Identity, address: u64) -> Option<T> {
    let mut value = T::new_zeroed();
    memory.read(PhysicalAddress::new(address), value.as_mut_bytes()).then_some(value)
}
