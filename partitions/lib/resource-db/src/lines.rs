//! Transactions step by step, in the words of those who asked for them.

use crate::books::Books;
use crate::fields::{CHANNEL, DEVICE, Field, PARTITION, PROCESSOR};
use crate::hardware::{BEFORE_PLACES, DeviceRow};
use crate::owner::Owner;
use crate::rows::PartitionRow;
use abi::control::PLAN_PLACES;
use abi::types::{PartitionId, ProcessorId};
use core::mem::offset_of;
use owner_map::{Name, Operation, Page, Record, Run, Scale, Transaction, WRITE_WORDS};

/// One step of a transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Memory goes from one owner to another: in this index page, from this entry on.
    ChangeOwner(Place, Run, Owner, Owner),
    /// A page becomes a descriptor.
    Initialize(Page, Name),
    /// A descriptor is one no more.
    Destroy(Page),
    /// The entries of this finer index page become one.
    Merge(Place, Run, Page, Owner),
    /// An entry becomes this finer index page.
    Split(Place, Run, Page, Owner),
    /// A value of a row changes.
    Value(Value),
    /// At this place of a processor's plan is another context: own slots, 0 for none.
    Place(ProcessorId, u16, [u16; 2]),
    /// A device goes from one owner to another, by its number.
    Device(u32, Owner, Owner),
}

/// An entry of an index page.
pub type Place = (Page, u16);

/// A value of a row that changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Value {
    /// Of which table.
    pub of: Of,
    /// Which row.
    pub id: u32,
    /// Which value.
    pub name: &'static str,
    /// What it is.
    pub before: u64,
    /// What it shall be.
    pub after: u64,
}

/// The tables.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Of {
    /// Of partitions.
    Partitions,
    /// Of channels.
    Channels,
    /// Of processors.
    Processors,
    /// Of devices.
    Devices,
}

impl Books<'_> {
    /// The transaction with this number, or the last before it that the log remembers.
    #[must_use]
    pub fn transaction(&self, number: u64) -> Option<Transaction> {
        self.map.transactions().find(|found| found.sequence <= number)
    }

    /// The steps of a transaction.
    pub fn steps(&self, of: &Transaction) -> impl Iterator<Item = Step> {
        let records = (0..of.count).filter_map(|at| self.map.record(of, at));
        records.flat_map(|record| self.steps_of(record))
    }

    /// The steps of one record: a change of words is one for each value.
    fn steps_of(&self, record: Record) -> impl Iterator<Item = Step> {
        let whole = self.step(&record);
        let written = self.written(&record);
        let places = written.into_iter().flat_map(Written::places);
        let owner = written.and_then(|written| written.owner());
        let owner = owner.map(|(id, owners)| {
            let [from, to] = owners.map(|page| self.owner_of(page));
            Step::Device(id, from, to)
        });
        let values = written.into_iter().flat_map(Written::values);
        whole.into_iter().chain(values.map(Step::Value)).chain(places).chain(owner)
    }

    fn step(&self, record: &Record) -> Option<Step> {
        let place = (record.map, record.index);
        let owner = |page| self.layout.owner(page);
        let one = |first, scale: Scale| Run { first, scale, count: 1 };
        Some(match record.operation {
            Operation::ChangeOwner { run, from, to } => {
                Step::ChangeOwner(place, run, owner(from), owner(to))
            }
            Operation::Initialize { partition, name, .. } => Step::Initialize(partition, name),
            Operation::Destroy { partition } => Step::Destroy(partition),
            Operation::Merge { first, scale, index, owner: of } => {
                Step::Merge(place, one(first, scale), index, owner(of))
            }
            Operation::Split { first, scale, index, owner: of } => {
                Step::Split(place, one(first, scale), index, owner(of))
            }
            Operation::Write { .. } => return None,
        })
    }

    /// What a change of words is about.
    fn written(&self, record: &Record) -> Option<Written> {
        let Operation::Write { page, index, count, before, after } = record.operation else {
            return None;
        };
        let (of, id, start) = self.row_at(page, index)?;
        let fields = match of {
            Of::Partitions => PARTITION,
            Of::Channels => CHANNEL,
            Of::Processors => PROCESSOR,
            Of::Devices => DEVICE,
        };
        let first = usize::from(index.checked_sub(start)?);
        Some(Written { of, id, fields, first, count: count.into(), before, after })
    }

    /// The partition whose context a slot of the manager's table holds, or held last: nobody looks for others in between.
    #[must_use]
    pub fn holder(&self, slot: u16) -> Option<PartitionId> {
        let slab = self.map.memory();
        let has = |row: &PartitionRow| {
            let place = slot.checked_sub(row.context_slot);
            place.is_some_and(|place| u32::from(place) < row.contexts)
        };
        let row = |id: &u32| self.partitions.row::<PartitionRow>(slab, *id).is_some_and(has);
        let there = self.partitions().find(|(_, row)| has(row)).map(|(id, _)| id);
        let all = 0..self.layout.capacity.partitions;
        there.or_else(|| all.rev().find(row).map(PartitionId::new))
    }

    /// The partition whose descriptor a page is, in use or not.
    #[must_use]
    pub fn descriptor_of(&self, page: Page) -> Owner {
        self.layout.owner(page)
    }
}

