//! Memory that lies at places of its own in this address space, as safe views.

#![expect(unsafe_code, reason = "turns mapped addresses into slices, each once")]

use abi::boot::{BOOT_MAGIC, BootInformation};
use abi::layout;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use zerocopy::FromBytes;

/// What the loader handed over.
#[must_use]
pub fn boot_information() -> Option<&'static BootInformation> {
    // SAFETY: the kernel mapped the structure there, read-only, before it started this program, and never changes it.
    let bytes = unsafe { bytes(layout::BOOT_INFORMATION, size_of::<BootInformation>()) };
    BootInformation::ref_from_bytes(bytes).ok().filter(|boot| boot.magic == BOOT_MAGIC)
}

/// The boot image, of which the manager has mapped `length` bytes. Nothing is read through the slice while it is not mapped.
#[must_use]
pub fn boot_image(length: u64) -> &'static [u8] {
    // SAFETY: where it is not mapped a read faults and the kernel stops this partition; nobody writes to the image
    // after the loader put it there.
    unsafe { bytes(layout::BOOT_IMAGE, usize::try_from(length).unwrap_or(0)) }
}

/// The later image with this number, from 1, of which the manager has mapped `length` bytes.
#[must_use]
pub fn later_image(number: u64, length: u64) -> &'static [u8] {
    // SAFETY: as for the boot image.
    unsafe { bytes(layout::image_address(number), usize::try_from(length).unwrap_or(0)) }
}

/// The memory of the books, once: `length` bytes that the manager has mapped at `address`.
#[must_use]
pub fn books(address: u64, length: usize) -> Option<&'static mut [u8]> {
    static GIVEN: AtomicBool = AtomicBool::new(false);
    if GIVEN.swap(true, Ordering::Relaxed) {
        return None;
    }
    let start = core::ptr::with_exposed_provenance_mut(address as usize);
    // SAFETY: given once, so no other reference exists; where nothing is mapped an access faults and the kernel stops
    // this partition.
    Some(unsafe { core::slice::from_raw_parts_mut(start, length) })
}

/// A channel's memory, as words that the peer may change at any time.
#[must_use]
pub fn channel(address: u64, length: usize) -> &'static [AtomicU32] {
    let start = core::ptr::with_exposed_provenance(address as usize);
    // SAFETY: channels lie page-aligned in the area the manager keeps for them and are only ever accessed as atomics;
    // where nothing is mapped an access faults and the kernel stops this partition.
    unsafe { core::slice::from_raw_parts(start, length / size_of::<AtomicU32>()) }
}

/// Bytes at a fixed address.
///
/// # Safety
/// They do not change while they are mapped.
unsafe fn bytes(address: u64, length: usize) -> &'static [u8] {
    let start = core::ptr::with_exposed_provenance(address as usize);
    // SAFETY: as the caller promises; where nothing is mapped a read faults and the kernel stops this partition.
    unsafe { core::slice::from_raw_parts(start, length) }
}
