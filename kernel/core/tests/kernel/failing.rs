//! Processors that stop by themselves: what the others see, and what becomes of the contexts that were there.

use crate::build::{FIRST, Made, OWN_CONTEXT, PROCESSOR};
use crate::machine::{Answer, FREE, SLOT, TestMachine};
use abi::call::{Call, Error};
use abi::control::{
    ContextOperation, ContextState, KernelOperation, MemoryOperation, PartitionOperation,
    ProcessorOperation, first_slot,
};
use abi::fault::{Reason, word};

const FRAME: u64 = 16 * SLOT;
/// Between two looks.
const EVERY: u64 = 7 * SLOT;
const NEVER: u64 = u64::MAX;
/// Slot of the doorbell that is rung, and its bit.
const BELL: u64 = 220;
const BIT: u64 = 9;
const FAILED: u64 = 2;

/// The resource manager with half of processor 0, and a partition on each further one, which has all of it; all are watched.
fn watched(processors: u16) -> (TestMachine, Vec<Made>) {
    let machine = TestMachine::booted(processors);
    machine.plan(0, &[OWN_CONTEXT, 0].repeat(8), 0);
    let made: Vec<_> = (1..u64::from(processors)).map(|id| machine.make(id, id)).collect();
    for (id, made) in (1..).zip(&made) {
        machine.start(*made);
        machine.plan(id, &[made.context; 16], 0);
    }
    machine.give_doorbell(FIRST, BELL, OWN_CONTEXT, BIT);
    watch(&machine, EVERY).unwrap();
    machine.run_until(4 * FRAME);
    (machine, made)
}

fn watch(machine: &TestMachine, every: u64) -> Answer {
    let kernel = u64::from(first_slot::KERNEL.raw());
    machine.control(kernel, KernelOperation::Watch as u64, [every, BELL, 0, 0])
}

/// Lets the manager run, wherever it waits.
fn manager_runs(machine: &TestMachine) {
    while machine.running(0).is_none() {
        machine.run_until(machine.time() + SLOT / 2);
    }
}

fn states(machine: &TestMachine, processors: u64) -> Vec<u64> {
    manager_runs(machine);
    let state = |id| machine.on_processor(id, ProcessorOperation::State, [0; 4]).unwrap()[0];
    (0..processors).map(state).collect()
}

fn state(machine: &TestMachine, made: Made) -> u64 {
    machine.on_context(made.context, ContextOperation::State, [0; 4]).unwrap()[0]
}

fn fault(machine: &TestMachine, made: Made, word: u64) -> u64 {
    machine.on_context(made.context, ContextOperation::Fault, [word, 0, 0, 0]).unwrap()[0]
}

/// The one who is told takes slack alone, on a processor that halts since nobody there had anything to do.
#[test]
fn a_taker_of_slack_is_told_while_its_processor_halts() {
    let (machine, _) = watched(2);
    machine.thorough.set(false);
    manager_runs(&machine);
    machine.plan(0, &[0; 16].into_iter().chain([OWN_CONTEXT]).collect::<Vec<_>>(), 0);
    machine.run_until(8 * FRAME);
    machine.begin(0, Call::Wait as u64, [1 << BIT, NEVER, 0, 0, 0, 0]);
    machine.run_until(9 * FRAME);
    assert_eq!(machine.running(0), None);
    machine.dead.set(0b10);
    machine.run_until(11 * FRAME);
    assert!(
        machine.running(0).is_some(),
        "it was rung by its own processor, in the timer's interrupt"
    );
}

// covers: REC-3
#[test]
fn a_processor_that_stops_is_out_within_a_frame_whenever_it_stops() {
    for step in 0..32 {
        let (machine, made) = watched(2);
        machine.run_until(8 * FRAME + step * SLOT / 2 + 1);
        machine.dead.set(0b10);
        machine.run_until(machine.time() + FRAME);
        assert_eq!(states(&machine, 2), [1, FAILED], "step {step}");
        assert_eq!(*machine.halted.borrow(), [1]);
        // Who ran there is lost, and is told as a fault.
        assert_eq!(state(&machine, made[0]), ContextState::Faulted as u64);
        assert_eq!(fault(&machine, made[0], word::REASON), Reason::Processor as u64);
        assert_eq!(fault(&machine, made[0], word::CODE), 1);
        let rung = machine.call(0, Call::Wait, [1 << BIT, NEVER, 0, 0, 0, 0]);
        assert_eq!(rung, Ok([1 << BIT, 0, 0, 0]));
        // It is in nobody's way: nothing is left that counts it among those that live.
        machine.unmake(made[0]);
    }
}

