//! Writes boot images on the host.

use crate::image::{digest, is_name};
use crate::signature::{PublicKey, signed_part};
use crate::{Image, ImageError, ProgramError, check_programs};
use abi::image::{EntryKind, IMAGE_MAGIC, IMAGE_VERSION, ImageEntry, ImageHeader, Name, name_from};
use abi::types::PAGE_SIZE;
use ed25519_dalek::{Signer, SigningKey};
use std::fmt;
use std::vec::Vec;
use zerocopy::IntoBytes;

/// Collects contents and lays them out.
#[derive(Clone, Debug)]
pub struct ImageWriter {
    name: Name,
    entries: Vec<(Name, EntryKind, Vec<u8>)>,
}

/// Why an image is not written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WriteError {
    /// The name of the image or of an entry is not one.
    Name,
    /// The image breaks a rule that the loader checks.
    Image(ImageError),
    /// A program breaks a rule that the loader checks.
    Program(ProgramError),
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name => write!(f, "a name is not 1 to {} of a-z, 0-9 and '-'", size_of::<Name>()),
            Self::Image(error) => error.fmt(f),
            Self::Program(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for WriteError {}

impl ImageWriter {
    /// An image without contents.
    ///
    /// # Errors
    /// [`WriteError::Name`].
    pub fn new(name: &str) -> Result<Self, WriteError> {
        Ok(Self { name: checked_name(name)?, entries: Vec::new() })
    }

    /// Adds a content. The manifest goes first.
    ///
    /// # Errors
    /// [`WriteError::Name`].
    pub fn add(&mut self, kind: EntryKind, name: &str, content: Vec<u8>) -> Result<(), WriteError> {
        self.entries.push((checked_name(name)?, kind, content));
        Ok(())
    }

    /// The image, signed with the 32 bytes of an ed25519 secret key where one is given.
    ///
    /// # Errors
    /// Whatever a loader would refuse, found by the loader's own checks.
    pub fn finish(&self, secret: Option<&[u8; 32]>) -> Result<Vec<u8>, WriteError> {
        let bytes = self.finish_unchecked(secret);
        let key = secret.map(public_key);
        let image = Image::verify(&bytes, key.as_ref()).map_err(WriteError::Image)?;
        check_programs(&image).map_err(WriteError::Program)?;
        Ok(bytes)
    }

    /// The image without any check: tests write bad images with it.
    #[must_use]
    pub fn finish_unchecked(&self, secret: Option<&[u8; 32]>) -> Vec<u8> {
        let (table, contents) = self.lay_out();
        let mut header = ImageHeader {
            magic: IMAGE_MAGIC,
            version: IMAGE_VERSION,
            entries: u32::try_from(self.entries.len()).unwrap_or(u32::MAX),
            length: size(contents.len()),
            signed: u64::from(secret.is_some()),
            name: self.name,
            table_digest: digest(table.as_bytes()),
            signature: [0; 64],
        };
        if let Some(secret) = secret {
            let message = signed_part(&header);
            header.signature = SigningKey::from_bytes(secret).sign(message.as_bytes()).to_bytes();
        }
        let start = [header.as_bytes(), table.as_bytes()].concat();
        let rest = contents.into_iter().skip(start.len());
        start.iter().copied().chain(rest).collect()
    }

    /// Table of entries, and the image's bytes with nothing yet where header and table go.
    fn lay_out(&self) -> (Vec<ImageEntry>, Vec<u8>) {
        let table_size = self.entries.len().saturating_mul(size_of::<ImageEntry>());
        let mut bytes = vec![0; size_of::<ImageHeader>().saturating_add(table_size)];
        pad(&mut bytes);
        let mut table = Vec::new();
        for (name, kind, content) in &self.entries {
            table.push(ImageEntry {
                name: *name,
                kind: kind.number(),
                reserved: 0,
                offset: size(bytes.len()),
                length: size(content.len()),
                digest: digest(content),
            });
            bytes.extend_from_slice(content);
            pad(&mut bytes);
        }
        (table, bytes)
    }
}

/// The public half of a secret key.
#[must_use]
pub fn public_key(secret: &[u8; 32]) -> PublicKey {
    PublicKey::new(SigningKey::from_bytes(secret).verifying_key().to_bytes())
}

fn checked_name(text: &str) -> Result<Name, WriteError> {
    name_from(text).filter(is_name).ok_or(WriteError::Name)
}

fn size(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// Fills up to the next page.
fn pad(bytes: &mut Vec<u8>) {
    let page = usize::try_from(PAGE_SIZE).unwrap_or(usize::MAX);
    bytes.resize(bytes.len().next_multiple_of(page), 0);
}
