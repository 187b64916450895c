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
    if map.holds_memory(framebuffer.address, bytes(&framebuffer)) {
        Framebuffer::default()
    } else {
        framebuffer
    }
}

/// One past the last frame that the ledger covers: of memory, or of the framebuffer where the entries in between cost little.
pub(crate) fn ledger_end(framebuffer: &Framebuffer, map: &MemoryMap) -> u64 {
    let (memory, start) = (map.frames(), framebuffer.address.raw());
    let end =
        if start == 0 { 0 } else { start.saturating_add(bytes(framebuffer)).div_ceil(PAGE_SIZE) };
    let cost = end.saturating_sub(memory).div_ceil(ENTRIES);
    if cost <= map.memory_frames() / SHARE { memory.max(end) } else { memory }
}

/// Bytes from the first pixel to the last line's end.
pub(crate) fn bytes(framebuffer: &Framebuffer) -> u64 {
    u64::from(framebuffer.pitch).saturating_mul(u64::from(framebuffer.height))
}
