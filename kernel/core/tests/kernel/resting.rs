//! Contexts that rest outside of all plans: nothing that comes for them is lost, whenever it comes.

use crate::build::{FIRST, Made, OWN_CONTEXT};
use crate::machine::{Answer, SLOT, TestMachine};
use crate::several::two;
use abi::call::{Call, Error};
use abi::control::{ContextOperation, ContextState, KernelOperation, first_slot};

const FRAME: u64 = 16 * SLOT;
const NEVER: u64 = u64::MAX;
/// Slot of the doorbell that is rung for one that rests, and its bit.
const BELL: u64 = 220;
const BIT: u64 = 9;
/// Slot of the doorbell to the one that rests, and its bit.
const WANTED: u64 = 200;
const EVENT: u64 = 1 << 5;

/// [`two`], the second waiting on processor 1, the first told of who is wanted.
fn waiting(deadline: u64) -> (TestMachine, Made) {
    let (machine, made) = two();
    machine.give_doorbell(FIRST, BELL, OWN_CONTEXT, BIT);
    let kernel = u64::from(first_slot::KERNEL.raw());
    machine.control(kernel, KernelOperation::Watch as u64, [0, BELL, 0, 0]).unwrap();
    machine.settle();
    machine.begin(1, Call::Wait as u64, [EVENT, deadline, 0, 0, 0, 0]);
    (machine, made)
}

fn on(machine: &TestMachine, made: Made, operation: ContextOperation) -> Answer {
    machine.control(made.context, operation as u64, [0; 4])
}

fn state(machine: &TestMachine, made: Made) -> u64 {
    on(machine, made, ContextOperation::State).unwrap()[0]
}

fn ring(machine: &TestMachine) {
    machine.call(0, Call::Ring, [WANTED, 0, 0, 0, 0, 0]).unwrap();
}

/// Whether the first was told.
fn told(machine: &TestMachine) -> bool {
    machine.call(0, Call::Wait, [1 << BIT, 0, 0, 0, 0, 0]) == Ok([1 << BIT, 0, 0, 0])
}

// covers: SCH-3
#[test]
fn who_rests_does_not_run_and_comes_back_when_it_is_wanted() {
    let (machine, made) = waiting(NEVER);
    machine.on_context(made.context, ContextOperation::Rest, [0; 4]).unwrap();
    assert_eq!(state(&machine, made), ContextState::Resting as u64);
    machine.run_until(machine.time() + 2 * FRAME);
    ring(&machine);
    machine.run_until(machine.time() + 2 * FRAME);
    assert_eq!(machine.running(1), None, "its slots are not used, though it has them");
    assert_eq!(state(&machine, made), ContextState::Stopped as u64);
    assert!(told(&machine));
    ring(&machine);
    assert!(!told(&machine), "once");
    machine.start(made);
    assert_eq!(machine.running(1), Some(made.context_frame));
    assert_eq!(machine.answer_of(made.context_frame), Ok([EVENT, 0, 0, 0]), "nothing was lost");
}

#[test]
fn what_comes_while_it_is_put_to_rest_is_seen_whenever_it_comes() {
    for moment in 0..3 {
        let (machine, made) = waiting(NEVER);
        if moment == 0 {
            ring(&machine);
        }
        let rest = on(&machine, made, ContextOperation::Rest);
        let expected = [Error::WrongState, Error::Again, Error::Again][moment];
        assert_eq!(rest.map_err(|(error, _)| error), Err(expected), "moment {moment}");
        if moment == 1 {
            ring(&machine);
        }
        machine.settle();
        if moment == 2 {
            assert_eq!(state(&machine, made), ContextState::Resting as u64);
            ring(&machine);
        }
        let runs = machine.running(1) == Some(made.context_frame);
        assert_eq!((runs, told(&machine)), (moment < 2, moment == 2), "moment {moment}");
    }
}

