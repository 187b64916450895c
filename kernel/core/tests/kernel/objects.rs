//! Control operations on capabilities, contexts, processors and the kernel, and what the audit sees.

use crate::build::{FIRST, Made, OWN_CONTEXT, TEXT};
use crate::machine::{FRAMES, SLOT, TestMachine};
use abi::call::{Call, Error};
use abi::control::{
    ContextOperation, KernelOperation, MemoryOperation, PartitionOperation, ProcessorOperation,
    first_slot,
};
use abi::layout::USER_END;
use abi::rights::{Kind, Rights};
use std::sync::atomic::Ordering::Relaxed;

use crate::control::{SPARE, bad, one};

#[test]
fn capabilities_shrink_and_never_grow() {
    // covers: KRN-3
    let (machine, made) = one();
    let put = |slot, source, rights, kind: Kind, parameter| {
        machine.partition(
            FIRST,
            PartitionOperation::Put,
            [slot, source, rights, (kind as u64) << 32 | parameter],
        )
    };
    assert_eq!(put(201, made.context, 0b0101, Kind::Context, 0), Ok([0; 4]));
    assert_eq!(machine.call(0, Call::Inspect, [201, 0, 0, 0, 0, 0]).unwrap()[1], 0b0101);
    assert_eq!(put(202, 201, 15, Kind::Context, 0), Ok([0; 4]));
    assert_eq!(
        machine.call(0, Call::Inspect, [202, 0, 0, 0, 0, 0]).unwrap()[1],
        0b0101,
        "no more than the source"
    );
    assert_eq!(
        machine.on_context(202, ContextOperation::Destroy, [0; 4]),
        Err((Error::NoRight, 0))
    );
    assert_eq!(machine.on_context(202, ContextOperation::State, [0; 4]).unwrap()[0], 0);
    assert_eq!(put(203, made.context, 2, Kind::Doorbell, 64), bad(6));
    assert_eq!(put(203, made.context, 2, Kind::Doorbell, 63), Ok([0; 4]));
    assert_eq!(put(204, 203, 15, Kind::Context, 0), Err((Error::WrongKind, 0)), "no way back");
    assert_eq!(put(204, 203, 15, Kind::Doorbell, 1), Ok([0; 4]));
    assert_eq!(
        machine.call(0, Call::Inspect, [204, 0, 0, 0, 0, 0]).unwrap()[3],
        63,
        "the bit stays"
    );
    assert_eq!(put(204, 7, 15, Kind::Interrupt, 3), Ok([0; 4]));
    assert_eq!(put(205, 204, 15, Kind::Interrupt, 4), bad(6));
    assert_eq!(put(205, 204, 15, Kind::Interrupt, u64::from(u32::MAX)), bad(6));
    assert_eq!(put(205, 3, 15, Kind::Partition, 0), Err((Error::WrongKind, 0)));
    assert_eq!(put(205, 99, 15, Kind::Memory, 0), Err((Error::NoCapability, 0)));
    assert_eq!(put(205, 3, 16, Kind::Memory, 0), bad(5));
    assert_eq!(put(205, 3, 1 << 32, Kind::Memory, 0), bad(5));
    assert_eq!(put(0, 3, 15, Kind::Memory, 0), bad(3));
    assert_eq!(put(256, 3, 15, Kind::Memory, 0), Err((Error::NoCapability, 0)));
    assert_eq!(machine.partition(FIRST, PartitionOperation::Put, [205, 3, 15, 99 << 32]), bad(6));
    assert_eq!(put(206, 3, 1, Kind::Memory, 0), Ok([0; 4]));
    assert_eq!(
        machine.control(206, MemoryOperation::Create as u64, [2, 700, 207, 0]),
        Err((Error::NoRight, 0))
    );
    assert_eq!(
        machine.control(206, 99, [0; 4]),
        Err((Error::NoSuchCall, 0)),
        "decided before the right is"
    );
    assert_eq!(
        machine.control(203, 0, [0; 4]),
        Err((Error::NoSuchCall, 0)),
        "doorbells have no operations"
    );
    assert_eq!(machine.audit(), None);
}

