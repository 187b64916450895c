//! Processors that halt: what they remember about who could run, and what ends that.

use crate::build::{FIRST, Made};
use crate::machine::{SLOT, TestMachine};
use abi::call::Call;
use abi::control::{InterruptOperation, PartitionOperation, first_slot};
use abi::fault::Reason;
use abi::rights::Kind;
use kernel_core::FaultRecord;

const NEVER: u64 = u64::MAX;
const FRAME: u64 = 16 * SLOT;

/// So many contexts that run on processor 1, of which no halt is checked by a second look.
fn trusted(count: u64) -> (TestMachine, Vec<Made>) {
    let machine = TestMachine::booted(2);
    machine.thorough.set(false);
    let made: Vec<_> = (0..count).map(|number| machine.make(number, 1)).collect();
    made.iter().for_each(|made| machine.start(*made));
    (machine, made)
}

/// What a processor looks at in each slot while nobody wants to run, and whether it finds whoever does at once: by a deadline, by a ring from
/// another processor, by a plan that takes over.
#[test]
fn a_processor_that_halts_looks_for_takers_when_something_came() {
    // covers: SCH-5
    let (machine, made) = trusted(8);
    machine.give_doorbell(FIRST, 230, made[5].context, 3);
    let mut plan = vec![0; 16];
    plan.extend(made.iter().map(|made| made.context));
    machine.plan(1, &plan, 0);
    machine.run_until(FRAME);
    let alarm = 3 * FRAME + SLOT / 3;
    for turn in 0..made.len() {
        let frame = machine.running(1).expect("one that does not wait yet");
        let until = if frame == made[2].context_frame { alarm } else { NEVER };
        machine.begin(1, Call::Wait as u64, [0xff, until, 0, 0, 0, 0]);
        assert_eq!(machine.running(1).is_none(), turn == 7, "the last one leaves nobody");
    }
    let before = machine.looks.get();
    machine.run_until(3 * FRAME);
    let (looks, slots) = (machine.looks.get() - before, 2 * 16);
    assert!(looks < 2 * slots, "{looks} looks in {slots} slots of two processors");
    machine.run_until(alarm - 1);
    assert_eq!(machine.running(1), None);
    machine.run_until(alarm);
    assert_eq!(machine.running(1), Some(made[2].context_frame), "its deadline");
    machine.begin(1, Call::Wait as u64, [0xff, NEVER, 0, 0, 0, 0]);
    machine.run_until(alarm + 2 * SLOT);
    assert_eq!(machine.running(1), None);
    machine.call(0, Call::Ring, [230, 0, 0, 0, 0, 0]).unwrap();
    machine.settle();
    assert_eq!(machine.running(1), Some(made[5].context_frame), "it was rung");
    machine.begin(1, Call::Wait as u64, [0xff, NEVER, 0, 0, 0, 0]);
    // One that wants to run, but has no place yet.
    let late = machine.make(8, 1);
    machine.start(late);
    machine.run_until(5 * FRAME + SLOT);
    assert_eq!(machine.running(1), None);
    plan.push(late.context);
    machine.plan(1, &plan, 0);
    machine.run_until(6 * FRAME - 1);
    assert_eq!(machine.running(1), None, "the plan before it goes on to its wrap");
    machine.run_until(6 * FRAME);
    assert_eq!(machine.running(1), Some(late.context_frame), "the plan that takes over");
}

/// Whoever is at the end of its slot, or ends there, leaves a processor that was not left idle: who it rang is found all the same.
#[test]
fn who_was_rung_by_one_that_ended_with_its_slot_is_found() {
    // covers: SCH-5
    let ends: [fn(&TestMachine); 3] = [
        |machine| machine.run_until(2 * FRAME + SLOT),
        |machine| machine.begin(1, Call::Exit as u64, [Reason::Exit as u64, 0, 0, 0, 0, 0]),
        |machine| machine.fault_on(1, FaultRecord { reason: 14, code: 4, address: 0 }),
    ];
    for end in ends {
        let (machine, made) = trusted(2);
        let (owner, taker) = (made[0], made[1]);
        machine.give_doorbell(owner.partition, 1, taker.context, 3);
        let mut plan = vec![0; 16];
        plan[0] = owner.context;
        plan.push(taker.context);
        machine.plan(1, &plan, 0);
        machine.run_until(FRAME);
        // So that its own deadline wakes it, and nothing that comes to the processor.
        machine.begin(1, Call::Wait as u64, [0xff, FRAME + 5 * SLOT + 7, 0, 0, 0, 0]);
        machine.begin(1, Call::Wait as u64, [0xff, NEVER, 0, 0, 0, 0]);
        machine.run_until(2 * FRAME);
        assert_eq!(machine.running(1), Some(owner.context_frame));
        machine.begin(1, Call::Ring as u64, [1, 0, 0, 0, 0, 0]);
        assert_eq!(machine.running(1), Some(owner.context_frame), "it has its slot");
        machine.set_time(2 * FRAME + SLOT);
        end(&machine);
        assert_eq!(machine.running(1), Some(taker.context_frame), "somebody was forgotten");
    }
}

