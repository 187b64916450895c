//! The planner's plans on the kernel's own scheduler: 512 partitions of the smallest share on 32 processors, frame by frame.

#![expect(clippy::expect_used, reason = "tests say what they expect")]

#[expect(
    dead_code,
    unused_imports,
    reason = "this test needs less of the machine than those of the kernel"
)]
#[path = "../../../../kernel/core/tests/kernel/machine.rs"]
mod machine;

use abi::control::{
    ContextOperation, MemoryOperation, PLAN_SLOTS, PartitionOperation, ProcessorOperation,
    first_slot,
};
use abi::rights::Kind;
use abi::types::{PartitionId, ProcessorId};
use machine::{FREE, SLOT, TestMachine};
use plan::{Fit, Plan, Want, check};
use std::time::Instant;

const PROCESSORS: u16 = 32;
const PARTITIONS: u32 = 512;
const FRAME: u64 = SLOT * PLAN_SLOTS as u64;
const MEMORY: u64 = first_slot::MEMORY.raw() as u64;
const OWN: u64 = first_slot::PARTITION.raw() as u64;
/// First slot for what the test makes, on the second page of the table.
const SLOTS: u64 = 256;
/// Where contexts start.
const TEXT: u64 = 0x40_0000;

/// The machine with all its partitions. Number 0 is the resource manager, who runs from the start.
struct Simulation {
    machine: TestMachine,
    /// Slot and frame of the context of each.
    contexts: Vec<(u64, u64)>,
    wants: Vec<Want>,
}

fn want(partition: u32, processor: u16) -> Want {
    let (partition, processor) = (PartitionId::new(partition), Some(ProcessorId::new(processor)));
    Want {
        partition,
        processor,
        contexts: 1,
        share: 1,
        slack: false,
        failed: 0,
        depths: 0,
        context_slot: 0,
    }
}

/// Processor of a partition at the start.
fn home(partition: u32) -> u16 {
    partition as u16 % PROCESSORS
}

impl Simulation {
    fn new() -> Self {
        let machine = TestMachine::booted_of(PROCESSORS, 2048);
        let pages = (2 * u64::from(PARTITIONS)).div_ceil(256);
        for page in 0..pages {
            let frame = FREE + 3 * u64::from(PARTITIONS) + page;
            let operation = PartitionOperation::AddSlots as u64;
            machine.control(OWN, operation, [page + 1, frame, 0, 0]).expect("a page of slots");
        }
        let own = (first_slot::CONTEXT.raw().into(), machine.running(0).expect("it runs"));
        let mut simulation = Self {
            machine,
            contexts: vec![own],
            wants: (0..PARTITIONS).map(|id| want(id, home(id))).collect(),
        };
        (1..PARTITIONS).for_each(|id| simulation.make(id));
        simulation
    }

    fn make(&mut self, id: u32) {
        let (slot, frame) = (SLOTS + 2 * u64::from(id) - 2, FREE + 3 * u64::from(id) - 3);
        let (machine, create) = (&self.machine, MemoryOperation::Create as u64);
        machine.control(MEMORY, create, [Kind::Partition as u64, frame, slot, 0]).expect("made");
        let context = [Kind::Context as u64, frame + 1, slot + 1, slot];
        machine.control(MEMORY, create, context).expect("a context");
        let table = PartitionOperation::AddTable as u64;
        machine.control(slot, table, [0, 4, frame + 2, 0]).expect("a root");
        let configure = ContextOperation::Configure as u64;
        let arguments = [TEXT, 0, home(id).into(), id.into()];
        machine.patient(slot + 1, configure, arguments).expect("configured");
        machine.patient(slot + 1, ContextOperation::Start as u64, [0; 4]).expect("started");
        self.contexts.push((slot + 1, frame + 1));
    }

    /// The plan of a processor for those who are wanted.
    fn plan(&self, processor: u16) -> Plan {
        plan::plan(ProcessorId::new(processor), PROCESSORS, self.wants.iter().copied())
    }

    /// Stages the plans of some processors and commits them together.
    fn commit(&self, processors: &[u16]) {
        let slot = |processor: u16| u64::from(first_slot::PROCESSORS.raw() + processor);
        let mask = processors.iter().fold(0_u64, |mask, processor| mask | 1 << processor);
        for &processor in processors {
            let plan = self.plan(processor);
            let own = |slot: &Option<plan::Place>| {
                slot.map_or(0, |place| self.contexts[place.partition.raw() as usize].0)
            };
            for (index, places) in (0..).zip(plan.slots.chunks(4)) {
                let word = places.iter().rev().fold(0, |word, place| word << 16 | own(place));
                let stage = ProcessorOperation::Stage as u64;
                let staged = self.machine.control(slot(processor), stage, [index, word, 0, 0]);
                staged.expect("staged");
            }
        }
        let together = if processors.len() > 1 { mask } else { 0 };
        for &processor in processors {
            let arguments = [PLAN_SLOTS as u64, together, 0, 0];
            let commit = ProcessorOperation::Commit as u64;
            self.machine.control(slot(processor), commit, arguments).expect("committed");
            self.machine.settle();
        }
    }

