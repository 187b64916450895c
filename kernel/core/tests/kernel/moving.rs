//! What is taken from a partition that goes on: its memory, its processor, its time for a while.

use crate::build::{FIRST, Made, OWN_CONTEXT, TEXT};
use crate::machine::{Answer, FREE, SLOT, TestMachine};
use crate::several::two;
use abi::call::{Call, Error};
use abi::control::{ChannelOperation, ContextOperation, MemoryOperation, PartitionOperation};
use abi::rights::Kind;

const FRAME: u64 = 16 * SLOT;
const AGAIN: Answer = Err((Error::Again, 0));
/// Memory of the tests, behind what partitions are made of.
const PAGE: u64 = FREE + 100;

/// [`two`], and a page mapped in the partition on processor 1.
fn with_page() -> (TestMachine, Made) {
    let (machine, made) = two();
    for (level, table) in [(3, 0), (2, 1), (1, 2)] {
        let arguments = [TEXT, level, PAGE + 50 + table, 0];
        machine.partition(made.partition, PartitionOperation::AddTable, arguments).unwrap();
    }
    machine.memory(MemoryOperation::Assign, [PAGE, 1, made.partition, 0]).unwrap();
    (machine, made)
}

fn map(machine: &TestMachine, made: Made) {
    machine.partition(made.partition, PartitionOperation::Map, [TEXT, PAGE, 1, 1]).unwrap();
}

fn unmap(machine: &TestMachine, made: Made) -> Answer {
    machine.partition(made.partition, PartitionOperation::Unmap, [TEXT, 1, 0, 0])
}

#[test]
fn memory_of_a_partition_that_runs_elsewhere_is_free_once_it_is_forgotten_there() {
    let (machine, made) = with_page();
    map(&machine, made);
    let loads = machine.loads_of(1);
    assert_eq!(unmap(&machine, made), Ok([1, 0, 0, 0]));
    assert_eq!(*machine.nudged.borrow(), [1], "the other processor is told");
    let release = || machine.memory(MemoryOperation::Release, [PAGE, 1, 0, 0]);
    let transfer = || machine.memory(MemoryOperation::Transfer, [PAGE, 1, made.partition, FIRST]);
    assert_eq!((release(), transfer()), (AGAIN, AGAIN));
    machine.settle();
    assert_eq!(machine.loads_of(1), loads + 1, "what it remembered is forgotten");
    assert_eq!(transfer(), Ok([1, 0, 0, 0]));
    assert_eq!(release(), Ok([1, 0, 0, 0]));
    machine.nudge_on(1);
    assert_eq!(machine.loads_of(1), loads + 1, "and that once");
}

#[test]
fn nobody_is_told_of_pages_that_were_not_mapped() {
    let (machine, made) = with_page();
    assert_eq!(unmap(&machine, made), Ok([1, 0, 0, 0]));
    assert!(machine.nudged.borrow().is_empty());
    assert_eq!(machine.memory(MemoryOperation::Release, [PAGE, 1, 0, 0]), Ok([1, 0, 0, 0]));
}

#[test]
fn one_that_stops_before_it_hears_of_it_remembers_nothing() {
    let (machine, made) = with_page();
    map(&machine, made);
    assert_eq!(unmap(&machine, made), Ok([1, 0, 0, 0]));
    machine.nudged.borrow_mut().clear();
    machine.fault_on(1, kernel_core::FaultRecord { reason: 0, code: 0, address: 0 });
    assert_eq!(machine.memory(MemoryOperation::Release, [PAGE, 1, 0, 0]), Ok([1, 0, 0, 0]));
}

#[test]
fn memory_of_a_channel_is_its_clients_again_once_both_ends_forgot_it() {
    let (machine, made) = with_page();
    machine.memory(MemoryOperation::Release, [PAGE, 1, 0, 0]).unwrap();
    machine.memory(MemoryOperation::Assign, [PAGE, 1, FIRST, 0]).unwrap();
    let channel = 201;
    machine.memory(MemoryOperation::Create, [Kind::Channel as u64, PAGE + 1, channel, 0]).unwrap();
    let on_channel = |operation: ChannelOperation, arguments| {
        machine.control(channel, operation as u64, arguments)
    };
    on_channel(ChannelOperation::Join, [FIRST, made.partition, PAGE, 1]).unwrap();
    map(&machine, made);
    assert_eq!(on_channel(ChannelOperation::Part, [0; 4]), Err((Error::InUse, 1)));
    assert_eq!(unmap(&machine, made), Ok([1, 0, 0, 0]));
    assert_eq!(on_channel(ChannelOperation::Part, [0; 4]), AGAIN);
    machine.settle();
    assert_eq!(on_channel(ChannelOperation::Part, [0; 4]), Ok([0; 4]));
}

fn wait(machine: &TestMachine, id: u16, mask: u64, deadline: u64) {
    machine.begin(id, Call::Wait as u64, [mask, deadline, 0, 0, 0, 0]);
}

fn relocate(machine: &TestMachine, made: Made, to: u64) -> Answer {
    machine.on_context(made.context, ContextOperation::Move, [to, 0, 0, 0])
}

