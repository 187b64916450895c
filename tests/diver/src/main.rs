//! Goes deeper down its stack with each life, so that what measures stacks can be tested.

#![cfg_attr(target_os = "none", no_std, no_main)]

use core::hint::black_box;
use rt::{Partition, Start, System};

/// Calls that each life adds to those of the one before.
const DEEPER: u32 = 32;

/// The partition.
struct Main;

/// Calls itself so many times, each time with 64 bytes of its own.
#[inline(never)]
fn dive(left: u32) -> u64 {
    let own = black_box([u64::from(left) + 1; 8]);
    let below = if left == 0 { 0 } else { dive(left - 1) };
    black_box(own)[0] + below
}

impl Partition for Main {
    fn started(_: &mut System, start: &Start) -> Self {
        black_box(dive(start.starts * DEEPER));
        Self
    }
}

rt::entry!(Main);

#[cfg(not(target_os = "none"))]
fn main() {}
