//! Plans of few contexts, told by one call.

use crate::build::Made;
use crate::control::bad;
use crate::machine::{SLOT, TestMachine};
use abi::call::Error;
use abi::control::ProcessorOperation;

/// Eight contexts of processor 1, and one of processor 0.
fn nine() -> (TestMachine, Vec<Made>) {
    let machine = TestMachine::booted(2);
    let made = (0..9).map(|number| machine.make(number, u64::from(number != 8))).collect();
    (machine, made)
}

#[test]
fn a_plan_of_few_contexts_is_told_by_one_call() {
    let (machine, made) = nine();
    let stage = |arguments| machine.on_processor(1, ProcessorOperation::Stage, arguments);
    let in_force = || {
        let place = |place| machine.on_processor(1, ProcessorOperation::Place, [place, 0, 0, 0]);
        (0..26).map(|at| place(at).unwrap()[0]).collect::<Vec<_>>()
    };
    let expected = |places: &[usize]| {
        let frame = |number: &usize| made.get(number - 1).map_or(0, |made| made.context_frame);
        let frames = places.iter().map(|number| if *number == 0 { 0 } else { frame(number) });
        frames.chain(core::iter::repeat(0)).take(26).collect::<Vec<_>>()
    };
    let slots: Vec<_> = made[..8].iter().map(|made| made.context).collect();
    let word = |four: &[u64]| four.iter().rev().fold(0, |word, slot| word << 16 | slot);
    let [first, second] = [word(&slots[..4]), word(&slots[4..])];
    let order = 0xfed9_0123_4567_8111;
    // All 24 places, not committed; one more taker behind them; then a commit of its own.
    assert_eq!(stage([3 << 32 | 0x8000_0021, order, first, second]), Ok([0; 4]));
    assert_eq!(stage([6, slots[4], 0, 0]), Ok([0; 4]));
    assert_eq!(in_force(), expected(&[]));
    machine.on_processor(1, ProcessorOperation::Commit, [25, 0, 0, 0]).unwrap();
    machine.run_until(32 * SLOT);
    let all = [1, 1, 1, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 8, 5];
    assert_eq!(in_force(), expected(&all), "numbers above 8 are nobody's");
    // Committed with it: what it tells behind the end is no place.
    assert_eq!(stage([16 << 40 | 3 << 32 | 0x77, order, first, second]), Ok([0; 4]));
    assert_eq!(stage([16 << 40 | 3 << 32, order, first, second]), Err((Error::WrongState, 1)));
    machine.run_until(64 * SLOT);
    assert_eq!(in_force(), expected(&[&all[..16], &[7]].concat()));
    // One place more than are told, staged before.
    assert_eq!(stage([6, slots[2], 0, 0]), Ok([0; 4]));
    assert_eq!(stage([24 << 40 | 3 << 32, 0x10, slots[7], 0]), Ok([0; 4]));
    machine.run_until(96 * SLOT);
    let mut last = [0; 25];
    (last[1], last[24]) = (8, 3);
    assert_eq!(in_force(), expected(&last));
}

#[test]
fn a_plan_of_few_contexts_is_refused_as_a_whole() {
    let (machine, made) = nine();
    let stage = |arguments| machine.on_processor(1, ProcessorOperation::Stage, arguments);
    let good = made[0].context;
    machine.plan(1, &[good; 16], 0);
    machine.run_until(32 * SLOT);
    let head = 15 << 40 | 3 << 32;
    for (arguments, refusal) in [
        // Whoever is named must be one that may be there, whether a place has its number or not.
        ([head, 0, good, made[8].context << 48], bad(4)),
        ([head, 0, made[8].context << 16, 0], bad(4)),
        ([head, 0, good, 250], Err((Error::NoCapability, 0))),
        ([head, 0, made[1].partition, 0], Err((Error::WrongKind, 0))),
        ([14 << 40 | 3 << 32, 0, good, 0], bad(3)),
        ([1 << 40 | 3 << 32, 0, good, 0], bad(3)),
        ([1 << 48 | head, 0, good, 0], bad(3)),
        ([4 << 32, 0, good, 0], bad(3)),
        ([0xff << 32, 0, good, 0], bad(3)),
    ] {
        assert_eq!(stage(arguments), refusal, "{arguments:x?}");
    }
    // Nothing of it was staged, nothing is pending.
    machine.on_processor(1, ProcessorOperation::Commit, [16, 0, 0, 0]).unwrap();
    machine.run_until(64 * SLOT);
    let place = |place| machine.on_processor(1, ProcessorOperation::Place, [place, 0, 0, 0]);
    assert!((0..16).all(|at| place(at).unwrap()[0] == 0));
}
