//! Frames that change hands: in entries as large as fit, dividing what is coarser and putting together what is finer.

use crate::books::{Books, Problem};
use crate::owner::Owner;
use crate::rows::{Extent, PartitionRow};
use crate::space::{BLOCK, Entries, Inside};
use abi::types::{Frame, PartitionId};
use owner_map::{Entry, Memory, Operation, OwnerMap, Page, Run, Scale, Slab};

impl Books<'_> {
    /// Frames change their owner.
    ///
    /// # Errors
    /// Where `before` does not own all of them: then the whole transaction is refused.
    pub fn give(&mut self, extent: Extent, before: Owner, after: Owner) -> Result<(), Problem> {
        self.open_transaction()?;
        let there = extent.start.raw().checked_add(extent.count);
        let there = there.is_some_and(|end| end <= self.layout.capacity.frames);
        let (Some(from), Some(to), true) = (self.page(before), self.page(after), there) else {
            return Err(self.refuse(owner_map::Problem::Outside));
        };
        let given = self.give_pages(extent, from, to);
        given.map_err(|problem| self.refuse(problem))
    }

    /// `count` available frames in a row become `owner`'s; an empty extent for 0.
    ///
    /// # Errors
    /// Where there are not so many.
    pub fn allocate(&mut self, count: u64, owner: Owner) -> Result<Extent, Problem> {
        if count == 0 {
            return Ok(Extent::default());
        }
        let free = self.map.master().available;
        let found = self.space.find(count, &Blocks { map: &self.map, free });
        let extent = found.ok_or(Problem::NoMemory)?;
        self.give(extent, Owner::Available, owner).map(|()| extent)
    }

    /// Several extents at once, those from `at` on or some that are available: one behind the other where there is so much in one
    /// piece, and always so where the place is told.
    ///
    /// # Errors
    /// As [`allocate`](Self::allocate), or as [`give`](Self::give) where the place is told.
    pub fn allocate_each<const N: usize>(
        &mut self,
        counts: [u64; N],
        at: Option<Frame>,
        owner: Owner,
    ) -> Result<[Extent; N], Problem> {
        let total = counts.iter().fold(0, |sum: u64, count| sum.saturating_add(*count));
        let whole = match at {
            Some(start) => {
                let extent = Extent { start, count: total };
                self.give(extent, Owner::Available, owner).map(|()| extent)
            }
            None => self.allocate(total, owner),
        };
        let mut extents = [Extent::default(); N];
        let mut next = match whole {
            Ok(whole) => Some(whole.start),
            Err(Problem::NoMemory) => None,
            Err(problem) => return Err(problem),
        };
        for (extent, &count) in extents.iter_mut().zip(&counts).filter(|(_, count)| **count > 0) {
            *extent = match next {
                Some(start) => Extent { start, count },
                None => self.allocate(count, owner)?,
            };
            next = next.and_then(|start| start.checked_add(count));
        }
        Ok(extents)
    }

    /// Writes the row of a partition, there already or not, with frames that it takes, and names then: so many for its heap,
    /// kernel objects, program, stacks, lasting memory and information pages, which lie in this order where they are in one piece.
    ///
    /// # Errors
    /// As [`allocate_each`](Self::allocate_each), and where there is no such place.
    pub fn furnish(
        &mut self,
        id: PartitionId,
        row: &mut PartitionRow,
        counts: [u64; 6],
        at: Option<Frame>,
    ) -> Result<(), Problem> {
        let owner = Owner::Partition(id);
        let page = self.page(owner).ok_or(Problem::NoSuch)?;
        self.open_transaction()?;
        let was = self.partition(id).is_some();
        self.claim(page, row).map_err(|problem| self.refuse(problem))?;
        let heap;
        [heap, row.kernel, row.program, row.stack, row.lasting, row.information] =
            self.allocate_each(counts, at, owner)?;
        row.make_heap(heap);
        self.write_partition(id, page, (was, row))
    }

    /// Several extents change their owner; those that follow each other do so as one.
    ///
    /// # Errors
    /// As [`give`](Self::give).
    pub fn give_each(
        &mut self,
        extents: &[Extent],
        before: Owner,
        after: Owner,
    ) -> Result<(), Problem> {
        let mut run = Extent::default();
        for extent in extents.iter().filter(|extent| extent.count > 0) {
            if run.start.checked_add(run.count) == Some(extent.start) && run.count > 0 {
                run.count = run.count.saturating_add(extent.count);
                continue;
            }
            self.give(run, before, after)?;
            run = *extent;
        }
        self.give(run, before, after)
    }

    /// One entry of the map after the other.
    fn give_pages(
        &mut self,
        extent: Extent,
        from: Page,
        to: Page,
    ) -> Result<(), owner_map::Problem> {
        let mut frame = extent.start.raw();
        let end = frame.saturating_add(extent.count);
        while frame < end {
            let (leaf, rest) = (self.map.leaf(frame)?, end.wrapping_sub(frame));
            let (scale, frames) = (leaf.scale, leaf.scale.frames());
            let first = frame & !frames.wrapping_sub(1);
            if self.is_to_be_merged(frame, rest, scale, from) {
                let index = self.map.master().kept_index(frame, Scale::Mega);
                let index = index.ok_or(owner_map::Problem::Outside)?;
                let scale = Scale::Mega;
                self.map.add(&Operation::Merge { first: frame, scale, index, owner: from })?;
            } else if first != frame || rest < frames {
                // Whoever asks for a part of what is not his gets nothing divided.
                if leaf.owner != from {
                    return Err(owner_map::Problem::Found(Entry::Owner(leaf.owner)));
                }
                let index = self.map.master().kept_index(first, scale);
                let index = index.ok_or(owner_map::Problem::Outside)?;
                self.map.add(&Operation::Split { first, scale, index, owner: from })?;
            } else {
                let left = u64::from(1024_u16.wrapping_sub(leaf.index));
                let most = rest.wrapping_shr(scale.shift()).min(left);
                let most = u16::try_from(most).unwrap_or(1);
                // The map itself looks at entries of the finest scale, none of which can be divided.
                let fine = scale == Scale::Kilo;
                let count = if fine { most } else { self.alike(leaf.page, leaf.index, most, from) };
                let run = Run { first: frame, scale, count };
                self.map.add(&Operation::ChangeOwner { run, from, to })?;
                self.space_changed(run, from, to);
                frame = frame.wrapping_add(run.frames());
            }
        }
        Ok(())
    }

    /// Whether a block is divided though nobody has any of it, and all of it is wanted.
    fn is_to_be_merged(&self, frame: u64, rest: u64, scale: Scale, from: Page) -> bool {
        scale == Scale::Kilo
            && rest >= BLOCK
            && frame.is_multiple_of(BLOCK)
            && from == self.map.master().available
            && u64::from(self.space.available(frame / BLOCK)) == BLOCK
    }

    /// Entries in a row of one owner; 1 where the first is not, for the map to refuse.
    fn alike(&self, page: Page, index: u16, most: u16, owner: Page) -> u16 {
        let word = Entry::Owner(owner).word();
        if self.map.memory().other_than(page, index, most, word).is_none() {
            return most;
        }
        let same = |at: &u16| self.map.memory().read(page, index.wrapping_add(*at)) == word;
        u16::try_from((0..most).take_while(same).count()).unwrap_or(0).max(1)
    }

    fn space_changed(&mut self, run: Run, from: Page, to: Page) {
        let available = self.map.master().available;
        if from == available || to == available {
            self.space.change(run.first, run.frames(), to == available);
        }
    }

    /// Counts the blocks anew that a transaction was about which is taken back.
    pub(crate) fn recount_undone(&mut self) {
        let available = self.map.master().available;
        for at in 0..self.map.count() {
            let Some(record) = self.map.last_record(at) else { continue };
            if let Operation::ChangeOwner { run, from, to } = record.operation
                && (from == available || to == available)
            {
                self.recount(run.first, run.frames());
            }
        }
    }

    /// Counts the blocks anew that some frames are in.
    pub(crate) fn recount(&mut self, first: u64, count: u64) {
        let end = first.saturating_add(count).min(self.layout.capacity.frames);
        let mut frame = first & !BLOCK.wrapping_sub(1);
        while frame < end {
            let available = self.available_in(frame);
            self.space.set(frame / BLOCK, available);
            frame = frame.wrapping_add(BLOCK);
        }
    }

    /// Available frames of the block that starts at a frame.
    fn available_in(&self, first: u64) -> u16 {
        let free = self.map.master().available;
        match self.map.owner(first) {
            Ok((_, Scale::Kilo)) => {
                let blocks = Blocks { map: &self.map, free };
                u16::try_from(blocks.entries(first / BLOCK).count()).unwrap_or(0)
            }
            Ok((owner, _)) if owner == free => 1024,
            _ => 0,
        }
    }

    /// Owner of a frame.
    #[must_use]
    pub fn owner(&self, frame: Frame) -> Owner {
        self.run(frame).map_or(Owner::Missing, |(owner, _)| owner)
    }

    /// Owner of a frame, and how many frames from it on are surely the same owner's: what is looked at is bounded, so
    /// the next run may go on with the same. `None` beyond the map.
    #[must_use]
    pub fn run(&self, from: Frame) -> Option<(Owner, u64)> {
        let all = self.layout.capacity.frames.checked_sub(from.raw()).filter(|&rest| rest > 0)?;
        let leaf = self.map.leaf(from.raw()).ok()?;
        let most = 1024_u16.wrapping_sub(leaf.index);
        let run = u64::from(self.alike(leaf.page, leaf.index, most, leaf.owner));
        let inside = from.raw() & leaf.scale.frames().wrapping_sub(1);
        let count = run.saturating_mul(leaf.scale.frames()).wrapping_sub(inside);
        // Descriptors are their own partition's in the map; whoever looks for memory finds a page of the database.
        let own = self.layout.base.frame();
        if Page::of_frame(from.raw()).is_some_and(|page| self.layout.has(page)) {
            let end = own.wrapping_add(self.layout.pages.into());
            return Some((Owner::Database, end.wrapping_sub(from.raw()).min(all)));
        }
        let to_own = own.checked_sub(from.raw()).filter(|&rest| rest > 0).unwrap_or(all);
        Some((self.layout.owner(leaf.owner), count.min(all).min(to_own)))
    }

    /// Frames available.
    #[must_use]
    pub fn available(&self) -> u64 {
        self.count(Owner::Available)
    }

    /// Frames of an owner; its descriptor is the database's.
    #[must_use]
    pub fn count(&self, owner: Owner) -> u64 {
        if owner == Owner::Database {
            return self.layout.pages.into();
        }
        let frames = self.page(owner).map_or(0, |page| self.map.frames(page)).saturating_sub(1);
        // The map goes on beyond the machine's last frame.
        let beyond = self.map.master().frames().wrapping_sub(self.layout.capacity.frames);
        if owner == Owner::Missing { frames.saturating_sub(beyond) } else { frames }
    }
}

/// The index pages of blocks that are divided.
pub(crate) struct Blocks<'b, 'm> {
    pub(crate) map: &'b OwnerMap<Slab<'m>>,
    /// Who owns what is available.
    pub(crate) free: Page,
}

impl Inside for Blocks<'_, '_> {
    fn entries(&self, block: u64) -> Entries<'_> {
        let page = self.map.master().pools.mega.page(block);
        let words = page.and_then(|page| self.map.memory().page(page));
        let own = self.free.frame().checked_sub(block.wrapping_mul(BLOCK));
        Entries {
            all: words.map_or(&[][..], |words| words.as_slice()),
            free: Entry::Owner(self.free).word(),
            except: own.filter(|&own| own < BLOCK).and_then(|own| usize::try_from(own).ok()),
        }
    }
}
