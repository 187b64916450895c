//! Wait, ring, call, and the other calls of an ordinary partition.

use crate::build::{OWN_CONTEXT, PROCESSOR};
use crate::machine::{FREE, SLOT, TestMachine};
use abi::call::{Call, Error};
use abi::control::{ContextOperation, InterruptOperation, PartitionOperation, first_slot};
use abi::fault::{Reason, word};
use abi::rights::Kind;
use kernel_core::FaultRecord;
use kernel_core::context::register;

const NEVER: u64 = u64::MAX;

/// A resource manager (all slots), and a server that takes slack; each holds a doorbell of the other: the manager's at 200
/// with bit 5, the server's at 1 with bit 3. The server waits for bit 5.
fn with_server() -> (TestMachine, u64, u64) {
    let machine = TestMachine::booted(1);
    let server = machine.make(0, 0);
    machine.give_doorbell(u64::from(first_slot::PARTITION.raw()), 200, server.context, 5);
    machine.give_doorbell(server.partition, 1, OWN_CONTEXT, 3);
    let mut plan = vec![OWN_CONTEXT; 16];
    plan.push(server.context);
    machine.plan(0, &plan, 0);
    machine.start(server);
    let own = machine.running(0).unwrap();
    machine.run_until(16 * SLOT + 10);
    // The manager sleeps a little, so that the server gets to its wait.
    machine.begin(0, Call::Wait as u64, [0, machine.time() + 100, 0, 0, 0, 0]);
    assert_eq!(machine.running(0), Some(server.context_frame));
    machine.begin(0, Call::Wait as u64, [1 << 5, NEVER, 0, 0, 0, 0]);
    machine.run_until(machine.time() + 100);
    assert_eq!(machine.running(0), Some(own));
    (machine, own, server.context_frame)
}

#[test]
fn call_switches_straight_to_a_server_that_waits_and_back() {
    let (machine, own, server) = with_server();
    machine.begin(0, Call::Call as u64, [200, 1 << 3, NEVER, 0, 0, 0]);
    assert_eq!(machine.running(0), Some(server));
    assert_eq!(machine.answer_of(server), Ok([1 << 5, 0, 0, 0]));
    machine.begin(0, Call::Call as u64, [1, 1 << 5, NEVER, 0, 0, 0]);
    assert_eq!(machine.running(0), Some(own));
    assert_eq!(machine.answer_of(own), Ok([1 << 3, 0, 0, 0]));
}

#[test]
fn a_server_works_in_its_callers_slot_and_its_time_counts_there() {
    let (machine, own, server) = with_server();
    let used = |machine: &TestMachine, slot| {
        machine.on_context(slot, ContextOperation::State, [0; 4]).unwrap()[2]
    };
    let before = (used(&machine, OWN_CONTEXT), used(&machine, 101));
    machine.begin(0, Call::Call as u64, [200, 1 << 3, NEVER, 0, 0, 0]);
    machine.run_until(machine.time() + SLOT / 2);
    // Still lent: the owner waits for the server, whatever slot begins.
    machine.run_until(machine.time() + 3 * SLOT);
    assert_eq!(machine.running(0), Some(server));
    machine.begin(0, Call::Call as u64, [1, 1 << 5, NEVER, 0, 0, 0]);
    assert_eq!(machine.running(0), Some(own));
    assert_eq!(used(&machine, 101) - before.1, 7 * SLOT / 2);
    assert!(used(&machine, OWN_CONTEXT) - before.0 < SLOT / 10);
}

#[test]
fn a_busy_server_is_lent_the_callers_time_and_answers_by_ring() {
    let (machine, own, server) = with_server();
    machine.begin(0, Call::Call as u64, [200, 0, machine.time() + 50, 0, 0, 0]);
    assert_eq!(machine.running(0), Some(server), "called, and now busy");
    machine.run_until(machine.time() + 50);
    assert_eq!((machine.running(0), machine.answer_of(own)), (Some(own), Err((Error::Timeout, 0))));
    machine.begin(0, Call::Call as u64, [200, 1 << 3, NEVER, 0, 0, 0]);
    assert_eq!(machine.running(0), Some(server), "lent though it does not wait");
    machine.begin(0, Call::Ring as u64, [1, 0, 0, 0, 0, 0]);
    assert_eq!((machine.running(0), machine.answer_of(own)), (Some(own), Ok([1 << 3, 0, 0, 0])));
}

