//! How long the kernel runs with interrupts off: every call and every control operation with the arguments that cost
//! most, on a machine with 1,024 partitions, and every decision of the scheduler with the plan full of contexts that wait.
//!
//! It comes last and takes the processor for itself: what it makes it does not clean up.

mod calls;
mod crowd;
mod objects;
mod spans;

use crate::report::Report;
use abi::call::Error;
use abi::control::{FrameUse, MemoryOperation, PartitionOperation, ProcessorOperation};
use abi::types::{Nanoseconds, Slot};
use rt::System;
use rt::capability::object;
use rt::sys::{self, Failure, Outcome};
use spans::{Named, Spans};

/// Partitions that are made.
const PARTITIONS: u64 = 1024;
/// Pages of its own capability table: two slots for each partition, and as many again.
const SLOT_PAGES: u64 = 20;
/// First frame looked at for a free one: at 64 MiB, far from what the loader takes at the top of memory.
const SOMEWHERE: u64 = 0x4000;
/// Slots of the plan.
const SLOTS: u64 = 16;
/// Slots named by one `Stage`.
const STAGED: u64 = 4;

/// Capabilities, and what is free.
pub struct Worst {
    spans: Spans,
    partition: u64,
    context: u64,
    memory: u64,
    kernel: u64,
    processor: u64,
    line: u64,
    debug: u64,
    next_slot: u64,
    next_frame: u64,
}

fn number(slot: Slot) -> u64 {
    slot.raw().into()
}

impl Worst {
    /// Finds its capabilities; `None` where one is missing.
    pub fn find(system: &System) -> Option<Self> {
        Some(Self {
            spans: Spans::new(),
            partition: number(system.capability::<object::Partition>("self-partition")?.slot()),
            context: number(system.capability::<object::Context>("self-context")?.slot()),
            memory: number(system.capability::<object::Memory>("memory")?.slot()),
            kernel: number(system.capability::<object::Kernel>("kernel")?.slot()),
            processor: number(system.capability::<object::Processor>("processor")?.slot()),
            line: number(system.capability::<object::Interrupt>("line")?.slot()),
            debug: number(system.debug()?.slot()),
            next_slot: 0,
            next_frame: SOMEWHERE,
        })
    }

    /// Measures and prints.
    ///
    /// # Errors
    /// Something that should be done was refused.
    pub fn measure(&mut self, report: &mut Report) -> Result<(), Failure> {
        self.take_over(&[])?;
        self.make_room()?;
        let made = self.populate()?;
        self.objects(&made)?;
        self.calls();
        self.crowd()?;
        self.spans.print(report);
        Ok(())
    }

    /// An operation of `control`, timed.
    fn control<O: Named>(&mut self, slot: u64, operation: O, arguments: [u64; 4]) -> Outcome {
        let slot = Slot::new(u16::try_from(slot).unwrap_or(0));
        let number = operation.number();
        let name = [O::KIND, operation.name()];
        self.spans.time(name, || sys::control(slot, number, arguments))
    }

    /// The same until it no longer answers `Again`.
    fn patient<O: Named>(&mut self, slot: u64, operation: O, arguments: [u64; 4]) -> Outcome {
        loop {
            match self.control(slot, operation, arguments) {
                Err(failure) if failure.error == Error::Again => {}
                outcome => return outcome,
            }
        }
    }

    /// An operation that is repeated, the range in two arguments, until `count` pages are done.
    fn range<O: Named>(
        &mut self,
        slot: u64,
        operation: O,
        mut arguments: [u64; 4],
        [start, count, stride]: [usize; 3],
    ) -> Result<(), Failure> {
        while arguments[count] != 0 {
            let [done, ..] = self.patient(slot, operation, arguments)?;
            arguments[start] += done * stride as u64;
            arguments[count] -= done;
        }
        Ok(())
    }

    /// Gives itself all slots, and slack to others in their order; comes back when that is in force.
    fn take_over(&mut self, takers: &[u64]) -> Result<(), Failure> {
        self.plan(self.context, takers)
    }

    /// A plan whose slots are all one context's.
    fn plan(&mut self, owner: u64, takers: &[u64]) -> Result<(), Failure> {
        let place = |index: u64| match index.checked_sub(SLOTS) {
            None => owner,
            Some(taker) => takers.get(taker as usize).copied().unwrap_or(0),
        };
        let length = SLOTS + takers.len() as u64;
        for index in 0..length.div_ceil(STAGED) {
            let places = [3, 2, 1, 0].map(|at| place(index * STAGED + at));
            let word = places.into_iter().fold(0, |word, slot| word << 16 | slot);
            self.control(self.processor, ProcessorOperation::Stage, [index, word, 0, 0])?;
        }
        self.control(self.processor, ProcessorOperation::Commit, [length, 0, 0, 0])?;
        while self.control(self.processor, ProcessorOperation::Place, [0; 4])?[3] != 0 {}
        Ok(())
    }

    /// Lengthens its capability table.
    fn make_room(&mut self) -> Result<(), Failure> {
        let [_, _, _, pages] = self.control(self.partition, PartitionOperation::State, [0; 4])?;
        self.next_slot = pages * 256;
        for page in pages..SLOT_PAGES {
            let frame = self.frame()?;
            self.control(self.partition, PartitionOperation::AddSlots, [page, frame, 0, 0])?;
        }
        Ok(())
    }

    /// An empty slot.
    fn slot(&mut self) -> u64 {
        self.next_slot += 1;
        self.next_slot
    }

    /// A free frame.
    fn frame(&mut self) -> Result<u64, Failure> {
        loop {
            self.next_frame += 1;
            let query = [self.next_frame, 0, 0, 0];
            if self.control(self.memory, MemoryOperation::Query, query)?[0] == FrameUse::Free as u64
            {
                return Ok(self.next_frame);
            }
        }
    }

    /// The first of `count` frames that follow each other, all free.
    fn frames(&mut self, count: u64) -> Result<u64, Failure> {
        let mut first = self.frame()?;
        let mut last = first;
        while last - first + 1 < count {
            let next = self.frame()?;
            first = if next == last + 1 { first } else { next };
            last = next;
        }
        Ok(first)
    }

    /// Sleeps.
    fn sleep(&self, milliseconds: u64) {
        // Nothing is waited for, so it always ends by its deadline.
        let _ = sys::wait(0, Nanoseconds::new(rt::time::now().raw() + milliseconds * 1_000_000));
    }
}
