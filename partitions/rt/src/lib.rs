//! What every partition links: its start, its events, typed channels, log, heap, time, panics.
//!
//! An author writes a type that is a [`Partition`] and names it in [`entry!`]; see `README.md` beside this
//! crate. On the host the same code runs under [`mock::World`], channels and restarts included.

#![no_std]
#![deny(missing_docs)]
#![deny(clippy::as_conversions, clippy::arithmetic_side_effects)]

#[cfg(not(target_os = "none"))]
extern crate std;

pub use abi;

mod agenda;
#[cfg(any(target_os = "none", test))]
mod area;
#[cfg(any(target_os = "none", test))]
mod backtrace;
pub mod capability;
mod cell;
mod channel;
mod device;
mod end;
#[doc(hidden)]
pub mod entry;
#[cfg(target_os = "none")]
mod heap;
mod held;
pub mod information;
mod line;
pub mod log;
#[cfg_attr(not(target_os = "none"), path = "machine_host.rs")]
mod machine;
pub mod memory;
#[cfg(not(target_os = "none"))]
pub mod mock;
pub mod operation;
mod places;
pub mod protocol;
mod received;
mod report;
mod run;
mod saved;
mod signal;
pub mod sys;
mod system;
pub mod time;

pub use abi::types::Nanoseconds;
pub use channel::{CallError, Client, LONGEST, Server, Ticket, bytes};
pub use device::{Device, Framebuffer};
pub use end::EndEvent;
pub use held::Held;
pub use line::Line;
pub use protocol::Protocol;
pub use received::{Answer, Owed, Request};
pub use report::{IdleState, up};
pub use run::{Partition, Start, Stop};
pub use signal::{Interrupt, Reports, Signal, Timer};
pub use system::{INTERRUPTS, SERVERS, System, TIMERS};
pub use time::now;

/// Ends this partition in good order. Its rescuer reads that it wanted to.
pub fn exit() -> ! {
    sys::exit(abi::fault::Reason::Exit, 0, [0; 2])
}
