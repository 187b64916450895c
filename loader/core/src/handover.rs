//! From a door's offer to the kernel's first instruction.

use crate::acpi::{self, Findings};
use crate::framebuffer;
use crate::map::{MemoryMap, Use};
use crate::offer::{Offer, PhysicalMemory};
use crate::plan::{self, Plan};
use crate::program::Loader;
use crate::refusal::Refusal;
use crate::tables::Tables;
use abi::boot::{
    ACPI_TABLES, BOOT_MAGIC, BootInformation, FrameRange, LATER_IMAGES, MEMORY_RANGES, MemoryRange,
    REGISTER_PAGES, SEGMENTS, Segment,
};
use abi::layout::DIRECT_MAP;
use abi::nodes::NodeSource;
use abi::types::{Frame, PAGE_SIZE, VirtualAddress};
use boot_image::{Image, PublicKey, check_programs};
use zerocopy::{FromZeros, IntoBytes};

/// What it takes to enter the kernel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Handover {
    /// Root of the page tables.
    pub page_tables: Frame,
    /// Frame below 1 MiB that these tables map at its own address, executable: the switch runs there.
    pub trampoline: Frame,
    /// First instruction of the kernel.
    pub entry: VirtualAddress,
    /// Top of its stack.
    pub stack: VirtualAddress,
    /// [`BootInformation`], as the kernel sees it.
    pub information: VirtualAddress,
    /// Frames of memory.
    pub memory: u64,
    /// Frames of memory left out because the firmware's map is too long.
    pub lost: u64,
    /// Processors found.
    pub processors: u32,
    /// Nodes found.
    pub nodes: u32,
    /// Where they are known from, or why there is only one.
    pub node_source: NodeSource,
    /// Whether each of the later images, in the order of the offer, is there; those that do not lie in free memory are left out.
    pub later: [bool; LATER_IMAGES],
}

/// Checks an image and every program in it; where a key is given, the signature as well.
///
/// # Errors
/// [`Refusal`] that names what is wrong.
pub fn check_image<'a>(bytes: &'a [u8], key: Option<&PublicKey>) -> Result<Image<'a>, Refusal> {
    let image = Image::verify(bytes, key)?;
    check_programs(&image)?;
    Ok(image)
}

/// Loads kernel and first partition, builds page tables and fills the hand-over.
///
/// # Errors
/// [`Refusal`]: nothing that was done matters then.
pub fn prepare<M: PhysicalMemory>(
    mut offer: Offer<'_>,
    memory: &mut M,
) -> Result<Handover, Refusal> {
    let mut map = core::mem::take(&mut offer.map);
    let image = claim_image(&offer, &mut map)?;
    let (later, there) = offer.later.claim(&mut map);
    let mut findings = acpi::read(memory, &offer.rsdp, offer.processor, &map);
    findings.machine.serial = u32::from(offer.serial);
    findings.machine.framebuffer = framebuffer::checked(offer.framebuffer, &map);
    let plan = plan::make(&offer, &findings, memory, &mut map)?;
    plan::place_root(&mut findings, memory, &mut map, offer.reach)?;
    let page_tables = build_tables(&offer, &plan, &findings, memory, &mut map)?;
    // Only the kernel's limit on ranges counts now.
    map.shrink(MEMORY_RANGES);
    let mut information = information(&offer, &plan, &findings);
    information.page_tables = page_tables;
    information.boot_image = image;
    information.later = later;
    information.memory_count = list_memory(&map, &mut information.memory);
    for range in &mut information.memory {
        range.node = findings.nodes.of(range.start);
    }
    memory.write(plan.information.start.address(), information.as_bytes());
    let stack = plan.stack.count.saturating_mul(PAGE_SIZE);
    Ok(Handover {
        page_tables,
        trampoline: plan.trampoline,
        entry: plan.kernel_entry,
        stack: direct(plan.stack.start, stack),
        information: direct(plan.information.start, 0),
        memory: map.memory_frames(),
        lost: map.lost(),
        processors: findings.machine.processor_count,
        nodes: findings.nodes.count,
        node_source: NodeSource::from_number(findings.nodes.source).unwrap_or(NodeSource::Untold),
        later: there,
    })
}