#[test]
fn pages_of_slots_are_added_and_removed_at_the_end() {
    let (machine, made) = one();
    let add = |index, frame| {
        machine.partition(made.partition, PartitionOperation::AddSlots, [index, frame, 0, 0])
    };
    let remove = |index| {
        machine.partition(made.partition, PartitionOperation::RemoveSlots, [index, 0, 0, 0])
    };
    assert_eq!(add(0, 520), Err((Error::Occupied, made.slots)));
    assert_eq!(add(2, 520), bad(3));
    assert_eq!(add(1, SPARE), Err((Error::WrongFrame, SPARE)));
    (1..128).for_each(|index| assert_eq!(add(index, 520 + index), Ok([0; 4])));
    assert_eq!(add(128, 700), bad(3));
    assert_eq!(add(u64::MAX, 700), bad(3));
    machine.partition(made.partition, PartitionOperation::Put, [0x7fff, 3, 15, 1 << 32]).unwrap();
    assert_eq!(remove(126), bad(3));
    assert_eq!(remove(128), bad(3));
    assert_eq!(remove(127), Ok([647, 0, 0, 0]), "what it holds goes with it");
    assert_eq!(
        machine.partition(made.partition, PartitionOperation::Clear, [0x7fff, 0, 0, 0]),
        Err((Error::NoCapability, 0))
    );
    assert_eq!(machine.audit(), None);
}

#[test]
fn a_context_is_configured_only_at_rest_and_within_bounds() {
    let (machine, made) = one();
    let configure =
        |a, b, c, d| machine.on_context(made.context, ContextOperation::Configure, [a, b, c, d]);
    assert_eq!(configure(USER_END, 0, 0, 0), bad(3));
    assert_eq!(configure(0xffff_8000_0000_0000, 0, 0, 0), bad(3));
    assert_eq!(configure(TEXT, USER_END + 1, 0, 0), bad(4));
    assert_eq!(configure(TEXT, USER_END, 1, 0), bad(5));
    assert_eq!(configure(TEXT, USER_END, u64::MAX, 0), bad(5));
    assert_eq!(configure(TEXT, USER_END, 0, 9), Ok([0; 4]));
    let register =
        |number| machine.on_context(made.context, ContextOperation::Register, [number, 0, 0, 0]);
    let expected = [(16, TEXT), (7, USER_END), (5, 9), (17, 0x202), (0, 0), (15, 0)];
    expected
        .into_iter()
        .for_each(|(number, value)| assert_eq!(register(number), Ok([value, 0, 0, 0])));
    assert_eq!(register(18), bad(3));
    assert_eq!(machine.on_context(made.context, ContextOperation::Fault, [8, 0, 0, 0]), bad(3));
    machine.start(made);
    assert_eq!(register(0), Err((Error::WrongState, 1)));
    assert_eq!(configure(TEXT, USER_END, 0, 9), Err((Error::WrongState, 1)));
    let refused = Err((Error::WrongState, 1));
    for operation in [ContextOperation::Start, ContextOperation::Renew, ContextOperation::Destroy] {
        assert_eq!(machine.on_context(made.context, operation, [0; 4]), refused);
    }
    assert_eq!(machine.on_context(made.context, ContextOperation::Stop, [0; 4]), Ok([0; 4]));
    assert_eq!(machine.on_context(made.context, ContextOperation::Stop, [0; 4]), Ok([0; 4]));
}

#[test]
fn a_context_may_stop_itself() {
    let machine = TestMachine::booted(1);
    machine.begin(
        0,
        Call::Control as u64,
        [OWN_CONTEXT, ContextOperation::Stop as u64, 0, 0, 0, 0],
    );
    assert_eq!(machine.running(0), None);
}

#[test]
fn plans_take_only_contexts_of_their_processor() {
    let machine = TestMachine::booted(2);
    let made = machine.make(0, 1);
    let stage =
        |id, index, word| machine.on_processor(id, ProcessorOperation::Stage, [index, word, 0, 0]);
    assert_eq!(stage(0, 0, made.context), bad(4));
    assert_eq!(stage(1, 64, made.context), bad(3));
    assert_eq!(stage(1, u64::MAX, made.context), bad(3));
    assert_eq!(stage(1, 0, made.context << 16 | 250), Err((Error::NoCapability, 0)));
    assert_eq!(stage(1, 0, made.partition), Err((Error::WrongKind, 0)));
    let words = |index: u64, more: u64| {
        let (first, last) = (made.context, made.context << 48);
        machine.on_processor(1, ProcessorOperation::Stage, [index | more << 32, first, 0, last])
    };
    assert_eq!(
        (words(62, 2), words(0, 4), words(0, u64::from(u32::MAX))),
        (bad(3), bad(3), bad(3))
    );
    let lasts = |last: u64| words(61, 2 | last << 8);
    assert_eq!((lasts(1), lasts(14), lasts(256)), (bad(3), bad(3), bad(3)), "no plan so short");
    assert_eq!(words(61, 2), Ok([0; 4]));
    machine.on_processor(1, ProcessorOperation::Commit, [256, 0, 0, 0]).unwrap();
    machine.run_until(16 * SLOT);
    let places = (0..256).filter(|place| {
        let at = machine.on_processor(1, ProcessorOperation::Place, [*place, 0, 0, 0]);
        at.unwrap()[0] == made.context_frame
    });
    assert_eq!(places.collect::<Vec<_>>(), [244, 255], "twelve places from 4 * 61 on");
    machine.plan(1, &[0; 16], 0);
    machine.run_until(32 * SLOT);
    assert_eq!(stage(1, 63, made.context << 48), Ok([0; 4]));
    for length in [0, 15, 257, u64::MAX] {
        assert_eq!(machine.on_processor(1, ProcessorOperation::Commit, [length, 0, 0, 0]), bad(3));
    }
    // The place beyond the end of the plan is forgotten: the context can go, and does not come back with a longer plan.
    assert_eq!(machine.on_processor(1, ProcessorOperation::Commit, [16, 0, 0, 0]), Ok([0; 4]));
    assert_eq!(machine.on_context(made.context, ContextOperation::Destroy, [0; 4]), Ok([0; 4]));
    machine.run_until(64 * SLOT);
    assert_eq!(machine.on_processor(1, ProcessorOperation::Place, [255, 0, 0, 0]).unwrap()[0], 0);
    assert_eq!(machine.on_processor(1, ProcessorOperation::Place, [256, 0, 0, 0]), bad(3));
}