    /// Lets a frame pass. Who ran in the middle of each slot, counted by partition; `act` is called once while the manager runs.
    fn frame(&self, frame: u64, mut act: impl FnMut(&Self)) -> Vec<u32> {
        let (mut counts, mut acted) = (vec![0; PARTITIONS as usize], false);
        for slot in 0..PLAN_SLOTS as u64 {
            self.machine.run_until(frame * FRAME + slot * SLOT + SLOT / 2);
            let running: Vec<_> = (0..PROCESSORS).map(|id| self.machine.running(id)).collect();
            for (id, (_, context)) in self.contexts.iter().enumerate() {
                let places = running.iter().filter(|one| **one == Some(*context)).count();
                assert!(places <= 1, "partition {id} runs on two processors at once");
                counts[id] += places as u32;
            }
            if running[0] == Some(self.contexts[0].1) && !acted {
                act(self);
                acted = true;
            }
        }
        counts
    }

    /// The plan is kept slot by slot on every processor in this frame.
    fn follows(&self, frame: u64, plans: &[Plan]) {
        for slot in 0..PLAN_SLOTS {
            self.machine.run_until(frame * FRAME + slot as u64 * SLOT + SLOT / 2);
            for (processor, plan) in (0..).zip(plans) {
                let planned =
                    plan.slots[slot].map(|it| self.contexts[it.partition.raw() as usize].1);
                let running = self.machine.running(processor);
                assert_eq!(running, planned, "frame {frame}, slot {slot}, processor {processor}");
            }
        }
    }
}

/// covers: SCH-7
#[test]
fn five_hundred_and_twelve_partitions_get_exactly_their_slots_on_thirty_two_processors() {
    let begun = Instant::now();
    let mut simulation = Simulation::new();
    assert_eq!(check(PROCESSORS, simulation.wants.iter().copied()), Ok(()));
    let plans: Vec<Plan> = (0..PROCESSORS).map(|id| simulation.plan(id)).collect();
    assert!(plans.iter().all(|plan| plan.fit == Fit::Met));
    simulation.commit(&(0..PROCESSORS).collect::<Vec<_>>());
    let frames = 2..1002;
    for frame in frames.clone() {
        if frame % 10 == 0 {
            let counts = simulation.frame(frame, |_| {});
            assert!(counts.iter().all(|count| *count == 1), "frame {frame}: {counts:?}");
        } else {
            simulation.follows(frame, &plans);
        }
    }
    let simulated = begun.elapsed();
    move_one(&mut simulation, frames.end);
    println!(
        "{PARTITIONS} partitions on {PROCESSORS} processors, 1,000 frames of 16 slots: each ran in its slot, one of 16, in every \
         frame; one was moved and no other missed a frame; {simulated:.1?} for the frames"
    );
}

/// The last partition ends and another takes its place on the last processor: no other misses its slot in any frame.
fn move_one(simulation: &mut Simulation, first: u64) {
    let (gone, moved, processor) = (PARTITIONS - 1, 33, PROCESSORS - 1);
    let undisturbed = |counts: &[u32], frame| {
        for (id, count) in (0..).zip(counts) {
            assert!(
                id == gone || id == moved || *count == 1,
                "frame {frame}, partition {id}: {count}"
            );
        }
    };
    let slot = simulation.contexts[moved as usize].0;
    simulation.wants.retain(|want| ![gone, moved].contains(&want.partition.raw()));
    let without = simulation.frame(first, |it| it.commit(&[home(moved), processor]));
    undisturbed(&without, first);
    simulation.wants.push(want(moved, processor));
    let goes = |it: &Simulation| {
        for (operation, argument) in [
            (ContextOperation::Stop, 0),
            (ContextOperation::Move, processor.into()),
            (ContextOperation::Start, 0),
        ] {
            let arguments = [argument, 0, 0, 0];
            it.machine.patient(slot, operation as u64, arguments).expect("moved");
        }
        it.commit(&[processor]);
    };
    for frame in first + 1..first + 10 {
        let counts = simulation.frame(frame, |it| {
            if frame == first + 2 {
                goes(it);
            }
        });
        undisturbed(&counts, frame);
        if frame > first + 3 {
            let both = [counts[moved as usize], counts[gone as usize]];
            assert_eq!(both, [1, 0], "frame {frame}");
        }
    }
}
