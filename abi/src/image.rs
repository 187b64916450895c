//! The boot image: one file with the manifest and every program.
//!
//! A header, a table of entries, then the contents, each starting on a multiple of 4096. The header
//! holds the SHA-256 of the table, the table that of every content; an ed25519 signature covers the header with
//! `signature` zeroed. So one signature vouches for every byte but the padding, which must be zero.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// First word of a boot image: "BULKHEAD".
pub const IMAGE_MAGIC: u64 = u64::from_le_bytes(*b"BULKHEAD");
/// Version of this layout.
pub const IMAGE_VERSION: u32 = 1;
/// Longest name of a program, partition, channel or image, in bytes; the rest of the field is zero.
pub const NAME_LENGTH: usize = 24;
/// Most entries of an image.
pub const MAX_ENTRIES: u32 = 128;

/// A name: ASCII lower case, digits and '-', zero-padded.
pub type Name = [u8; NAME_LENGTH];

/// The text of a padded name; empty where it is not UTF-8.
#[must_use]
pub fn name_text(name: &Name) -> &str {
    let end = name.iter().position(|&byte| byte == 0).unwrap_or(NAME_LENGTH);
    name.get(..end).and_then(|bytes| core::str::from_utf8(bytes).ok()).unwrap_or("")
}

/// A padded name, or `None` where the text is too long.
#[must_use]
pub fn name_from(text: &str) -> Option<Name> {
    let mut name = [0; NAME_LENGTH];
    name.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
    Some(name)
}

/// Start of a boot image.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ImageHeader {
    /// [`IMAGE_MAGIC`].
    pub magic: u64,
    /// [`IMAGE_VERSION`].
    pub version: u32,
    /// Number of [`ImageEntry`] that follow the header.
    pub entries: u32,
    /// Bytes of the whole image, a multiple of 4096.
    pub length: u64,
    /// 1 if `signature` is one, 0 if it is zero.
    pub signed: u64,
    /// Name of the image.
    pub name: Name,
    /// SHA-256 of the table of entries.
    pub table_digest: [u8; 32],
    /// ed25519 signature of this header with this field zeroed.
    pub signature: [u8; 64],
}

/// What an entry holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum EntryKind {
    /// The compiled manifest ([`crate::manifest`]). Exactly one, the first.
    Manifest = 1,
    /// The kernel's ELF file. Exactly one.
    Kernel = 2,
    /// A partition's ELF file.
    Program = 3,
}

impl EntryKind {
    /// The kind with this number.
    #[must_use]
    pub const fn from_number(number: u32) -> Option<Self> {
        match number {
            1 => Some(Self::Manifest),
            2 => Some(Self::Kernel),
            3 => Some(Self::Program),
            _ => None,
        }
    }

    /// Its number, as it stands in [`ImageEntry::kind`].
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Self::Manifest => 1,
            Self::Kernel => 2,
            Self::Program => 3,
        }
    }
}

/// One content of the image.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ImageEntry {
    /// Name, unique in its kind.
    pub name: Name,
    /// An [`EntryKind`].
    pub kind: u32,
    /// Zero.
    pub reserved: u32,
    /// Offset from the start of the image, a multiple of 4096.
    pub offset: u64,
    /// Length in bytes.
    pub length: u64,
    /// SHA-256 of the content.
    pub digest: [u8; 32],
}
