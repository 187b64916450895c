//! The boot image: one file with the manifest and every program.
//!
//! [`Image::verify`] checks every byte of an image, [`Program::parse`] every header of an ELF file;
//! [`check_programs`] joins them. The host builds images with the writer of the same crate and checks
//! them with the same functions, so that what cannot boot is not written. Nothing here allocates.

#![cfg_attr(not(feature = "std"), no_std)]
#![deny(missing_docs)]
#![cfg_attr(not(test), deny(clippy::as_conversions, clippy::arithmetic_side_effects))]

#[cfg(feature = "std")]
pub mod damage;
pub mod elf;
mod elf_error;
mod error;
mod image;
mod programs;
#[cfg(feature = "std")]
pub mod sample;
mod signature;
#[cfg(feature = "std")]
mod writer;

pub use elf::{PageContent, Program, ProgramSegment, Window};
pub use elf_error::{ElfError, SegmentProblem};
pub use error::{EntryProblem, ImageError};
pub use image::{Entry, Image};
pub use programs::{ProgramError, check_programs};
pub use signature::PublicKey;
#[cfg(feature = "std")]
pub use writer::{ImageWriter, WriteError, public_key};

#[cfg(test)]
mod tests;
