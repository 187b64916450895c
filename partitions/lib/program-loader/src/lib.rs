//! Loads a program into a partition: pages, page tables, contents, mappings.
//!
//! Used by the resource manager to create and restart partitions, and by the boot partition to bring back the resource
//! manager. The kernel is behind [`Kernel`], so that all of it runs on the host. Every step may be
//! repeated: whoever dies in the middle starts again from the first.

#![cfg_attr(not(test), no_std)]
#![cfg_attr(not(test), deny(clippy::as_conversions, clippy::arithmetic_side_effects))]

mod calls;
mod load;
mod space;
#[cfg(test)]
mod tests;
mod window;

pub use calls::{Calls, Kernel, Refusal, Values, in_steps};
pub use load::{Loader, Target};
pub use space::{REGION_PAGES, Regions, UPPER_TABLES};
pub use window::{Mapped, Window};
