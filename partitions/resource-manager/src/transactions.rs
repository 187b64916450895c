//! The log of the books, told record by record; and who asks for what is written there.

use crate::manager::{Machine, Manager, SELF};
use crate::requests::Reply;
use crate::trouble::Trouble;
use abi::image::{NAME_LENGTH, Name, name_from};
use abi::message::database::MemoryOwner;
use abi::message::resource::ResourceStatus;
use abi::message::transaction::{
    NameQuery, OwnWork, StepKind, StepRecord, TransactionEnd, TransactionQuery, TransactionRecord,
};
use abi::types::PartitionId;
use program_loader::Window;
use resource_db::{Cause, Of, Outcome, Owner, Page, Place, Run, Step, Transaction, Value};

impl<M: Machine, W: Window> Manager<'_, M, W> {
    /// What is changed from now on is because of a request, or of the manager itself where there is none.
    pub fn because(&mut self, who: PartitionId, request: u16, when: u64) {
        self.books.because(Cause { who, what: request.into(), when });
    }

    /// What is changed from now on is the manager's own work.
    pub fn own_work(&mut self, work: OwnWork, when: u64) {
        self.because(SELF, work.code(), when);
    }

    /// A transaction, or one of its steps.
    ///
    /// # Errors
    /// `NoSuch` where the log remembers none.
    pub fn transaction_record(&self, query: &TransactionQuery) -> Result<Reply, Trouble> {
        let found = self.books.transaction(query.number).ok_or(ResourceStatus::NoSuch)?;
        let Some(step) = query.step.checked_sub(1) else {
            return Ok(Reply::record(&self.transaction_head(&found)));
        };
        let mut steps = self.books.steps(&found).skip(step as usize);
        let step = steps.next().filter(|_| found.sequence == query.number);
        let step = step.ok_or(ResourceStatus::NoSuch)?;
        Ok(Reply::record(&self.step_record(&step)))
    }

    /// A step as it is told.
    fn step_record(&self, step: &Step) -> StepRecord {
        let none = StepRecord::default();
        match *step {
            Step::ChangeOwner(place, run, from, to) => {
                let ((from, from_id), (to, to_id)) = (owner(from), owner(to));
                StepRecord { from, from_id, to, to_id, ..on_map(StepKind::ChangeOwner, place, run) }
            }
            Step::Initialize(page, name) => {
                let name = text(&name);
                StepRecord { name, ..about(StepKind::Initialize, page) }
            }
            Step::Destroy(page) => about(StepKind::Destroy, page),
            Step::Merge(place, run, page, of) => {
                let (from, from_id) = owner(of);
                let page = page.number();
                StepRecord { from, from_id, page, ..on_map(StepKind::Merge, place, run) }
            }
            Step::Split(place, run, page, of) => {
                let (from, from_id) = owner(of);
                let page = page.number();
                StepRecord { from, from_id, page, ..on_map(StepKind::Split, place, run) }
            }
            Step::Value(value) => value_record(&value),
            Step::Place(processor, place, [before, after]) => {
                let (kind, page) = (StepKind::Processor.code(), processor.raw().into());
                let ((from, from_id), (to, to_id)) = (self.at_place(before), self.at_place(after));
                let (before, after) = (before.into(), after.into());
                let index = place;
                StepRecord { kind, index, page, from, from_id, to, to_id, before, after, ..none }
            }
            Step::Device(page, had, has) => {
                let row = self.books.device(page).copied().unwrap_or_default();
                let (kind, scale) = (StepKind::Device.code(), u16::try_from(row.kind).unwrap_or(0));
                let ((from, from_id), (to, to_id)) = (owner(had), owner(has));
                let (first, before) = (row.first, row.count);
                StepRecord { kind, scale, page, first, before, from, from_id, to, to_id, ..none }
            }
        }
    }

    /// Who is at a place of a plan.
    fn at_place(&self, slot: u16) -> (u16, u32) {
        let holder = if slot == 0 { None } else { self.books.holder(slot) };
        owner(holder.map_or(Owner::Available, Owner::Partition))
    }

    /// Name of the partition that had a number in a transaction.
    ///
    /// # Errors
    /// `NoSuch` where that is not known any more.
    pub fn name_record(&self, query: &NameQuery) -> Result<Reply, Trouble> {
        let name = self.books.name_at(PartitionId::new(query.partition), query.number);
        Ok(Reply::record(&name.ok_or(ResourceStatus::NoSuch)?))
    }

    fn transaction_head(&self, found: &Transaction) -> TransactionRecord {
        let (end, problem) = match found.outcome {
            Outcome::InProgress => (TransactionEnd::InProgress, 0),
            Outcome::Committed => (TransactionEnd::Committed, 0),
            Outcome::Undone => (TransactionEnd::Undone, 0),
            Outcome::Refused(_, problem) => (TransactionEnd::Refused, problem),
        };
        let who = match self.books.descriptor_of(found.cause.who) {
            Owner::Partition(id) => id,
            _ => SELF,
        };
        TransactionRecord {
            number: found.sequence,
            when: found.cause.when,
            who: who.raw(),
            what: found.cause.what,
            steps: self.books.steps(found).count() as u32,
            end: end.code(),
            problem: u16::try_from(problem).unwrap_or(0),
        }
    }
}

fn value_record(value: &Value) -> StepRecord {
    let kind = match value.of {
        Of::Partitions => StepKind::Partition,
        Of::Channels => StepKind::Channel,
        Of::Processors => StepKind::Processor,
        Of::Devices => StepKind::Device,
    };
    StepRecord {
        kind: kind.code(),
        from_id: value.id,
        before: value.before,
        after: value.after,
        name: name_from(value.name).unwrap_or_default(),
        ..StepRecord::default()
    }
}

fn on_map(kind: StepKind, (map, index): Place, run: Run) -> StepRecord {
    StepRecord {
        kind: kind.code(),
        scale: u16::try_from(run.scale.number()).unwrap_or(0),
        index,
        count: run.count,
        map: map.number(),
        first: run.first,
        ..StepRecord::default()
    }
}

fn about(kind: StepKind, page: Page) -> StepRecord {
    StepRecord { kind: kind.code(), page: page.number(), ..StepRecord::default() }
}

/// The first bytes of a descriptor's name, which is longer than ours can be.
fn text(name: &resource_db::Name) -> Name {
    let mut text = Name::default();
    text.iter_mut().zip(name).take(NAME_LENGTH).for_each(|(to, from)| *to = *from);
    text
}

/// Kind and number of an owner.
#[must_use]
pub fn owner(owner: Owner) -> (u16, u32) {
    let (kind, id) = match owner {
        Owner::Missing => (MemoryOwner::Missing, 0),
        Owner::Available => (MemoryOwner::Available, 0),
        Owner::Reserved => (MemoryOwner::Reserved, 0),
        Owner::Broken => (MemoryOwner::Broken, 0),
        Owner::Partition(id) => (MemoryOwner::Partition, id.raw()),
        Owner::Channel(id) => (MemoryOwner::Channel, id.raw()),
        Owner::Database => (MemoryOwner::Database, 0),
    };
    (kind.code(), id)
}
