//! The log: a page for each transaction, used in turn. It is what recovery reads and what an operator is shown.

use crate::memory::{Memory, read_wide, write_wide};
use crate::operation::{Problem, RECORD_WORDS, Record, Refusal};
use crate::page::Page;

/// Most operations of one transaction: what a page holds beside its head.
pub const LOG_OPERATIONS: usize = 63;

/// Fewest pages of a log: one still tells the last number while the next is being written.
pub const LEAST_LOG_PAGES: u32 = 2;

const AT_STATE: u16 = 0;
const AT_COUNT: u16 = 1;
const AT_SEQUENCE: u16 = 2;
const AT_WHEN: u16 = 4;
const AT_WHO: u16 = 6;
const AT_REFUSED: u16 = 7;
const AT_PROBLEM: u16 = 8;

/// How a transaction ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It has not: whoever finds it so takes it back.
    InProgress,
    /// It holds.
    Committed,
    /// It was taken back.
    Undone,
    /// Nothing was changed: the number of the operation that was refused, and of the [`Problem`].
    Refused(u16, u32),
}

/// The head of a transaction in the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Transaction {
    /// Counted from 1 since the database was made.
    pub sequence: u64,
    /// When it was asked for, in the unit of whoever asked.
    pub when: u64,
    /// The partition that asked.
    pub who: Page,
    /// How many operations.
    pub count: u16,
    /// How it ended.
    pub outcome: Outcome,
}

impl Transaction {
    /// Reads the head of the transaction that a page of the log holds; `None` for none.
    pub(crate) fn read(memory: &impl Memory, page: Page) -> Option<Self> {
        let outcome = match memory.read(page, AT_STATE) {
            1 => Outcome::InProgress,
            2 => Outcome::Committed,
            3 => Outcome::Undone,
            4 => {
                let at = u16::try_from(memory.read(page, AT_REFUSED)).ok()?;
                Outcome::Refused(at, memory.read(page, AT_PROBLEM))
            }
            _ => return None,
        };
        let count = u16::try_from(memory.read(page, AT_COUNT)).ok()?;
        let who = Page::new(memory.read(page, AT_WHO))?;
        let (sequence, when) =
            (read_wide(memory, page, AT_SEQUENCE), read_wide(memory, page, AT_WHEN));
        (usize::from(count) <= LOG_OPERATIONS).then_some(Self {
            sequence,
            when,
            who,
            count,
            outcome,
        })
    }

    /// Writes head and records; the page says what it holds only when all of it is there.
    pub(crate) fn write(
        &self,
        memory: &mut impl Memory,
        page: Page,
        records: impl Iterator<Item = Record>,
    ) {
        memory.write(page, AT_STATE, 0);
        memory.write(page, AT_COUNT, u32::from(self.count));
        write_wide(memory, page, AT_SEQUENCE, self.sequence);
        write_wide(memory, page, AT_WHEN, self.when);
        memory.write(page, AT_WHO, self.who.number());
        for (at, record) in (1..).zip(records) {
            let first: u16 = RECORD_WORDS.wrapping_mul(at);
            for (index, word) in (first..).zip(record.encode()) {
                memory.write(page, index, word);
            }
        }
        if let Outcome::Refused(at, problem) = self.outcome {
            memory.write(page, AT_REFUSED, u32::from(at));
            memory.write(page, AT_PROBLEM, problem);
        }
        set_outcome(memory, page, self.outcome);
    }
}

/// Says how the transaction of a page ended: one write.
pub(crate) fn set_outcome(memory: &mut impl Memory, page: Page, outcome: Outcome) {
    let state = match outcome {
        Outcome::InProgress => 1,
        Outcome::Committed => 2,
        Outcome::Undone => 3,
        Outcome::Refused(..) => 4,
    };
    memory.write(page, AT_STATE, state);
}

/// A record of a page of the log, counted from 0.
pub(crate) fn record(memory: &impl Memory, page: Page, at: u16) -> Option<Record> {
    let first = RECORD_WORDS.checked_mul(at.checked_add(1)?)?;
    let mut words = [0; 16];
    for (word, index) in words.iter_mut().zip(first..) {
        *word = memory.read(page, index);
    }
    Record::decode(&words)
}

impl From<Refusal> for Outcome {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal.at, refusal.problem.number())
    }
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
        }
    }
}
