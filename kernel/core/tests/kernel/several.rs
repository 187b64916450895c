//! Several processors: doorbells across, stopping, destruction, plans that change together.

use crate::build::{FIRST, OWN_CONTEXT};
use crate::machine::{SLOT, TestMachine};
use abi::call::{Call, Error};
use abi::control::{ContextOperation, MemoryOperation, PartitionOperation, ProcessorOperation};

const NEVER: u64 = u64::MAX;
const FRAME: u64 = 16 * SLOT;

/// The resource manager on processor 0, and a partition that owns processor 1 and runs there.
pub fn two() -> (TestMachine, crate::build::Made) {
    let machine = TestMachine::booted(2);
    let made = machine.make(0, 1);
    machine.give_doorbell(FIRST, 200, made.context, 5);
    machine.give_doorbell(made.partition, 1, OWN_CONTEXT, 3);
    machine.start(made);
    machine.plan(1, &[made.context; 16], 0);
    machine.run_until(FRAME);
    assert_eq!(machine.running(1), Some(made.context_frame));
    (machine, made)
}

#[test]
fn a_doorbell_wakes_a_context_on_another_processor_once() {
    let (machine, made) = two();
    machine.begin(1, Call::Wait as u64, [1 << 5, NEVER, 0, 0, 0, 0]);
    assert_eq!(machine.running(1), None);
    machine.call(0, Call::Ring, [200, 0, 0, 0, 0, 0]).unwrap();
    machine.call(0, Call::Ring, [200, 0, 0, 0, 0, 0]).unwrap();
    assert_eq!(*machine.nudged.borrow(), [1], "one interrupt for two rings");
    machine.settle();
    assert_eq!(machine.running(1), Some(made.context_frame));
    assert_eq!(machine.answer_of(made.context_frame), Ok([1 << 5, 0, 0, 0]));
    machine.call(0, Call::Ring, [200, 0, 0, 0, 0, 0]).unwrap();
    assert!(machine.nudged.borrow().is_empty(), "one that runs is not interrupted");
}

#[test]
fn a_call_across_processors_rings_and_waits() {
    let (machine, made) = two();
    let own = machine.running(0).unwrap();
    machine.begin(1, Call::Wait as u64, [1 << 5, NEVER, 0, 0, 0, 0]);
    machine.begin(0, Call::Call as u64, [200, 1 << 3, NEVER, 0, 0, 0]);
    assert_eq!(machine.running(0), None);
    machine.settle();
    assert_eq!(machine.running(1), Some(made.context_frame));
    machine.begin(1, Call::Call as u64, [1, 1 << 5, NEVER, 0, 0, 0]);
    machine.settle();
    assert_eq!((machine.running(0), machine.answer_of(own)), (Some(own), Ok([1 << 3, 0, 0, 0])));
}

#[test]
fn stop_waits_until_the_other_processor_let_go() {
    let (machine, made) = two();
    let stop = || machine.control(made.context, ContextOperation::Stop as u64, [0; 4]);
    assert_eq!(stop(), Err((Error::Again, 0)));
    assert_eq!(
        machine.control(made.context, ContextOperation::State as u64, [0; 4]).unwrap()[0],
        4,
        "stopping"
    );
    assert_eq!(stop(), Err((Error::Again, 0)));
    let rights = [made.context, ContextOperation::Configure as u64];
    assert_eq!(
        machine.control(rights[0], rights[1], [0x40_0000, 0, 1, 0]),
        Err((Error::WrongState, 4))
    );
    machine.settle();
    assert_eq!(machine.running(1), None);
    assert_eq!(stop(), Ok([0; 4]));
    machine.on_context(made.context, ContextOperation::Start, [0; 4]).unwrap();
    machine.settle();
    assert_eq!(machine.running(1), Some(made.context_frame), "it goes on where it was");
}

