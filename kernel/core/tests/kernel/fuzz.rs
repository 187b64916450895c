//! Random and near-valid calls of four partitions at once, with every invariant checked after each call.
//!
//! `BULKHEAD_CAMPAIGN=1` makes a million of them, `BULKHEAD_FUZZ_SEED=N` those of one seed, which a failure names.

use crate::build::{FIRST, MEMORY, Made, OWN_CONTEXT, PROCESSOR, TEXT};
use crate::machine::{FREE, SLOT, TestMachine};
use crate::untouched::Untouched;
use abi::call::Call;
use abi::control::{PartitionOperation, ProcessorOperation, first_slot};
use abi::rights::Kind;
use fuzz_calls::{Numbers, Request, Surroundings, harmless, next};
use std::env;

/// Turns that follow from one seed, on a machine of its own: a call each, unless nobody runs there.
const TURNS: u64 = 2000;
/// Calls in a test and in a campaign.
const CALLS: [u64; 2] = [13_000, 1_000_000];
/// Frames that are free when it begins: the first, and how many.
const FRAMES: (u64, u64) = (700, 48);
/// Frames that are not: of the kernel, of the first program, of objects and tables.
const FOREIGN: [u64; 8] = [2, 10, 41, 45, FREE, FREE + 1, FREE + 2, FREE + 3];
/// Slots of the first partition that nothing else uses, and of the others.
const SPARE: [(u64, u64); 2] = [(200, 55), (20, 100)];
/// Most time between two calls.
const PAUSE: u64 = SLOT / 8;

/// Says where it was when something broke.
struct Place {
    seed: u64,
    turn: u64,
    request: Option<(u16, Request)>,
}

impl Drop for Place {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self { seed, turn, request } = self;
            println!("BULKHEAD_FUZZ_SEED={seed}: turn {turn}, processor and {request:x?}");
        }
    }
}

#[test]
fn no_call_of_anybody_breaks_an_invariant() {
    // covers: KRN-2, KRN-3, KRN-4, KRN-8
    let wanted = CALLS[usize::from(env::var_os("BULKHEAD_CAMPAIGN").is_some())];
    let one = env::var("BULKHEAD_FUZZ_SEED").ok().and_then(|seed| seed.parse().ok());
    let (mut calls, mut done) = (0, 0);
    for seed in one.unwrap_or(0).. {
        let (made, well) = fuzz(seed);
        calls += made;
        done += well;
        if calls >= wanted || one.is_some() {
            break;
        }
    }
    println!("{calls} calls, {done} of them done");
    assert!(done > calls / 10, "only {done} of {calls} calls were done");
}

/// Makes the calls of a seed; how many, and how many were done.
fn fuzz(seed: u64) -> (u64, u64) {
    let (machine, made) = prepare();
    let (mut place, mut untouched) =
        (Place { seed, turn: 0, request: None }, Untouched::fill(&machine));
    let (mut numbers, mut calls, mut done) = (Numbers::new(seed), 0, 0);
    for turn in 0..TURNS {
        place.turn = turn;
        // Those who can do more do more.
        let processor = [0, 0, 0, 0, 3, 3, 3, 2, 2, 1][numbers.below(10) as usize];
        machine.run_until(machine.time() + numbers.below(PAUSE));
        let Some(caller) = machine.running(processor) else { continue };
        let request = draw(&machine, &made, processor, &mut numbers);
        place.request = Some((processor, request));
        machine.begin(processor, request.number, request.arguments);
        machine.settle();
        calls += 1;
        // Who waits has no answer yet.
        let running = machine.running(processor) == Some(caller);
        done += u64::from(running && machine.answer_of(caller).is_ok());
        untouched.check(&machine);
        if !checked(&machine) {
            break;
        }
    }
    assert!(untouched.count() > 0, "nothing was looked at to the end");
    (calls, done)
}

/// Checks all invariants; false where the first partition, who asks for that, has put itself out of the way.
fn checked(machine: &TestMachine) -> bool {
    for _ in 0..3 {
        if machine.running(0).is_some() {
            let slot = u64::from(first_slot::KERNEL.raw());
            let kind = machine.call(0, Call::Inspect, [slot, 0, 0, 0, 0, 0]);
            if kind.map(|values| values[0]) != Ok(Kind::Kernel as u64) {
                return false;
            }
            assert_eq!(machine.audit(), None, "frame and violation");
            return true;
        }
        machine.run_until(machine.time() + PAUSE);
    }
    false
}

