//! What the holder of every capability tries against the kernel itself.

use crate::build::{FIRST, OWN_CONTEXT, TEXT};
use crate::control::{bad, one, tables};
use crate::machine::{SLOT, TestMachine};
use abi::call::{Call, Error};
use abi::control::{
    Access, ChannelOperation, ContextOperation, ContextState, InterruptOperation, MemoryOperation,
    PartitionOperation, ProcessorOperation,
};
use abi::rights::Kind;
use kernel_core::capability::{Capability, SlotWords, read, slot, write};
use kernel_core::context::register;
use kernel_core::ledger;
use std::sync::atomic::Ordering::Relaxed;

const NEVER: u64 = u64::MAX;
const FRAME: u64 = 16 * SLOT;

#[test]
fn shared_memory_is_never_run() {
    // covers: KRN-2
    let (machine, made) = one();
    let peer = machine.make(1, 0);
    tables(&machine, peer, 700);
    machine.memory(MemoryOperation::Create, [Kind::Channel as u64, 640, 200, 0]).unwrap();
    machine.memory(MemoryOperation::Assign, [641, 1, made.partition, 0]).unwrap();
    let join = [made.partition, peer.partition, 641, 1];
    machine.control(200, ChannelOperation::Join as u64, join).unwrap();
    for end in [made, peer] {
        let map = |access: Access| {
            let arguments = [TEXT, 641, 1, access.bits()];
            machine.partition(end.partition, PartitionOperation::Map, arguments)
        };
        assert_eq!(map(Access::EXECUTE), Err((Error::WrongFrame, 641)));
        assert_eq!(map(Access::WRITE), Ok([1, 0, 0, 0]));
    }
}

#[test]
fn a_line_that_is_not_there_is_not_bound() {
    let (machine, made) = one();
    machine.give_doorbell(FIRST, 200, made.context, 5);
    let line = |slot: u64, line: u64| {
        let what = (Kind::Interrupt as u64) << 32 | line;
        machine.partition(FIRST, PartitionOperation::Put, [slot, 7, 15, what]).unwrap();
    };
    line(210, 100);
    let bind = |slot| machine.control(slot, InterruptOperation::Bind as u64, [200, 0, 0, 0]);
    assert_eq!(bind(210), bad(1));
    let state = machine.control(210, InterruptOperation::State as u64, [0; 4]).unwrap();
    assert_eq!(state[0], 0, "a refused call changed something");
    let acknowledge = machine.call(0, Call::Acknowledge, [210, 0, 0, 0, 0, 0]);
    assert_eq!(acknowledge, Err((Error::WrongState, 0)));
    line(211, 9);
    assert_eq!(bind(211), Ok([0; 4]));
}

#[test]
fn a_joint_plan_takes_no_second_round_before_the_first_is_over() {
    // covers: SCH-2
    let machine = TestMachine::booted(3);
    let mask = 0b110;
    machine.run_until(FRAME + 5);
    let commit = |id| machine.on_processor(id, ProcessorOperation::Commit, [16, mask, 0, 0]);
    let set_slot = |id| machine.on_processor(id, ProcessorOperation::SetSlot, [2 * SLOT, 0, 0, 0]);
    commit(1).unwrap();
    assert_eq!(set_slot(2), Err((Error::WrongState, 1)), "its frames would not coincide");
    commit(2).unwrap();
    machine.settle();
    machine.set_time(3 * FRAME);
    machine.nudge_on(1);
    machine.nudge_on(2);
    // Processor 2 came last and has the new plan. 1 has not heard of it.
    assert_eq!(*machine.nudged.borrow(), [1]);
    let pending = |id| machine.on_processor(id, ProcessorOperation::Place, [0; 4]).unwrap()[3];
    assert_eq!([pending(1), pending(2)], [1, 0]);
    assert_eq!(commit(2), Err((Error::WrongState, 1)));
    machine.settle();
    assert_eq!(pending(1), 0);
    commit(2).unwrap();
    machine.run_until(6 * FRAME);
    assert_eq!(pending(2), 1, "it waits for processor 1");
    commit(1).unwrap();
    machine.run_until(9 * FRAME);
    assert_eq!([pending(1), pending(2)], [0, 0]);
    assert_eq!(set_slot(2), Ok([0; 4]));
}