#[test]
fn events_add_up_and_only_those_asked_for_are_taken() {
    let (machine, ..) = with_server();
    machine.give_doorbell(u64::from(first_slot::PARTITION.raw()), 201, OWN_CONTEXT, 1);
    machine.give_doorbell(u64::from(first_slot::PARTITION.raw()), 202, OWN_CONTEXT, 63);
    for slot in [201, 202, 201] {
        assert_eq!(machine.call(0, Call::Ring, [slot, 0, 0, 0, 0, 0]), Ok([0; 4]));
    }
    assert_eq!(machine.call(0, Call::Wait, [1 << 63, NEVER, 0, 0, 0, 0]), Ok([1 << 63, 0, 0, 0]));
    assert_eq!(machine.call(0, Call::Wait, [u64::MAX, 0, 0, 0, 0, 0]), Ok([1 << 1, 0, 0, 0]));
    assert_eq!(machine.call(0, Call::Wait, [u64::MAX, 0, 0, 0, 0, 0]), Err((Error::Timeout, 0)));
}

#[test]
fn pending_events_win_over_a_deadline_that_has_passed() {
    let (machine, own, server) = with_server();
    machine.call(0, Call::Ring, [200, 0, 0, 0, 0, 0]).unwrap();
    machine.begin(0, Call::Wait as u64, [1 << 3, machine.time() + 100, 0, 0, 0, 0]);
    assert_eq!(machine.running(0), Some(server), "it has work of its own");
    // The deadline passes unheard; then the server rings.
    machine.set_time(machine.time() + 200);
    machine.call(0, Call::Ring, [1, 0, 0, 0, 0, 0]).unwrap();
    assert_eq!((machine.running(0), machine.answer_of(own)), (Some(own), Ok([1 << 3, 0, 0, 0])));
}

#[test]
fn call_with_a_bad_capability_rings_nothing_and_does_not_wait() {
    // covers: KRN-3
    let (machine, own, _) = with_server();
    let bad = [
        (0, Error::NoCapability),
        (250, Error::NoCapability),
        (1 << 16, Error::NoCapability),
        (u64::MAX, Error::NoCapability),
    ];
    for (slot, error) in bad.into_iter().chain([(1, Error::WrongKind), (3, Error::WrongKind)]) {
        for call in [Call::Call, Call::Ring] {
            assert_eq!(
                machine.call(0, call, [slot, 1, NEVER, 0, 0, 0]),
                Err((error, 0)),
                "slot {slot}"
            );
        }
        assert_eq!(machine.running(0), Some(own));
    }
    let what = (Kind::Doorbell as u64) << 32 | 5;
    machine.partition(1, PartitionOperation::Put, [203, 101, 1, what]).unwrap();
    assert_eq!(machine.call(0, Call::Call, [203, 1, NEVER, 0, 0, 0]), Err((Error::NoRight, 0)));
}

/// What is quick for the first page of a table, and for a doorbell with no rights but one, is right for all.
#[test]
fn a_doorbell_beyond_the_first_page_is_as_good() {
    // covers: KRN-2
    let (machine, own, server) = with_server();
    let itself = u64::from(first_slot::PARTITION.raw());
    machine.partition(itself, PartitionOperation::AddSlots, [1, FREE + 90, 0, 0]).unwrap();
    let what = (Kind::Doorbell as u64) << 32 | 5;
    machine.partition(itself, PartitionOperation::Put, [300, 101, 15, what]).unwrap();
    assert_eq!(
        machine.call(0, Call::Inspect, [300, 0, 0, 0, 0, 0]).unwrap()[..2],
        [Kind::Doorbell as u64, 2],
        "it can be rung, and nothing else"
    );
    machine.begin(0, Call::Call as u64, [300, 1 << 3, NEVER, 0, 0, 0]);
    assert_eq!(machine.running(0), Some(server));
    assert_eq!(machine.answer_of(server), Ok([1 << 5, 0, 0, 0]));
    assert_ne!(machine.running(0), Some(own));
}

