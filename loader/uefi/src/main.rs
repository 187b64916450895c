//! The loader for UEFI firmware: reads `\bulkhead\boot.img` from the volume it was started from.

#![no_std]
#![no_main]

mod after;
mod firmware;
mod words;

use abi::boot::Framebuffer;
use abi::types::PhysicalAddress;
use boot_image::Image;
use core::panic::PanicInfo;
use loader_core::{CommandLine, Refusal, Rsdp};
use loader_machine::machine::processor;
use loader_machine::start::{check_image, failed};
use uefi::prelude::{Status, entry};

/// What is learned while the firmware still serves.
struct Found {
    /// The checked image, and where it lies.
    image: Image<'static>,
    image_address: PhysicalAddress,
    /// The file of the image, with what follows it, and that of images to upgrade from.
    files: [&'static [u8]; 2],
    /// Why there are none of the latter. The machine starts without them as well.
    left_out: Option<Refusal>,
    rsdp: Rsdp,
    command_line: CommandLine,
    framebuffer: Framebuffer,
}

/// Called by the firmware.
#[entry]
fn main() -> Status {
    match find() {
        Ok(found) => after::leave(&found),
        Err(refusal) => words::refuse(&refusal),
    }
}

/// Does everything that can be refused while the firmware can still show words.
fn find() -> Result<Found, Refusal> {
    firmware::stop_watchdog();
    if let Some(missing) = processor::missing() {
        return Err(Refusal::Processor(missing));
    }
    if processor::has_five_levels() {
        return Err(Refusal::Processor("page tables of four levels in force: switch LA57 off"));
    }
    let bytes = firmware::read_image()?;
    let next = firmware::read_next();
    Ok(Found {
        image: check_image(bytes)?,
        files: [bytes, next.ok().flatten().unwrap_or_default()],
        left_out: next.err(),
        image_address: PhysicalAddress::new(u64::try_from(bytes.as_ptr().addr()).unwrap_or(0)),
        rsdp: firmware::rsdp(),
        command_line: firmware::command_line(),
        framebuffer: firmware::framebuffer(),
    })
}

/// Nothing in the loader panics on purpose; if it happens there is nothing left to trust.
#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    failed(info)
}
