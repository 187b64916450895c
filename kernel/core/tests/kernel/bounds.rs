//! No entry into the kernel is long: what each looks at is counted, with the arguments that cost most. `./bulkhead bench` counts
//! the instructions; this shows a regression without a machine.

use crate::build::{FIRST, Made, OWN_CONTEXT};
use crate::control::one;
use crate::machine::{FRAMES, SLOT, TestMachine};
use abi::call::{Call, Error};
use abi::control::{
    ChannelOperation, KernelOperation, MemoryOperation, PAGES_PER_STEP, PLAN_PLACES,
    PartitionOperation, first_slot,
};
use abi::rights::Kind;
use kernel_core::context::register;

const NEVER: u64 = u64::MAX;
/// Most that one entry may look at: objects and ledger entries, each some 20 to 40 instructions.
const LOOKS: u64 = 400;
/// Most frames that it may fill with zeros, 512 instructions each.
const ZEROS: u64 = 16;
/// Takers of slack.
const CROWD: u64 = PLAN_PLACES as u64 - 16;
/// Where the contexts of the crowd lie, and their slots begin.
const CROWD_FRAME: u64 = 700;
const CROWD_SLOT: u64 = 300;

/// Does something in one entry and says if that was too much.
fn bounded<T>(machine: &TestMachine, what: &str, act: impl FnOnce() -> T) -> T {
    let (looks, zeros) = (machine.looks.get(), machine.zeros.get());
    let result = act();
    let (looks, zeros) = (machine.looks.get() - looks, machine.zeros.get() - zeros);
    assert!(looks <= LOOKS && zeros <= ZEROS, "{what}: {looks} looks, {zeros} frames zeroed");
    result
}

/// Repeats a bounded operation on a range until all of it is done: the arguments that move, and the one that counts.
fn whole(
    machine: &TestMachine,
    (slot, operation): (u64, u64),
    mut arguments: [u64; 4],
    moves: &[(usize, u64)],
    count: usize,
) {
    while arguments[count] != 0 {
        let act = || machine.control(slot, operation, arguments).unwrap()[0];
        let done = bounded(machine, &format!("operation {operation}, {arguments:?}"), act);
        assert!((1..=PAGES_PER_STEP).contains(&done));
        moves.iter().for_each(|(index, stride)| arguments[*index] += done * stride);
        arguments[count] -= done;
    }
}

#[test]
fn ranges_are_done_in_bounded_steps() {
    let (machine, made) = one();
    let peer = machine.make(1, 0);
    let memory = first_slot::MEMORY.raw().into();
    let on = |operation: MemoryOperation| (memory, operation as u64);
    let both: &[(usize, u64)] = &[(0, 4096), (1, 1)];
    whole(&machine, on(MemoryOperation::Assign), [600, 90, FIRST, 0], &[(0, 1)], 1);
    let transfer = [600, 90, FIRST, made.partition];
    whole(&machine, on(MemoryOperation::Transfer), transfer, &[(0, 1)], 1);
    let map = (made.partition, PartitionOperation::Map as u64);
    whole(&machine, map, [0x40_0000, 600, 90, 1], both, 2);
    let unmap = (made.partition, PartitionOperation::Unmap as u64);
    whole(&machine, unmap, [0x40_0000, 90, 0, 0], &[(0, 4096)], 1);
    machine.memory(MemoryOperation::Create, [Kind::Channel as u64, 599, 220, 0]).unwrap();
    let join = [made.partition, peer.partition, 600, 90];
    whole(&machine, (220, ChannelOperation::Join as u64), join, &[(2, 1)], 3);
    let part = || machine.control(220, ChannelOperation::Part as u64, [0; 4]).unwrap()[0];
    while bounded(&machine, "Part", part) != 0 {}
    whole(&machine, on(MemoryOperation::Release), [600, 90, 0, 0], &[(0, 1)], 1);
}

/// A page table full of memory of a channel is what costs the audit most.
#[test]
fn the_audit_looks_at_a_full_table_in_steps() {
    let (machine, made) = one();
    let peer = machine.make(1, 0);
    machine.memory(MemoryOperation::Create, [Kind::Channel as u64, 599, 220, 0]).unwrap();
    for frame in 600..603 {
        machine.memory(MemoryOperation::Assign, [frame, 1, made.partition, 0]).unwrap();
        let join = [made.partition, peer.partition, frame, 1];
        machine.control(220, ChannelOperation::Join as u64, join).unwrap();
    }
    let page = |number: u64| 0x40_0000 + number * 4096;
    for number in 0..512 {
        let map = [page(number), 600 + number / 200, 1, 1];
        machine.partition(made.partition, PartitionOperation::Map, map).unwrap();
    }
    let (mut next, mut steps) = (0, 0);
    loop {
        let kernel = first_slot::KERNEL.raw().into();
        let step = || machine.control(kernel, KernelOperation::Audit as u64, [next, 0, 0, 0]);
        match bounded(&machine, "Audit", step) {
            Ok([0, 0, 0, _]) => break,
            Ok([after, 0, 0, _]) => next = after,
            Err((Error::Again, _)) => steps += 1,
            answer => panic!("{answer:?}"),
        }
    }
    assert!(steps >= 7, "{steps} steps for 512 entries");
    // An entry at the end of a table is looked at as well.
    let table =
        machine.partition(made.partition, PartitionOperation::Translate, [page(511), 0, 0, 0]);
    assert_eq!(table.unwrap()[0], 602);
    machine.corrupt(602, |word| word & !0xf | 3);
    assert!(machine.audit().is_some());
}