/// Contexts that did not stop remember where the first page of their capabilities is.
#[test]
fn the_first_page_of_slots_stays_while_somebody_may_use_it() {
    // covers: KRN-3
    let machine = TestMachine::booted(1);
    let made = machine.make(0, 0);
    machine.start(made);
    let remove =
        || machine.partition(made.partition, PartitionOperation::RemoveSlots, [0, 0, 0, 0]);
    assert_eq!(remove(), Err((Error::WrongState, 0)));
    machine.on_context(made.context, ContextOperation::Stop, [0; 4]).unwrap();
    assert_eq!(remove(), Ok([made.slots, 0, 0, 0]));
    // Without one it has no capabilities, whatever it asks.
    machine.start(made);
    machine.plan(0, &[made.context; 16], 0);
    machine.run_until(20 * SLOT);
    assert_eq!(machine.running(0), Some(made.context_frame));
    for slot in 0..512 {
        let refused = Err((Error::NoCapability, 0));
        assert_eq!(machine.call(0, Call::Ring, [slot, 0, 0, 0, 0, 0]), refused);
        assert_eq!(machine.call(0, Call::Call, [slot, 1, NEVER, 0, 0, 0]), refused);
    }
}

#[test]
fn a_doorbell_to_a_renewed_context_is_stale_with_the_generation_now() {
    // covers: KRN-3
    let (machine, ..) = with_server();
    machine.on_context(101, ContextOperation::Stop, [0; 4]).unwrap();
    let [generation, ..] = machine.on_context(101, ContextOperation::Renew, [0; 4]).unwrap();
    for call in [Call::Ring, Call::Inspect] {
        assert_eq!(machine.call(0, call, [200, 0, 0, 0, 0, 0]), Err((Error::Stale, generation)));
    }
    assert_eq!(
        machine.call(0, Call::Inspect, [101, 0, 0, 0, 0, 0]),
        Ok([Kind::Context as u64, 15, generation, 0])
    );
}

#[test]
fn a_context_that_waited_when_it_was_stopped_goes_on_waiting() {
    let (machine, _, server) = with_server();
    machine.on_context(101, ContextOperation::Stop, [0; 4]).unwrap();
    assert_eq!(machine.call(0, Call::Ring, [200, 0, 0, 0, 0, 0]), Ok([0; 4]));
    assert_eq!(machine.on_context(101, ContextOperation::State, [0; 4]).unwrap()[0], 0, "stopped");
    machine.on_context(101, ContextOperation::Start, [0; 4]).unwrap();
    machine.begin(0, Call::Wait as u64, [0, NEVER, 0, 0, 0, 0]);
    assert_eq!(machine.running(0), Some(server));
    assert_eq!(machine.answer_of(server), Ok([1 << 5, 0, 0, 0]), "what was rung meanwhile is kept");
}

#[test]
fn exit_and_fault_stop_the_context_and_ring_its_rescuer() {
    // covers: KRN-7
    let (machine, own, server) = with_server();
    machine.give_doorbell(u64::from(first_slot::PARTITION.raw()), 204, OWN_CONTEXT, 56);
    machine.partition(100, PartitionOperation::SetRescuer, [204, 0, 0, 0]).unwrap();
    machine.begin(0, Call::Call as u64, [200, 1 << 56, NEVER, 0, 0, 0]);
    let refused = machine.call(0, Call::Exit, [Reason::Evicted as u64, 1, 2, 3, 0, 0]);
    assert_eq!(refused, Err((Error::BadArgument, 1)));
    machine.context(server).set_register(register::RIP, 0x1234);
    machine.begin(0, Call::Exit as u64, [Reason::Panic as u64, 7, 8, 9, 0, 0]);
    assert_eq!((machine.running(0), machine.answer_of(own)), (Some(own), Ok([1 << 56, 0, 0, 0])));
    let expected = [
        (word::REASON, 65),
        (word::CODE, 7),
        (word::ADDRESS, 8),
        (word::INSTRUCTION, 0x1234),
        (word::EXTRA, 9),
    ];
    for (number, value) in expected {
        assert_eq!(
            machine.on_context(101, ContextOperation::Fault, [number, 0, 0, 0]),
            Ok([value, 0, 0, 0])
        );
    }
    assert_eq!(machine.on_context(101, ContextOperation::State, [0; 4]).unwrap()[0], 3);
    assert_eq!(
        machine.on_context(101, ContextOperation::Start, [0; 4]),
        Err((Error::WrongState, 3))
    );
    // The slot goes on without it: its place is idle.
    machine.begin(0, Call::Wait as u64, [0, machine.time() + 20 * SLOT, 0, 0, 0, 0]);
    assert_eq!(machine.running(0), None);
}

