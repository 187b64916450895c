//! Plans, slots, slack and deadlines.

use crate::build::OWN_CONTEXT;
use crate::machine::{SLOT, TIME, TestMachine};
use abi::call::{Call, Error};
use abi::control::{ContextOperation, ProcessorOperation};
use abi::information::TimePage;

const NEVER: u64 = u64::MAX;
const FRAME: u64 = 16 * SLOT;

fn used(machine: &TestMachine, place: u64) -> u64 {
    machine.on_processor(0, ProcessorOperation::Place, [place, 0, 0, 0]).unwrap()[1]
}

/// Partitions with their contexts started, and a plan of 8, 4 and 4 slots in turns of `a b a c`.
#[test]
fn shares_are_met_within_one_slot_over_a_thousand_frames() {
    // covers: SCH-1
    let machine = TestMachine::booted(1);
    let own = machine.running(0).unwrap();
    let made = [machine.make(0, 0), machine.make(1, 0)];
    made.iter().for_each(|made| machine.start(*made));
    let [b, c] = made.map(|made| made.context);
    let plan: Vec<u64> = (0..16).map(|slot| [OWN_CONTEXT, b, OWN_CONTEXT, c][slot % 4]).collect();
    machine.plan(0, &plan, 0);
    machine.run_until(FRAME);
    let frames = [own, made[0].context_frame, made[1].context_frame];
    let mut spent = [0_u64; 3];
    let mut late = 1;
    for slot in 16..16 + 16_000 {
        // Ticks are heard late, by an amount that differs; the slots stay where they are.
        late = late * 7 % 1009;
        let running = machine.running(0).expect("somebody runs");
        assert_eq!(running, frames[[0, 1, 0, 2][slot as usize % 4]], "slot {slot}");
        machine.set_time(slot * SLOT + SLOT / 2);
        machine.set_time((slot + 1) * SLOT + late);
        machine.run_until((slot + 1) * SLOT + late);
        spent[frames.iter().position(|frame| *frame == running).unwrap()] += SLOT;
    }
    let total: Vec<u64> = [OWN_CONTEXT, b, c]
        .iter()
        .map(|slot| machine.on_context(*slot, ContextOperation::State, [0; 4]).unwrap()[2])
        .collect();
    assert!(total[0].abs_diff(8000 * SLOT + FRAME) <= SLOT, "{total:?}");
    assert!(
        total[1].abs_diff(4000 * SLOT) <= SLOT && total[2].abs_diff(4000 * SLOT) <= SLOT,
        "{total:?}"
    );
}

#[test]
fn a_new_plan_takes_over_when_the_old_one_wraps_and_not_before() {
    // covers: SCH-2
    let machine = TestMachine::booted(1);
    let own = machine.running(0).unwrap();
    let made = machine.make(0, 0);
    machine.start(made);
    machine.run_until(3 * SLOT + 5);
    let mut plan = vec![made.context; 15];
    plan.push(OWN_CONTEXT);
    machine.plan(0, &plan, 0);
    assert_eq!(
        machine.on_processor(0, ProcessorOperation::Stage, [0; 4]),
        Err((Error::WrongState, 1))
    );
    assert_eq!(
        machine.on_processor(0, ProcessorOperation::Commit, [16, 0, 0, 0]),
        Err((Error::WrongState, 1))
    );
    machine.run_until(FRAME - 1);
    assert_eq!(machine.running(0), Some(own));
    machine.run_until(FRAME);
    assert_eq!(machine.running(0), Some(made.context_frame));
    machine.run_until(2 * FRAME - SLOT);
    assert_eq!(machine.running(0), Some(own));
    assert_eq!(
        machine.on_processor(0, ProcessorOperation::Place, [15, 0, 0, 0]).unwrap()[3],
        0,
        "nothing is pending"
    );
    machine.run_until(2 * FRAME);
    assert_eq!(machine.running(0), Some(made.context_frame));
}