/// Contexts of one partition, each of which calls the next and waits for ever; the first partition is the last taker.
fn crowd() -> (TestMachine, Made) {
    let (machine, made) = one();
    for page in 1..3 {
        let slots = [page, CROWD_FRAME - page, 0, 0];
        machine.partition(FIRST, PartitionOperation::AddSlots, slots).unwrap();
    }
    let slots: Vec<u64> = (0..CROWD - 1).map(|number| CROWD_SLOT + number).collect();
    for (number, slot) in (0..).zip(&slots) {
        let create = [Kind::Context as u64, CROWD_FRAME + number, *slot, made.partition];
        machine.memory(MemoryOperation::Create, create).unwrap();
        machine.on_context(*slot, abi::control::ContextOperation::Configure, [0; 4]).unwrap();
    }
    for (number, slot) in (0..).zip(&slots) {
        let next = slots[(number as usize + 1) % slots.len()];
        machine.give_doorbell(made.partition, number + 1, next, 0);
        machine.on_context(*slot, abi::control::ContextOperation::Start, [0; 4]).unwrap();
    }
    let mut plan = vec![slots[0]; 16];
    plan.extend(&slots);
    plan.push(OWN_CONTEXT);
    machine.plan(0, &plan, 0);
    machine.run_until(16 * SLOT);
    while let Some(frame) = machine.running(0).filter(|frame| *frame >= CROWD_FRAME) {
        let call = [frame - CROWD_FRAME + 1, 2, NEVER, 0, 0, 0];
        machine.begin(0, Call::Call as u64, call);
    }
    (machine, made)
}

#[test]
fn a_decision_among_a_full_plan_is_bounded() {
    let (machine, _) = crowd();
    let own = machine.running(0).expect("the last taker runs");
    assert!(own < CROWD_FRAME);
    bounded(&machine, "yield", || machine.begin(0, Call::Yield as u64, [0; 6]));
    bounded(&machine, "nudge", || machine.nudge_on(0));
    bounded(&machine, "interrupt", || machine.interrupt_on(0, 3));
    for slot in 17..80 {
        // Past the end of a slot: all are looked at anew.
        machine.set_time(slot * SLOT + 1);
        bounded(&machine, "end of a slot", || machine.nudge_on(0));
        assert_eq!(machine.running(0), Some(own), "the only one that can run");
    }
}

/// The timer's interrupt is waiting when a long operation ends: both at once would be too long.
#[test]
fn an_operation_does_not_do_the_timers_work_as_well() {
    let (machine, made) = crowd();
    let own = machine.running(0);
    machine.set_time(machine.timer_of(0).expect("a slot ends") + 1);
    let looks = machine.looks.get();
    machine.partition(made.partition, PartitionOperation::State, [0; 4]).unwrap();
    assert!(machine.looks.get() - looks < 20, "it decided who is to run");
    assert_eq!(machine.running(0), own);
    // One that stops itself leaves the processor all the same.
    let stop = abi::control::ContextOperation::Stop as u64;
    machine.begin(0, Call::Control as u64, [OWN_CONTEXT, stop, 0, 0, 0, 0]);
    assert_eq!(machine.running(0), None);
}

/// Who finds the lock taken waits outside the kernel, and its registers are as they were.
#[test]
fn a_taken_lock_sends_the_caller_out_to_try_again() {
    let (machine, made) = one();
    let own = machine.context(machine.running(0).unwrap());
    own.set_register(register::RIP, 0x40_0012);
    machine.busy.set(true);
    let call = [made.partition, PartitionOperation::State as u64, 3, 4, 5, 6];
    machine.begin(0, Call::Control as u64, call);
    let registers = [register::RAX, register::RDI, register::RSI, register::RDX, register::R10];
    let kept = registers.map(|number| own.register(number));
    assert_eq!(kept, [Call::Control as u64, call[0], call[1], 3, 4]);
    assert_eq!(own.register(register::RIP), 0x40_0010, "at the call again");
    let nothing = machine.control(FRAMES, 0, [0; 4]);
    assert_eq!(nothing, Err((Error::NoCapability, 0)), "who has no capability needs no lock");
    machine.busy.set(false);
    assert!(machine.partition(made.partition, PartitionOperation::State, [0; 4]).is_ok());
}
