//! The framebuffer that firmware left: whether it can be what it says, and how far the ledger must reach to give it away.

use crate::map::MemoryMap;
use abi::boot::Framebuffer;
use abi::types::PAGE_SIZE;

/// Share of memory that the ledger may grow by to cover a framebuffer beyond memory: one part in this many.
const SHARE: u64 = 16;
/// Entries of the ledger in a page.
const ENTRIES: u64 = PAGE_SIZE / 8;

/// The framebuffer, or none where it is said to lie in memory that is used for something else.
pub(crate) fn checked(framebuffer: Framebuffer, map: &MemoryMap) -> Framebuffer {
    let (start, end) = frames(&framebuffer);
    let mut memory = map.ranges().iter().filter(|range| range.usage.is_memory());
    if memory.any(|range| range.start < end && start < range.end) {
        return Framebuffer::default();
    }
    framebuffer
}

/// One past the last frame that the ledger covers: of memory, or of the framebuffer where the entries in between cost little.
pub(crate) fn ledger_end(framebuffer: &Framebuffer, map: &MemoryMap) -> u64 {
    let (memory, (_, end)) = (map.frames(), frames(framebuffer));
    let cost = end.saturating_sub(memory).div_ceil(ENTRIES);
    if cost <= map.memory_frames() / SHARE { memory.max(end) } else { memory }
}

/// First frame, and one past the last; 0 and 0 for none.
fn frames(framebuffer: &Framebuffer) -> (u64, u64) {
    let start = framebuffer.address.raw();
    let bytes = u64::from(framebuffer.pitch).saturating_mul(u64::from(framebuffer.height));
    if start == 0 {
        return (0, 0);
    }
    (start / PAGE_SIZE, start.saturating_add(bytes).div_ceil(PAGE_SIZE))
}
