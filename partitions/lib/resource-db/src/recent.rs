//! What changed lately: who holds a copy of the books brings it up to date without reading them anew.
//!
//! Not kept in the books' memory. After they were opened nothing is known of what was before, so every copy is taken anew.

use crate::books::Books;
use crate::log::Subject;
use abi::types::{ChannelId, PartitionId};

/// Changes that are remembered.
const KEPT: usize = 64;

/// What a change was about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Touched {
    /// A partition's row.
    Partition(PartitionId),
    /// A channel's row.
    Channel(ChannelId),
    /// Who owns some frames.
    Memory,
}

impl Touched {
    pub(crate) const fn by(subject: Subject) -> Self {
        match subject {
            Subject::Frames(_) => Self::Memory,
            Subject::Partition(id) => Self::Partition(PartitionId::new(id)),
            Subject::Channel(id) => Self::Channel(ChannelId::new(id)),
        }
    }
}

/// The newest changes, in a ring.
pub(crate) struct Recent {
    /// The transaction that each belongs to.
    changes: [(u64, Touched); KEPT],
    /// Where the next goes.
    next: usize,
    /// Every change after this transaction is here.
    since: u64,
}

impl Recent {
    /// Nothing is known of what was before.
    pub(crate) const fn after(generation: u64) -> Self {
        Self { changes: [(0, Touched::Memory); KEPT], next: 0, since: generation }
    }

    pub(crate) fn add(&mut self, generation: u64, touched: Touched) {
        if let Some(place) = self.changes.get_mut(self.next) {
            let lost = core::mem::replace(place, (generation, touched));
            self.since = self.since.max(lost.0);
        }
        self.next = self.next.wrapping_add(1) % KEPT;
    }

    fn since(&self, generation: u64) -> Option<impl Iterator<Item = Touched>> {
        let known = generation >= self.since;
        let newer = move |(made, _): &&(u64, Touched)| *made > generation;
        known.then(|| self.changes.iter().filter(newer).map(|(_, touched)| *touched))
    }
}

impl Books<'_> {
    /// Number of the last transaction that was committed and changed something.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.header.generation
    }

    /// What changed after a transaction, in no order and perhaps repeated; `None` where that is not known any more, or
    /// there was no such transaction yet.
    #[must_use]
    pub fn changed_since(&self, generation: u64) -> Option<impl Iterator<Item = Touched>> {
        let was = generation <= self.generation();
        self.recent.since(generation).filter(|_| was)
    }
}