#[test]
fn an_owned_processor_takes_no_timer_interrupts() {
    // covers: SCH-4
    let machine = TestMachine::booted(1);
    let timers = |machine: &TestMachine| {
        machine.on_processor(0, ProcessorOperation::State, [0; 4]).unwrap()[2]
    };
    let before = timers(&machine);
    machine.run_until(1000 * FRAME);
    assert_eq!(machine.timer_of(0), None);
    assert_eq!(timers(&machine), before);
    assert_eq!(used(&machine, 3), 1000 * FRAME / 16, "its time is spread over the slots");
    machine.begin(0, Call::Wait as u64, [0, NEVER, 0, 0, 0, 0]);
    assert_eq!((machine.running(0), machine.timer_of(0)), (None, None));
}

#[test]
fn an_owned_processor_is_woken_for_a_deadline() {
    // covers: SCH-4
    let machine = TestMachine::booted(1);
    let own = machine.running(0);
    machine.begin(0, Call::Wait as u64, [0, 12_345, 0, 0, 0, 0]);
    assert_eq!((machine.running(0), machine.timer_of(0)), (None, Some(12_345)));
    machine.run_until(12_345);
    assert_eq!(machine.running(0), own);
    assert_eq!(machine.answer_of(own.unwrap()), Err((Error::Timeout, 0)));
}

#[test]
fn slack_goes_to_its_takers_in_turn_and_back_when_the_owner_wakes() {
    // covers: SCH-5
    let machine = TestMachine::booted(1);
    let own = machine.running(0).unwrap();
    let made = [0, 1, 2].map(|number| machine.make(number, 0));
    made.iter().for_each(|made| machine.start(*made));
    let mut plan = vec![OWN_CONTEXT; 16];
    plan.extend(made.map(|made| made.context));
    machine.plan(0, &plan, 0);
    machine.run_until(FRAME);
    let wake = FRAME + 6 * SLOT + 77;
    machine.begin(0, Call::Wait as u64, [0, wake, 0, 0, 0, 0]);
    let seen: Vec<u64> = (0..6)
        .map(|slot| {
            machine.run_until(FRAME + slot * SLOT + 1);
            machine.running(0).expect("a taker runs")
        })
        .collect();
    let order = made.map(|made| made.context_frame);
    let first = order.iter().position(|frame| *frame == seen[0]).unwrap();
    let expected: Vec<u64> = (0..6).map(|turn| order[(first + turn) % 3]).collect();
    assert_eq!(seen, expected);
    machine.run_until(wake);
    assert_eq!(machine.running(0), Some(own), "its slot is its own again at its deadline");
    assert!(
        used(&machine, 16) >= 2 * SLOT
            && used(&machine, 17) >= 2 * SLOT
            && used(&machine, 18) >= 2 * SLOT
    );
}

#[test]
fn a_slot_that_nobody_wants_halts_the_processor() {
    // covers: SCH-5
    let machine = TestMachine::booted(1);
    let own = machine.running(0).unwrap();
    let mut plan = vec![0; 16];
    plan[0] = OWN_CONTEXT;
    machine.plan(0, &plan, 0);
    machine.run_until(FRAME + SLOT - 1);
    assert_eq!(machine.running(0), Some(own));
    machine.run_until(FRAME + SLOT);
    assert_eq!(machine.running(0), None);
    machine.run_until(2 * FRAME);
    assert_eq!(machine.running(0), Some(own));
    let idle = machine.on_processor(0, ProcessorOperation::State, [0; 4]).unwrap()[1];
    assert_eq!(idle, 15 * SLOT);
}

#[test]
fn a_deadline_of_another_does_not_disturb_the_owner_of_the_slot() {
    let machine = TestMachine::booted(1);
    let made = machine.make(0, 0);
    machine.start(made);
    let mut plan = vec![OWN_CONTEXT; 16];
    plan[0] = made.context;
    plan.push(made.context);
    machine.plan(0, &plan, 0);
    machine.run_until(FRAME);
    assert_eq!(machine.running(0), Some(made.context_frame));
    machine.begin(0, Call::Wait as u64, [0, FRAME + 3 * SLOT + 5, 0, 0, 0, 0]);
    machine.run_until(FRAME + 3 * SLOT);
    assert_eq!(machine.timer_of(0), Some(FRAME + 4 * SLOT), "only the end of the slot matters");
}

