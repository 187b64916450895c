//! The map, opened by its one writer.

use crate::apply::{apply, undo};
use crate::descriptor::{self, Kind, Name};
use crate::draft::Draft;
use crate::log::{self, Outcome, Transaction};
use crate::master::Master;
use crate::memory::Memory;
use crate::operation::{Operation, Problem, Record, Refusal, Run};
use crate::page::{Page, Scale};

/// The owner map and its log.
pub struct OwnerMap<M> {
    pub(crate) memory: M,
    master: Master,
    /// Number of the next transaction.
    next: u64,
    /// Number of the one that is in progress.
    open: Option<u64>,
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
        let mut map = Self { memory, master, next: 1, open: None };
        for turn in 0..master.log_pages {
            let Some(found) = Transaction::read(&map.memory, master.log_page(u64::from(turn)))
            else {
                continue;
            };
            map.next = map.next.max(found.sequence.wrapping_add(1));
            if found.outcome == Outcome::InProgress {
                map.open = Some(found.sequence);
            }
        }
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

    /// Gives the memory back.
    pub fn into_memory(self) -> M {
        self.memory
    }

    /// Checks a transaction, writes it down, applies it, commits it. Its number in the log.
    ///
    /// # Errors
    /// Where an operation is refused: nothing is changed, and the log says so.
    pub fn submit(
        &mut self,
        who: Page,
        when: u64,
        operations: &[Operation],
    ) -> Result<u64, Refusal> {
        let sequence = self.prepare(who, when, operations)?;
        self.apply();
        self.commit();
        Ok(sequence)
    }

    /// Checks a transaction and writes it down. [`apply`](Self::apply) and [`commit`](Self::commit) follow, with what must be done on the
    /// machine between; or [`undo`](Self::undo). One that is in progress is taken back first.
    ///
    /// # Errors
    /// As [`submit`](Self::submit).
    pub fn prepare(
        &mut self,
        who: Page,
        when: u64,
        operations: &[Operation],
    ) -> Result<u64, Refusal> {
        self.undo();
        let mut draft = Draft::new(&self.memory, self.master);
        let checked = draft.check(operations);
        let records = draft.records;
        let sequence = self.next;
        let outcome = checked.map_or_else(Outcome::from, |()| Outcome::InProgress);
        let count = u16::try_from(records.len()).unwrap_or(0);
        let head = Transaction { sequence, when, who, count, outcome };
        let page = self.master.log_page(sequence);
        head.write(&mut self.memory, page, records.into_iter());
        self.next = sequence.wrapping_add(1);
        checked?;
        self.open = Some(sequence);
        Ok(sequence)
    }

    /// Makes the changes of the transaction in progress.
    pub fn apply(&mut self) {
        for at in 0..self.open_count() {
            if let Some(record) = self.open_record(at) {
                apply(&mut self.memory, &self.master, &record);
            }
        }
    }

    /// The transaction in progress holds from now on.
    pub fn commit(&mut self) {
        self.close(Outcome::Committed);
    }

    /// Takes the transaction in progress back.
    pub fn undo(&mut self) {
        for at in (0..self.open_count()).rev() {
            if let Some(record) = self.open_record(at) {
                undo(&mut self.memory, &self.master, &record);
            }
        }
        self.close(Outcome::Undone);
    }

    /// The transaction with this number, while the log remembers it.
    #[must_use]
    pub fn transaction(&self, sequence: u64) -> Option<Transaction> {
        let found = Transaction::read(&self.memory, self.master.log_page(sequence))?;
        (found.sequence == sequence).then_some(found)
    }

    /// Operations of a transaction that the log remembers: all, or those before the one that was refused.
    pub fn records(&self, sequence: u64) -> impl Iterator<Item = Record> {
        let count = self.transaction(sequence).map_or(0, |found| found.count);
        let page = self.master.log_page(sequence);
        (0..count).filter_map(move |at| log::record(&self.memory, page, at))
    }

    /// Number of the next transaction.
    #[must_use]
    pub fn next_sequence(&self) -> u64 {
        self.next
    }

    /// Who owns a frame, and how large the page is that says so.
    ///
    /// # Errors
    /// Where the frame is beyond the map, or the map is damaged.
    pub fn owner(&self, frame: u64) -> Result<(Page, Scale), Problem> {
        Draft::new(&self.memory, self.master).find(frame)
    }

    /// The index page that describes a run, and the first index there.
    ///
    /// # Errors
    /// Where the run is beyond the map or described by a coarser page.
    pub fn place(&self, run: Run) -> Result<(Page, u16), Problem> {
        Draft::new(&self.memory, self.master).place(run)
    }

    /// Whether there is a partition with this number.
    #[must_use]
    pub fn is_partition(&self, page: Page) -> bool {
        Draft::new(&self.memory, self.master).is_live(page)
    }

    /// Frames that a partition owns; 0 where there is none.
    #[must_use]
    pub fn frames(&self, partition: Page) -> u64 {
        let there = self.is_partition(partition);
        if there { descriptor::frames(&self.memory, partition) } else { 0 }
    }

    /// Kind and name of a partition.
    #[must_use]
    pub fn describe(&self, partition: Page) -> Option<(Kind, Name)> {
        let there = self.is_partition(partition);
        let kind = there.then(|| descriptor::kind(&self.memory, partition)).flatten()?;
        Some((kind, descriptor::name(&self.memory, partition)))
    }

    fn open_count(&self) -> u16 {
        let open = self.open.and_then(|sequence| self.transaction(sequence));
        open.map_or(0, |found| found.count)
    }

    fn open_record(&self, at: u16) -> Option<Record> {
        log::record(&self.memory, self.master.log_page(self.open?), at)
    }

    fn close(&mut self, outcome: Outcome) {
        if let Some(sequence) = self.open.take() {
            log::set_outcome(&mut self.memory, self.master.log_page(sequence), outcome);
        }
    }
}
