//! What the log tells: what changed lately, and every transaction it remembers.

use crate::books::Books;
use crate::lines::Of;
use crate::owner::Owner;
use crate::rows::PartitionRow;
use abi::image::Name;
use abi::types::{ChannelId, PartitionId, ProcessorId};
use owner_map::{Operation, Outcome, Page, Record};

/// What a change was about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Touched {
    /// A partition's row.
    Partition(PartitionId),
    /// A channel's row.
    Channel(ChannelId),
    /// Who owns some frames.
    Memory,
    /// A processor's row.
    Processor(ProcessorId),
    /// A device's row.
    Device(u32),
}

impl Books<'_> {
    /// Number of the last transaction that was committed and changed something.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// What changed after a transaction, in no order and perhaps repeated; `None` where that is not known any more, or
    /// there was no such transaction yet.
    #[must_use]
    pub fn changed_since(&self, generation: u64) -> Option<impl Iterator<Item = Touched>> {
        let newer = move |found: &owner_map::Transaction| found.sequence > generation;
        let oldest = self.map.transactions().take_while(newer).last();
        let known = oldest.is_none_or(|oldest| oldest.sequence == generation.wrapping_add(1));
        let held = |found: &owner_map::Transaction| found.outcome == Outcome::Committed;
        let all = self.map.transactions().take_while(newer).filter(held);
        let all = all.flat_map(move |found| {
            (0..found.count).filter_map(move |at| self.touched(&self.map.record(&found, at)?))
        });
        (known && generation <= self.generation).then_some(all)
    }

    /// Name of the partition that had a number in a transaction, there still or not; `None` where the log does not reach back to it.
    #[must_use]
    pub fn name_at(&self, id: PartitionId, number: u64) -> Option<Name> {
        let page = self.layout.page(Owner::Partition(id))?;
        let is = |record: &Record| matches!(record.operation, Operation::Initialize { partition, .. } if partition == page);
        let mut newer = false;
        for found in self.map.transactions() {
            let mut records = (0..found.count).filter_map(|at| self.map.record(&found, at));
            match records.find(is).map(|record| record.operation) {
                Some(Operation::Initialize { name, .. }) if found.sequence <= number => {
                    return name.first_chunk().copied();
                }
                Some(_) => newer = true,
                None => {}
            }
        }
        // Its life began before the log, and nobody had the number after it.
        let row = self.partitions.row::<PartitionRow>(self.map.memory(), id.raw())?;
        (!newer && row.name != Name::default()).then_some(row.name)
    }

    /// What a change was about.
    fn touched(&self, record: &Record) -> Option<Touched> {
        match record.operation {
            Operation::ChangeOwner { run, .. } => {
                let own = Page::of_frame(run.first).is_some_and(|page| self.layout.has(page));
                (!own).then_some(Touched::Memory)
            }
            Operation::Write { page, index, .. } => {
                let (of, id, _) = self.row_at(page, index)?;
                Some(match of {
                    Of::Partitions => Touched::Partition(PartitionId::new(id)),
                    Of::Channels => Touched::Channel(ChannelId::new(id)),
                    Of::Processors => Touched::Processor(ProcessorId::new(u16::try_from(id).ok()?)),
                    Of::Devices => Touched::Device(id),
                })
            }
            _ => None,
        }
    }
}
