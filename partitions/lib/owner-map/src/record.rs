//! Operations as the log holds them: 16 words each.

use crate::descriptor::{Kind, Name, words};
use crate::master::Master;
use crate::memory::{halves, join};
use crate::operation::{Operation, Run, WRITE_WORDS};
use crate::page::{Page, Scale};

/// Words of a record in the log.
pub(crate) const RECORD_WORDS: usize = 16;

/// A record as it is written.
pub type Words = [u32; RECORD_WORDS];

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

/// Frames that change hands.
#[derive(Clone, Copy)]
pub(crate) struct Move {
    pub(crate) loser: Page,
    pub(crate) gainer: Page,
    pub(crate) frames: u64,
}

impl Record {
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
            _ => None,
        }
    }

    /// This change of owner and the next as one, where they follow each other in an index page. Pages of the database go one by one.
    pub(crate) fn joined(&self, next: &Self, master: &Master) -> Option<Self> {
        let Operation::ChangeOwner { run, from, to } = self.operation else { return None };
        let Operation::ChangeOwner { run: more, from: same, to: alike } = next.operation else {
            return None;
        };
        let follows = (self.map, self.index.checked_add(run.count)?) == (next.map, next.index);
        let own = from == master.manager || to == master.manager;
        let count = run.count.checked_add(more.count)?;
        let both = Operation::ChangeOwner { run: Run { count, ..run }, from, to };
        let joins = follows && !own && (from, to) == (same, alike) && run.scale == more.scale;
        joins.then_some(Self { operation: both, ..*self })
    }

    /// As words of the log.
    pub(crate) fn encode(&self, to: &mut Words) {
        *to = [0; RECORD_WORDS];
        match self.operation {
            Operation::ChangeOwner { run, from, to: owner } => {
                place(to, 1, run, [from, owner]);
            }
            Operation::Initialize { partition, kind, name } => {
                [to[0], to[5], to[7]] = [2, partition.number(), kind.number()];
                to.iter_mut().skip(8).zip(words(&name)).for_each(|(to, word)| *to = word);
                return;
            }
            Operation::Destroy { partition } => [to[0], to[5]] = [3, partition.number()],
            Operation::Merge { first, scale, index, owner } => {
                place(to, 4, Operation::one(first, scale), [index, owner]);
            }
            Operation::Split { first, scale, index, owner } => {
                place(to, 5, Operation::one(first, scale), [index, owner]);
            }
            Operation::Write { page, index, count, before, after } => {
                let ([a, b, c, d, e, f], [g, h, i, j, k, l]) = (before, after);
                let head = 6 | u32::from(count) << 16;
                *to = [head, page.number(), index.into(), a, b, c, d, e, f, g, h, i, j, k, l, 0];
                return;
            }
        }
        [to[3], to[4]] = [self.map.number(), u32::from(self.index)];
        let [loser, gainer] = self.before.map(halves);
        [to[8], to[9], to[10], to[11]] = [loser[0], loser[1], gainer[0], gainer[1]];
    }

    /// From words of the log; `None` where they make no sense.
    pub(crate) fn decode(from: &Words) -> Option<Self> {
        if from[0] & 0xff == 6 {
            return write(from);
        }
        let (one, other) = (Page::new(from[5])?, Page::new(from[6])?);
        let scale = Scale::from_number(from[0] >> 8 & 0xff)?;
        let count = u16::try_from(from[0] >> 16).ok()?;
        let first = join(from[1], from[2]);
        let operation = match from[0] & 0xff {
            1 => {
                let run = Run { first, scale, count };
                Operation::ChangeOwner { run, from: one, to: other }
            }
            2 => {
                let (kind, name) = (Kind::from_number(from[7])?, name(from));
                let operation = Operation::Initialize { partition: one, kind, name };
                return Some(Self { operation, map: one, index: 0, before: [0; 2] });
            }
            3 => Operation::Destroy { partition: one },
            4 => Operation::Merge { first, scale, index: one, owner: other },
            5 => Operation::Split { first, scale, index: one, owner: other },
            _ => return None,
        };
        let before = [join(from[8], from[9]), join(from[10], from[11])];
        let (map, index) = (Page::new(from[3])?, u16::try_from(from[4]).ok()?);
        Some(Self { operation, map, index, before })
    }
}

/// Whether a record is of an [`Operation::ChangeOwner`].
pub(crate) fn changes_owner(words: &Words) -> bool {
    words[0] & 0xff == 1
}

/// Whether a record may have to do with what becomes of a page, told without reading all of it.
pub(crate) fn may_be_about(words: &Words, page: Page) -> bool {
    match words[0] & 0xff {
        6 => false,
        1 => {
            let shift = (words[0] >> 8 & 0xff).wrapping_mul(10);
            let behind = page.frame().wrapping_sub(join(words[1], words[2]));
            behind.wrapping_shr(shift) < u64::from(words[0] >> 16)
        }
        _ => words[5] == page.number(),
    }
}

/// The page that a record makes the database's, a descriptor, or an index page no more; a frame that is no page is one, too.
pub(crate) fn settled(words: &Words, manager: Page) -> Option<u64> {
    match words[0] & 0xff {
        1 if words[6] == manager.number() => Some(join(words[1], words[2])),
        2 | 4 => Some(words[5].into()),
        _ => None,
    }
}

/// A record of a [`Operation::Write`].
fn write(from: &Words) -> Option<Record> {
    let (page, index) = (Page::new(from[1])?, u16::try_from(from[2]).ok()?);
    let count = u16::try_from(from[0] >> 16).ok()?;
    let (mut before, mut after) = ([0; WRITE_WORDS], [0; WRITE_WORDS]);
    let images = before.iter_mut().chain(&mut after);
    images.zip(from.iter().skip(3)).for_each(|(to, word)| *to = *word);
    let operation = Operation::Write { page, index, count, before, after };
    Some(Record { operation, map: page, index, before: [0; 2] })
}

/// Number, place and pages of an operation on index pages.
fn place(to: &mut Words, number: u32, run: Run, pages: [Page; 2]) {
    to[0] = number | run.scale.number() << 8 | u32::from(run.count) << 16;
    [to[1], to[2]] = halves(run.first);
    [to[5], to[6]] = pages.map(Page::number);
}

fn name(from: &Words) -> Name {
    let mut name = Name::default();
    for (bytes, word) in name.chunks_exact_mut(4).zip(from.iter().skip(8)) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    name
}