/// `offset` bytes into a frame, as the kernel sees it.
fn direct(frame: Frame, offset: u64) -> VirtualAddress {
    let address = frame.address().raw().wrapping_add(offset);
    VirtualAddress::new(DIRECT_MAP.wrapping_add(address))
}

/// Marks the image in the map: it must lie in memory, on a page.
fn claim_image(offer: &Offer<'_>, map: &mut MemoryMap) -> Result<FrameRange, Refusal> {
    let start = Frame::containing(offer.image_address);
    let count = offer.image.length() / PAGE_SIZE;
    let aligned = start.address() == offer.image_address;
    if aligned && map.claim(start, count, Use::BootImage) {
        Ok(FrameRange { start, count })
    } else {
        Err(Refusal::ImagePlace)
    }
}

fn build_tables<M: PhysicalMemory>(
    offer: &Offer<'_>,
    plan: &Plan,
    findings: &Findings,
    memory: &mut M,
    map: &mut MemoryMap,
) -> Result<Frame, Refusal> {
    // What is memory does not change while tables are taken from it, only its use.
    let before = map.clone();
    let mut loader = Loader { memory, map, reach: offer.reach };
    let mut tables = Tables::new(&mut loader, offer.gigabyte_pages)?;
    let mut start = None;
    for range in before.ranges() {
        let shown = range.usage.is_memory() && range.usage != Use::KernelImage;
        let (from, end) = match start.take() {
            Some((from, end)) if shown && end == range.start => (from, range.end),
            Some((from, end)) => {
                tables.map_direct(from, end)?;
                (range.start, range.end)
            }
            None => (range.start, range.end),
        };
        start = shown.then_some((from, end));
    }
    if let Some((from, end)) = start {
        tables.map_direct(from, end)?;
    }
    plan.kernel.iter().try_for_each(|segment| tables.map_segment(segment))?;
    findings
        .devices
        .iter()
        .try_for_each(|device| tables.map_device(device.address, device.physical))?;
    tables.map_trampoline(plan.trampoline)?;
    tables.map_stacks(u16::try_from(findings.machine.processor_count).unwrap_or(u16::MAX))?;
    Ok(tables.root())
}

/// Everything but the page tables, the image's place and the memory ranges.
fn information(offer: &Offer<'_>, plan: &Plan, findings: &Findings) -> BootInformation {
    let mut segments = [Segment::default(); SEGMENTS];
    for (to, from) in segments.iter_mut().zip(&plan.segments) {
        *to = *from;
    }
    let mut devices = [Frame::default(); REGISTER_PAGES];
    for (to, from) in devices.iter_mut().zip(&findings.devices) {
        *to = Frame::containing(from.physical);
    }
    let mut tables = [0; ACPI_TABLES];
    tables.iter_mut().zip(&findings.tables).for_each(|(to, from)| *to = *from);
    BootInformation {
        tables,
        devices,
        magic: BOOT_MAGIC,
        version: abi::ABI_VERSION,
        door: offer.door.number(),
        frames: plan.frames,
        ledger: plan.ledger,
        pool: plan.pool,
        trampoline: plan.trampoline,
        crash_record: plan.crash_record,
        boot_image_length: offer.image.length(),
        information: plan.information,
        entry: plan.entry,
        isolation: plan.isolation,
        segment_count: u32::try_from(plan.segments.len()).unwrap_or(0),
        segments,
        machine: findings.machine,
        nodes: findings.nodes,
        command_line: *offer.command_line.bytes(),
        ..BootInformation::new_zeroed()
    }
}

/// Writes the ranges and returns their number. Neighbours that the kernel takes for the same are joined.
fn list_memory(map: &MemoryMap, list: &mut [MemoryRange; MEMORY_RANGES]) -> u32 {
    let mut count = 0_usize;
    for range in map.ranges() {
        let kind = range.usage.kind().number();
        let length = range.end.saturating_sub(range.start);
        let last = count.checked_sub(1).and_then(|last| list.get_mut(last));
        match last {
            Some(last)
                if last.kind == kind
                    && last.start.raw().saturating_add(last.count) == range.start =>
            {
                last.count = last.count.saturating_add(length);
            }
            _ => {
                let Some(place) = list.get_mut(count) else { break };
                *place =
                    MemoryRange { start: Frame::new(range.start), count: length, kind, node: 0 };
                count = count.saturating_add(1);
            }
        }
    }
    u32::try_from(count).unwrap_or(0)
}
