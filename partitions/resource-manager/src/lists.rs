//! The records that people ask for.

use crate::manager::{Machine, Manager, SELF};
use crate::manifest::role;
use crate::plans::processor_slot;
use crate::requests::Reply;
use crate::run::contexts;
use crate::setup::ranges;
use crate::trouble::Trouble;
use abi::boot::MemoryKind;
use abi::control::{ContextOperation, ContextState, PLAN_SLOTS, ProcessorOperation};
use abi::fault::word;
use abi::message::resource::{
    Index, MachineRecord, PartitionRecord, PartitionState, PlanRecord, ResourceStatus,
};
use abi::types::{PartitionId, ProcessorId};
use plan::{Place, Plan};
use program_loader::{Calls, Window};
use resource_db::{Owner, PartitionRow};

/// No partition in the places of a [`PlanRecord`].
const NOBODY: u16 = u16::MAX;

/// What the kernel says about all contexts of a partition.
#[derive(Default)]
struct Contexts {
    ready: bool,
    faulted: bool,
    resting: bool,
    used: u64,
    waits_for: u64,
}

impl<M: Machine, W: Window> Manager<'_, M, W> {
    /// The partition with this number, or the next one.
    ///
    /// # Errors
    /// `NoSuch` past the end.
    pub fn partition_record(&mut self, index: Index) -> Result<Reply, Trouble> {
        let from = PartitionId::new(index.index);
        Ok(Reply::record(&self.listed_partition(from)?))
    }

    /// What is told of the partition with this number, or of the next one that there is.
    ///
    /// # Errors
    /// `NoSuch` past the last.
    pub fn listed_partition(&mut self, from: PartitionId) -> Result<PartitionRecord, Trouble> {
        let (id, row) = self.books.partitions_from(from).next().ok_or(ResourceStatus::NoSuch)?;
        let row = *row;
        let definition = self.definition(&row)?;
        let want = self.want(id, &row, definition);
        let kernel = self.contexts_state(&row);
        let fault = self.faulted_context(&row);
        let mut word = |index| fault.map_or(0, |context| self.fault_word(context, index));
        let (reason, instruction) = (word(word::REASON), word(word::INSTRUCTION));
        let share = u32::from(row.share) * u32::from(want.contexts_on(self.facts.processors));
        Ok(PartitionRecord {
            name: row.name,
            id: id.raw(),
            state: state(&row, &kernel) as u32 | u32::from(role(definition) as u16) << 16,
            share,
            processor: want.processor_of(0, self.facts.processors).raw().into(),
            pages: self.pages_of(id, &row),
            used: kernel.used,
            restarts: row.starts.saturating_sub(1),
            rescuer: definition.rescuer,
            waits_for: kernel.waits_for,
            reason,
            instruction,
            contexts: row.contexts,
            heap: row.heap_pages,
        })
    }

    fn contexts_state(&mut self, row: &PartitionRow) -> Contexts {
        let mut all = Contexts::default();
        for context in contexts(row) {
            let state = self.machine.patient(context, ContextOperation::State as u64, [0; 4]);
            let Ok([state, _, used, waits_for]) = state else { continue };
            let waits = state == ContextState::Waiting as u64;
            all.ready |= state == ContextState::Ready as u64;
            all.faulted |= state == ContextState::Faulted as u64;
            all.resting |= state == ContextState::Resting as u64;
            all.used = all.used.saturating_add(used);
            all.waits_for |= if waits { waits_for } else { 0 };
        }
        all
    }

    /// Pages of a partition, its channels as client included.
    fn pages_of(&self, id: PartitionId, row: &PartitionRow) -> u64 {
        if id == SELF {
            return self.books.count(Owner::Partition(SELF)) + self.books.count(Owner::Database);
        }
        let client = self.channels_of(id).filter(|(_, _, row)| row.client.partition == id.raw());
        client.map(|(_, _, row)| row.frames.count).sum::<u64>() + row.frames()
    }

    /// The plan of a processor.
    ///
    /// # Errors
    /// `NoSuch` past the last processor.
    pub fn plan_record(&mut self, index: Index) -> Result<Reply, Trouble> {
        let processor = u16::try_from(index.index).map_err(|_| ResourceStatus::NoSuch)?;
        if processor >= self.facts.processors {
            return Err(ResourceStatus::NoSuch.into());
        }
        self.sample_at_first();
        let processor = ProcessorId::new(processor);
        let state = ProcessorOperation::State as u64;
        let [_, _, timer_interrupts, _] =
            self.machine.patient(processor_slot(processor), state, [0; 4])?;
        let slot = if self.has_failed(processor) { 0 } else { self.manifest.slot };
        let mut plan = Plan::empty();
        self.plan(processor, &mut plan);
        let usage = self.usage.of(processor);
        let mut used = [0; PLAN_SLOTS];
        used.iter_mut().zip(usage).for_each(|(to, from)| *to = from);
        let mut takers = [NOBODY; PLAN_SLOTS];
        takers.iter_mut().zip(&plan.takers).for_each(|(to, from)| *to = name(from));
        Ok(Reply::record(&PlanRecord {
            slots: plan.slots.map(|slot| slot.as_ref().map_or(NOBODY, name)),
            used,
            takers,
            idle: usage.last().copied().unwrap_or(0).into(),
            slot: u32::try_from(slot / 1000).unwrap_or(u32::MAX),
            timer_interrupts,
        }))
    }

    /// The machine.
    #[must_use]
    pub fn machine_record(&self) -> Reply {
        let partitions = self.books.partitions().count();
        let absent = self.books.count(Owner::Missing) + self.books.count(Owner::Broken);
        let (present, firmware) = (self.facts.frames - absent, self.kept_by_firmware());
        Reply::record(&MachineRecord {
            processors: u32::from(self.facts.processors).saturating_sub(self.failed.count_ones()),
            partitions: u32::try_from(partitions).unwrap_or(u32::MAX),
            frames: present.saturating_sub(firmware),
            free: self.books.available(),
            kernel: self.books.count(Owner::Reserved).saturating_sub(firmware),
        })
    }

    /// Frames below the end of the ledger that the firmware keeps: registers, tables, its own memory.
    fn kept_by_firmware(&self) -> u64 {
        let kept = [MemoryKind::Reserved, MemoryKind::AcpiReclaimable, MemoryKind::AcpiStorage];
        let kept = ranges(self.facts.boot)
            .filter(|range| kept.iter().any(|kind| *kind as u32 == range.kind))
            .map(|range| {
                (range.start.raw() + range.count)
                    .min(self.facts.frames)
                    .saturating_sub(range.start.raw())
            });
        kept.sum()
    }
}

/// Number of a partition in a [`PlanRecord`].
fn name(place: &Place) -> u16 {
    u16::try_from(place.partition.raw()).unwrap_or(NOBODY)
}

/// State as people see it: the books know what was asked, the kernel what came of it.
fn state(row: &PartitionRow, kernel: &Contexts) -> PartitionState {
    let book = PartitionState::ALL.iter().find(|(state, _)| *state as u32 == row.state);
    match book.map_or(PartitionState::Stopped, |(state, _)| *state) {
        PartitionState::Stopped if row.definition == SELF.raw() => PartitionState::Running,
        PartitionState::Running if kernel.faulted => PartitionState::Faulted,
        PartitionState::Running if !kernel.ready && kernel.resting => PartitionState::Resting,
        PartitionState::Running if !kernel.ready => PartitionState::Waiting,
        state => state,
    }
}
