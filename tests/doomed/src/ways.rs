//! The ways to die.

use alloc::vec::Vec;
use core::hint::{black_box, spin_loop};
use rt::abi::types::Slot;
use rt::information::Pages;

/// What they are called, in the order of the lives that end so.
pub const NAMES: [&str; 5] = ["fault", "panic", "memory", "hang", "storm"];

/// Ends the life with this number; the last way for those beyond.
pub fn die(life: usize) -> ! {
    match life {
        1 => drop(deep(0)),
        2 => panic!("as it was meant to"),
        3 => exhaust(),
        4 => {}
        _ => storm(),
    }
    loop {
        spin_loop();
    }
}

/// Uses up the stack.
fn deep(depth: u64) -> [u64; 64] {
    let mut room = black_box([depth; 64]);
    if depth < u64::MAX {
        room[1] = deep(depth + 1)[0];
    }
    room
}

/// Uses up the heap.
fn exhaust() {
    let mut all = Vec::new();
    loop {
        all.push(black_box([u64::MAX; 64]));
    }
}

/// Rings everything for ever, as fast as it can.
fn storm() {
    let all = Pages::find().into_iter().flat_map(Pages::resources);
    let slots: Vec<_> = all.map(|one| Slot::new(one.slot)).collect();
    loop {
        for &slot in &slots {
            let _ = rt::sys::ring(slot);
        }
    }
}
