//! What the loader decides, apart from any machine: which memory is used for what, what page tables say,
//! what the firmware's tables mean, and what the kernel is told.
//!
//! A door (PVH, Multiboot2, UEFI) makes an [`Offer`]; [`prepare`] turns it into a [`Handover`] or a
//! [`Refusal`]. Physical memory is behind [`PhysicalMemory`], so all of this runs in host tests.

#![cfg_attr(not(test), no_std)]
#![deny(missing_docs)]
#![cfg_attr(not(test), deny(clippy::as_conversions, clippy::arithmetic_side_effects))]

pub mod acpi;
pub mod door;
mod first;
mod framebuffer;
mod handover;
mod later;
mod map;
mod offer;
mod plan;
mod program;
mod refusal;
mod tables;

pub use handover::{Handover, check_image, prepare};
pub use later::{Later, LaterImages, Modules};
pub use map::{MemoryMap, Range, Report, Use};
pub use offer::{CommandLine, Door, Offer, PhysicalMemory, Rsdp};
pub use refusal::Refusal;

#[cfg(test)]
mod tests;
