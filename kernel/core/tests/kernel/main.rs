//! The kernel's logic, driven as the machine drives it, over a machine made of vectors.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "tests say what they expect")]

mod attacks;
mod bounds;
mod build;
mod calls;
mod channels;
mod control;
mod failing;
mod few;
mod fuzz;
mod halting;
mod machine;
mod model;
mod moving;
mod objects;
mod quantum;
mod resting;
mod several;
mod time;
mod untouched;