/// A machine with three partitions beside the first, on a processor each: with nothing, something, and much.
fn prepare() -> (TestMachine, [Made; 3]) {
    let machine = TestMachine::booted(4);
    let made = [1, 2, 3].map(|number| machine.make(number - 1, number));
    let [_, some, much] = made;
    for (number, one) in (0..).zip(made) {
        for level in 1..4 {
            let frame = 640 + 3 * number + level;
            let table = [TEXT, 4 - level, frame, 0];
            machine.partition(one.partition, PartitionOperation::AddTable, table).unwrap();
        }
    }
    let put = |to: u64, slot: u64, source: u64, kind: Kind, parameter: u64| {
        let arguments = [slot, source, 15, (kind as u64) << 32 | parameter];
        machine.partition(to, PartitionOperation::Put, arguments).unwrap();
    };
    put(some.partition, 1, much.context, Kind::Doorbell, 3);
    put(some.partition, 2, some.context, Kind::Doorbell, 4);
    put(some.partition, 3, first_slot::PORTS.raw().into(), Kind::Ports, 8 << 16 | 0x378);
    put(some.partition, 4, first_slot::INTERRUPT.raw().into(), Kind::Interrupt, 9);
    put(much.partition, 1, much.partition, Kind::Partition, 0);
    put(much.partition, 2, much.context, Kind::Context, 0);
    put(much.partition, 3, some.context, Kind::Doorbell, 5);
    put(much.partition, 4, first_slot::INTERRUPT.raw().into(), Kind::Interrupt, 9);
    put(much.partition, 5, first_slot::KERNEL.raw().into(), Kind::Kernel, 0);
    put(much.partition, 6, MEMORY, Kind::Memory, 0);
    put(much.partition, 7, some.partition, Kind::Partition, 0);
    put(much.partition, 8, PROCESSOR + 3, Kind::Processor, 0);
    for (id, one) in (1..).zip(made) {
        machine.start(one);
        machine.plan(id, &[one.context; 16], 0);
    }
    machine.run_until(40 * SLOT);
    (machine, made)
}

/// The next call of the context that runs on this processor.
fn draw(machine: &TestMachine, made: &[Made; 3], processor: u16, numbers: &mut Numbers) -> Request {
    let mut first: Vec<u64> = (1..8).chain(PROCESSOR..PROCESSOR + 4).collect();
    first.extend(made.iter().flat_map(|made| [made.partition, made.context]));
    let held: [&[u64]; 4] = [&first, &[], &[1, 2, 3, 4], &[1, 2, 3, 4, 5, 6, 7, 8]];
    let around = Surroundings {
        held: held[usize::from(processor)],
        spare: SPARE[usize::from(processor != 0)],
        pages: (TEXT, 40),
        frames: FRAMES,
        foreign: &FOREIGN,
        now: machine.time(),
    };
    let kind = |slot: u64| {
        let found = machine.call(processor, Call::Inspect, [slot, 0, 0, 0, 0, 0]);
        found.ok().and_then(|[kind, ..]| Kind::from_number(kind)).unwrap_or(Kind::None)
    };
    let allow = |request: &Request, own: Kind| {
        let control = request.number == Call::Control as u64;
        if control {
            processor != 0 || keeps_running(request)
        } else {
            harmless(&around, request, own, kind)
        }
    };
    next(numbers, &around, kind, allow)
}

/// Whether a control call of the first partition leaves it where it is, so that it can go on checking.
fn keeps_running(request: &Request) -> bool {
    let [slot, operation, a, ..] = request.arguments;
    match slot {
        FIRST => match PartitionOperation::from_number(operation) {
            Some(PartitionOperation::Put | PartitionOperation::Clear) => a >= SPARE[0].0,
            Some(PartitionOperation::RemoveSlots | PartitionOperation::RemoveTable) => false,
            _ => true,
        },
        OWN_CONTEXT => operation != 2,
        PROCESSOR => !matches!(
            ProcessorOperation::from_number(operation),
            Some(ProcessorOperation::Stage | ProcessorOperation::Commit)
        ),
        _ => true,
    }
}
