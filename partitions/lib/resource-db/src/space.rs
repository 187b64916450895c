//! Where memory is available: a summary of the owner map, 4 MiB by 4 MiB. Derived whenever books are opened, so never logged.

use crate::rows::Extent;
use abi::types::Frame;

/// Frames of a block, which is what one entry of the second scale describes.
pub(crate) const BLOCK: u64 = 1 << 10;
/// The same as a number of frames of one block.
const FULL: u16 = 1 << 10;

/// Most blocks that are looked at for one answer.
const LOOK: usize = 1 << 10;

/// For each block how many frames are available, and at most how many in a row.
pub(crate) struct Space<'m> {
    blocks: &'m mut [u32],
    /// Where the next search starts.
    cursor: u64,
}

/// What the map says inside a block.
pub(crate) struct Entries<'e> {
    /// The entries of its index page.
    pub(crate) all: &'e [u32],
    /// The one that says available.
    pub(crate) free: u32,
    /// Where one says so of its own descriptor, which nobody can have.
    pub(crate) except: Option<usize>,
}

impl Entries<'_> {
    /// Whether the frame at a place is available.
    fn is_free(&self, at: usize) -> bool {
        self.all.get(at) == Some(&self.free) && self.except != Some(at)
    }

    /// Available frames in a row from a place on; no more than `most` are looked at.
    fn run(&self, from: usize, most: usize) -> usize {
        let end = from.saturating_add(most).min(self.all.len());
        let rest = self.all.get(from..end).unwrap_or_default();
        let other = rest.iter().position(|&entry| entry != self.free);
        let run = other.unwrap_or(rest.len());
        let end = self.except.and_then(|except| except.checked_sub(from));
        end.map_or(run, |end| run.min(end))
    }

    /// Whether the frame at a place is available, and how many from it on are or are not as well.
    pub(crate) fn alike(&self, from: usize) -> (bool, u64) {
        let (free, rest) = (self.is_free(from), self.all.get(from..).unwrap_or_default());
        let other = || rest.iter().skip(1).position(|&entry| entry == self.free);
        let run = match free {
            true => self.run(from, rest.len()),
            false => other().map_or(rest.len(), |taken| taken.wrapping_add(1)),
        };
        (free, u64::try_from(run).unwrap_or(0).max(1))
    }

    /// Available frames.
    pub(crate) fn count(&self) -> usize {
        let count = self.all.iter().filter(|&&entry| entry == self.free).count();
        count.wrapping_sub(usize::from(self.except.is_some()))
    }
}

/// The index pages of blocks that are divided.
pub(crate) trait Inside {
    /// That of a block.
    fn entries(&self, block: u64) -> Entries<'_>;
}

impl<'m> Space<'m> {
    /// Blocks of so many frames.
    pub(crate) fn blocks(frames: u64) -> Option<usize> {
        usize::try_from(frames.div_ceil(BLOCK)).ok()
    }

    pub(crate) fn new(blocks: &'m mut [u32]) -> Self {
        blocks.fill(0);
        Self { blocks, cursor: 0 }
    }

    /// Writes down that of a block so many frames are available.
    pub(crate) fn set(&mut self, block: u64, available: u16) {
        self.put(block, available, available);
    }

    /// Frames of a block that are available.
    pub(crate) fn available(&self, block: u64) -> u16 {
        self.block(block).0
    }

    /// Whether a block is available throughout, and how many blocks from it on surely are as well; or the same of none of it. `None` where
    /// only some of it is.
    pub(crate) fn alike(&self, block: u64) -> Option<(bool, u64)> {
        let available = Some(self.available(block)).filter(|free| [0, FULL].contains(free))?;
        let rest = self.blocks.get(usize::try_from(block).ok()?..)?.iter().take(LOOK);
        let like = rest.take_while(|word| available_of(**word) == available).count();
        Some((available == FULL, u64::try_from(like).unwrap_or(0).max(1)))
    }

    /// Frames of a run became available, or are no more. What was taken last and comes back is taken next.
    pub(crate) fn change(&mut self, first: u64, count: u64, freed: bool) {
        let (mut at, end) = (first, first.saturating_add(count));
        if freed && end == self.cursor {
            self.cursor = first;
        }
        while at < end {
            let block = at / BLOCK;
            let next = block.wrapping_add(1).wrapping_mul(BLOCK).min(end);
            let frames = u16::try_from(next.wrapping_sub(at)).unwrap_or(FULL);
            let (available, longest) = self.block(block);
            let (available, longest) = if freed {
                let available = available.wrapping_add(frames);
                (available, available)
            } else {
                let available = available.wrapping_sub(frames);
                (available, longest.min(available))
            };
            self.put(block, available, longest);
            at = next;
        }
    }

