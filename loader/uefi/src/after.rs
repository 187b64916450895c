//! After the firmware was left: the machine is ours.
#![expect(unsafe_code, reason = "takes the machine from the firmware")]

use crate::Found;
use abi::types::{Frame, PAGE_SIZE, PhysicalAddress};
use core::convert::Infallible;
use loader_core::{Door, LaterImages, MemoryMap, Offer, Refusal, Report, Use};
use loader_machine::console::{Console, Pixels, Screen, Serial};
use loader_machine::machine::memory::Identity;
use loader_machine::machine::{faults, processor};
use loader_machine::start::{add_later, behind, leave_out, refuse, start};
use uefi::boot::{MemoryDescriptor, MemoryType, exit_boot_services};
use uefi::mem::memory_map::MemoryMap as _;

/// One past the memory that is used at all; the firmware maps all of it at its own addresses.
const REACH: Frame = Frame::new(1 << 28);

/// Leaves the firmware and starts the kernel.
pub fn leave(found: &Found) -> ! {
    // SAFETY: nothing of the firmware is used from here on; no protocol is open.
    let firmware_map = unsafe { exit_boot_services(None) };
    faults::catch();
    let map = MemoryMap::new(firmware_map.entries().map(report));
    // SAFETY: the framebuffer was described by the firmware and stays mapped with its tables.
    let pixels = unsafe { Pixels::new(found.framebuffer) };
    let mut console = Console::new(Serial::find(), pixels.map_or(Screen::None, Screen::Pixels));
    match run(found, map, &mut console) {
        Ok(never) => match never {},
        Err(refusal) => refuse(&mut console, &refusal),
    }
}

fn run(found: &Found, map: MemoryMap, console: &mut Console) -> Result<Infallible, Refusal> {
    // SAFETY: UEFI 2.10, 2.3.4: memory is mapped at its own addresses; the map offers only what no
    // code or data of ours or of the firmware occupies.
    let mut memory = unsafe { Identity::new(REACH) };
    let features = processor::features();
    let [first, next] = found.files;
    let mut later = LaterImages::default();
    let (rest, address) = behind(&found.image, first, found.image_address);
    add_later(&mut later, rest, address, console);
    let address = PhysicalAddress::new(u64::try_from(next.as_ptr().addr()).unwrap_or(0));
    add_later(&mut later, next, address, console);
    if let Some(why) = &found.left_out {
        leave_out(console, why);
    }
    let offer = Offer {
        door: Door::Uefi,
        map,
        image: &found.image,
        image_address: found.image_address,
        later,
        rsdp: found.rsdp,
        command_line: found.command_line,
        framebuffer: found.framebuffer,
        serial: console.serial_port(),
        processor: features.apic_id,
        gigabyte_pages: features.gigabyte_pages,
        reach: memory.reach(),
    };
    start(offer, &mut memory, console)
}

fn report(descriptor: &MemoryDescriptor) -> Report {
    Report {
        start: PhysicalAddress::new(descriptor.phys_start),
        length: descriptor.page_count.saturating_mul(PAGE_SIZE),
        usage: usage(descriptor.ty),
    }
}

/// UEFI 2.10, 7.2. The boot services' memory is free once the kernel runs; until then it holds the page tables in force.
const fn usage(kind: MemoryType) -> Use {
    match kind {
        MemoryType::CONVENTIONAL => Use::Usable,
        MemoryType::LOADER_CODE
        | MemoryType::LOADER_DATA
        | MemoryType::BOOT_SERVICES_CODE
        | MemoryType::BOOT_SERVICES_DATA => Use::Loader,
        MemoryType::ACPI_RECLAIM => Use::AcpiReclaimable,
        MemoryType::ACPI_NON_VOLATILE => Use::AcpiStorage,
        MemoryType::UNUSABLE => Use::Bad,
        _ => Use::Reserved,
    }
}
