//! A transaction while it is checked: the map as it would be after the operations so far.

use crate::descriptor;
use crate::entry::Entry;
use crate::log::LOG_OPERATIONS;
use crate::master::Master;
use crate::memory::Memory;
use crate::operation::{Operation, Problem, Record, Run};
use crate::page::{Page, Scale};
use arrayvec::ArrayVec;

/// The operations found good so far, over the map as it is.
pub(crate) struct Draft<'m, M> {
    pub(crate) memory: &'m M,
    pub(crate) master: Master,
    pub(crate) records: ArrayVec<Record, LOG_OPERATIONS>,
}

/// What this transaction has done so far with a page that it may use for the database.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Standing {
    /// Nothing, or it has given it away.
    Untouched,
    /// It took it from its owner.
    Taken,
    /// It took a descriptor from its partition.
    TakenDescriptor,
    /// It made a descriptor of it.
    Initialized,
    /// It made an index page of it.
    Index,
    /// It ended its use as index page or descriptor.
    Freed,
}

/// Frames that change hands.
#[derive(Clone, Copy)]
pub(crate) struct Move {
    pub(crate) loser: Page,
    pub(crate) gainer: Page,
    pub(crate) frames: u64,
}

impl<'m, M: Memory> Draft<'m, M> {
    pub(crate) fn new(memory: &'m M, master: Master) -> Self {
        Self { memory, master, records: ArrayVec::new() }
    }

    /// The entry as it would be.
    pub(crate) fn entry(&self, page: Page, index: u16) -> Result<Entry, Problem> {
        let changed = self.records.iter().rev().find_map(|r| r.entry(page, index, &self.master));
        let word = || self.memory.read(page, index);
        changed.map_or_else(|| Entry::from_word(word()).ok_or(Problem::Damaged(word())), Ok)
    }

    /// Index page and first entry of a run.
    pub(crate) fn place(&self, run: Run) -> Result<(Page, u16), Problem> {
        let index = run.scale.index(run.first);
        let fits = run.count > 0 && index.checked_add(run.count).is_some_and(|end| end <= 1024);
        let aligned = run.first.is_multiple_of(run.scale.frames());
        if !fits || !aligned || run.first >= self.master.frames() || run.scale > self.master.scale {
            return Err(Problem::Outside);
        }
        let (page, scale, _) = self.descend(run.first, run.scale)?;
        if scale == run.scale { Ok((page, index)) } else { Err(Problem::NotDivided) }
    }

    /// Who would own a page.
    pub(crate) fn owner(&self, page: Page) -> Result<Page, Problem> {
        self.find(page.frame()).map(|(owner, _)| owner)
    }

    /// Who would own a frame, and how large the page is that says so.
    pub(crate) fn find(&self, frame: u64) -> Result<(Page, Scale), Problem> {
        if frame >= self.master.frames() {
            return Err(Problem::Outside);
        }
        match self.descend(frame, Scale::Kilo)? {
            (_, scale, Entry::Owner(owner)) => Ok((owner, scale)),
            (_, _, index @ Entry::Index(_)) => Err(Problem::Damaged(index.word())),
        }
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

    /// Frames that a partition would own.
    pub(crate) fn frames(&self, partition: Page) -> u64 {
        let changed = self.records.iter().rev().find_map(|r| r.frames(partition, &self.master));
        changed.unwrap_or_else(|| descriptor::frames(self.memory, partition))
    }

    /// What became of a page so far.
    pub(crate) fn standing(&self, page: Page) -> Standing {
        let change = |record: &Record| record.standing(page, &self.master);
        self.records.iter().rev().find_map(change).unwrap_or(Standing::Untouched)
    }

    /// Whether there would be a partition with this number.
    pub(crate) fn is_live(&self, partition: Page) -> bool {
        match self.standing(partition) {
            Standing::Initialized => true,
            Standing::Untouched => {
                self.owner(partition) == Ok(partition)
                    && (descriptor::is_live(self.memory, partition) || self.made(partition))
            }
            _ => false,
        }
    }

    /// Whether this transaction made it, and has given it its descriptor already.
    fn made(&self, page: Page) -> bool {
        let made = |operation| matches!(operation, Operation::Initialize { partition, .. } if partition == page);
        self.records.iter().any(|record| made(record.operation))
    }
}

impl Record {
    /// What an entry is after this operation, where it changes it.
    fn entry(&self, page: Page, index: u16, master: &Master) -> Option<Entry> {
        let here = |count: u16| {
            page == self.map && index.checked_sub(self.index).is_some_and(|offset| offset < count)
        };
        match self.operation {
            Operation::ChangeOwner { run, to, .. } => here(run.count).then_some(Entry::Owner(to)),
            Operation::Merge { owner, .. } => here(1).then_some(Entry::Owner(owner)),
            Operation::Split { index: child, .. } if here(1) => Some(Entry::Index(child)),
            Operation::Split { first, scale, index: child, owner } if page == child => {
                let own = Operation::one(first, scale).covers(child)
                    && index == Scale::Kilo.index(child.frame());
                Some(Entry::Owner(if own { master.manager } else { owner }))
            }
            _ => None,
        }
    }

    /// Who loses and who gains.
    pub(crate) fn moves(&self, master: &Master) -> Option<Move> {
        match self.operation {
            Operation::ChangeOwner { run, from, to } => {
                Some(Move { loser: from, gainer: to, frames: run.frames() })
            }
            Operation::Merge { first, scale, index, owner } => {
                let own = Operation::one(first, scale).covers(index);
                own.then_some(Move { loser: master.manager, gainer: owner, frames: 1 })
            }
            Operation::Split { first, scale, index, owner } => {
                let own = Operation::one(first, scale).covers(index);
                own.then_some(Move { loser: owner, gainer: master.manager, frames: 1 })
            }
            Operation::Initialize { .. } | Operation::Destroy { .. } => None,
        }
    }

    /// Frames that a partition owns after this operation, where it changes that.
    fn frames(&self, of: Page, master: &Master) -> Option<u64> {
        if let Operation::Initialize { partition, .. } = self.operation {
            return (partition == of).then_some(0);
        }
        let change = self.moves(master)?;
        let [loser, gainer] = self.before;
        if change.loser == of {
            return Some(loser.wrapping_sub(change.frames));
        }
        (change.gainer == of).then(|| gainer.wrapping_add(change.frames))
    }

    /// What becomes of a page by this operation, where it matters.
    fn standing(&self, page: Page, master: &Master) -> Option<Standing> {
        match self.operation {
            Operation::ChangeOwner { run, from, to } if run.covers(page) => {
                Some(match (to == master.manager, from == page) {
                    (true, true) => Standing::TakenDescriptor,
                    (true, false) => Standing::Taken,
                    (false, _) => Standing::Untouched,
                })
            }
            Operation::Initialize { partition, .. } if partition == page => {
                Some(Standing::Initialized)
            }
            Operation::Destroy { partition } if partition == page => Some(Standing::Freed),
            Operation::Merge { first, scale, index, .. } if index == page => {
                let own = Operation::one(first, scale).covers(index);
                Some(if own { Standing::Untouched } else { Standing::Freed })
            }
            Operation::Split { index, .. } if index == page => Some(Standing::Index),
            _ => None,
        }
    }
}
