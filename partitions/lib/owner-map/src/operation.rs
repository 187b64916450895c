//! What a transaction is made of.

use crate::descriptor::{Kind, Name};
use crate::entry::Entry;
use crate::page::{Page, Scale};

/// Most words that one [`Operation::Write`] changes.
pub const WRITE_WORDS: usize = 6;

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
    /// Words in a row of a record change.
    Write {
        /// The page: a descriptor, behind what the map keeps there itself, or one of those that are kept for records.
        page: Page,
        /// The first word.
        index: u16,
        /// How many, at most [`WRITE_WORDS`].
        count: u16,
        /// The words now, zeroes behind the last.
        before: [u32; WRITE_WORDS],
        /// The words then, zeroes behind the last.
        after: [u32; WRITE_WORDS],
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
    /// More operations than a transaction may have, or none.
    Length,
    /// An entry of the map makes no sense.
    Damaged(u32),
    /// The page is not one for records, or the words are not all in it.
    NoRecord(Page),
    /// The before-image of a record does not match; this is the first word that differs.
    Differs(u32),
    /// A rule of whoever keeps the records: the device with this number is, in part or whole, another's.
    Taken(u32),
    /// A rule of whoever keeps the records: a plan names this slot, which is nobody's, or is of a processor that runs nothing.
    NoPlace(u16),
    /// Whoever keeps the records refused it before it began; this number is told.
    Refused(u16),
}

impl Problem {
    /// Its number in the log.
    #[must_use]
    pub fn number(&self) -> u32 {
        match self {
            Self::Outside => 1,
            Self::NotDivided => 2,
            Self::Found(_) => 3,
            Self::NoPartition(_) => 4,
            Self::InUse(_) => 5,
            Self::OwnDescriptor(_) => 6,
            Self::NotEmpty(_) => 7,
            Self::Protected => 8,
            Self::Lost(_) => 9,
            Self::NotOwn(_) => 10,
            Self::Length => 11,
            Self::Damaged(_) => 12,
            Self::NoRecord(_) => 13,
            Self::Differs(_) => 14,
            Self::Taken(_) => 15,
            Self::NoPlace(_) => 16,
            Self::Refused(number) => u32::from(*number),
        }
    }
}

/// A transaction that was refused; nothing was changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// Which operation, from 0; as many as there are where only the whole is wrong.
    pub at: u16,
    /// Why.
    pub problem: Problem,
}
