//! The kernel: `kernel_core` on an x86-64 machine.
//!
//! The loader enters at `_start` (`arch/x86_64/entry.rs`) with what `abi::boot` describes; all decisions are
//! in `kernel_core`, which knows nothing of the machine.

#![no_std]
#![no_main]

mod arch {
    pub mod x86_64;
}