#[test]
fn what_is_staged_last_may_commit_the_plan() {
    let machine = TestMachine::booted(2);
    let made = machine.make(0, 1);
    let stage =
        |index, word| machine.on_processor(1, ProcessorOperation::Stage, [index, word, 0, 0]);
    let place = |place| {
        let at = machine.on_processor(1, ProcessorOperation::Place, [place, 0, 0, 0]).unwrap();
        (at[0], at[3])
    };
    assert_eq!(stage(4, made.context << 16), Ok([0; 4]));
    assert_eq!(place(17), (0, 0), "nothing is pending");
    let all = made.context * 0x0001_0000_0001_0001;
    assert_eq!(stage(17 << 40, all), Ok([0; 4]));
    assert_eq!((place(0), place(17)), ((0, 1), (0, 1)));
    assert_eq!(stage(17 << 40, all), Err((Error::WrongState, 1)));
    machine.run_until(32 * SLOT);
    let context = made.context_frame;
    assert_eq!(
        [0, 1, 2, 3, 17].map(place),
        [context, context, 0, context, context].map(|at| (at, 0))
    );
    // One place fewer than there were: the last one is no place any more.
    assert_eq!(stage(16 << 40, all), Ok([0; 4]));
    machine.run_until(64 * SLOT);
    assert_eq!((place(17), place(3)), ((0, 0), (context, 0)));
    // What is refused has staged nothing.
    assert_eq!(stage(2 | 1 << 40, all), bad(3));
    machine.on_processor(1, ProcessorOperation::Commit, [16, 0, 0, 0]).unwrap();
    machine.run_until(96 * SLOT);
    assert_eq!((place(3), place(8)), ((context, 0), (0, 0)));
}

#[test]
fn a_plan_that_is_being_staged_forgets_a_context_that_is_destroyed() {
    let machine = TestMachine::booted(1);
    let made = machine.make(0, 0);
    let places = made.context << 48 | made.context << 16 | OWN_CONTEXT;
    machine.on_processor(0, ProcessorOperation::Stage, [0, places, 0, 0]).unwrap();
    assert_eq!(machine.on_context(made.context, ContextOperation::Destroy, [0; 4]), Ok([0; 4]));
    machine.on_processor(0, ProcessorOperation::Commit, [16, 0, 0, 0]).unwrap();
    machine.run_until(32 * SLOT + 1);
    let place =
        |place| machine.on_processor(0, ProcessorOperation::Place, [place, 0, 0, 0]).unwrap()[0];
    assert_eq!((place(1), place(3)), (0, 0));
    assert_ne!(place(0), 0);
}

#[test]
fn the_trace_is_read_record_by_record() {
    let machine = TestMachine::booted(1);
    let trace = |index| machine.on_processor(0, ProcessorOperation::Trace, [index, 0, 0, 0]);
    let [time, what, more, next] = trace(0).unwrap();
    assert_eq!((time, what, more, next), (1, 1 << 56 | machine.running(0).unwrap(), 0, 1));
    assert_eq!(trace(next), Ok([0, 0, 0, next]), "nothing yet; the next index is told");
    machine.give_doorbell(FIRST, 200, OWN_CONTEXT, 5);
    (0..600).for_each(|_| assert!(machine.call(0, Call::Ring, [200, 0, 0, 0, 0, 0]).is_ok()));
    assert_eq!(trace(u64::MAX).unwrap()[3], 602);
    assert_eq!(trace(89), bad(3));
    assert_eq!(trace(90).unwrap()[1] >> 56, 3);
}

