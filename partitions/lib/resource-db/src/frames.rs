//! The owner map: one number for each frame, and for each block of 1024 frames how many are available.

use crate::owner::Owner;
use crate::rows::Extent;
use abi::types::Frame;

/// Frames of a block.
pub(crate) const BLOCK: usize = 1024;

/// The map.
pub(crate) struct Frames<'m> {
    pub(crate) owners: &'m mut [u32],
    pub(crate) blocks: &'m mut [u32],
    /// Where the next search starts.
    pub(crate) cursor: usize,
}

impl Frames<'_> {
    /// Owner of a frame; `Missing` beyond the map.
    pub(crate) fn owner(&self, frame: Frame) -> Owner {
        let at = usize::try_from(frame.raw()).ok();
        at.and_then(|at| self.owners.get(at)).map_or(Owner::Missing, |&n| Owner::from_number(n))
    }

    /// Whether all of `extent` is owned by `owner`.
    pub(crate) fn all(&self, extent: Extent, owner: Owner) -> bool {
        let number = owner.number();
        let owners = range(extent).and_then(|range| self.owners.get(range));
        owners.is_some_and(|owners| owners.iter().all(|&n| n == number))
    }

    /// Gives `extent`, which lies in the map, to `owner`.
    pub(crate) fn set(&mut self, extent: Extent, owner: Owner) {
        let Some(range) = range(extent) else { return };
        for at in range {
            let Some(number) = self.owners.get_mut(at) else { return };
            let was = core::mem::replace(number, owner.number());
            let Some(block) = self.blocks.get_mut(at / BLOCK) else { return };
            *block = block
                .wrapping_sub(u32::from(was == Owner::Available.number()))
                .wrapping_add(u32::from(owner == Owner::Available));
        }
    }

    /// `count` available frames in a row.
    pub(crate) fn find(&mut self, count: u64) -> Option<Extent> {
        let count = usize::try_from(count).ok().filter(|&count| count > 0)?;
        let wrap = self.cursor.saturating_add(count).min(self.owners.len());
        let start = self
            .find_between(self.cursor, self.owners.len(), count)
            .or_else(|| self.find_between(0, wrap, count))?;
        self.cursor = start.wrapping_add(count);
        Some(Extent {
            start: Frame::new(u64::try_from(start).ok()?),
            count: u64::try_from(count).ok()?,
        })
    }

    fn find_between(&self, from: usize, to: usize, count: usize) -> Option<usize> {
        let (mut start, mut at) = (from, from);
        while at < to {
            if at % BLOCK == 0 && self.blocks.get(at / BLOCK) == Some(&0) {
                at = at.wrapping_add(BLOCK);
                start = at;
                continue;
            }
            let free = self.owners.get(at) == Some(&Owner::Available.number());
            at = at.wrapping_add(1);
            if !free {
                start = at;
            } else if at.wrapping_sub(start) == count {
                return Some(start);
            }
        }
        None
    }

    /// The owner of a frame, and how many frames from it on are the same owner's, as far as its block goes.
    pub(crate) fn run(&self, from: Frame) -> Option<(Owner, u64)> {
        let at = usize::try_from(from.raw()).ok()?;
        let number = *self.owners.get(at)?;
        let end = at.checked_next_multiple_of(BLOCK).filter(|&end| end > at);
        let end = end.or(at.checked_add(BLOCK))?.min(self.owners.len());
        let whole =
            self.blocks.get(at / BLOCK).is_some_and(|&free| usize::try_from(free) == Ok(BLOCK));
        let rest = self.owners.get(at..end)?;
        let count =
            if whole { rest.len() } else { rest.iter().take_while(|&&n| n == number).count() };
        Some((Owner::from_number(number), u64::try_from(count).ok()?))
    }

    /// Available frames.
    pub(crate) fn available(&self) -> u64 {
        self.blocks.iter().map(|&block| u64::from(block)).sum()
    }

    /// Frames of an owner, counted one by one.
    pub(crate) fn count(&self, owner: Owner) -> u64 {
        let number = owner.number();
        self.owners.iter().map(|&n| u64::from(n == number)).sum()
    }

    /// Counts the blocks anew.
    pub(crate) fn recount(&mut self) {
        let available = Owner::Available.number();
        for (block, owners) in self.blocks.iter_mut().zip(self.owners.chunks(BLOCK)) {
            *block = owners.iter().map(|&n| u32::from(n == available)).sum();
        }
    }
}

/// Indices of an extent.
fn range(extent: Extent) -> Option<core::ops::Range<usize>> {
    let start = usize::try_from(extent.start.raw()).ok()?;
    Some(start..start.checked_add(usize::try_from(extent.count).ok()?)?)
}