#[test]
fn a_context_goes_on_on_another_processor_where_it_was() {
    let (machine, made) = two();
    machine.begin(1, 99, [11, 12, 13, 14, 15, 16]);
    assert_eq!(machine.answer_of(made.context_frame), Err((Error::NoSuchCall, 0)));
    machine.context(made.context_frame).set_register(1, 0x1234);
    assert_eq!(relocate(&machine, made, 0), Err((Error::WrongState, 1)), "it runs");
    machine.on_context(made.context, ContextOperation::Stop, [0; 4]).unwrap();
    assert_eq!(relocate(&machine, made, 0), Err((Error::WrongState, 0)), "it is in a plan");
    assert_eq!(relocate(&machine, made, 2), Err((Error::BadArgument, 3)), "no such processor");
    machine.plan(1, &[0; 16], 0);
    machine.run_until(2 * FRAME);
    assert_eq!(relocate(&machine, made, 0), Ok([0; 4]));
    machine.plan(0, &[[OWN_CONTEXT; 8], [made.context; 8]].concat(), 0);
    machine.start(made);
    machine.run_until(3 * FRAME + 9 * SLOT);
    assert_eq!(machine.running(0), Some(made.context_frame));
    assert_eq!(machine.context(made.context_frame).register(1), 0x1234, "registers are kept");
}

#[test]
fn what_it_waits_for_reaches_one_that_was_moved_and_what_it_missed_too() {
    for rung in [true, false] {
        let (machine, made) = two();
        let deadline = 4 * FRAME + SLOT / 2;
        wait(&machine, 1, 1 << 5, deadline);
        machine.on_context(made.context, ContextOperation::Stop, [0; 4]).unwrap();
        machine.plan(1, &[0; 16], 0);
        machine.run_until(2 * FRAME);
        relocate(&machine, made, 0).unwrap();
        if rung {
            machine.call(0, Call::Ring, [200, 0, 0, 0, 0, 0]).unwrap();
        }
        machine.plan(0, &[[OWN_CONTEXT; 8], [made.context; 8]].concat(), 0);
        machine.start(made);
        machine.run_until(3 * FRAME + 9 * SLOT);
        assert_eq!(machine.running(0) == Some(made.context_frame), rung);
        if rung {
            assert_eq!(machine.answer_of(made.context_frame), Ok([1 << 5, 0, 0, 0]));
        } else {
            machine.run_until(4 * FRAME + 9 * SLOT);
            assert_eq!(machine.running(0), Some(made.context_frame));
            assert_eq!(machine.answer_of(made.context_frame), Err((Error::Timeout, 0)));
        }
    }
}

#[test]
fn one_that_faulted_is_not_moved_and_one_that_is_set_up_anew_waits_for_nothing() {
    let (machine, made) = two();
    wait(&machine, 1, 1 << 5, u64::MAX);
    machine.on_context(made.context, ContextOperation::Stop, [0; 4]).unwrap();
    let configure = [TEXT, 0, 1, 0];
    machine.on_context(made.context, ContextOperation::Configure, configure).unwrap();
    machine.start(made);
    assert_eq!(machine.running(1), Some(made.context_frame), "it begins");
    machine.fault_on(1, kernel_core::FaultRecord { reason: 0, code: 0, address: 0 });
    machine.plan(1, &[0; 16], 0);
    machine.run_until(2 * FRAME);
    assert_eq!(relocate(&machine, made, 0), Err((Error::WrongState, 3)));
}

#[test]
fn a_stop_with_a_reason_is_a_fault_wherever_it_runs() {
    for on in [0, 1] {
        let (machine, made) = two();
        if on == 0 {
            machine.on_context(made.context, ContextOperation::Stop, [0; 4]).unwrap();
            machine.plan(1, &[0; 16], 0);
            machine.run_until(2 * FRAME);
            relocate(&machine, made, 0).unwrap();
            machine.on_context(made.context, ContextOperation::Start, [0; 4]).unwrap();
        }
        let rescuer = (Kind::Doorbell as u64) << 32 | 9;
        machine
            .partition(FIRST, PartitionOperation::Put, [210, OWN_CONTEXT, 2, rescuer])
            .and_then(|_| {
                machine.partition(made.partition, PartitionOperation::SetRescuer, [210; 4])
            })
            .unwrap();
        let stop = |reason| machine.on_context(made.context, ContextOperation::Stop, [reason; 4]);
        assert_eq!(stop(1 << 32), Err((Error::BadArgument, 3)));
        assert_eq!(stop(77), Ok([0; 4]));
        let state = |word| machine.on_context(made.context, ContextOperation::Fault, [word; 4]);
        assert_eq!([state(0), state(1), state(3)].map(|word| word.unwrap()[0]), [77, 0, TEXT]);
        assert_eq!(
            machine.on_context(made.context, ContextOperation::State, [0; 4]).unwrap()[0],
            3
        );
        let rung = machine.call(0, Call::Wait, [1 << 9, 1, 0, 0, 0, 0]);
        assert_eq!(rung, Ok([1 << 9, 0, 0, 0]), "its rescuer hears of it");
        let start = machine.on_context(made.context, ContextOperation::Start, [0; 4]);
        assert_eq!(start, Err((Error::WrongState, 3)), "it is no pause");
    }
}

#[test]
fn the_doorbells_that_a_context_rings_are_counted() {
    let (machine, made) = two();
    let rung = || machine.on_context(made.context, ContextOperation::Fault, [7; 4]).unwrap()[0];
    for _ in 0..3 {
        machine.call(1, Call::Ring, [1, 0, 0, 0, 0, 0]).unwrap();
    }
    assert_eq!(rung(), 3);
    machine.on_context(made.context, ContextOperation::Stop, [0; 4]).unwrap();
    machine.on_context(made.context, ContextOperation::Configure, [TEXT, 0, 1, 0]).unwrap();
    assert_eq!(rung(), 0);
}