#[test]
fn the_kernel_answers_about_itself() {
    let machine = TestMachine::booted(1);
    let kernel = |operation: KernelOperation, argument| {
        machine.control(u64::from(first_slot::KERNEL.raw()), operation as u64, [argument, 0, 0, 0])
    };
    assert_eq!(kernel(KernelOperation::Fact, 2), Ok([102, 0, 0, 0]));
    assert_eq!(kernel(KernelOperation::Fact, 4), bad(3));
    assert_eq!(kernel(KernelOperation::CrashRecord, 1), Ok([3, 12, 0, 0]));
    assert_eq!(kernel(KernelOperation::CrashRecord, 2), bad(3));
    assert_eq!(kernel(KernelOperation::Audit, FRAMES), bad(3));
    assert_eq!(kernel(KernelOperation::Reset, 0), Ok([0; 4]));
    assert_eq!(machine.resets.get(), 1);
}

/// Something that must not happen.
type Damage = fn(&TestMachine, Made);

/// Puts a capability for memory of a partition, as if it were an object, into the fourth slot of a table.
fn forge(machine: &TestMachine, table: u64) {
    machine.word(table, 8).store(0xf03, Relaxed);
    machine.word(table, 9).store(600, Relaxed);
}

#[test]
fn the_audit_sees_every_kind_of_damage() {
    let damage: [(Damage, u64, Option<u64>); 8] = [
        (
            |machine, _| machine.corrupt(602, |word| word & !(0xfff_ffff << 4) | 601 << 4),
            1,
            Some(602),
        ),
        (|machine, made| machine.corrupt(made.root, |word| word | 1 << 56), 2, None),
        (|machine, _| machine.corrupt(700, |word| word | 1 << 56), 2, Some(700)),
        (
            |machine, made| {
                machine.word(made.partition_frame, 1).fetch_add(1, Relaxed);
            },
            3,
            Some(64),
        ),
        (|machine, _| machine.corrupt(600, |word| word | 3 << 56), 3, None),
        (|machine, _| machine.word(SPARE + 2, 5).store(41 << 12 | 5, Relaxed), 4, Some(SPARE + 2)),
        (|machine, _| machine.word(SPARE + 2, 0).store(600 << 12 | 7, Relaxed), 4, Some(SPARE + 2)),
        (|machine, made| forge(machine, made.slots), 5, None),
    ];
    for (number, (change, violation, frame)) in damage.into_iter().enumerate() {
        let (machine, made) = one();
        machine.memory(MemoryOperation::Assign, [600, 4, made.partition, 0]).unwrap();
        machine.partition(made.partition, PartitionOperation::Map, [TEXT, 600, 1, 0]).unwrap();
        assert_eq!(machine.audit(), None);
        change(&machine, made);
        let (found, what) =
            machine.audit().unwrap_or_else(|| panic!("damage {number} is not seen"));
        assert_eq!(what, violation, "damage {number}");
        assert!(frame.is_none_or(|frame| frame == found), "damage {number} is blamed on {found}");
    }
}

#[test]
fn a_thousand_partitions_come_and_go_and_no_frame_is_lost() {
    let machine = TestMachine::booted(1);
    // All but the generations.
    let uses = |machine: &TestMachine| {
        machine.ledger_words().iter().map(|word| word & !(0xff_ffff << 32)).collect::<Vec<_>>()
    };
    let before = uses(&machine);
    for _ in 0..1000 {
        machine.unmake(machine.make(0, 0));
    }
    assert_eq!(uses(&machine), before);
    assert_eq!(machine.audit(), None);
}

#[test]
fn what_a_slot_of_a_partition_holds_can_be_looked_at() {
    let (machine, made) = one();
    machine.give_doorbell(made.partition, 9, made.context, 5);
    let look = |slot| machine.partition(made.partition, PartitionOperation::Look, [slot, 0, 0, 0]);
    let [.., generation] =
        machine.memory(MemoryOperation::Query, [made.context_frame, 0, 0, 0]).unwrap();
    let first = 5 << 32 | u64::from(Rights::USE.bits()) << 8 | Kind::Doorbell as u64;
    assert_eq!(look(9), Ok([first, generation << 32 | made.context_frame, 0, 0]));
    assert_eq!(look(10), Ok([0; 4]));
    assert_eq!((look(0), look(256)), (bad(3), Err((Error::NoCapability, 0))));
}
