//! The map, opened by its one writer.

use crate::apply::{apply, undo};
use crate::descriptor::{self, Kind};
use crate::log::{Cause, Outcome, Transaction};
use crate::master::Master;
use crate::memory::Memory;
use crate::operation::{Operation, Problem, Refusal};
use crate::page::Page;
use crate::record::Record;

/// The owner map, records of other things, and their log.
pub struct OwnerMap<M> {
    pub(crate) memory: M,
    pub(crate) master: Master,
    /// The newest transaction; one that is in progress is this.
    newest: Transaction,
    /// Whether it has an operation that the rules for a transaction as a whole are about.
    follow: bool,
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
        let mut map = Self { memory, master, newest, follow: false };
        map.undo();
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

    /// The memory it lies in, for what no transaction needs to know of.
    pub fn memory_mut(&mut self) -> &mut M {
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
        self.newest = self.newest.begin(&mut self.memory, &self.master, cause);
        self.follow = false;
    }

    /// Checks an operation, writes it down and makes it, as part of the transaction in progress.
    ///
    /// # Errors
    /// Where it is refused, and changes nothing: the transaction is to be [refused](Self::refuse), or goes on without it.
    pub fn add(&mut self, operation: &Operation) -> Result<(), Problem> {
        if !self.is_open() {
            return Err(Problem::Length);
        }
        let record = self.resolve(operation)?;
        let written = match self.joined(&record) {
            Some(both) => self.newest.rewrite(&mut self.memory, &self.master, &both),
            None => self.newest.append(&mut self.memory, &self.master, &record),
        };
        if !written {
            return Err(Problem::Length);
        }
        apply(&mut self.memory, &self.master, &record);
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

    /// A change of owner and the record before it as one, where they go together.
    fn joined(&self, record: &Record) -> Option<Record> {
        if !matches!(record.operation, Operation::ChangeOwner { .. }) {
            return None;
        }
        let last = self.last_record(self.newest.count.checked_sub(1)?)?;
        last.joined(record, &self.master)
    }

    /// The transaction in progress holds from now on. Its number.
    ///
    /// # Errors
    /// Where it breaks a rule for transactions as a whole: then it is refused.
    pub fn commit(&mut self) -> Result<u64, Refusal> {
        if self.follow
            && let Err(problem) = self.whole()
        {
            return self.refuse(problem);
        }
        if self.is_open() {
            self.newest.close(&mut self.memory, &self.master, Outcome::Committed);
        }
        Ok(self.newest.sequence)
    }

    /// Takes the transaction in progress back.
    pub fn undo(&mut self) {
        self.take_back();
        if self.is_open() {
            self.newest.close(&mut self.memory, &self.master, Outcome::Undone);
        }
    }

    /// Takes the transaction in progress back because of an operation that would have been its next. The log keeps those before.
    ///
    /// # Errors
    /// Always, with that refusal.
    pub fn refuse<T>(&mut self, problem: Problem) -> Result<T, Refusal> {
        let refusal = Refusal { at: self.newest.count, problem };
        self.take_back();
        if self.is_open() {
            self.newest.close(&mut self.memory, &self.master, refusal.into());
        }
        Err(refusal)
    }

    /// Whether a transaction is in progress.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.newest.outcome == Outcome::InProgress
    }

    /// Operations of the transaction in progress, or of the last.
    #[must_use]
    pub fn count(&self) -> u16 {
        self.newest.count
    }

    /// The transactions that the log remembers, the newest first.
    pub fn transactions(&self) -> impl Iterator<Item = Transaction> {
        let mut back = self.newest.length();
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

    /// An operation, from 0, of the transaction in progress or of the last one, whatever became of it.
    #[must_use]
    pub fn last_record(&self, at: u16) -> Option<Record> {
        self.record(&self.newest, at)
    }

    /// Operations of a transaction that the log remembers: all, or those before the one that was refused.
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

    /// Operations of the transaction in progress.
    pub(crate) fn open_records(&self) -> impl DoubleEndedIterator<Item = Record> {
        let count = if self.is_open() { self.newest.count } else { 0 };
        (0..count).filter_map(|at| self.record(&self.newest, at))
    }

    fn take_back(&mut self) {
        let all = if self.is_open() { self.newest.count } else { 0 };
        for at in (0..all).rev() {
            if let Some(record) = self.record(&self.newest, at) {
                undo(&mut self.memory, &self.master, &record);
            }
        }
    }
}
