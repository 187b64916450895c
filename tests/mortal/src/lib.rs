//! The ways to die.

#![no_std]

extern crate alloc;

use alloc::vec::Vec;
use core::hint::{black_box, spin_loop};
use rt::abi::types::Slot;
use rt::information::Pages;

/// A way to die, by the name it is called.
pub type Way = (&'static str, fn() -> !);

/// Every way.
pub const WAYS: [Way; 5] =
    [("fault", fault), ("panic", panics), ("memory", exhaust), ("hang", hang), ("storm", storm)];

fn fault() -> ! {
    black_box(deep(0));
    hang()
}

/// Uses up the stack.
fn deep(depth: u64) -> [u64; 64] {
    let mut room = black_box([depth; 64]);
    if depth < u64::MAX {
        room[1] = deep(depth + 1)[0];
    }
    room
}

fn panics() -> ! {
    panic!("as you wish")
}

/// Uses up the heap.
fn exhaust() -> ! {
    let mut all = Vec::new();
    loop {
        all.push(black_box([u64::MAX; 64]));
    }
}

fn hang() -> ! {
    loop {
        spin_loop();
    }
}

/// Rings everything for ever, as fast as it can.
fn storm() -> ! {
    let all = Pages::find().into_iter().flat_map(Pages::resources);
    let slots: Vec<_> = all.map(|one| Slot::new(one.slot)).collect();
    loop {
        for &slot in &slots {
            let _ = rt::sys::ring(slot);
        }
    }
}
