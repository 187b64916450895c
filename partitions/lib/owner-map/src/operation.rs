//! What a transaction is made of, and how it is written in the log.

use crate::descriptor::{Kind, Name, words};
use crate::entry::Entry;
use crate::memory::{halves, join};
use crate::page::{Page, Scale};

/// Words of a record in the log.
pub(crate) const RECORD_WORDS: u16 = 16;

/// Entries in a row of one index page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Run {
    /// First frame that the first entry describes.
    pub first: u64,
    /// What an entry describes.
    pub scale: Scale,
    /// How many entries.
    pub count: u16,
}

impl Run {
    /// Frames that it describes.
    #[must_use]
    pub fn frames(&self) -> u64 {
        u64::from(self.count).wrapping_mul(self.scale.frames())
    }

    /// Whether `page` lies in it.
    #[must_use]
    pub fn covers(&self, page: Page) -> bool {
        page.frame().checked_sub(self.first).is_some_and(|offset| offset < self.frames())
    }
}

/// One step of a transaction (paragraphs 222-224). Pages and owners named beside the place are before-images: what is found there must be that.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation {
    /// Memory goes from one partition to another.
    ChangeOwner {
        /// What.
        run: Run,
        /// Who owns all of it now.
        from: Page,
        /// Who shall.
        to: Page,
    },
    /// A page that this transaction took becomes a descriptor, and must become its own before the end.
    Initialize {
        /// The page, which is the partition's number.
        partition: Page,
        /// What sort of partition.
        kind: Kind,
        /// Its name.
        name: Name,
    },
    /// A descriptor that this transaction took back, of a partition that owns nothing, is one no more.
    Destroy {
        /// The partition.
        partition: Page,
    },
    /// 1024 pages of one owner become a page of the coarser scale; their index page is free.
    Merge {
        /// First frame.
        first: u64,
        /// Scale of the page that comes of it.
        scale: Scale,
        /// The index page.
        index: Page,
        /// Who owns all of them.
        owner: Page,
    },
    /// A page becomes 1024 of the finer scale. The index page is one that this transaction took, or, where nobody has the memory, part of it.
    Split {
        /// First frame.
        first: u64,
        /// Scale of the page that is divided.
        scale: Scale,
        /// The index page.
        index: Page,
        /// Who owns it.
        owner: Page,
    },
}

impl Operation {
    /// The entry of the coarser index page that a merge or split is about.
    pub(crate) fn one(first: u64, scale: Scale) -> Run {
        Run { first, scale, count: 1 }
    }
}

/// Why an operation is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Problem {
    /// The place is beyond the map, not on a boundary of its scale, or in more than one index page.
    Outside,
    /// The memory is described by a coarser page.
    NotDivided,
    /// The before-image does not match; this is what the map says at the first entry that differs.
    Found(Entry),
    /// There is no partition with this number.
    NoPartition(Page),
    /// The page belongs to the database, and is in use or was not taken by this transaction.
    InUse(Page),
    /// It would take a partition's descriptor from it, or bury it in a larger page.
    OwnDescriptor(Page),
    /// The partition still owns so many frames.
    NotEmpty(u64),
    /// The manager and pseudo partitions stay.
    Protected,
    /// At the end of the transaction this page would belong to the database and serve for nothing.
    Lost(Page),
    /// At the end of the transaction this descriptor would not belong to itself.
    NotOwn(Page),
    /// More operations than a page of the log holds, or none.
    Length,
    /// An entry of the map makes no sense.
    Damaged(u32),
}

/// A transaction that was refused; nothing was changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// Which operation, from 0; as many as there are where only the whole is wrong.
    pub at: u16,
    /// Why.
    pub problem: Problem,
}

/// An operation as it is logged: with the place that was found for it and what it will change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Record {
    /// The operation.
    pub operation: Operation,
    /// The index page it changes; for descriptors, the descriptor.
    pub map: Page,
    /// The first entry there.
    pub index: u16,
    /// Frames owned before by who loses some and by who gains them.
    pub before: [u64; 2],
}

impl Record {
    /// As words of the log.
    pub(crate) fn encode(&self) -> [u32; 16] {
        let mut to = [0; 16];
        match self.operation {
            Operation::ChangeOwner { run, from, to: owner } => {
                place(&mut to, 1, run, [from, owner]);
            }
            Operation::Initialize { partition, kind, name } => {
                [to[0], to[5], to[7]] = [2, partition.number(), kind.number()];
                to.iter_mut().skip(8).zip(words(&name)).for_each(|(to, word)| *to = word);
            }
            Operation::Destroy { partition } => [to[0], to[5]] = [3, partition.number()],
            Operation::Merge { first, scale, index, owner } => {
                place(&mut to, 4, Operation::one(first, scale), [index, owner]);
            }
            Operation::Split { first, scale, index, owner } => {
                place(&mut to, 5, Operation::one(first, scale), [index, owner]);
            }
        }
        [to[3], to[4]] = [self.map.number(), u32::from(self.index)];
        if !matches!(self.operation, Operation::Initialize { .. }) {
            let [loser, gainer] = self.before.map(halves);
            [to[8], to[9], to[10], to[11]] = [loser[0], loser[1], gainer[0], gainer[1]];
        }
        to
    }

    /// From words of the log; `None` where they make no sense.
    pub(crate) fn decode(from: &[u32; 16]) -> Option<Self> {
        let wide = |low: usize, high: usize| Some(join(*from.get(low)?, *from.get(high)?));
        let (one, other) = (Page::new(from[5])?, Page::new(from[6])?);
        let scale = Scale::from_number(from[0] >> 8 & 0xff)?;
        let count = u16::try_from(from[0] >> 16).ok()?;
        let first = wide(1, 2)?;
        let operation = match from[0] & 0xff {
            1 => {
                let run = Run { first, scale, count };
                Operation::ChangeOwner { run, from: one, to: other }
            }
            2 => {
                let kind = Kind::from_number(from[7])?;
                Operation::Initialize { partition: one, kind, name: name(from) }
            }
            3 => Operation::Destroy { partition: one },
            4 => Operation::Merge { first, scale, index: one, owner: other },
            5 => Operation::Split { first, scale, index: one, owner: other },
            _ => return None,
        };
        let before = match operation {
            Operation::Initialize { .. } => [0; 2],
            _ => [wide(8, 9)?, wide(10, 11)?],
        };
        let (map, index) = (Page::new(from[3])?, u16::try_from(from[4]).ok()?);
        Some(Self { operation, map, index, before })
    }
}

/// Number, place and pages of an operation on index pages.
fn place(to: &mut [u32; 16], number: u32, run: Run, pages: [Page; 2]) {
    to[0] = number | run.scale.number() << 8 | u32::from(run.count) << 16;
    [to[1], to[2]] = halves(run.first);
    [to[5], to[6]] = pages.map(Page::number);
}

fn name(from: &[u32; 16]) -> Name {
    let mut name = Name::default();
    for (bytes, word) in name.chunks_exact_mut(4).zip(from.iter().skip(8)) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    name
}
