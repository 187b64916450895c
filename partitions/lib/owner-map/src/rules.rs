//! What every transaction must keep to. Each rule looks at the map as the operations before would leave it.

use crate::descriptor::{self, Kind};
use crate::draft::{Draft, Standing};
use crate::entry::Entry;
use crate::log::LOG_OPERATIONS;
use crate::memory::{Memory, WORDS};
use crate::operation::{Operation, Problem, Record, Refusal, Run};
use crate::page::{Page, Scale};

impl<M: Memory> Draft<'_, M> {
    /// Checks a whole transaction.
    pub(crate) fn check(&mut self, operations: &[Operation]) -> Result<(), Refusal> {
        if operations.is_empty() || operations.len() > LOG_OPERATIONS {
            return Err(Refusal { at: 0, problem: Problem::Length });
        }
        for (at, operation) in (0..).zip(operations) {
            let record = self.resolve(operation).map_err(|problem| Refusal { at, problem })?;
            self.records.push(record);
        }
        let at = u16::try_from(self.records.len()).unwrap_or(u16::MAX);
        self.whole().map_err(|problem| Refusal { at, problem })
    }

    /// Checks one operation and finds its place.
    fn resolve(&self, operation: &Operation) -> Result<Record, Problem> {
        let (map, index) = match *operation {
            Operation::ChangeOwner { run, from, to } => self.change_owner(run, from, to)?,
            Operation::Initialize { partition, kind, .. } => self.initialize(partition, kind)?,
            Operation::Destroy { partition } => self.destroy(partition)?,
            Operation::Merge { first, scale, index, owner } => {
                self.merge(Operation::one(first, scale), index, owner)?
            }
            Operation::Split { first, scale, index, owner } => {
                self.split(Operation::one(first, scale), index, owner)?
            }
        };
        let mut record = Record { operation: *operation, map, index, before: [0; 2] };
        if let Some(change) = record.moves(&self.master) {
            record.before = [self.frames(change.loser), self.frames(change.gainer)];
        }
        Ok(record)
    }

    fn change_owner(&self, run: Run, from: Page, to: Page) -> Result<(Page, u16), Problem> {
        let (map, first) = self.place(run)?;
        for index in first..first.wrapping_add(run.count) {
            self.expect(map, index, Entry::Owner(from))?;
        }
        let manager = self.master.manager;
        // The database takes and gives pages one by one, so that each can be followed.
        let one = run.scale == Scale::Kilo && run.count == 1;
        if from == to || ((from == manager || to == manager) && !one) {
            return Err(Problem::Outside);
        }
        if run.covers(from) && to != manager {
            return Err(Problem::OwnDescriptor(from));
        }
        if to != manager && !self.is_live(to) {
            return Err(Problem::NoPartition(to));
        }
        if from == manager {
            self.may_leave(Page::of_frame(run.first).ok_or(Problem::Outside)?, to)?;
        }
        Ok((map, first))
    }

    /// Whether a page of the database may go to `to`.
    fn may_leave(&self, page: Page, to: Page) -> Result<(), Problem> {
        match self.standing(page) {
            Standing::Taken | Standing::Freed => Ok(()),
            Standing::Initialized if to == page => Ok(()),
            _ => Err(Problem::InUse(page)),
        }
    }

    fn initialize(&self, page: Page, kind: Kind) -> Result<(Page, u16), Problem> {
        if kind == Kind::Manager {
            return Err(Problem::Protected);
        }
        if self.standing(page) != Standing::Taken {
            return Err(Problem::InUse(page));
        }
        self.was_available(page)?;
        Ok((page, 0))
    }

    fn destroy(&self, partition: Page) -> Result<(Page, u16), Problem> {
        let there = descriptor::is_live(self.memory, partition);
        if self.standing(partition) != Standing::TakenDescriptor || !there {
            return Err(Problem::NoPartition(partition));
        }
        if descriptor::kind(self.memory, partition) != Some(Kind::Ordinary) {
            return Err(Problem::Protected);
        }
        match self.frames(partition) {
            0 => Ok((partition, 0)),
            frames => Err(Problem::NotEmpty(frames)),
        }
    }

    fn merge(&self, run: Run, child: Page, owner: Page) -> Result<(Page, u16), Problem> {
        let (map, index) = self.place(run)?;
        if run.scale == Scale::Kilo {
            return Err(Problem::Outside);
        }
        self.expect(map, index, Entry::Index(child))?;
        let inside = self.inside(run, child, owner)?;
        for entry in 0..WORDS {
            let own = inside && entry == Scale::Kilo.index(child.frame());
            let expected = if own { self.master.manager } else { owner };
            self.expect(child, entry, Entry::Owner(expected))?;
        }
        if owner == self.master.manager {
            return Err(Problem::InUse(child));
        }
        if run.covers(owner) {
            return Err(Problem::OwnDescriptor(owner));
        }
        Ok((map, index))
    }

    fn split(&self, run: Run, child: Page, owner: Page) -> Result<(Page, u16), Problem> {
        let (map, index) = self.place(run)?;
        if run.scale == Scale::Kilo {
            return Err(Problem::Outside);
        }
        self.expect(map, index, Entry::Owner(owner))?;
        if !self.inside(run, child, owner)? && self.standing(child) != Standing::Taken {
            return Err(Problem::InUse(child));
        }
        self.was_available(child)?;
        Ok((map, index))
    }

    /// A page that is written to must hold nothing that somebody would miss if the transaction were taken back.
    fn was_available(&self, page: Page) -> Result<(), Problem> {
        let before = Draft::new(self.memory, self.master).owner(page)?;
        if before == self.master.available { Ok(()) } else { Err(Problem::InUse(page)) }
    }

    /// Whether an index page lies in the 4 MiB that it describes, which only memory that nobody has may do.
    fn inside(&self, run: Run, child: Page, owner: Page) -> Result<bool, Problem> {
        if !run.covers(child) {
            return Ok(false);
        }
        if run.scale != Scale::Mega || owner != self.master.available {
            return Err(Problem::InUse(child));
        }
        Ok(true)
    }

    /// The rules for the transaction as a whole: nothing is lost, every new partition has its descriptor.
    fn whole(&self) -> Result<(), Problem> {
        for record in &self.records {
            let page = match record.operation {
                Operation::ChangeOwner { run, .. } if run.scale == Scale::Kilo => {
                    Page::of_frame(run.first).ok_or(Problem::Outside)?
                }
                Operation::Initialize { partition, .. } => partition,
                Operation::Merge { index, .. } => index,
                _ => continue,
            };
            match self.standing(page) {
                Standing::Initialized => return Err(Problem::NotOwn(page)),
                Standing::Taken | Standing::TakenDescriptor | Standing::Freed => {
                    return Err(Problem::Lost(page));
                }
                Standing::Untouched | Standing::Index => {}
            }
        }
        Ok(())
    }

    fn expect(&self, page: Page, index: u16, expected: Entry) -> Result<(), Problem> {
        let found = self.entry(page, index)?;
        if found == expected { Ok(()) } else { Err(Problem::Found(found)) }
    }
}
