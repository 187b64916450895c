//! Where `entry.s` arrives in 64-bit mode.
#![expect(unsafe_code, reason = "called by assembly; owns the machine from here on")]

use crate::door;
use abi::boot::Framebuffer;
use abi::types::{Frame, PhysicalAddress};
use core::arch::global_asm;
use loader_core::door::Found;
use loader_core::{LaterImages, Offer, Refusal};
use loader_machine::console::{Console, Pixels, Screen, Serial, Text};
use loader_machine::machine::memory::Identity;
use loader_machine::machine::{faults, processor};
use loader_machine::start::{add_later, behind, check_image, leave_out, refuse, start};

global_asm!(include_str!("entry.s"));

/// The assembly maps the first 4 GiB.
const REACH: Frame = Frame::new(1 << 20);

unsafe extern "C" {
    safe static loader_start: u8;
    safe static loader_end: u8;
}

/// Called by the assembly with the number of the door and what the boot loader left in ebx.
#[unsafe(no_mangle)]
extern "C" fn loader_main(door: u32, information: u64) -> ! {
    faults::catch();
    // SAFETY: the assembly has mapped exactly this much, and calls once.
    let mut memory = unsafe { Identity::new(REACH) };
    let found = door::find(door, PhysicalAddress::new(information), &memory);
    let framebuffer = found.as_ref().map_or(Framebuffer::default(), |found| found.framebuffer);
    let mut console = console(framebuffer);
    match found.and_then(|found| run(found, &mut memory, &mut console)) {
        Ok(never) => match never {},
        Err(refusal) => refuse(&mut console, &refusal),
    }
}

fn run(
    mut found: Found,
    memory: &mut Identity,
    console: &mut Console,
) -> Result<core::convert::Infallible, Refusal> {
    if let Some(missing) = processor::missing() {
        return Err(Refusal::Processor(missing));
    }
    let (start_address, end_address) =
        ((&raw const loader_start).addr(), (&raw const loader_end).addr());
    let length = u64::try_from(end_address - start_address).unwrap_or(u64::MAX);
    let own = u64::try_from(start_address).unwrap_or(0);
    found.map.protect(PhysicalAddress::new(own), length);
    let (address, length) = found.image;
    found.map.protect(address, length);
    // SAFETY: the map protects the image, so nothing is allocated over it.
    let bytes = unsafe { memory.bytes(address, length) }.ok_or(Refusal::ImagePlace)?;
    let image = check_image(bytes)?;
    let mut later = LaterImages::default();
    let (rest, behind) = behind(&image, bytes, address);
    add_later(&mut later, rest, behind, console);
    for (address, length) in found.modules {
        found.map.protect(address, length);
        // SAFETY: the map protects the module, so nothing is allocated over it.
        if let Some(bytes) = unsafe { memory.bytes(address, length) } {
            add_later(&mut later, bytes, address, console);
        } else {
            leave_out(console, &Refusal::Later("it does not lie in the first 4 GiB"));
        }
    }
    let features = processor::features();
    let offer = Offer {
        door: found.door,
        map: found.map,
        image: &image,
        image_address: address,
        later,
        rsdp: found.rsdp,
        command_line: found.command_line,
        framebuffer: found.framebuffer,
        serial: console.serial_port(),
        processor: features.apic_id,
        gigabyte_pages: features.gigabyte_pages,
        reach: memory.reach(),
    };
    start(offer, memory, console)
}

/// A framebuffer where the boot loader has set one up within reach, else text memory.
fn console(framebuffer: Framebuffer) -> Console {
    let size = u64::from(framebuffer.pitch) * u64::from(framebuffer.height);
    let end = framebuffer.address.raw().saturating_add(size);
    let screen = if framebuffer.address.raw() == 0 {
        // SAFETY: without a framebuffer a PC is in text mode, or shows nothing at all.
        Screen::Text(unsafe { Text::new() })
    } else if end <= REACH.address().raw() {
        // SAFETY: it lies within what the assembly has mapped.
        unsafe { Pixels::new(framebuffer) }.map_or(Screen::None, Screen::Pixels)
    } else {
        Screen::None
    };
    Console::new(Serial::find(), screen)
}