#[test]
fn slots_change_their_length_at_a_wrap() {
    let machine = TestMachine::booted(1);
    let made = machine.make(0, 0);
    machine.start(made);
    let plan: Vec<u64> =
        (0..16).map(|slot| if slot % 2 == 0 { OWN_CONTEXT } else { made.context }).collect();
    machine.plan(0, &plan, 0);
    machine.run_until(FRAME + 2 * SLOT);
    for bad in [0, 19_999, u64::MAX] {
        assert_eq!(
            machine.on_processor(0, ProcessorOperation::SetSlot, [bad, 0, 0, 0]),
            Err((Error::BadArgument, 3))
        );
    }
    machine.on_processor(0, ProcessorOperation::SetSlot, [2 * SLOT, 0, 0, 0]).unwrap();
    machine.run_until(2 * FRAME);
    assert_eq!(machine.timer_of(0), Some(2 * FRAME + 2 * SLOT));
    let word = std::mem::offset_of!(TimePage, slot) / 8;
    assert_eq!(machine.context(TIME).register(word), 2 * SLOT, "the time page tells it");
}

#[test]
fn a_ring_of_calls_to_each_other_ends() {
    // Two contexts that call each other while both wait: nobody can run, and the kernel does not follow for ever.
    let machine = TestMachine::booted(1);
    let made = [machine.make(0, 0), machine.make(1, 0)];
    machine.give_doorbell(made[0].partition, 1, made[1].context, 0);
    machine.give_doorbell(made[1].partition, 1, made[0].context, 0);
    made.iter().for_each(|made| machine.start(*made));
    let mut plan = vec![made[0].context; 8];
    plan.extend([made[1].context; 7]);
    plan.push(OWN_CONTEXT);
    machine.plan(0, &plan, 0);
    machine.run_until(FRAME);
    machine.begin(0, Call::Call as u64, [1, 1 << 40, NEVER, 0, 0, 0]);
    assert_eq!(machine.running(0), Some(made[1].context_frame), "lent");
    machine.begin(0, Call::Call as u64, [1, 1 << 40, NEVER, 0, 0, 0]);
    assert_eq!(machine.running(0), None);
    machine.run_until(FRAME + 15 * SLOT);
    assert!(machine.running(0).is_some());
}

/// A ring for the slot's own context needs no decision while a taker of slack runs; accounts and answers are as after one.
#[test]
fn the_slots_own_context_runs_as_soon_as_it_is_rung() {
    // covers: SCH-1
    let machine = TestMachine::booted(1);
    let own = machine.running(0).unwrap();
    let made = machine.make(0, 0);
    machine.give_doorbell(made.partition, 1, OWN_CONTEXT, 3);
    machine.start(made);
    let mut plan = vec![OWN_CONTEXT; 16];
    plan.push(made.context);
    machine.plan(0, &plan, 0);
    machine.run_until(FRAME + SLOT / 4);
    let before = (used(&machine, 0), used(&machine, 16));
    machine.begin(0, Call::Wait as u64, [0b1001, NEVER, 0, 0, 0, 0]);
    assert_eq!(machine.running(0), Some(made.context_frame));
    machine.run_until(FRAME + SLOT / 2);
    machine.begin(0, Call::Ring as u64, [1, 0, 0, 0, 0, 0]);
    assert_eq!((machine.running(0), machine.answer_of(own)), (Some(own), Ok([1 << 3, 0, 0, 0])));
    machine.set_time(FRAME + 3 * SLOT / 4);
    let after = (used(&machine, 0), used(&machine, 16));
    assert_eq!((after.0 - before.0, after.1 - before.1), (SLOT / 4, SLOT / 4));
    let taken = machine.call(0, Call::Wait, [0b1001, 0, 0, 0, 0, 0]);
    assert_eq!(taken, Err((Error::Timeout, 0)), "the bit was taken");
    // What rang has its answer when its turn comes; rung for another bit, the owner stays where it is.
    machine.begin(0, Call::Wait as u64, [1, NEVER, 0, 0, 0, 0]);
    let taker = made.context_frame;
    assert_eq!((machine.running(0), machine.answer_of(taker)), (Some(taker), Ok([0; 4])));
    assert_eq!(machine.call(0, Call::Ring, [1, 0, 0, 0, 0, 0]), Ok([0; 4]));
    assert_eq!(machine.running(0), Some(taker));
    machine.run_until(FRAME + 2 * SLOT);
    assert_eq!(machine.running(0), Some(taker), "the timer found nobody else");
}