/// The slot ends while whoever rings comes before the timer.
#[test]
fn who_is_rung_at_the_end_of_a_slot_is_found() {
    // covers: SCH-5
    let rings: [fn(&TestMachine); 2] = [
        |machine| assert_eq!(machine.call(0, Call::Ring, [230, 0, 0, 0, 0, 0]), Ok([0; 4])),
        |machine| machine.interrupt_on(1, 4),
    ];
    for ring in rings {
        let (machine, made) = trusted(1);
        machine.give_doorbell(FIRST, 230, made[0].context, 3);
        let line =
            [205, first_slot::INTERRUPT.raw().into(), 15, (Kind::Interrupt as u64) << 32 | 4];
        machine.partition(FIRST, PartitionOperation::Put, line).unwrap();
        machine.control(205, InterruptOperation::Bind as u64, [230, 0, 0, 0]).unwrap();
        machine.plan(1, &[[0; 16].as_slice(), &[made[0].context]].concat(), 0);
        machine.run_until(FRAME);
        machine.begin(1, Call::Wait as u64, [0xff, NEVER, 0, 0, 0, 0]);
        machine.run_until(FRAME + SLOT);
        machine.set_time(FRAME + 2 * SLOT);
        ring(&machine);
        machine.settle();
        assert_eq!(machine.running(1), Some(made[0].context_frame), "somebody was forgotten");
    }
}

/// A decision follows so many links at most; where those of one slot did not suffice, the next slot's are followed.
#[test]
fn what_one_slot_had_no_links_for_the_next_one_finds() {
    // covers: SCH-5
    // The owner of slot 0 begins a chain of calls; takers that wait for one that waits use up what it leaves. The one whose turn comes
    // last calls somebody who could run.
    let (machine, made) = trusted(36);
    let (chain, takers, waits, called) = (&made[..9], &made[9..34], made[34], made[35]);
    chain.windows(2).for_each(|two| machine.give_doorbell(two[0].partition, 1, two[1].context, 3));
    let (last, others) = takers.split_first().expect("takers");
    others.iter().for_each(|one| machine.give_doorbell(one.partition, 1, waits.context, 3));
    machine.give_doorbell(last.partition, 1, called.context, 3);
    let mut plan = vec![0; 16];
    plan[0] = chain[0].context;
    plan.extend(takers.iter().map(|made| made.context));
    machine.plan(1, &plan, 0);
    machine.run_until(FRAME);
    while let Some(frame) = machine.running(1).filter(|frame| *frame != called.context_frame) {
        let waits = [waits, chain[8]].iter().any(|made| made.context_frame == frame);
        let call = if waits { [0x80, NEVER, 0, 0, 0, 0] } else { [1, 0x80, NEVER, 0, 0, 0] };
        machine.begin(1, if waits { Call::Wait } else { Call::Call } as u64, call);
    }
    assert_eq!(machine.running(1), Some(called.context_frame));
    machine.run_until(2 * FRAME);
    assert_eq!(machine.running(1), None, "nobody looked so far");
    machine.run_until(2 * FRAME + SLOT);
    assert_eq!(machine.running(1), Some(called.context_frame), "somebody was forgotten");
}

/// Its slot's own context is the one that is looked for in any case: its deadline counts too.
#[test]
fn the_deadline_of_the_owner_of_a_slot_is_kept() {
    // covers: SCH-5
    let (machine, made) = trusted(2);
    let mut plan = [0; 16];
    (plan[0], plan[3]) = (made[0].context, made[1].context);
    machine.plan(1, &plan, 0);
    machine.run_until(FRAME + 3 * SLOT);
    let alarm = 2 * FRAME + 3 * SLOT + SLOT / 2;
    machine.begin(1, Call::Wait as u64, [0xff, alarm, 0, 0, 0, 0]);
    machine.run_until(2 * FRAME);
    machine.begin(1, Call::Wait as u64, [0xff, NEVER, 0, 0, 0, 0]);
    machine.run_until(alarm - 1);
    assert_eq!(machine.running(1), None);
    machine.run_until(alarm);
    assert_eq!(machine.running(1), Some(made[1].context_frame));
}
