//! The heap, where the manifest grants one. A program that uses `alloc` without ends as "out of memory".

#![expect(unsafe_code, reason = "a global allocator is an unsafe trait")]

use crate::area::Area;
use crate::cell::Guarded;
use crate::sys;
use abi::fault::Reason;
use abi::layout::{HEAP, HEAP_END};
use core::alloc::{GlobalAlloc, Layout};
use core::ptr::NonNull;

struct Global(Guarded<Area>);

#[global_allocator]
static GLOBAL: Global = Global(Guarded::new(Area::new()));

/// Takes over the heap's `length` bytes. Called before anything is allocated.
pub fn start(length: u64) {
    resize(length, length);
}

/// The heap has `length` bytes now, and shall have `wanted`: uses all of it, or gives up what it can; how many bytes it keeps.
pub fn resize(length: u64, wanted: u64) -> u64 {
    let room = HEAP_END.saturating_sub(HEAP);
    let (Some(start), Some(length), Some(wanted)) =
        (narrow(HEAP), narrow(length.min(room)), narrow(wanted.min(room)))
    else {
        return length;
    };
    loop {
        let kept = GLOBAL.0.with(|area| {
            if wanted < length {
                return area.give_up(start, wanted);
            }
            // SAFETY: the resource manager mapped that many bytes there, writable and for nothing else.
            unsafe { area.grow(start, length) };
            length
        });
        match kept {
            Some(kept) => return wide(kept),
            // Another context allocates, which takes a bounded time.
            None => sys::yield_slot(),
        }
    }
}

// SAFETY: blocks come from the buddy allocator, one caller at a time.
unsafe impl GlobalAlloc for Global {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // A second context waits for the first, which holds the heap for a bounded time.
        loop {
            match self.0.with(|area| area.heap().alloc(layout)) {
                Some(Ok(block)) => return block.as_ptr(),
                Some(Err(())) => sys::exit(Reason::OutOfMemory, wide(layout.size()), [0; 2]),
                None => sys::yield_slot(),
            }
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let Some(block) = NonNull::new(block) else { return };
        // SAFETY: the caller got the block from `alloc` with this layout.
        while self.0.with(|area| unsafe { area.heap().dealloc(block, layout) }).is_none() {
            sys::yield_slot();
        }
    }
}

fn narrow(size: u64) -> Option<usize> {
    usize::try_from(size).ok()
}

fn wide(size: usize) -> u64 {
    u64::try_from(size).unwrap_or(u64::MAX)
}