#[test]
fn a_stop_that_comes_too_late_does_not_hit_the_next_start() {
    let (machine, made) = two();
    assert_eq!(
        machine.control(made.context, ContextOperation::Stop as u64, [0; 4]),
        Err((Error::Again, 0))
    );
    // It faults before it hears of the stop.
    machine.fault_on(1, kernel_core::FaultRecord { reason: 0, code: 0, address: 0 });
    let configure = |processor| {
        machine.control(
            made.context,
            ContextOperation::Configure as u64,
            [0x40_0000, 0, processor, 0],
        )
    };
    assert_eq!(configure(1), Err((Error::WrongState, 4)));
    machine.settle();
    assert_eq!(configure(1), Ok([0; 4]));
    machine.start(made);
    assert_eq!(machine.running(1), Some(made.context_frame));
}

#[test]
fn tables_and_slots_wait_for_contexts_on_other_processors() {
    let (machine, made) = two();
    let refused = Err((Error::WrongState, 0));
    assert_eq!(
        machine.partition(made.partition, PartitionOperation::RemoveTable, [0, 4, 0, 0]),
        refused
    );
    machine.partition(made.partition, PartitionOperation::Clear, [1, 0, 0, 0]).unwrap();
    assert_eq!(machine.partition(made.partition, PartitionOperation::RemoveSlots, [0; 4]), refused);
    machine.on_context(made.context, ContextOperation::Stop, [0; 4]).unwrap();
    assert!(machine.partition(made.partition, PartitionOperation::RemoveSlots, [0; 4]).is_ok());
    assert!(
        machine.partition(made.partition, PartitionOperation::RemoveTable, [0, 4, 0, 0]).is_ok()
    );
}

#[test]
fn a_context_in_a_plan_is_not_destroyed_or_moved() {
    let (machine, made) = two();
    machine.on_context(made.context, ContextOperation::Stop, [0; 4]).unwrap();
    assert_eq!(
        machine.on_context(made.context, ContextOperation::Destroy, [0; 4]),
        Err((Error::InUse, 1))
    );
    let configure = |processor| {
        machine.on_context(made.context, ContextOperation::Configure, [0x40_0000, 0, processor, 0])
    };
    assert_eq!(configure(0), Err((Error::WrongState, 0)));
    assert_eq!(configure(1), Ok([0; 4]));
    machine.plan(1, &[0; 16], 0);
    assert_eq!(
        machine.on_context(made.context, ContextOperation::Destroy, [0; 4]),
        Err((Error::InUse, 1)),
        "not before the wrap"
    );
    machine.run_until(2 * FRAME);
    assert_eq!(configure(0), Ok([0; 4]));
    let [.., generation] =
        machine.memory(MemoryOperation::Query, [made.context_frame, 0, 0, 0]).unwrap();
    assert_eq!(machine.on_context(made.context, ContextOperation::Destroy, [0; 4]), Ok([0; 4]));
    let [used, .., now] =
        machine.memory(MemoryOperation::Query, [made.context_frame, 0, 0, 0]).unwrap();
    assert!(used == 1 && now > generation);
    assert_eq!(
        machine.on_context(made.context, ContextOperation::State, [0; 4]),
        Err((Error::NoCapability, 0))
    );
    assert_eq!(machine.call(0, Call::Ring, [200, 0, 0, 0, 0, 0]), Err((Error::Stale, now)));
}

