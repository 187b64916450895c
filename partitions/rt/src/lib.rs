//! What every partition links.

#![no_std]
#![deny(clippy::as_conversions, clippy::arithmetic_side_effects)]

#[cfg(not(target_os = "none"))]
extern crate std;

pub use abi;

pub mod capability;
#[cfg_attr(not(target_os = "none"), path = "machine_host.rs")]
mod machine;
pub mod sys;