#[test]
fn a_fault_of_the_only_context_leaves_the_processor_idle() {
    // covers: KRN-7
    let machine = TestMachine::booted(1);
    machine.has_rescuer();
    machine.fault_on(0, FaultRecord { reason: 14, code: 4, address: 0xdead });
    assert_eq!(machine.running(0), None);
    machine.run_until(100 * SLOT);
    assert_eq!(machine.running(0), None);
}

/// Until it names a rescuer the first partition has the kernel, which ends with a record of why.
// covers: REC-1
#[test]
#[should_panic(expected = "the first partition: reason 14 at 0x400010, address 0xdead")]
fn a_fault_of_the_first_partition_is_the_end_while_nobody_rescues_it() {
    let machine = TestMachine::booted(1);
    machine.fault_on(0, FaultRecord { reason: 14, code: 4, address: 0xdead });
}

#[test]
fn yield_gives_the_rest_of_the_slot_to_takers_and_returns_at_once_without_any() {
    let (machine, own, server) = with_server();
    assert_eq!(machine.call(0, Call::Yield, [0; 6]), Ok([0; 4]));
    assert_eq!(machine.running(0), Some(own), "the server waits, nobody takes the slack");
    machine.call(0, Call::Ring, [200, 0, 0, 0, 0, 0]).unwrap();
    machine.begin(0, Call::Yield as u64, [0; 6]);
    assert_eq!(machine.running(0), Some(server));
    machine.run_until((machine.time() / SLOT + 1) * SLOT);
    assert_eq!(machine.running(0), Some(own), "the next slot is its own again");
}

#[test]
fn an_interrupt_rings_once_until_it_is_acknowledged() {
    // covers: KRN-6
    let (machine, own, _) = with_server();
    let line = (Kind::Interrupt as u64) << 32 | 4;
    let any = u64::from(first_slot::INTERRUPT.raw());
    machine.partition(1, PartitionOperation::Put, [205, any, 15, line]).unwrap();
    machine.give_doorbell(1, 206, OWN_CONTEXT, 9);
    assert_eq!(
        machine.call(0, Call::Acknowledge, [205, 0, 0, 0, 0, 0]),
        Err((Error::WrongState, 0))
    );
    assert_eq!(
        machine.call(0, Call::Acknowledge, [any, 0, 0, 0, 0, 0]),
        Err((Error::BadArgument, 1))
    );
    machine.control(205, InterruptOperation::Bind as u64, [206, 0, 0, 0]).unwrap();
    machine.begin(0, Call::Wait as u64, [1 << 9, NEVER, 0, 0, 0, 0]);
    assert_eq!(machine.running(0), None);
    machine.interrupt_on(0, 4);
    assert_eq!(
        (machine.running(0), machine.answer_of(own)),
        (Some(own), Ok([1 << 9, 0, 0, 0])),
        "at once"
    );
    machine.interrupt_on(0, 4);
    machine.interrupt_on(0, 4);
    assert_eq!(
        machine.call(0, Call::Wait, [1 << 9, 0, 0, 0, 0, 0]),
        Err((Error::Timeout, 0)),
        "held"
    );
    machine.call(0, Call::Acknowledge, [205, 0, 0, 0, 0, 0]).unwrap();
    assert_eq!(
        machine.call(0, Call::Wait, [1 << 9, 0, 0, 0, 0, 0]),
        Ok([1 << 9, 0, 0, 0]),
        "one further ring"
    );
    assert!(!machine.lines.borrow().contains(&("release", 4)));
    machine.call(0, Call::Acknowledge, [205, 0, 0, 0, 0, 0]).unwrap();
    assert!(machine.lines.borrow().contains(&("release", 4)));
    assert_eq!(machine.control(205, InterruptOperation::State as u64, [0; 4]), Ok([1, 3, 2, 0]));
    machine.control(205, InterruptOperation::Unbind as u64, [0; 4]).unwrap();
    machine.interrupt_on(0, 4);
    assert_eq!(
        machine.call(0, Call::Wait, [1 << 9, 0, 0, 0, 0, 0]),
        Err((Error::Timeout, 0)),
        "unbound it rings nothing"
    );
}

