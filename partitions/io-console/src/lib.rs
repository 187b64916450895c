//! The console service: one console for each partition, the operator's terminal on a serial port, or screen and keyboard.
//!
//! What can be tested on the host is here: the drivers of serial port ([`uart`]), [`screen`] and [`keyboard`] over their registers, and the
//! consoles ([`consoles`]) over whoever carries answers to clients. [`Main`] joins them to the machine.

#![cfg_attr(not(test), no_std)]
#![cfg_attr(not(test), deny(clippy::as_conversions, clippy::arithmetic_side_effects))]

extern crate alloc;

pub mod consoles;
mod hardware;
pub mod keyboard;
pub mod pixels;
pub mod screen;
mod server;
pub mod uart;

pub use server::Main;

#[cfg(test)]
mod tests;
