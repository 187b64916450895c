//! What the transaction in progress has done so far with a page that it may use for the database.

use crate::map::OwnerMap;
use crate::master::Master;
use crate::memory::Memory;
use crate::operation::Operation;
use crate::page::Page;
use crate::record::{Record, Words, may_be_about};

/// What became of a page.
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

impl<M: Memory> OwnerMap<M> {
    /// What became of a page so far.
    pub(crate) fn standing(&self, page: Page) -> Standing {
        let change = |record: Record| record.standing(page, &self.master);
        let about = |words: &&Words| may_be_about(words, page);
        let mut changes = self.open_records().rev().filter(about).filter_map(Record::decode);
        changes.find_map(change).unwrap_or(Standing::Untouched)
    }

    /// Who owned a page before this transaction.
    pub(crate) fn owner_before(&self, page: Page) -> Option<Page> {
        let now = || self.owner(page.frame()).ok().map(|(owner, _)| owner);
        let mut records = self.open_records().filter_map(Record::decode);
        records.find_map(|record| record.owner_before(page)).or_else(now)
    }
}

impl Record {
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

    /// Who owned a page before this operation, where it changes that.
    fn owner_before(&self, page: Page) -> Option<Page> {
        match self.operation {
            Operation::ChangeOwner { run, from, .. } => run.covers(page).then_some(from),
            Operation::Merge { first, scale, owner, .. }
            | Operation::Split { first, scale, owner, .. } => {
                Operation::one(first, scale).covers(page).then_some(owner)
            }
            _ => None,
        }
    }
}