    /// `count` available frames in a row: of a block that is not whole any more if there is one, so that large pages stay whole.
    pub(crate) fn find(&mut self, count: u64, map: &impl Inside) -> Option<Extent> {
        let small = u16::try_from(count).ok().filter(|&count| count <= FULL);
        let found = match small {
            Some(small) => self.find_within(small, map).or_else(|| self.find_whole()),
            None => self.find_aligned(count, map),
        };
        let start = found.or_else(|| self.find_across(count, map))?;
        self.cursor = start.wrapping_add(count);
        Some(Extent { start: Frame::new(start), count })
    }

    /// In a block of which some is available, the one of the search before first.
    fn find_within(&mut self, count: u16, map: &impl Inside) -> Option<u64> {
        let first = self.cursor / BLOCK;
        let from = usize::try_from(self.cursor % BLOCK).ok()?;
        let mut tries = Some((first, from)).into_iter().filter(|_| from > 0);
        if let Some((block, from)) = tries.next()
            && let Some(start) = self.look_in(block, from, count, map)
        {
            return Some(start);
        }
        let end = self.end();
        (first..end).chain(0..first.min(end)).find_map(|block| self.look_in(block, 0, count, map))
    }

    /// Looks for a run in a block from an entry on; after a look at all of it the longest run is known.
    fn look_in(&mut self, block: u64, from: usize, count: u16, map: &impl Inside) -> Option<u64> {
        let (available, longest) = self.block(block);
        if longest < count || available == FULL {
            return None;
        }
        let entries = map.entries(block);
        let (mut best, mut at) = (0, from);
        while at < entries.all.len() {
            let run = entries.run(at, count.into());
            if run >= usize::from(count) {
                return block.checked_mul(BLOCK)?.checked_add(u64::try_from(at).ok()?);
            }
            best = best.max(run);
            at = at.wrapping_add(run).wrapping_add(1);
        }
        if from == 0 {
            self.put(block, available, u16::try_from(best).unwrap_or(longest));
        }
        None
    }

    /// A block all of which is available.
    fn find_whole(&self) -> Option<u64> {
        let first = (self.cursor / BLOCK).min(self.end());
        let mut all = (first..self.end()).chain(0..first);
        all.find(|&block| self.available(block) == FULL).map(|block| block.wrapping_mul(BLOCK))
    }

    /// Whole blocks in a row, and what is left over from the start of the next.
    fn find_aligned(&self, count: u64, map: &impl Inside) -> Option<u64> {
        let (blocks, rest) = (count / BLOCK, count % BLOCK);
        let mut whole = 0_u64;
        for block in 0..self.end() {
            whole = if self.available(block) == FULL { whole.wrapping_add(1) } else { 0 };
            let next = block.wrapping_add(1);
            if whole >= blocks && (rest == 0 || self.start_of(next, map) >= rest) {
                return next.wrapping_sub(blocks).checked_mul(BLOCK);
            }
        }
        None
    }

    /// Wherever there are so many in a row, over the ends of blocks.
    fn find_across(&self, count: u64, map: &impl Inside) -> Option<u64> {
        let mut run = 0_u64;
        for block in 0..self.end() {
            let first = block.wrapping_mul(BLOCK);
            let start = self.start_of(block, map);
            if run.wrapping_add(start) >= count {
                return first.checked_sub(run);
            }
            run = if start == BLOCK { run.wrapping_add(BLOCK) } else { self.end_of(block, map) };
        }
        None
    }

    /// Frames available from the start of a block on.
    fn start_of(&self, block: u64, map: &impl Inside) -> u64 {
        self.edge(block, || map.entries(block).run(0, usize::from(FULL)))
    }

    /// Frames available up to the end of a block.
    fn end_of(&self, block: u64, map: &impl Inside) -> u64 {
        self.edge(block, || {
            let entries = map.entries(block);
            (0..entries.all.len()).rev().take_while(|&at| entries.is_free(at)).count()
        })
    }

    fn edge(&self, block: u64, look: impl FnOnce() -> usize) -> u64 {
        match self.available(block) {
            0 => 0,
            FULL => BLOCK,
            _ => u64::try_from(look()).unwrap_or(0),
        }
    }

    fn end(&self) -> u64 {
        u64::try_from(self.blocks.len()).unwrap_or(0)
    }

    fn block(&self, block: u64) -> (u16, u16) {
        let word = usize::try_from(block).ok().and_then(|at| self.blocks.get(at));
        let word = word.copied().unwrap_or(0);
        let [_, _, c, d] = word.to_le_bytes();
        (available_of(word), u16::from_le_bytes([c, d]))
    }

    fn put(&mut self, block: u64, available: u16, longest: u16) {
        let ([a, b], [c, d]) = (available.to_le_bytes(), longest.to_le_bytes());
        let word = usize::try_from(block).ok().and_then(|at| self.blocks.get_mut(at));
        if let Some(word) = word {
            *word = u32::from_le_bytes([a, b, c, d]);
        }
    }
}

/// Available frames of the block that a word is about.
fn available_of(word: u32) -> u16 {
    let [a, b, ..] = word.to_le_bytes();
    u16::from_le_bytes([a, b])
}