#[test]
fn a_context_that_stopped_itself_is_not_written_to_once_others_may_have_it() {
    let machine = TestMachine::booted(1);
    let own = machine.running(0).unwrap();
    machine.context(own).set_register(register::R8, 4711);
    machine.unlocked.set(Some(|machine| {
        let context = machine.context(machine.running(0).unwrap());
        assert_eq!(context.register(register::RAX), 0, "the answer is still to come");
        context.set_register(register::RDI, 815);
    }));
    machine.begin(
        0,
        Call::Control as u64,
        [OWN_CONTEXT, ContextOperation::Stop as u64, 0, 0, 0, 0],
    );
    assert_eq!(machine.running(0), None);
    assert_eq!(machine.context(own).register(register::RDI), 815, "overwritten by the old call");
}

/// The slot that the caller on processor 0 names.
fn named(machine: &TestMachine) -> &SlotWords {
    let caller = machine.context(machine.running(0).unwrap());
    slot(machine, caller.partition(), caller.register(register::RDI)).unwrap()
}

#[test]
fn what_was_taken_away_while_the_lock_was_waited_for_is_not_used() {
    let others: [fn(&TestMachine); 2] = [
        |machine| write(named(machine), [0, 0]),
        |machine| {
            let frame = Capability::unpack(read(named(machine))).unwrap().frame;
            let next = ledger::entry(machine, frame).next_generation().unwrap();
            ledger::set(machine, frame, next);
        },
    ];
    for other in others {
        let machine = TestMachine::booted(1);
        let made = machine.make(0, 0);
        let start = [made.context, ContextOperation::Start as u64, 0, 0, 0, 0];
        let caller = machine.context(machine.running(0).unwrap());
        let instruction = caller.register(register::RIP);
        machine.waited_for.set(Some(other));
        machine.begin(0, Call::Control as u64, start);
        assert_eq!(caller.register(register::RIP), instruction.wrapping_sub(2), "once more");
        let state = machine.context(made.context_frame).state();
        assert_eq!(state, ContextState::Stopped, "it was not started");
        assert!(machine.call(0, Call::Control, start).is_err());
    }
}

/// As many takers of slack as a plan has, each at the end of a chain of contexts that wait for each other.
#[test]
fn no_decision_is_long_however_many_wait_for_whom() {
    // covers: KRN-5
    let machine = TestMachine::booted(2);
    let made: Vec<_> = (0..20).map(|number| machine.make(number, 1)).collect();
    for pair in made.windows(2) {
        machine.give_doorbell(pair[0].partition, 1, pair[1].context, 0);
    }
    made.iter().for_each(|made| machine.start(*made));
    let takers = made.iter().cycle().take(240).map(|made| made.context);
    machine.plan(1, &[0; 16].into_iter().chain(takers).collect::<Vec<_>>(), 0);
    machine.run_until(2 * FRAME);
    while let Some(frame) = machine.running(1) {
        // The last one has nobody to call.
        let last = made.last().is_some_and(|made| made.context_frame == frame);
        let (call, arguments) = if last {
            (Call::Wait, [1 << 1, NEVER, 0, 0, 0, 0])
        } else {
            (Call::Call, [1, 1 << 1, NEVER, 0, 0, 0])
        };
        machine.begin(1, call as u64, arguments);
    }
    machine.looks.set(0);
    machine.nudge_on(1);
    let looks = machine.looks.get();
    assert!((240..600).contains(&looks), "{looks} contexts looked at");
}

/// Where page tables are isolated, a partition's own have what the machine shows of the kernel and nothing else, and the kernel
/// stays on its own.
#[test]
fn isolated_tables_show_what_the_machine_shows() {
    // covers: KRN-2
    const KERNEL: u64 = 60;
    const OUTSIDE: u64 = 61;
    let machine = TestMachine::booted(1);
    machine.outside.set(Some(OUTSIDE));
    machine.word(KERNEL, 256).store(0x7000 | 3, Relaxed);
    machine.word(OUTSIDE, 511).store(0x8000 | 3, Relaxed);
    let made = machine.make(0, 0);
    let upper = |index| machine.word(made.root, index).load(Relaxed);
    assert_eq!([upper(256), upper(511)], [0, 0x8000 | 3]);
    machine.start(made);
    machine.plan(0, &[made.context; 16], 0);
    machine.run_until(FRAME);
    assert_eq!(machine.running(0), Some(made.context_frame));
    let context = machine.context(made.context_frame);
    let [inside, outside] = [&context.root, &context.outside].map(|word| word.load(Relaxed));
    assert_eq!([inside, outside], [KERNEL << 12, made.root << 12]);
}
