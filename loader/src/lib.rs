//! What every door shares on the machine: memory, processor, words on serial port and screen, and the jump
//! into the kernel. All decisions are in `loader-core`.

#![no_std]

pub mod console;
mod key;
pub mod machine;
pub mod start;
