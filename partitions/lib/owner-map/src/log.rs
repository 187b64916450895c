//! The log: a ring of cells of 16 words. A transaction is a head and the cells of its records behind it. It is what recovery
//! reads and what an operator is shown.
//!
//! One word of the master index says where the newest head is, and each head where the one before it is. So a transaction begins with
//! one write, and what the ring has overwritten is never taken for a transaction: it lies further back than the ring is long.
//!
//! Nothing is written before all records of a transaction are known to be right. Then they are written behind the newest
//! transaction, where nobody looks, once it was said how many, and that write makes them the newest.

use crate::master::{AT_AHEAD, AT_NEWEST, Master};
use crate::memory::{Memory, halves, join};
use crate::operation::Refusal;
use crate::page::Page;
use crate::record::{RECORD_WORDS, Record, Words};

/// Most operations of one transaction.
pub const LOG_OPERATIONS: u16 = 120;
/// Fewest pages of a log: a transaction as long as it may be, and something to remember beside it.
pub const LEAST_LOG_PAGES: u32 = 4;
/// Cells of a page.
const CELLS: u32 = 64;
const _: () = assert!(RECORD_WORDS == 16 && LEAST_LOG_PAGES * CELLS > 242 && LOG_OPERATIONS == 120);

/// A place in the ring.
pub(crate) type Cell = u32;

const AT_STATE: usize = 0;
const AT_COUNT: usize = 1;
const AT_STEP: usize = 9;
const AT_PROBLEM: usize = 10;

/// How a transaction ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It has not: whoever finds it so takes it back.
    InProgress,
    /// It holds.
    Committed,
    /// It was taken back.
    Undone,
    /// Nothing was changed: the number of the operation that was refused, and of the [`Problem`](crate::Problem).
    Refused(u16, u32),
}

/// Why there is a transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Cause {
    /// The partition that asked.
    pub who: Page,
    /// What it asked for, in numbers of its own.
    pub what: u32,
    /// When, in the unit of whoever asked.
    pub when: u64,
}

/// The head of a transaction in the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Transaction {
    /// Counted from 1 since the database was made.
    pub sequence: u64,
    /// Why.
    pub cause: Cause,
    /// How many operations.
    pub count: u16,
    /// How it ended.
    pub outcome: Outcome,
    cell: Cell,
    previous: Cell,
}

impl Transaction {
    /// The newest; of a log that was never written to, an empty one with number 0.
    pub(crate) fn newest(memory: &impl Memory, master: &Master) -> Self {
        Self::read(memory, master, memory.read(master.index, AT_NEWEST))
    }

    /// The head in a cell.
    fn read(memory: &impl Memory, master: &Master, cell: Cell) -> Self {
        let words = load(memory, master, cell);
        let outcome = match words[AT_STATE] {
            1 => Outcome::InProgress,
            2 => Outcome::Committed,
            4 => Outcome::Refused(
                u16::try_from(words[AT_STEP]).unwrap_or(u16::MAX),
                words[AT_PROBLEM],
            ),
            _ => Outcome::Undone,
        };
        let who = Page::new(words[6]).unwrap_or_default();
        Self {
            sequence: join(words[2], words[3]),
            cause: Cause { who, what: words[7], when: join(words[4], words[5]) },
            count: u16::try_from(words[AT_COUNT]).unwrap_or(0),
            outcome,
            cell,
            previous: words[8],
        }
    }

    /// Writes the next transaction down: the records that were noted for it, then the head, and where that is as the last.
    pub(crate) fn enter(
        &self,
        memory: &mut impl Memory,
        master: &Master,
        (cause, count, outcome): (Cause, u16, Outcome),
    ) -> Self {
        let next = Self {
            sequence: self.sequence.wrapping_add(1),
            cause,
            count,
            outcome,
            cell: ring(master, self.cell, self.length()),
            previous: self.cell,
        };
        next.reserve(memory, master);
        next.write_records(memory, master);
        next.write_head(memory, master);
        memory.write(master.index, AT_NEWEST, next.cell);
        next
    }

    /// Says how many cells may be written over from now on: those of the longest transaction that ever was.
    fn reserve(&self, memory: &mut impl Memory, master: &Master) {
        if memory.read(master.index, AT_AHEAD) < self.length() {
            memory.write(master.index, AT_AHEAD, self.length());
        }
    }

