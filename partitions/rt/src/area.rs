//! The memory of the heap, which grows and is given back at its end while blocks of it are in use.
//!
//! To find out what is unused at the end, the area takes every free page from its own allocator: pages behind the last one
//! that it does not get are nobody's. Those it never gives back to the allocator; all others it does.

#![expect(unsafe_code, reason = "an allocator's own memory")]

use abi::types::PAGE_SIZE;
use buddy_system_allocator::Heap;
use core::alloc::Layout;
use core::ptr::NonNull;

/// Classes of sizes, each twice the one before: the largest block is smaller than the room for a heap.
const ORDERS: usize = 28;
/// Bytes of a page.
#[expect(clippy::as_conversions, reason = "a constant that fits")]
const PAGE: usize = PAGE_SIZE as usize;
const PAGE_LAYOUT: Layout = match Layout::from_size_align(PAGE, PAGE) {
    Ok(layout) => layout,
    Err(_) => Layout::new::<[u64; 512]>(),
};

/// An allocator and the end of its memory.
pub struct Area {
    heap: Heap<ORDERS>,
    /// One past its last byte; 0 before it has any.
    end: usize,
}

/// Free pages, each of which holds the address of the next.
struct Pages(Option<NonNull<usize>>);

impl Pages {
    /// Takes all there are.
    fn take(heap: &mut Heap<ORDERS>) -> Self {
        let mut pages = Self(None);
        while let Ok(page) = heap.alloc(PAGE_LAYOUT) {
            let page = page.cast::<usize>();
            let next = pages.0.map_or(0, |next| next.as_ptr().expose_provenance());
            // SAFETY: a page of its own, aligned, just allocated.
            unsafe { page.write(next) };
            pages.0 = Some(page);
        }
        pages
    }

    /// How many lie at or above an address.
    fn above(&self, address: usize) -> usize {
        let mut next = self.0;
        let pages = core::iter::from_fn(|| {
            let page = next?;
            next = following(page);
            Some(page)
        });
        pages.filter(|page| page.addr().get() >= address).count()
    }

    /// Gives those below an address back.
    fn put_back(self, heap: &mut Heap<ORDERS>, address: usize) {
        let mut next = self.0;
        while let Some(page) = next {
            next = following(page);
            if page.addr().get() < address {
                // SAFETY: allocated by `take` with this layout, and not used any more.
                unsafe { heap.dealloc(page.cast(), PAGE_LAYOUT) };
            }
        }
    }
}

/// The page after one of the list.
fn following(page: NonNull<usize>) -> Option<NonNull<usize>> {
    // SAFETY: a page of the list, which `take` wrote to.
    let address = unsafe { page.read() };
    NonNull::new(core::ptr::with_exposed_provenance_mut(address))
}

impl Area {
    /// Without memory.
    pub const fn new() -> Self {
        Self { heap: Heap::new(), end: 0 }
    }

    /// The allocator.
    pub const fn heap(&mut self) -> &mut Heap<ORDERS> {
        &mut self.heap
    }

    /// From now on the memory from `start` on has `length` bytes.
    ///
    /// # Safety
    /// The bytes behind its end before are there, writable, and nobody's; `start` is always the same.
    pub unsafe fn grow(&mut self, start: usize, length: usize) {
        let (from, to) = (self.end.max(start), start.saturating_add(length));
        if to > from {
            // SAFETY: the caller vouches for what is behind the end.
            unsafe { self.heap.add_to_heap(from, to) };
            self.end = to;
        }
    }

    /// Gives up what is unused at the end, so that not less than `length` bytes are left, in whole pages; how many are.
    pub fn give_up(&mut self, start: usize, length: usize) -> usize {
        let least = start.saturating_add(length).next_multiple_of(PAGE);
        if self.end <= least {
            return self.end.saturating_sub(start);
        }
        let pages = Pages::take(&mut self.heap);
        // Where all pages behind a place are free, so are those behind any later one.
        let (mut low, mut high) = (least.wrapping_div(PAGE), self.end.wrapping_div(PAGE));
        let end = high;
        while low < high {
            let middle = low.midpoint(high);
            if pages.above(middle.wrapping_mul(PAGE)) == end.wrapping_sub(middle) {
                high = middle;
            } else {
                low = middle.wrapping_add(1);
            }
        }
        self.end = high.wrapping_mul(PAGE);
        pages.put_back(&mut self.heap, self.end);
        self.end.saturating_sub(start)
    }
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "numbers of a test")]
mod tests {
    //! Areas that grow and shrink around blocks in use.

