//! Multiboot2 (specification 2.0, 3.6): a list of tags.

use super::{Found, usage};
use crate::framebuffer::bytes;
use crate::map::{MemoryMap, Report};
use crate::offer::{CommandLine, Door, Rsdp};
use crate::refusal::Refusal;
use abi::boot::{Framebuffer, LATER_IMAGES};
use abi::types::PhysicalAddress;

/// What to do without an image.
const ADVICE: &str = "give it as the first module (module2 /boot/boot.img)";
/// Bytes before the first tag.
const HEAD: usize = 8;
/// Bytes of a tag's type and size, which come first and count.
const TAG: usize = 8;
/// Least bytes of an entry of the memory map.
const ENTRY: usize = 24;
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

/// Reads every tag of the information, which is given whole.
///
/// # Errors
/// [`Refusal::NoImage`] without a module.
pub fn find(information: &[u8]) -> Result<Found, Refusal> {
    let mut modules = bodies(information, tag::MODULE).map_while(module);
    let image = modules.next().ok_or(Refusal::NoImage(ADVICE))?;
    let map = memory_map(body(information, tag::MEMORY_MAP).unwrap_or_default());
    let line = body(information, tag::COMMAND_LINE).unwrap_or_default();
    let screen = body(information, tag::FRAMEBUFFER).and_then(framebuffer);
    // Words on a screen that lies in memory would be written over whatever is there.
    let screen = screen.filter(|screen| !map.holds_memory(screen.address, bytes(screen)));
    Ok(Found {
        door: Door::Multiboot2,
        map,
        image,
        modules: modules.take(LATER_IMAGES + 1).collect(),
        rsdp: rsdp(information),
        command_line: CommandLine::new(line),
        framebuffer: screen.unwrap_or_default(),
    })
}

/// Address and length that a module's tag tells.
fn module(body: &[u8]) -> Option<(PhysicalAddress, u64)> {
    let (start, end) = (number32(body, 0)?, number32(body, 4)?);
    Some((PhysicalAddress::new(u64::from(start)), u64::from(end.saturating_sub(start))))
}

/// What follows type and size in the first tag of this type.
fn body(information: &[u8], wanted: u32) -> Option<&[u8]> {
    bodies(information, wanted).next()
}

/// What follows type and size in every tag of this type.
fn bodies(information: &[u8], wanted: u32) -> impl Iterator<Item = &[u8]> {
    let mut rest = information.get(HEAD..).unwrap_or_default();
    let tags = core::iter::from_fn(move || {
        let kind = number32(rest, 0)?;
        let size = usize::try_from(number32(rest, 4)?).ok()?;
        let body = rest.get(TAG..size)?;
        let next = size.checked_next_multiple_of(TAG).and_then(|next| rest.get(next..));
        rest = next.unwrap_or_default();
        (kind != tag::END).then_some((kind, body))
    });
    tags.filter(move |(kind, _)| *kind == wanted).map(|(_, body)| body)
}

fn memory_map(body: &[u8]) -> MemoryMap {
    let size = number32(body, 0).and_then(|size| usize::try_from(size).ok()).unwrap_or(0);
    let entries = body.get(8..).unwrap_or_default().chunks_exact(size.max(ENTRY));
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
fn rsdp(information: &[u8]) -> Rsdp {
    let copy = body(information, tag::NEW_RSDP).or_else(|| body(information, tag::OLD_RSDP));
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
