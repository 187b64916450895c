//! Looking things up in the map as it is now, with all that the transaction in progress has done.

use crate::descriptor;
use crate::entry::Entry;
use crate::map::OwnerMap;
use crate::memory::Memory;
use crate::operation::{Problem, Run};
use crate::page::{Page, Scale};

/// A place in an index page: where the map says whose some memory is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Leaf {
    /// The index page.
    pub page: Page,
    /// Which entry.
    pub index: u16,
    /// How much it describes.
    pub scale: Scale,
    /// Who owns it.
    pub owner: Page,
}

impl<M: Memory> OwnerMap<M> {
    /// An entry of an index page.
    pub(crate) fn entry(&self, page: Page, index: u16) -> Result<Entry, Problem> {
        let word = self.memory.read(page, index);
        Entry::from_word(word).ok_or(Problem::Damaged(word))
    }

    /// The entry that says whose a frame is.
    ///
    /// # Errors
    /// Where the frame is beyond the map, or the map is damaged.
    pub fn leaf(&self, frame: u64) -> Result<Leaf, Problem> {
        if frame >= self.master.frames() {
            return Err(Problem::Outside);
        }
        match self.descend(frame, Scale::Kilo)? {
            (page, scale, Entry::Owner(owner)) => {
                Ok(Leaf { page, index: scale.index(frame), scale, owner })
            }
            (_, _, index @ Entry::Index(_)) => Err(Problem::Damaged(index.word())),
        }
    }

    /// Who owns a frame, and how large the page is that says so.
    ///
    /// # Errors
    /// As [`leaf`](Self::leaf).
    pub fn owner(&self, frame: u64) -> Result<(Page, Scale), Problem> {
        self.leaf(frame).map(|leaf| (leaf.owner, leaf.scale))
    }

    /// The index page that describes a run, and the first index there.
    ///
    /// # Errors
    /// Where the run is beyond the map or described by a coarser page.
    pub fn place(&self, run: Run) -> Result<(Page, u16), Problem> {
        let index = run.scale.index(run.first);
        let fits = run.count > 0 && index.checked_add(run.count).is_some_and(|end| end <= 1024);
        let aligned = run.first.is_multiple_of(run.scale.frames());
        if !fits || !aligned || run.first >= self.master.frames() || run.scale > self.master.scale {
            return Err(Problem::Outside);
        }
        let (page, scale, _) = self.descend(run.first, run.scale)?;
        if scale == run.scale { Ok((page, index)) } else { Err(Problem::NotDivided) }
    }

    /// Follows the map to the entry of this scale, or to a coarser one that is not divided.
    fn descend(&self, frame: u64, to: Scale) -> Result<(Page, Scale, Entry), Problem> {
        let (mut page, mut scale) = (self.master.top, self.master.scale);
        loop {
            let entry = self.entry(page, scale.index(frame))?;
            match (entry, scale.finer()) {
                (Entry::Index(next), Some(finer)) if scale > to => (page, scale) = (next, finer),
                _ => return Ok((page, scale, entry)),
            }
        }
    }

    /// Whether there is a partition with this number.
    #[must_use]
    pub fn is_partition(&self, page: Page) -> bool {
        let own = |(owner, _)| owner == page;
        descriptor::is_live(&self.memory, page) && self.owner(page.frame()).is_ok_and(own)
    }

    /// Frames that a partition owns; 0 where there is none.
    #[must_use]
    pub fn frames(&self, partition: Page) -> u64 {
        let there = self.is_partition(partition);
        if there { descriptor::frames(&self.memory, partition) } else { 0 }
    }

    /// Kind and name of a partition.
    #[must_use]
    pub fn describe(&self, partition: Page) -> Option<(descriptor::Kind, descriptor::Name)> {
        let there = self.is_partition(partition);
        let kind = there.then(|| descriptor::kind(&self.memory, partition)).flatten()?;
        Some((kind, descriptor::name(&self.memory, partition)))
    }
}
