//! Processors that fail: who is told, and what becomes of the partitions that were there.

use crate::given::given;
use crate::manager::{Machine, Manager, SCRATCH, SELF};
use crate::pause::is_paused;
use crate::plans::{members, processor_slot};
use crate::run::contexts;
use crate::trouble::Trouble;
use abi::control::{
    ContextOperation, ContextState, Feature, KernelOperation, PLAN_SLOTS, ProcessorOperation,
    first_slot,
};
use abi::manifest::PartitionRole;
use abi::rights::{Kind, Rights};
use abi::types::{EventBit, PartitionId, ProcessorId, Slot};
use program_loader::{Calls, Window};
use resource_db::{PartitionRow, Stage};

/// A slot for the second doorbell, beside [`SCRATCH`] for the first.
const GUARD: Slot = Slot::new(94);
const _: () = assert!(GUARD.raw() != SCRATCH.raw() && GUARD.raw() < first_slot::FREE.raw());
/// Slots between two looks: two looks are over within a frame.
const LOOK: u64 = 7;
const _: () = assert!(2 * LOOK < PLAN_SLOTS as u64);
/// Nanoseconds between two looks where the host may take a processor away for long.
const VIRTUAL: u64 = 1_000_000_000;
/// First value of `ProcessorOperation::State` for one that failed.
const FAILED: u64 = 2;

impl<M: Machine, W: Window> Manager<'_, M, W> {
    /// Has the processors look at each other, where there are others; manager and idle are rung when one has failed, the manager also for
    /// contexts that rest.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn watch_processors(&mut self) -> Result<(), Trouble> {
        let (own, bit) = (first_slot::PARTITION, u32::from(EventBit::PROCESSOR.index()));
        self.machine.put(own, SCRATCH, first_slot::CONTEXT, Rights::USE, Kind::Doorbell, bit)?;
        let guard = match self.guard_context()? {
            Some(context) => {
                self.machine.put(own, GUARD, context, Rights::USE, Kind::Doorbell, bit)?;
                GUARD.raw()
            }
            None => 0,
        };
        let every = if self.facts.processors < 2 { 0 } else { self.look_time() };
        let arguments = [every, SCRATCH.raw().into(), guard.into(), 0];
        self.machine.patient(first_slot::KERNEL, KernelOperation::Watch as u64, arguments)?;
        Ok(())
    }

    fn look_time(&mut self) -> u64 {
        let features = Feature::from_bits_truncate(self.fact(0));
        match self.manifest.watch {
            0 if features.contains(Feature::VIRTUAL) => VIRTUAL,
            0 => LOOK * self.manifest.slot,
            watch => watch,
        }
    }

    /// The context of idle that lives through the failure of the manager's own processor.
    fn guard_context(&mut self) -> Result<Option<Slot>, Trouble> {
        let state = ContextOperation::State as u64;
        let [_, home, ..] = self.machine.patient(first_slot::CONTEXT, state, [0; 4])?;
        let (count, home) = (self.facts.processors, u16::try_from(home).unwrap_or(0));
        let others = (1..count).map(|step| (home + step) % count);
        let alive = others.map(ProcessorId::new).find(|processor| !self.has_failed(*processor));
        let idle = self.made(PartitionRole::Idle);
        let context =
            |(_, row): (PartitionId, PartitionRow)| contexts(&row).nth(alive?.raw().into());
        Ok(idle.and_then(context))
    }

    /// Whether a processor failed, as far as is known.
    #[must_use]
    pub fn has_failed(&self, processor: ProcessorId) -> bool {
        members(self.failed).any(|failed| failed == processor)
    }

    /// Notes which processors failed; those that are new.
    pub fn note_failed(&mut self) -> u64 {
        let state = ProcessorOperation::State as u64;
        let mut found = 0;
        for processor in (0..self.facts.processors).map(ProcessorId::new) {
            let answer = self.machine.patient(processor_slot(processor), state, [0; 4]);
            let failed = answer.is_ok_and(|[state, ..]| state == FAILED);
            found |= u64::from(failed) << processor.raw();
        }
        let new = found & !self.failed;
        self.failed = found;
        members(new).for_each(|processor| {
            self.say(format_args!(
                "processor {} failed, its work goes on elsewhere",
                processor.raw()
            ));
        });
        new
    }

    /// Looks whether a processor failed: what was there goes on where there are others, with what share of them there is. Who ran
    /// there is lost, and its rescuer's to restart.
    pub fn look_at_processors(&mut self) {
        if self.note_failed() == 0 {
            return;
        }
        // What was being started there could not be.
        self.take_up_each();
        self.settle_all();
        self.plan_anew();
        if let Err(trouble) = self.watch_processors() {
            self.say(format_args!("processors are not watched: {trouble}"));
        }
    }

    /// Takes every context that runs or is paused to where it belongs.
    pub fn settle_all(&mut self) {
        let mut from = SELF.raw() + 1;
        while let Some((id, row)) = self.settled_from(from) {
            from = id.raw() + 1;
            if let Err(trouble) = self.settle(id, &row) {
                self.say(format_args!("partition {} cannot go on elsewhere: {trouble}", id.raw()));
            }
        }
    }

    fn settled_from(&self, from: u32) -> Option<(PartitionId, PartitionRow)> {
        let mut rows = self.books.partitions().filter(|(id, row)| {
            let there = row.stage() == Stage::Made && row.moving == 0 && row.unfinished == 0;
            id.raw() >= from && there && (self.runs(row) || is_paused(row))
        });
        rows.next().map(|(id, row)| (id, *row))
    }

    /// Each step may be repeated: a manager that died between two of them finds contexts that are stopped.
    fn settle(&mut self, id: PartitionId, row: &PartitionRow) -> Result<(), Trouble> {
        let want = self.want(id, row, self.definition(row)?);
        let mut moved = false;
        for (index, context) in (0..).zip(contexts(row)) {
            let on = |operation: ContextOperation, argument: u64| {
                (context, operation as u64, [argument, 0, 0, 0])
            };
            let (slot, operation, arguments) = on(ContextOperation::State, 0);
            let [state, there, ..] = self.machine.patient(slot, operation, arguments)?;
            let target = u64::from(want.processor_of(index, self.facts.processors).raw());
            if state == ContextState::Faulted as u64 {
                continue;
            }
            if there != target {
                moved = true;
                for (slot, operation, arguments) in
                    [on(ContextOperation::Stop, 0), on(ContextOperation::Move, target)]
                {
                    self.machine.patient(slot, operation, arguments)?;
                }
            }
            if self.runs(row) && (there != target || state == ContextState::Stopped as u64) {
                let (slot, operation, arguments) = on(ContextOperation::Start, 0);
                self.machine.patient(slot, operation, arguments)?;
            }
        }
        if moved {
            self.bind_interrupts(row)?;
            self.ring_lines(id, row)?;
            self.inform(id)?;
        }
        Ok(())
    }

    /// An interrupt that was on its way to the processor that failed is lost, and its line may not come again before its device is
    /// served: rings once for each.
    fn ring_lines(&mut self, id: PartitionId, row: &PartitionRow) -> Result<(), Trouble> {
        let definition = self.definition(row)?;
        let lines = given(&self.manifest, row.hardware, definition)
            .filter(|given| given.kind() == Kind::Interrupt)
            .count();
        let bits = (0..EventBit::ASSIGNABLE).take(lines).filter_map(EventBit::new);
        bits.for_each(|bit| self.ring(id, bit));
        Ok(())
    }
}
