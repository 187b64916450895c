//! The boot partition's program linked to the other place: see `abi::layout::PROGRAM_BESIDE`.

#![cfg_attr(target_os = "none", no_std, no_main)]

rt::entry!(boot::Rescuer, channels = 16, others = boot::emergency);

/// On the host it is only compiled.
#[cfg(not(target_os = "none"))]
fn main() {}
