//! Which frames are available, told by the summary wherever a block is alike throughout: who copies that needs no look at the map.

use crate::books::Books;
use crate::give::Blocks;
use crate::space::{BLOCK, Inside};
use abi::types::Frame;

impl Books<'_> {
    /// Whether a frame is available, and how many frames from it on surely are or are not as well: what is looked at is bounded, so the next
    /// run may go on with the same. `None` beyond the map.
    #[must_use]
    pub fn available_run(&self, from: Frame) -> Option<(bool, u64)> {
        let all = self.layout.capacity.frames.checked_sub(from.raw()).filter(|&rest| rest > 0)?;
        let (block, inside) = (from.raw() / BLOCK, from.raw() % BLOCK);
        let (free, count) = match self.space.alike(block) {
            Some((free, blocks)) => (free, blocks.saturating_mul(BLOCK).wrapping_sub(inside)),
            None => {
                let blocks = Blocks { map: &self.map, free: self.map.master().available };
                blocks.entries(block).alike(usize::try_from(inside).unwrap_or(0))
            }
        };
        Some((free, count.min(all)))
    }
}