#[test]
fn none_that_lives_is_given_up() {
    let (machine, made) = watched(4);
    // One computes alone, one waits alone, one shares.
    machine.begin(2, Call::Wait as u64, [1, NEVER, 0, 0, 0, 0]);
    manager_runs(&machine);
    machine.plan(3, &[made[2].context, 0].repeat(8), 0);
    let entries = machine.record(1).entries();
    machine.run_until(200 * FRAME);
    assert_eq!(states(&machine, 4), [1; 4]);
    assert!(machine.halted.borrow().is_empty());
    assert_eq!(machine.timer_of(1), None, "who computes alone is not disturbed by the timer");
    let looked_at = machine.record(1).entries() - entries;
    assert!((380..500).contains(&looked_at), "{looked_at} interrupts in 196 frames");
}

#[test]
fn a_processor_is_watched_by_those_that_are_left() {
    let (machine, made) = watched(4);
    machine.has_rescuer();
    for id in [1, 2, 3] {
        let slot = made[id - 1].context;
        machine.plan(id as u64, &[slot, 0].repeat(8), 0);
    }
    machine.run_until(machine.time() + 2 * FRAME);
    let mut halted = Vec::new();
    // The first is the one on which the manager runs.
    for id in [0, 2, 1] {
        machine.dead.set(machine.dead.get() | 1 << id);
        machine.run_until(machine.time() + FRAME);
        halted.push(id);
        assert_eq!(*machine.halted.borrow(), halted);
    }
    machine.run_until(machine.time() + 8 * FRAME);
    assert_eq!(machine.halted.borrow().len(), 3, "the last one stays");
}

/// A partition that waits on the processor that stops, beside one that runs there.
fn waiting() -> (TestMachine, Made) {
    let (machine, made) = watched(2);
    manager_runs(&machine);
    let waits = machine.make(5, 1);
    machine.give_doorbell(FIRST, BELL + 1, waits.context, 5);
    machine.start(waits);
    machine.plan(1, &[made[0].context, waits.context].repeat(8), 0);
    machine.run_until(8 * FRAME);
    while machine.running(1) != Some(waits.context_frame) {
        machine.run_until(machine.time() + SLOT / 2);
    }
    machine.begin(1, Call::Wait as u64, [1 << 5, NEVER, 0, 0, 0, 0]);
    (machine, waits)
}

// covers: REC-3
#[test]
fn what_did_not_run_there_goes_on_elsewhere() {
    let (machine, waits) = waiting();
    manager_runs(&machine);
    machine.call(0, Call::Ring, [BELL + 1, 0, 0, 0, 0, 0]).unwrap();
    machine.nudged.borrow_mut().clear();
    while machine.running(1) == Some(waits.context_frame) {
        machine.run_until(machine.time() + SLOT / 2);
    }
    machine.dead.set(0b10);
    machine.run_until(machine.time() + FRAME);
    manager_runs(&machine);
    let on = |operation, processor| {
        machine.control(waits.context, operation as u64, [processor, 0, 0, 0])
    };
    assert_eq!(state(&machine, waits), ContextState::Stranded as u64);
    assert_eq!(
        on(ContextOperation::Move, 0),
        Err((Error::WrongState, 5)),
        "not before it is stopped"
    );
    assert_eq!(on(ContextOperation::Stop, 0), Ok([0; 4]), "nobody is waited for");
    assert_eq!(on(ContextOperation::Start, 0), Err((Error::WrongState, 0)), "not there");
    assert_eq!(on(ContextOperation::Move, 1), Err((Error::BadArgument, 3)));
    assert_eq!(on(ContextOperation::Move, 0), Ok([0; 4]));
    assert_eq!(on(ContextOperation::Start, 0), Ok([0; 4]));
    machine.plan(0, &[OWN_CONTEXT, waits.context].repeat(8), 0);
    machine.run_until(machine.time() + 2 * FRAME);
    assert_eq!(machine.answer_of(waits.context_frame), Ok([1 << 5, 0, 0, 0]), "the event was kept");
    manager_runs(&machine);
    for operation in [ProcessorOperation::Stage, ProcessorOperation::Commit] {
        let refused = machine.on_processor(1, operation, [16, 0, 0, 0]);
        assert!(matches!(refused, Err((Error::WrongState, _))), "{operation:?}: {refused:?}");
    }
}