#[test]
fn only_who_waits_can_rest() {
    let (machine, made) = two();
    let ready = ContextState::Ready as u64;
    assert_eq!(on(&machine, made, ContextOperation::Rest), Err((Error::WrongState, ready)));
    on(&machine, made, ContextOperation::Stop).unwrap_err();
    machine.settle();
    let stopped = ContextState::Stopped as u64;
    assert_eq!(on(&machine, made, ContextOperation::Rest), Err((Error::WrongState, stopped)));
    // One that was stopped or faulted while it waited still wants what it waited for, and does not rest either.
    for (reason, state) in [(0, stopped), (256, ContextState::Faulted as u64)] {
        let (machine, made) = waiting(NEVER);
        machine.on_context(made.context, ContextOperation::Stop, [reason, 0, 0, 0]).unwrap();
        assert_eq!(on(&machine, made, ContextOperation::Rest), Err((Error::WrongState, state)));
        assert_eq!(self::state(&machine, made), state);
        ring(&machine);
        assert!(!told(&machine), "who is stopped is nobody's to wake");
    }
    assert_eq!(
        machine.control(
            made.context,
            ContextOperation::Stop as u64,
            [u64::from(u32::MAX), 0, 0, 0]
        ),
        Err((Error::BadArgument, 3)),
        "that is no reason"
    );
}

#[test]
fn one_of_the_same_processor_rests_at_once_and_may_be_stopped_and_started() {
    let (machine, made) = waiting(NEVER);
    let here = machine.make(3, 0);
    machine.give_doorbell(FIRST, WANTED + 1, here.context, 5);
    machine.start(here);
    machine.plan(0, &[OWN_CONTEXT, here.context].repeat(8), 0);
    while machine.running(0) != Some(here.context_frame) {
        machine.run_until(machine.time() + SLOT / 2);
    }
    machine.begin(0, Call::Wait as u64, [EVENT, NEVER, 0, 0, 0, 0]);
    while machine.running(0).is_none() {
        machine.run_until(machine.time() + SLOT / 2);
    }
    let call = || machine.call(0, Call::Ring, [WANTED + 1, 0, 0, 0, 0, 0]).unwrap();
    assert_eq!(on(&machine, here, ContextOperation::Rest), Ok([0; 4]));
    assert_eq!(state(&machine, here), ContextState::Resting as u64);
    assert_eq!(on(&machine, here, ContextOperation::Start), Ok([0; 4]), "without being wanted");
    assert_eq!(state(&machine, here), ContextState::Waiting as u64);
    assert_eq!(on(&machine, here, ContextOperation::Rest), Ok([0; 4]));
    assert_eq!(on(&machine, here, ContextOperation::Stop), Ok([0; 4]));
    assert_eq!(state(&machine, here), ContextState::Stopped as u64);
    call();
    assert!(!told(&machine), "who is stopped is nobody's to wake");
    assert_eq!(on(&machine, here, ContextOperation::Start), Ok([0; 4]));
    machine.run_until(machine.time() + FRAME);
    assert_eq!(machine.answer_of(here.context_frame), Ok([EVENT, 0, 0, 0]));
    // Nothing of it touches the other.
    assert_eq!(state(&machine, made), ContextState::Waiting as u64);
}

#[test]
fn a_deadline_does_not_wake_who_rests() {
    let (machine, made) = waiting(4 * FRAME);
    machine.on_context(made.context, ContextOperation::Rest, [0; 4]).unwrap();
    machine.run_until(8 * FRAME);
    assert_eq!(state(&machine, made), ContextState::Resting as u64);
    machine.start(made);
    assert_eq!(machine.answer_of(made.context_frame), Err((Error::Timeout, 0)));
}

#[test]
fn who_calls_one_that_rests_wakes_it_and_gets_its_answer() {
    let (machine, made) = waiting(NEVER);
    let caller = machine.make(3, 1);
    machine.give_doorbell(caller.partition, 1, made.context, 5);
    machine.start(caller);
    machine.plan(1, &[caller.context; 16], 0);
    machine.run_until(machine.time() + 2 * FRAME);
    machine.on_context(made.context, ContextOperation::Rest, [0; 4]).unwrap();
    assert_eq!(machine.running(1), Some(caller.context_frame));
    machine.begin(1, Call::Call as u64, [1, 1, NEVER, 0, 0, 0]);
    machine.settle();
    assert_eq!(machine.running(1), None, "the one called does not run before it is started");
    assert!(told(&machine));
    machine.start(made);
    assert_eq!(machine.running(1), Some(made.context_frame), "in the slots of its caller");
}