    /// Writes the records, as many at once as a page holds.
    fn write_records(&self, memory: &mut impl Memory, master: &Master) {
        let mut at = 0;
        while let Some(rest) = self.count.checked_sub(at).filter(|&rest| rest > 0) {
            let cell = ring(master, self.cell, u32::from(at).wrapping_add(1));
            let (page, first) = place(master, cell);
            let room = u16::try_from(CELLS.wrapping_sub(cell % CELLS)).unwrap_or(1);
            memory.log(at, rest.min(room), page, first);
            at = at.wrapping_add(rest.min(room));
        }
    }

    fn write_head(&self, memory: &mut impl Memory, master: &Master) {
        let Cause { who, what, when } = self.cause;
        let ([low, high], [early, late]) = (halves(self.sequence), halves(when));
        let (at, problem) = match self.outcome {
            Outcome::Refused(at, problem) => (at, problem),
            _ => (0, 0),
        };
        let (state, who) = (self.outcome.state(), who.number());
        let (count, at) = (self.count.into(), at.into());
        let words = [state, count, low, high, early, late, who, what, self.previous, at, problem];
        store(memory, master, self.cell, &words);
    }

    /// Says how it ended, with one write.
    pub(crate) fn close(&mut self, memory: &mut impl Memory, master: &Master, outcome: Outcome) {
        let (page, first) = place(master, self.cell);
        memory.write(page, first, outcome.state());
        self.outcome = outcome;
    }

    /// A record, counted from 0.
    pub(crate) fn record(&self, memory: &impl Memory, master: &Master, at: u16) -> Option<Record> {
        let cell = ring(master, self.cell, u32::from(at).wrapping_add(1));
        if at < self.count { Record::decode(&load(memory, master, cell)) } else { None }
    }

    /// The one before it; `None` where that was overwritten, or is another one. `back` counts the cells from here to the end of those in use.
    pub(crate) fn before(
        &self,
        memory: &impl Memory,
        master: &Master,
        back: &mut u32,
    ) -> Option<Self> {
        let all = master.log_pages.wrapping_mul(CELLS);
        let length = self.cell.wrapping_add(all).wrapping_sub(self.previous).checked_rem(all)?;
        *back = back.checked_add(length)?;
        let there = self.sequence > 1 && *back <= all;
        let found = there.then(|| Self::read(memory, master, self.previous));
        // So that nobody walks in circles, whatever the heads say.
        found.filter(|found| found.sequence.wrapping_add(1) == self.sequence)
    }

    /// Cells that it takes and that the next may have taken, if it is the newest.
    pub(crate) fn in_use(&self, memory: &impl Memory, master: &Master) -> u32 {
        self.length().wrapping_add(memory.read(master.index, AT_AHEAD))
    }

    /// Cells that it takes.
    pub(crate) fn length(&self) -> u32 {
        u32::from(self.count).wrapping_add(1)
    }
}

impl Outcome {
    /// As a head says it.
    fn state(self) -> u32 {
        match self {
            Self::InProgress => 1,
            Self::Committed => 2,
            Self::Undone => 3,
            Self::Refused(..) => 4,
        }
    }
}

impl From<Refusal> for Outcome {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal.at, refusal.problem.number())
    }
}

/// The cell `steps` after another, fewer than the ring has.
fn ring(master: &Master, cell: Cell, steps: u32) -> Cell {
    let (all, next) = (master.log_pages.wrapping_mul(CELLS), cell.wrapping_add(steps));
    if next >= all { next.wrapping_sub(all) } else { next }
}

/// Page and first word of a cell.
fn place(master: &Master, cell: Cell) -> (Page, u16) {
    let page = Page::new(master.log.number().wrapping_add(cell / CELLS)).unwrap_or(master.log);
    (page, u16::try_from(cell % CELLS).unwrap_or(0).wrapping_mul(16))
}

fn load(memory: &impl Memory, master: &Master, cell: Cell) -> Words {
    let (page, first) = place(master, cell);
    let mut words = [0; RECORD_WORDS];
    memory.load(page, first, &mut words);
    words
}

fn store(memory: &mut impl Memory, master: &Master, cell: Cell, words: &[u32]) {
    let (page, first) = place(master, cell);
    memory.store(page, first, words);
}
