//! Multiboot2 (specification 2.0, 3.6): a list of tags.
#![expect(unsafe_code, reason = "reads what the boot loader left in memory")]

use super::{Found, usage};
use abi::boot::Framebuffer;
use abi::types::PhysicalAddress;
use loader_core::{CommandLine, Door, MemoryMap, PhysicalMemory, Refusal, Report, Rsdp};
use loader_machine::machine::memory::Identity;

/// What to do without an image.
const ADVICE: &str = "give it as the first module (module2 /boot/boot.img)";
/// Longest information that is read.
const LONGEST: u32 = 1 << 20;
/// Types of tags.
mod tag {
    pub const END: u32 = 0;
    pub const COMMAND_LINE: u32 = 1;
    pub const MODULE: u32 = 3;
    pub const MEMORY_MAP: u32 = 6;
    pub const FRAMEBUFFER: u32 = 8;
    pub const OLD_RSDP: u32 = 14;
    pub const NEW_RSDP: u32 = 15;
}
/// Kind of framebuffer that has colours in its pixels.
const DIRECT_COLOUR: u8 = 1;

/// Reads every tag.
pub(super) fn find(information: PhysicalAddress, memory: &Identity) -> Result<Found, Refusal> {
    let bytes = bytes(information, memory)
        .ok_or(Refusal::Memory("anything: the boot loader gives no information"))?;
    let module = body(bytes, tag::MODULE).ok_or(Refusal::NoImage(ADVICE))?;
    let (start, end) = (number32(module, 0), number32(module, 4));
    let (start, end) = start.zip(end).ok_or(Refusal::NoImage(ADVICE))?;
    let map = body(bytes, tag::MEMORY_MAP).unwrap_or_default();
    Ok(Found {
        door: Door::Multiboot2,
        map: memory_map(map),
        image: (PhysicalAddress::new(u64::from(start)), u64::from(end.saturating_sub(start))),
        rsdp: rsdp(bytes),
        command_line: CommandLine::new(body(bytes, tag::COMMAND_LINE).unwrap_or_default()),
        framebuffer: body(bytes, tag::FRAMEBUFFER).and_then(framebuffer).unwrap_or_default(),
    })
}

fn bytes(information: PhysicalAddress, memory: &Identity) -> Option<&'static [u8]> {
    let mut size = [0; 4];
    if !memory.read(information, &mut size) {
        return None;
    }
    let size = u32::from_le_bytes(size).min(LONGEST);
    // SAFETY: the information is only read, and everything in it is copied before anything is written.
    unsafe { memory.bytes(information, u64::from(size)) }
}

/// What follows type and size in the first tag of this type.
fn body(bytes: &[u8], wanted: u32) -> Option<&[u8]> {
    let mut rest = bytes.get(8..)?;
    loop {
        let kind = number32(rest, 0)?;
        let size = usize::try_from(number32(rest, 4)?).ok()?;
        if kind == wanted {
            return rest.get(8..size);
        }
        if kind == tag::END || size < 8 {
            return None;
        }
        rest = rest.get(size.checked_next_multiple_of(8)?..)?;
    }
}

fn memory_map(body: &[u8]) -> MemoryMap {
    let size = number32(body, 0).and_then(|size| usize::try_from(size).ok()).unwrap_or(0);
    let entries = body.get(8..).unwrap_or_default().chunks_exact(size.max(24));
    MemoryMap::new(entries.filter_map(report))
}

fn report(entry: &[u8]) -> Option<Report> {
    Some(Report {
        start: PhysicalAddress::new(number64(entry, 0)?),
        length: number64(entry, 8)?,
        usage: usage(number32(entry, 16)?),
    })
}

/// The copy of the root pointer, of ACPI 2 if there is one.
fn rsdp(bytes: &[u8]) -> Rsdp {
    let copy = body(bytes, tag::NEW_RSDP).or_else(|| body(bytes, tag::OLD_RSDP));
    copy.map_or(Rsdp::Search, |copy| {
        let mut padded = [0; 36];
        padded.iter_mut().zip(copy).for_each(|(to, from)| *to = *from);
        Rsdp::Copy(padded)
    })
}

fn framebuffer(body: &[u8]) -> Option<Framebuffer> {
    let address = PhysicalAddress::new(number64(body, 0)?);
    let (pitch, width, height) = (number32(body, 8)?, number32(body, 12)?, number32(body, 16)?);
    let (depth, kind) = (u32::from(*body.get(20)?), *body.get(21)?);
    (kind == DIRECT_COLOUR).then_some(Framebuffer { address, pitch, width, height, depth })
}

fn number32(bytes: &[u8], offset: usize) -> Option<u32> {
    let (number, _) = bytes.get(offset..)?.split_first_chunk()?;
    Some(u32::from_le_bytes(*number))
}

fn number64(bytes: &[u8], offset: usize) -> Option<u64> {
    let (number, _) = bytes.get(offset..)?.split_first_chunk()?;
    Some(u64::from_le_bytes(*number))
}
