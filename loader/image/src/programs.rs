//! Checks every ELF file of an image.

use crate::elf::{Program, Window};
use crate::elf_error::ElfError;
use crate::error::kind_name;
use crate::image::{Entry, Image};
use abi::image::{EntryKind, Name, name_text};
use core::fmt;

/// Which program of an image is refused, and why: "partition 'command': segment 2 is both writable and executable".
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProgramError {
    /// Kernel or partition.
    pub kind: EntryKind,
    /// Its name in the image.
    pub name: Name,
    /// What is wrong.
    pub reason: ElfError,
}

impl fmt::Display for ProgramError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} '{}': {}", kind_name(self.kind), name_text(&self.name), self.reason)
    }
}

impl core::error::Error for ProgramError {}

/// Parses the kernel and every program of `image` and forgets the result.
///
/// # Errors
/// The first program that breaks a rule.
pub fn check_programs(image: &Image<'_>) -> Result<(), ProgramError> {
    image.entries().try_for_each(|entry| match entry.kind {
        EntryKind::Manifest => Ok(()),
        EntryKind::Kernel => check(&entry, Window::KERNEL),
        EntryKind::Program => check(&entry, Window::PARTITION),
    })
}

fn check(entry: &Entry<'_>, window: Window) -> Result<(), ProgramError> {
    let refuse = |reason| ProgramError { kind: entry.kind, name: entry.name, reason };
    Program::parse(entry.content, window).map(|_| ()).map_err(refuse)
}
