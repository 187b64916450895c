//! Whose time is used: a command is served in the quantum of who gives it, and what cannot go on loses its place to idle.

use crate::build::{FIRST, Made, OWN_CONTEXT, PROCESSOR};
use crate::machine::{SLOT, TestMachine};
use abi::call::Call;
use abi::control::{ContextOperation, ProcessorOperation};
use abi::fault::Reason;
use abi::trace::TraceKind;

const NEVER: u64 = u64::MAX;
const FRAME: u64 = 16 * SLOT;
/// The bits by which the manager is asked, and answers.
const ASKED: u64 = 1 << 5;
const ANSWERED: u64 = 1 << 6;

/// The manager waits for commands; the plan repeats four slots of who commands, four of the manager, eight of a witness that never rests.
fn commanded() -> (TestMachine, u64, Made, Made) {
    let machine = TestMachine::booted(1);
    let manager = machine.running(0).unwrap();
    let [command, witness] = [machine.make(0, 0), machine.make(1, 0)];
    machine.give_doorbell(command.partition, 1, OWN_CONTEXT, 5);
    machine.give_doorbell(FIRST, 200, command.context, 6);
    [command, witness].iter().for_each(|made| machine.start(*made));
    let slots = [command.context, OWN_CONTEXT, witness.context, witness.context];
    machine.plan(0, &slots.map(|slot| [slot; 4]).concat(), 0);
    machine.run_until(FRAME);
    assert_eq!(machine.running(0), Some(command.context_frame));
    machine.run_until(FRAME + 4 * SLOT);
    assert_eq!(machine.running(0), Some(manager));
    machine.begin(0, Call::Wait as u64, [ASKED, NEVER, 0, 0, 0, 0]);
    machine.run_until(2 * FRAME + SLOT / 8);
    assert_eq!(machine.running(0), Some(command.context_frame));
    (machine, manager, command, witness)
}

/// Frames to which the processor switched, the newest first.
fn switches(machine: &TestMachine) -> Vec<u64> {
    let record =
        |index| machine.control(PROCESSOR, ProcessorOperation::Trace as u64, [index, 0, 0, 0]);
    let [.., next] = record(u64::MAX).unwrap();
    let records = (0..next).rev().map_while(|index| record(index).ok()).map(|[_, what, ..]| what);
    let switch = |what: &u64| what >> 56 == u64::from(TraceKind::Switch.number());
    records.filter(switch).map(|what| what & 0x00ff_ffff_ffff_ffff).collect()
}

fn used(machine: &TestMachine, place: u64) -> u64 {
    machine.on_processor(0, ProcessorOperation::Place, [place, 0, 0, 0]).unwrap()[1]
}

/// covers: SCH-6
#[test]
fn a_command_is_served_in_the_quantum_of_who_gives_it() {
    let (machine, manager, command, _) = commanded();
    machine.begin(0, Call::Call as u64, [1, ANSWERED, NEVER, 0, 0, 0]);
    assert_eq!(machine.running(0), Some(manager), "at once, in a slot that is not its own");
    let [commands, own] = [used(&machine, 0), used(&machine, 4)];
    // It works half of the slot, as a transaction does: with control calls.
    machine.set_time(2 * FRAME + SLOT / 2);
    machine.on_context(command.context, ContextOperation::State, [0; 4]).unwrap();
    machine.set_time(2 * FRAME + SLOT * 5 / 8);
    assert_eq!(used(&machine, 0) - commands, SLOT / 2, "the time is that of who asked");
    assert_eq!(used(&machine, 4), own, "the manager's own is not touched");
    machine.begin(0, Call::Call as u64, [200, ASKED, NEVER, 0, 0, 0]);
    assert_eq!(machine.running(0), Some(command.context_frame), "and back, in the same slot");
    assert_eq!(machine.answer_of(command.context_frame), Ok([ANSWERED, 0, 0, 0]));
    machine.begin(0, Call::Call as u64, [1, ANSWERED, NEVER, 0, 0, 0]);
    let way = [manager, command.context_frame, manager, command.context_frame];
    assert_eq!(switches(&machine)[..4], way, "nobody ran in between");
}

/// covers: SCH-6
#[test]
fn a_command_that_takes_longer_goes_on_in_the_next_quantum_and_takes_nobody_elses() {
    let (machine, manager, _, witness) = commanded();
    machine.run_until(2 * FRAME + 3 * SLOT + SLOT / 2);
    machine.begin(0, Call::Call as u64, [1, ANSWERED, NEVER, 0, 0, 0]);
    assert_eq!(machine.running(0), Some(manager));
    // Its own slots come next, then the witness's, of which it gets nothing.
    for slot in 4..8 {
        machine.run_until(2 * FRAME + slot * SLOT + SLOT / 2);
        assert_eq!(machine.running(0), Some(manager), "slot {slot} is its own");
    }
    for slot in 8..16 {
        machine.run_until(2 * FRAME + slot * SLOT + SLOT / 2);
        assert_eq!(machine.running(0), Some(witness.context_frame), "slot {slot}");
    }
    machine.run_until(3 * FRAME + SLOT / 2);
    assert_eq!(machine.running(0), Some(manager), "lent again by who waits for the answer");
}

/// covers: KRN-7
#[test]
fn a_context_that_cannot_be_restored_is_evicted_and_idle_runs_in_its_place() {
    for reason in [Reason::Evicted as u64, 13] {
        let machine = TestMachine::booted(2);
        let [faulty, idle] = [machine.make(0, 1), machine.make(1, 1)];
        machine.plan(1, &[&[faulty.context; 16][..], &[idle.context]].concat(), 0);
        [faulty, idle].iter().for_each(|made| machine.start(*made));
        machine.run_until(FRAME + SLOT / 2);
        assert_eq!(machine.running(1), Some(faulty.context_frame));
        let calls = machine.running(0);
        machine.fault_on(1, kernel_core::FaultRecord { reason, code: 0, address: 0 });
        assert_eq!(machine.running(1), Some(idle.context_frame), "at once");
        for slot in 2..48 {
            machine.run_until(FRAME + slot * SLOT + SLOT / 2);
            assert_eq!(machine.running(1), Some(idle.context_frame), "slot {slot}");
        }
        // Nobody was asked: the manager ran on where it was. The plan still names it, so that started anew it has its place.
        assert_eq!(machine.running(0), calls);
        let place = machine.on_processor(1, ProcessorOperation::Place, [0; 4]).unwrap();
        assert_eq!(place[0], faulty.context_frame);
        let [state, ..] =
            machine.on_context(faulty.context, ContextOperation::State, [0; 4]).unwrap();
        assert_eq!(state, 3, "faulted");
        machine.on_context(idle.context, ContextOperation::Stop, [0; 4]).unwrap();
        machine.settle();
        assert_eq!(machine.running(1), None, "without idle the processor halts");
    }
}
