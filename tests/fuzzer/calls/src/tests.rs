//! What is drawn, and what is not.

use crate::*;
use abi::control::{KernelOperation, PartitionOperation};

const AROUND: Surroundings<'static> = Surroundings {
    held: &[1, 2, 3],
    spare: (128, 100),
    pages: (0x40_0000, 8),
    frames: (700, 8),
    foreign: &[10, 11],
    now: 1_000_000,
};

/// What the caller has in its slots.
fn kind(slot: u64) -> Kind {
    match slot {
        1 => Kind::Partition,
        2 => Kind::Kernel,
        3 => Kind::Doorbell,
        _ => Kind::None,
    }
}

fn drawn(seed: u64) -> [Request; 200] {
    let mut numbers = Numbers::new(seed);
    let allow = |request: &Request, own| harmless(&AROUND, request, own, kind);
    core::array::from_fn(|_| next(&mut numbers, &AROUND, kind, allow))
}

#[test]
fn a_seed_always_means_the_same_calls() {
    assert_eq!(drawn(5), drawn(5));
    assert_ne!(drawn(5), drawn(6));
}

#[test]
fn every_call_and_most_operations_are_drawn() {
    let all: [[Request; 200]; 20] = core::array::from_fn(|seed| drawn(seed as u64));
    let any = |fits: &dyn Fn(&Request) -> bool| all.iter().flatten().any(fits);
    for call in Call::ALL {
        assert!(any(&|one| one.number == call as u64), "{call:?}");
    }
    assert!(any(&|one| Call::from_number(one.number).is_none()), "an unknown call");
    let excluded = [PartitionOperation::Renew];
    for (operation, name) in PartitionOperation::ALL {
        let control = |one: &Request| {
            let [slot, number, ..] = one.arguments;
            one.number == Call::Control as u64 && slot == 1 && number == *operation as u64
        };
        assert_eq!(any(&control), !excluded.contains(operation), "{name}");
    }
}

#[test]
fn what_would_take_the_machine_down_is_not_drawn() {
    let control = |slot, operation, a, b, c| Request {
        number: Call::Control as u64,
        arguments: [slot, operation, a, b, c, 0],
    };
    let map = PartitionOperation::Map as u64;
    let cases = [
        (control(2, KernelOperation::Reset as u64, 0, 0, 0), false),
        (control(2, KernelOperation::Fact as u64, 0, 0, 0), true),
        (control(1, map, 0x40_0000, 700, 8), true),
        (control(1, map, 0x40_1000, 700, 8), false),
        (control(1, map, 0x40_0000, 701, 8), false),
        (control(1, map, 0x40_0000, 10, 1), true),
        (control(1, PartitionOperation::AddTable as u64, 0, 1, 12), false),
        (control(1, PartitionOperation::SetRescuer as u64, 3, 0, 0), false),
        (control(1, PartitionOperation::Clear as u64, 3, 0, 0), false),
        (Request { number: Call::Exit as u64, arguments: [64, 0, 0, 0, 0, 0] }, false),
        (Request { number: Call::Exit as u64, arguments: [63, 0, 0, 0, 0, 0] }, true),
        (Request { number: Call::Wait as u64, arguments: [1, u64::MAX, 0, 0, 0, 0] }, false),
    ];
    for (request, allowed) in cases {
        let own = kind(request.arguments[0]);
        assert_eq!(harmless(&AROUND, &request, own, kind), allowed, "{request:x?}");
    }
}
