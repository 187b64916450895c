//! Physical memory as the kernel sees it: the loader mapped all of it at `DIRECT_MAP`.
#![expect(unsafe_code, reason = "turns frames into references")]

use abi::boot::FrameRange;
use abi::layout::DIRECT_MAP;
use abi::types::Frame;
use core::arch::asm;
use core::ptr::with_exposed_provenance_mut;
use core::sync::atomic::AtomicU64;
use kernel_core::machine::Object;

/// Words in a frame.
pub const WORDS: usize = 512;

/// A pointer to a frame through the direct map.
pub fn pointer<T>(frame: Frame) -> *mut T {
    with_exposed_provenance_mut((DIRECT_MAP + frame.address().raw()) as usize)
}

/// The kernel object in a frame.
#[inline]
pub fn object<'a, T: Object>(frame: Frame) -> &'a T {
    // SAFETY: core asks for frames of memory only, which the direct map holds for ever; an object is a page of atomics, so
    // that any bytes are a value and any number of references may exist.
    unsafe { &*pointer(frame) }
}

/// The words of a frame that the kernel uses by words only: crash record, time page, page tables, trampoline.
pub fn words(frame: Frame) -> &'static [AtomicU64; WORDS] {
    // SAFETY: the frames are the kernel's own and memory, which the direct map holds for ever; any bytes are a value of
    // atomics, and any number of references may exist.
    unsafe { &*pointer(frame) }
}

/// The ledger: a word for each of `frames`, as far as there is room in `range`.
pub fn ledger(range: FrameRange, frames: u64) -> &'static [AtomicU64] {
    let count = frames.min(range.count * WORDS as u64) as usize;
    // SAFETY: the loader keeps the frames for this, zeroed; the direct map holds them for ever, core uses them by words only.
    unsafe { core::slice::from_raw_parts(pointer(range.start), count) }
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
