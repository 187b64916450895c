//! The loader for direct boot (PVH) and for Multiboot2. Both enter by `entry.s`.

#![no_std]
#![no_main]

mod door;
mod entry;

use core::panic::PanicInfo;
use loader_machine::start::failed;

/// Nothing in the loader panics on purpose; if it happens there is nothing left to trust.
#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    failed(info)
}