    use super::*;
    use std::alloc::{alloc, dealloc};
    use std::collections::BTreeMap;

    const PAGES: usize = 256;
    fn whole() -> Layout {
        Layout::from_size_align(PAGES * PAGE, PAGES * PAGE).unwrap()
    }

    /// Blocks by address: layout and what they are filled with.
    type Blocks = BTreeMap<usize, (Layout, u8)>;

    fn put(area: &mut Area, blocks: &mut Blocks, size: usize, fill: u8) -> bool {
        let layout = Layout::from_size_align(size, 8).unwrap();
        let Ok(block) = area.heap().alloc(layout) else { return false };
        // SAFETY: just allocated with this size.
        unsafe { block.write_bytes(fill, size) };
        blocks.insert(block.as_ptr().expose_provenance(), (layout, fill)).is_none()
    }

    fn remove(area: &mut Area, blocks: &mut Blocks, nth: usize) {
        let address = *blocks.keys().nth(nth % blocks.len()).unwrap();
        let (layout, fill) = blocks.remove(&address).unwrap();
        let block = NonNull::new(core::ptr::with_exposed_provenance_mut::<u8>(address)).unwrap();
        // SAFETY: the block, all of which was filled when it was allocated.
        let bytes = unsafe { core::slice::from_raw_parts(block.as_ptr(), layout.size()) };
        assert!(bytes.iter().all(|byte| *byte == fill), "a block was changed");
        // SAFETY: allocated with this layout.
        unsafe { area.heap().dealloc(block, layout) };
    }

    /// The page behind the last one that a block touches, counted with what the allocator rounds it up to.
    fn used(blocks: &Blocks, start: usize) -> usize {
        let end = |(address, (layout, _)): (&usize, &(Layout, u8))| {
            (address - start + layout.size().next_power_of_two()).next_multiple_of(PAGE)
        };
        blocks.iter().map(end).max().unwrap_or(0)
    }

    #[test]
    fn exactly_what_is_unused_at_the_end_is_given_up() {
        // SAFETY: a layout of some size.
        let memory = NonNull::new(unsafe { alloc(whole()) }).unwrap();
        let start = memory.as_ptr().expose_provenance();
        let (mut area, mut blocks, mut state) = (Area::new(), Blocks::new(), 0x9e37_79b9_u32);
        let mut random = |below: usize| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            usize::try_from(state >> 4).unwrap() % below
        };
        let (mut length, mut refused, mut given) = (0, 0, 0);
        for round in 0..4000 {
            match random(8) {
                0..4 => {
                    refused +=
                        usize::from(!put(&mut area, &mut blocks, 1 + random(9000), round as u8))
                }
                4..6 if !blocks.is_empty() => remove(&mut area, &mut blocks, random(1000)),
                6 => {
                    length = length.max(random(PAGES + 1) * PAGE);
                    // SAFETY: the whole is this test's, and only the area uses it.
                    unsafe { area.grow(start, length) };
                }
                _ => {
                    let wanted = random(PAGES) * PAGE;
                    let kept = area.give_up(start, wanted);
                    let least = wanted.max(used(&blocks, start)).min(length);
                    assert_eq!(kept, least, "round {round}");
                    let gone = core::ptr::with_exposed_provenance_mut::<u8>(start + kept);
                    // SAFETY: nobody's any more.
                    unsafe { gone.write_bytes(0xff, length - kept) };
                    given += length - kept;
                    length = kept;
                }
            }
        }
        assert!(refused > 0 && given > 100 * PAGE, "{refused} refused, {given} bytes given up");
        while !blocks.is_empty() {
            remove(&mut area, &mut blocks, 0);
        }
        assert_eq!(area.give_up(start, 0), 0, "all of it can be given up");
        // SAFETY: allocated with this layout.
        unsafe { dealloc(memory.as_ptr(), whole()) };
    }
}
