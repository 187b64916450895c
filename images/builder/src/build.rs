//! Joins manifest and programs into a boot image.

use crate::compile::compile;
use crate::manifest::Manifest;
use abi::image::EntryKind;
use boot_image::{ImageWriter, WriteError};
use std::fmt;

/// A boot image and the sizes of what is in it.
#[derive(Clone, Debug)]
pub struct Built {
    /// The image.
    pub image: Vec<u8>,
    /// Bytes of the kernel's and of every program's file, by name.
    pub sizes: Vec<(String, usize)>,
}

/// Why there is no image.
#[derive(Debug)]
pub enum BuildError<E> {
    /// A program could not be had: its name, and why.
    Program(String, E),
    /// The image breaks a rule that the loader checks.
    Write(WriteError),
}

impl<E: fmt::Display> fmt::Display for BuildError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Program(name, error) => write!(f, "program '{name}': {error}"),
            Self::Write(error) => error.fmt(f),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for BuildError<E> {}

/// Name of the kernel's program.
const KERNEL: &str = "kernel";

/// The image of `manifest`: `program` gives the ELF file of the kernel and of each program by its
/// name, `secret` signs where it is given.
///
/// # Errors
/// A program that cannot be had, or whatever a loader would refuse.
pub fn build<E>(
    manifest: &Manifest,
    mut program: impl FnMut(&str) -> Result<Vec<u8>, E>,
    secret: Option<&[u8; 32]>,
) -> Result<Built, BuildError<E>> {
    let mut writer = ImageWriter::new(&manifest.name.value).map_err(BuildError::Write)?;
    let add = |writer: &mut ImageWriter, kind, name: &str, content| {
        writer.add(kind, name, content).map_err(BuildError::Write)
    };
    add(&mut writer, EntryKind::Manifest, "manifest", compile(manifest))?;
    let mut sizes = Vec::new();
    let programs = manifest.programs().into_iter().map(|name| (EntryKind::Program, name));
    for (kind, name) in [(EntryKind::Kernel, KERNEL)].into_iter().chain(programs) {
        let content = program(name).map_err(|error| BuildError::Program(name.to_owned(), error))?;
        sizes.push((name.to_owned(), content.len()));
        add(&mut writer, kind, name, content)?;
    }
    Ok(Built { image: writer.finish(secret).map_err(BuildError::Write)?, sizes })
}