/// Words of a row that changed.
#[derive(Clone, Copy)]
struct Written {
    of: Of,
    id: u32,
    fields: &'static [Field],
    /// The first of them, counted from the row's.
    first: usize,
    count: usize,
    before: [u32; WRITE_WORDS],
    after: [u32; WRITE_WORDS],
}

impl Written {
    fn values(self) -> impl Iterator<Item = Value> {
        self.fields.iter().filter_map(move |field| {
            let (before, after) =
                (self.value(&self.before, *field)?, self.value(&self.after, *field)?);
            let (name, ..) = *field;
            (before != after).then_some(Value { of: self.of, id: self.id, name, before, after })
        })
    }

    /// The places of a plan that changed.
    fn places(self) -> impl Iterator<Item = Step> {
        let plan = self.of == Of::Processors;
        let processor = ProcessorId::new(u16::try_from(self.id).unwrap_or(0));
        (0..PLAN_PLACES).filter(move |_| plan).filter_map(move |place| {
            let field = ("", BEFORE_PLACES.wrapping_add(place.wrapping_mul(2)), 2);
            let images = [self.value(&self.before, field)?, self.value(&self.after, field)?];
            let slots = images.map(|slot| u16::try_from(slot).unwrap_or(0));
            let place = u16::try_from(place).ok()?;
            (slots[0] != slots[1]).then_some(Step::Place(processor, place, slots))
        })
    }

    /// The pages of a device's owners, where that changed.
    fn owner(&self) -> Option<(u32, [Page; 2])> {
        let field = ("", offset_of!(DeviceRow, owner), 4);
        let images = [self.value(&self.before, field)?, self.value(&self.after, field)?];
        let [from, to] = images.map(|page| u32::try_from(page).ok().and_then(Page::new));
        let changed = self.of == Of::Devices && images[0] != images[1];
        Some((self.id, [from?, to?])).filter(|_| changed)
    }

    /// A value, where it lies in the words.
    fn value(&self, words: &[u32; WRITE_WORDS], (_, byte, bytes): Field) -> Option<u64> {
        let at = (byte >> 2).checked_sub(self.first)?;
        let end = at.checked_add(bytes.div_ceil(4))?;
        let words = words.get(..self.count)?.get(at..end)?;
        let low = u64::from(*words.first()?);
        let high = words.get(1).map_or(0, |high| u64::from(*high));
        let both = low | high << 32;
        Some(match bytes {
            2 => both >> if byte & 2 == 0 { 0 } else { 16 } & 0xffff,
            _ => both,
        })
    }
}
