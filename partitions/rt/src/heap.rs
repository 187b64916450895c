//! The heap, where the manifest grants one. A program that uses `alloc` without ends as "out of memory".

#![expect(unsafe_code, reason = "a global allocator is an unsafe trait")]

use crate::cell::Guarded;
use crate::sys;
use abi::fault::Reason;
use abi::layout::{HEAP, HEAP_END};
use buddy_system_allocator::Heap;
use core::alloc::{GlobalAlloc, Layout};
use core::ptr::NonNull;

/// Classes of sizes, each twice the one before: the largest block is smaller than the room for a heap.
const ORDERS: usize = 28;

struct Global(Guarded<Heap<ORDERS>>);

#[global_allocator]
static GLOBAL: Global = Global(Guarded::new(Heap::new()));

/// Takes over the heap's `length` bytes. Called once, before anything is allocated.
pub fn start(length: u64) {
    let length = length.min(HEAP_END.saturating_sub(HEAP));
    let (Ok(start), Ok(length)) = (usize::try_from(HEAP), usize::try_from(length)) else { return };
    if length != 0 {
        // SAFETY: the resource manager mapped that many bytes there, writable and for nothing else.
        let _ = GLOBAL.0.with(|heap| unsafe { heap.init(start, length) });
    }
}

// SAFETY: blocks come from the buddy allocator, one caller at a time.
unsafe impl GlobalAlloc for Global {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // A second context waits for the first, which holds the heap for a bounded time.
        loop {
            match self.0.with(|heap| heap.alloc(layout)) {
                Some(Ok(block)) => return block.as_ptr(),
                Some(Err(())) => sys::exit(Reason::OutOfMemory, wide(layout.size()), [0; 2]),
                None => sys::yield_slot(),
            }
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let Some(block) = NonNull::new(block) else { return };
        // SAFETY: the caller got the block from `alloc` with this layout.
        while self.0.with(|heap| unsafe { heap.dealloc(block, layout) }).is_none() {
            sys::yield_slot();
        }
    }
}

fn wide(size: usize) -> u64 {
    u64::try_from(size).unwrap_or(u64::MAX)
}
