//! Physical memory as the kernel sees it: the loader mapped all of it at `DIRECT_MAP`.
#![expect(unsafe_code, reason = "turns frames into references")]

use abi::boot::FrameRange;
use abi::layout::DIRECT_MAP;
use abi::types::{Frame, PAGE_SIZE, PhysicalAddress, VirtualAddress};
use core::arch::asm;
use core::ptr::{with_exposed_provenance, with_exposed_provenance_mut};
use core::sync::atomic::AtomicU64;
use kernel_core::machine::Object;

/// Words in a frame.
pub const WORDS: usize = 512;

/// Where the kernel sees a physical address.
pub fn direct(address: PhysicalAddress) -> VirtualAddress {
    VirtualAddress::new(DIRECT_MAP + address.raw())
}

/// A pointer to a frame through the direct map.
pub fn pointer<T>(frame: Frame) -> *mut T {
    with_exposed_provenance_mut(direct(frame.address()).raw() as usize)
}

/// The kernel object in a frame.
#[inline]
pub fn object<'a, T: Object>(frame: Frame) -> &'a T {
    // SAFETY: core asks for frames of memory only, which the direct map holds for ever; an object is a page of atomics, so
    // that any bytes are a value and any number of references may exist.
    unsafe { &*pointer(frame) }
}

/// The words of frames that follow each other, as atomics.
///
/// # Safety
/// The frames must be memory that is never used in any other way than by words.
pub unsafe fn words(range: FrameRange) -> &'static [AtomicU64] {
    let count = (range.count * PAGE_SIZE / 8) as usize;
    // SAFETY: the direct map holds the range for ever; the caller vouches for its use.
    unsafe {
        core::slice::from_raw_parts(
            with_exposed_provenance(direct(range.start.address()).raw() as usize),
            count,
        )
    }
}

/// The words of a frame for the crash record or for its copy.
pub fn crash_words(range: FrameRange) -> &'static [AtomicU64] {
    // SAFETY: the loader keeps the frame for this, and the copy's is the pool's; both are used by words only.
    unsafe { words(range) }
}

/// The words of the time page.
pub fn time_words(range: FrameRange) -> &'static [AtomicU64] {
    // SAFETY: the frame is the pool's; the kernel writes it by words, partitions only read.
    unsafe { words(range) }
}

/// The ledger: a word for each of `frames`, as far as there is room in `range`.
pub fn ledger(range: FrameRange, frames: u64) -> &'static [AtomicU64] {
    // SAFETY: the loader keeps the frames for this, zeroed; core uses them by words only.
    let words = unsafe { words(range) };
    words.get(..frames as usize).unwrap_or(words)
}

/// Fills a frame with zeros.
#[inline]
pub fn zero(frame: Frame) {
    // SAFETY: core zeroes frames of memory that nothing refers to but atomics. DF is clear in the kernel.
    unsafe {
        asm!("rep stosq", inout("rcx") WORDS => _, inout("rdi") pointer::<u64>(frame) => _, in("rax") 0_u64,
            options(nostack, preserves_flags));
    }
}