#[test]
fn a_joint_plan_does_not_wait_for_one_that_failed() {
    for late in 0..40 {
        let (machine, made) = watched(4);
        manager_runs(&machine);
        (1..4).for_each(|id| machine.stage(id, &[made[id as usize - 1].context, 0].repeat(8)));
        for id in 1..4 {
            let commit = [16, 0b1110, 0, 0];
            machine.on_processor(id, ProcessorOperation::Commit, commit).unwrap();
        }
        machine.run_until(machine.time() + late * SLOT / 2);
        machine.dead.set(0b100);
        machine.run_until(machine.time() + 6 * FRAME);
        assert_eq!(states(&machine, 4), [1, 1, FAILED, 1], "late {late}");
        for id in [1, 3] {
            let place = machine
                .control(PROCESSOR + id, ProcessorOperation::Place as u64, [1, 0, 0, 0])
                .unwrap();
            assert_eq!(
                [place[0], place[3]],
                [0, 0],
                "processor {id} has its new plan, late {late}"
            );
        }
        assert_eq!(*machine.halted.borrow(), [2]);
    }
}

/// It stops inside the kernel, where destruction would wait for it, and with a stop that it never hears of.
#[test]
fn nothing_waits_for_what_a_failed_processor_was_about_to_do() {
    let (machine, waits) = waiting();
    manager_runs(&machine);
    machine.memory(MemoryOperation::Assign, [FREE + 100, 1, waits.partition, 0]).unwrap();
    machine.dead.set(0b10);
    machine.record(1).enter();
    let again = Err((Error::Again, 0));
    let on = |operation| machine.control(waits.context, operation as u64, [0; 4]);
    assert_eq!(on(ContextOperation::Stop), again);
    machine.run_until(machine.time() + 2 * FRAME);
    manager_runs(&machine);
    assert_eq!(on(ContextOperation::Stop), Ok([0; 4]));
    assert_eq!(
        on(ContextOperation::Destroy),
        Ok([0; 4]),
        "it is in no plan, and nobody looks at it"
    );
    let unmap = machine.partition(waits.partition, PartitionOperation::Unmap, [0x40_0000, 1, 0, 0]);
    assert_eq!(unmap, Ok([1, 0, 0, 0]));
    assert_eq!(machine.memory(MemoryOperation::Release, [FREE + 100, 1, 0, 0]), Ok([1, 0, 0, 0]));
}

#[test]
#[should_panic(expected = "changed the kernel's objects")]
fn a_processor_that_fails_with_the_lock_ends_the_machine() {
    let (machine, _) = watched(2);
    machine.dead.set(0b10);
    machine.busy.set(true);
    machine.run_until(machine.time() + 3 * FRAME / 2);
    assert_eq!(machine.record(0).id().raw(), 0, "others may hold it for a while");
    machine.run_until(machine.time() + 8 * FRAME);
}

#[test]
fn who_is_not_watched_is_never_given_up() {
    let (machine, made) = watched(2);
    manager_runs(&machine);
    watch(&machine, 0).unwrap();
    machine.dead.set(0b10);
    machine.run_until(machine.time() + 40 * FRAME);
    assert_eq!((states(&machine, 2), state(&machine, made[0])), (vec![1, 1], 1));
    let kernel = u64::from(first_slot::KERNEL.raw());
    let bad = machine.control(kernel, KernelOperation::Watch as u64, [EVERY, 230, 0, 0]);
    assert_eq!(bad, Err((Error::NoCapability, 0)));
}