#[test]
fn ports_are_reached_within_the_capability_only() {
    let machine = TestMachine::booted(1);
    let all = u64::from(first_slot::PORTS.raw());
    let part = (Kind::Ports as u64) << 32 | 8 << 16 | 0x3f8;
    machine.partition(1, PartitionOperation::Put, [205, all, 2, part]).unwrap();
    let port = |slot, port, operation| {
        machine.call(0, Call::Port, [slot, port, operation, 0x1_2345_6789, 0, 0])
    };
    assert_eq!(port(205, 0x3f8, 0), Ok([1, 0, 0, 0]));
    assert_eq!(port(205, 0x3fe, 4), Ok([2, 0, 0, 0]));
    assert_eq!(machine.ports.borrow().last(), Some(&(0x3fe, 0x2345_6789)));
    let count = machine.ports.borrow().len();
    for (number, operation) in
        [(0x3f7, 0), (0x400, 0), (0x3ff, 1), (0x3fd, 2), (0x1_03f8, 0), (u64::MAX, 5)]
    {
        assert_eq!(
            port(205, number, operation),
            Err((Error::BadArgument, 2)),
            "{number:#x} {operation}"
        );
    }
    assert_eq!(port(205, 0x3f8, 6), Err((Error::BadArgument, 3)));
    assert_eq!(port(PROCESSOR, 0x3f8, 0), Err((Error::WrongKind, 0)));
    assert_eq!(machine.ports.borrow().len(), count, "nothing refused touched a port");
    assert_eq!(port(all, 0xffff, 0), Ok([1, 0, 0, 0]));
    assert_eq!(port(all, 0xffff, 1), Err((Error::BadArgument, 2)));
    let more = (Kind::Ports as u64) << 32 | 9 << 16 | 0x3f8;
    for wider in [more, (Kind::Ports as u64) << 32, (Kind::Ports as u64) << 32 | 8 << 16 | 0x3f7] {
        assert_eq!(
            machine.partition(1, PartitionOperation::Put, [207, 205, 2, wider]),
            Err((Error::BadArgument, 6))
        );
    }
}

#[test]
fn debug_writes_what_it_is_given() {
    let machine = TestMachine::booted(1);
    let slot = u64::from(first_slot::DEBUG.raw());
    let word = |text: &[u8; 8]| u64::from_le_bytes(*text);
    let hello = [slot, 12, word(b"hello, w"), word(b"orld!!!!"), 0, 0];
    assert_eq!(machine.call(0, Call::Debug, hello), Ok([12, 0, 0, 0]));
    assert_eq!(*machine.written.borrow(), b"hello, world");
    machine.room.set(5);
    assert_eq!(machine.call(0, Call::Debug, [slot, 32, 0, 0, 0, 0]), Ok([5, 0, 0, 0]));
    assert_eq!(machine.written.borrow().len(), 17);
    machine.room.set(0);
    assert_eq!(machine.call(0, Call::Debug, [slot, 1, 0, 0, 0, 0]), Err((Error::Again, 0)));
    assert_eq!(machine.call(0, Call::Debug, [slot, 0, 0, 0, 0, 0]), Ok([0; 4]));
    assert_eq!(machine.call(0, Call::Debug, [slot, 33, 0, 0, 0, 0]), Err((Error::BadArgument, 2)));
    assert_eq!(
        machine.call(0, Call::Debug, [slot, u64::MAX, 0, 0, 0, 0]),
        Err((Error::BadArgument, 2))
    );
}

#[test]
fn an_unknown_call_is_refused() {
    let machine = TestMachine::booted(1);
    let own = machine.running(0).unwrap();
    for number in [10, 11, u64::MAX] {
        machine.begin(0, number, [1; 6]);
        assert_eq!(machine.answer_of(own), Err((Error::NoSuchCall, 0)));
    }
}
