//! The resource manager's program linked to the other place: see `abi::layout::PROGRAM_BESIDE`.

#![no_std]
#![no_main]

#[expect(unused_attributes, reason = "those of a crate")]
#[path = "main.rs"]
mod program;