#[test]
fn joint_plans_never_run_beside_old_ones() {
    // covers: SCH-2
    let machine = TestMachine::booted(3);
    let old = [1, 2].map(|id| machine.make(id, id));
    let new = [1, 2].map(|id| machine.make(id + 2, id));
    for made in old.iter().chain(&new) {
        machine.start(*made);
    }
    for (id, made) in (1..).zip(old) {
        machine.plan(id, &[made.context; 16], 0);
    }
    machine.run_until(FRAME + SLOT / 3);
    assert_eq!([1, 2].map(|id| machine.running(id)), old.map(|made| Some(made.context_frame)));
    let mask = 0b110;
    for bad in [0b100, 0b1_0110] {
        assert_eq!(
            machine.on_processor(1, ProcessorOperation::Commit, [16, bad, 0, 0]),
            Err((Error::BadArgument, 4))
        );
    }
    machine.plan(1, &[new[0].context; 16], mask);
    machine.run_until(4 * FRAME + SLOT / 3);
    assert_eq!(
        machine.running(1),
        Some(old[0].context_frame),
        "it waits for the other to be committed"
    );
    machine.plan(2, &[new[1].context; 16], mask);
    machine.settle();
    assert_eq!([1, 2].map(|id| machine.running(id)), old.map(|made| Some(made.context_frame)));
    // Processor 1 hears its tick first; 2 is late.
    machine.set_time(5 * FRAME);
    machine.nudge_on(1);
    assert_eq!(
        (machine.running(1), machine.running(2)),
        (None, Some(old[1].context_frame)),
        "the early one waits"
    );
    machine.set_time(5 * FRAME + 400);
    machine.nudge_on(2);
    assert_eq!((machine.running(1), machine.running(2)), (None, Some(new[1].context_frame)));
    machine.settle();
    assert_eq!(machine.running(1), Some(new[0].context_frame));
    machine.run_until(7 * FRAME);
    assert_eq!([1, 2].map(|id| machine.running(id)), new.map(|made| Some(made.context_frame)));
    machine.plan(1, &[old[0].context; 16], 0);
    machine.run_until(8 * FRAME);
    assert_eq!(machine.running(1), Some(old[0].context_frame), "and plans alone work again");
}

/// Whoever commits may die between two processors of a set: who comes after it begins anew.
#[test]
fn a_set_of_which_one_is_never_committed_is_called_off_by_staging() {
    // covers: SCH-2
    let machine = TestMachine::booted(3);
    let made = [1, 2].map(|id| machine.make(id, id));
    made.iter().for_each(|made| machine.start(*made));
    let running = |frame: u64| {
        machine.run_until(frame * FRAME + SLOT / 3);
        [1, 2].map(|id| machine.running(id))
    };
    let both = made.map(|made| Some(made.context_frame));
    let mask = 0b110;
    for round in 0..3 {
        // Processor 1 is committed, and then nobody goes on.
        machine.plan(1, &[0; 16], mask);
        assert_eq!(running(8 * round + 2), if round == 0 { [None; 2] } else { both });
        let commit = machine.on_processor(1, ProcessorOperation::Commit, [16, mask, 0, 0]);
        assert_eq!(commit, Err((Error::WrongState, 1)), "committed already");
        // The next one stages both before it commits any.
        for (id, made) in (1..).zip(made) {
            machine.stage(id, &[made.context; 16]);
        }
        for id in [1, 2] {
            machine.on_processor(id, ProcessorOperation::Commit, [16, mask, 0, 0]).unwrap();
            let pending = machine.on_processor(id, ProcessorOperation::Place, [0; 4]).unwrap()[3];
            assert_eq!(pending, 1, "processor {id}");
        }
        let stage = machine.on_processor(1, ProcessorOperation::Stage, [0; 4]);
        assert_eq!(stage, Err((Error::WrongState, 1)), "a whole set is not called off");
        assert_eq!(running(8 * round + 4), both);
    }
    // One that is alone does not wait for what was called off.
    machine.plan(1, &[0; 16], mask);
    machine.plan(1, &[0; 16], 0);
    assert_eq!(running(30), [None, both[1]]);
}

#[test]
fn an_interrupt_for_a_context_elsewhere_reaches_it() {
    // covers: KRN-6
    let (machine, made) = two();
    machine.begin(1, Call::Wait as u64, [1 << 5, NEVER, 0, 0, 0, 0]);
    let line = 7_u64 << 32 | 9;
    machine.partition(FIRST, PartitionOperation::Put, [210, 7, 15, line]).unwrap();
    machine.control(210, 0, [200, 0, 0, 0]).unwrap();
    assert_eq!(
        machine.lines.borrow().last(),
        Some(&("bind", 9 << 16 | 1)),
        "routed to its processor"
    );
    machine.interrupt_on(0, 9);
    machine.settle();
    assert_eq!(machine.answer_of(made.context_frame), Ok([1 << 5, 0, 0, 0]));
    assert_eq!(machine.running(1), Some(made.context_frame));
}
