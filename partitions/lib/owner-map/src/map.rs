//! The map, opened by its one writer.

use crate::apply::{apply, undo};
use crate::descriptor::{self, Kind};
use crate::log::{Cause, LOG_OPERATIONS, Outcome, Transaction};
use crate::master::Master;
use crate::memory::Memory;
use crate::operation::{Operation, Problem, Refusal};
use crate::page::Page;
use crate::record::{Record, Words, changes_owner};

/// The owner map, records of other things, and their log.
pub struct OwnerMap<M> {
    pub(crate) memory: M,
    pub(crate) master: Master,
    /// The newest transaction of the log.
    newest: Transaction,
    /// Whether one is in progress, of which the log knows nothing yet.
    open: bool,
    cause: Cause,
    /// Its operations, or those of the last.
    pub(crate) count: u16,
    /// Whether it has an operation that the rules for a transaction as a whole are about.
    follow: bool,
    /// Whether there was no room for an operation of it.
    short: bool,
}

/// Why a map cannot be opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OpenError {
    /// The page is not a master index.
    NoMaster,
    /// The manager's descriptor is not one.
    NoManager,
}

impl<M: Memory> OwnerMap<M> {
    /// Opens the map whose master index is at `page`. A transaction that was in progress is taken back.
    ///
    /// # Errors
    /// Where there is no map.
    pub fn open(memory: M, page: Page) -> Result<Self, OpenError> {
        let master = Master::read(&memory, page).ok_or(OpenError::NoMaster)?;
        if descriptor::kind(&memory, master.manager) != Some(Kind::Manager) {
            return Err(OpenError::NoManager);
        }
        let newest = Transaction::newest(&memory, &master);
        let (open, count, follow, short) = (false, 0, false, false);
        let cause = Cause::default();
        let mut map = Self { memory, master, newest, open, cause, count, follow, short };
        map.recover();
        Ok(map)
    }

    /// Where it lies.
    #[must_use]
    pub fn master(&self) -> &Master {
        &self.master
    }

    /// The memory it lies in.
    #[must_use]
    pub fn memory(&self) -> &M {
        &self.memory
    }

    /// The memory it lies in, for what no transaction needs to know of. One in progress is taken back.
    pub fn memory_mut(&mut self) -> &mut M {
        self.undo();
        &mut self.memory
    }

    /// Gives the memory back.
    pub fn into_memory(self) -> M {
        self.memory
    }

    /// A whole transaction. Its number in the log.
    ///
    /// # Errors
    /// Where an operation is refused: nothing is changed, and the log says so.
    pub fn submit(&mut self, cause: Cause, operations: &[Operation]) -> Result<u64, Refusal> {
        self.begin(cause);
        if operations.is_empty() {
            return self.refuse(Problem::Length);
        }
        for operation in operations {
            if let Err(problem) = self.add(operation) {
                return self.refuse(problem);
            }
        }
        self.commit()
    }

    /// Begins a transaction. One that is in progress is taken back first.
    pub fn begin(&mut self, cause: Cause) {
        self.undo();
        self.memory.draft();
        (self.open, self.cause, self.count) = (true, cause, 0);
        (self.follow, self.short) = (false, false);
    }

    /// Checks an operation against the map as those before it would leave it, and notes it as part of the transaction in progress.
    ///
    /// # Errors
    /// Where it is refused: the transaction is to be [refused](Self::refuse), or goes on without it; after
    /// [`Length`](Problem::Length) it cannot.
    pub fn add(&mut self, operation: &Operation) -> Result<(), Problem> {
        if !self.open {
            return Err(Problem::Length);
        }
        let record = self.resolve(operation)?;
        apply(&mut self.memory, &self.master, &record);
        // What there is no room for is no operation of it, so that the log tells the number of this one.
        if self.memory.is_full() {
            return Err(self.no_room());
        }
        self.note(&record)?;
        self.follow |= match *operation {
            Operation::ChangeOwner { to, .. } => to == self.master.manager,
            Operation::Merge { first, scale, index, .. } => {
                self.master.kept_index(first, scale) != Some(index)
            }
            Operation::Initialize { .. } => true,
            _ => false,
        };
        Ok(())
    }

    /// There is no room for an operation: the transaction in progress can only be refused, or forgotten.
    #[cold]
    pub(crate) fn no_room(&mut self) -> Problem {
        self.short = true;
        Problem::Length
    }

    /// Notes a record for the log, with the one before it as one where they go together.
    fn note(&mut self, record: &Record) -> Result<(), Problem> {
        let last = self.count.checked_sub(1);
        let both = last.and_then(|at| Some((at, self.joined(at, record)?)));
        let (at, noted) = both.unwrap_or((self.count, *record));
        let to = if at < LOG_OPERATIONS { self.memory.note(at) } else { None };
        let Some(to) = to else { return Err(self.no_room()) };
        noted.encode(to);
        self.count = at.wrapping_add(1);
        Ok(())
    }

    /// A change of owner and the record noted before it as one.
    fn joined(&self, before: u16, record: &Record) -> Option<Record> {
        let change = matches!(record.operation, Operation::ChangeOwner { .. });
        let both = change && changes_owner(self.memory.noted(before));
        if both { self.last_record(before)?.joined(record, &self.master) } else { None }
    }

    /// All of the transaction in progress was checked: it is written to the log, made, and holds from then on. Its number, that of
    /// the one before where it has no operations.
    ///
    /// # Errors
    /// Where it breaks a rule for transactions as a whole, or there was no room for an operation of it: then it is refused.
    pub fn commit(&mut self) -> Result<u64, Refusal> {
        let right = match (self.short, self.follow) {
            (true, _) => Err(Problem::Length),
            (false, true) => self.whole(),
            (false, false) => Ok(()),
        };
        if let Err(problem) = right {
            return self.refuse(problem);
        }
        if core::mem::take(&mut self.open) {
            self.memory.land();
            if self.count > 0 {
                self.enter(self.count, Outcome::InProgress);
                self.memory.make();
                self.newest.close(&mut self.memory, &self.master, Outcome::Committed);
            }
        }
        Ok(self.newest.sequence)
    }

    /// Forgets the transaction in progress; the log never learns of it.
    pub fn undo(&mut self) {
        if core::mem::take(&mut self.open) {
            self.memory.forget();
        }
    }

    /// Forgets the transaction in progress because of an operation that would have been its next, and writes down that it was refused.
    ///
    /// # Errors
    /// Always, with that refusal.
    pub fn refuse<T>(&mut self, problem: Problem) -> Result<T, Refusal> {
        let refusal = Refusal { at: self.count, problem };
        if self.open {
            self.undo();
            self.enter(0, refusal.into());
        }
        Err(refusal)
    }

    fn enter(&mut self, count: u16, outcome: Outcome) {
        let entry = (self.cause, count, outcome);
        self.newest = self.newest.enter(&mut self.memory, &self.master, entry);
    }

    /// Whether a transaction is in progress.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Operations of the transaction in progress, or of the last since the map was opened, whatever became of it.
    #[must_use]
    pub fn count(&self) -> u16 {
        self.count
    }

    /// The transactions that the log remembers, the newest first.
    pub fn transactions(&self) -> impl Iterator<Item = Transaction> {
        let mut back = self.newest.in_use(&self.memory, &self.master);
        let first = Some(self.newest).filter(|newest| newest.sequence > 0);
        core::iter::successors(first, move |found| {
            found.before(&self.memory, &self.master, &mut back)
        })
    }

    /// The transaction with this number, while the log remembers it.
    #[must_use]
    pub fn transaction(&self, sequence: u64) -> Option<Transaction> {
        self.transactions()
            .find(|found| found.sequence <= sequence)
            .filter(|found| found.sequence == sequence)
    }

    /// An operation of a transaction, from 0.
    #[must_use]
    pub fn record(&self, of: &Transaction, at: u16) -> Option<Record> {
        of.record(&self.memory, &self.master, at)
    }

    /// One of these [operations](Self::count), from 0.
    #[must_use]
    pub fn last_record(&self, at: u16) -> Option<Record> {
        if at < self.count { Record::decode(self.memory.noted(at)) } else { None }
    }

    /// Operations of a transaction that the log remembers; none of one that was refused.
    pub fn records(&self, sequence: u64) -> impl DoubleEndedIterator<Item = Record> {
        let found = self.transaction(sequence);
        let count = found.map_or(0, |found| found.count);
        (0..count).filter_map(move |at| found.and_then(|found| self.record(&found, at)))
    }

    /// Number of the next transaction.
    #[must_use]
    pub fn next_sequence(&self) -> u64 {
        self.newest.sequence.wrapping_add(1)
    }

    /// Operations of the transaction in progress, as the log will hold them.
    pub(crate) fn open_records(&self) -> impl DoubleEndedIterator<Item = &Words> {
        let count = if self.open { self.count } else { 0 };
        (0..count).map(|at| self.memory.noted(at))
    }

    /// Takes back what the log holds of a transaction that was not committed.
    fn recover(&mut self) {
        if self.newest.outcome != Outcome::InProgress {
            return;
        }
        for at in (0..self.newest.count).rev() {
            if let Some(record) = self.record(&self.newest, at) {
                undo(&mut self.memory, &self.master, &record);
            }
        }
        self.newest.close(&mut self.memory, &self.master, Outcome::Undone);
    }
}
