//! Why a boot image is refused.

use abi::image::{EntryKind, Name, name_text};
use core::fmt;

/// Why a boot image is refused. Its text is a sentence for people, without a full stop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ImageError {
    /// The bytes end before the image does.
    Truncated,
    /// The first word is not that of a boot image.
    NotAnImage,
    /// Layout of another version.
    Version(u32),
    /// No entries, or more than [`abi::image::MAX_ENTRIES`].
    EntryCount(u32),
    /// The length in the header is no multiple of a page, or larger than the room for images.
    Length(u64),
    /// The image's own name is not one.
    Name,
    /// The table of entries is not the one the digest was made of.
    TableDigest,
    /// The loader asks for a signature and the image has none.
    Unsigned,
    /// The signature is not by the loader's key over this header.
    Signature,
    /// The field `signed` is neither 0 nor 1, or a signature stands where none is announced.
    SignedField,
    /// Something is wrong with this entry.
    Entry(Name, EntryProblem),
    /// Bytes that belong to no entry are not zero; offset of the first.
    Padding(u64),
    /// There must be exactly one of this kind.
    NotOne(EntryKind),
    /// The manifest is not the first entry.
    ManifestNotFirst,
}

/// What is wrong with an entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EntryProblem {
    /// Not lower case, digits and '-' padded with zero, or empty.
    Name,
    /// An unknown kind.
    Kind(u32),
    /// The reserved field is not zero.
    Reserved,
    /// It does not start on a page.
    Unaligned,
    /// It starts before its predecessor ends.
    Overlap,
    /// It ends after the image does.
    OutsideImage,
    /// Another entry of its kind has the same name.
    Duplicate,
    /// The content is not the one the digest was made of.
    Digest,
}

impl fmt::Display for EntryProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name => f.write_str("the name is not lower case, digits and '-'"),
            Self::Kind(kind) => write!(f, "unknown kind {kind}"),
            Self::Reserved => f.write_str("the reserved field is not zero"),
            Self::Unaligned => f.write_str("does not start on a page"),
            Self::Overlap => f.write_str("overlaps the entry before it"),
            Self::OutsideImage => f.write_str("ends after the image does"),
            Self::Duplicate => f.write_str("the name is used twice"),
            Self::Digest => f.write_str("altered since it was written (SHA-256 differs)"),
        }
    }
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("boot image: ")?;
        match self {
            Self::Truncated => f.write_str("the file is shorter than its header says"),
            Self::NotAnImage => f.write_str("not a boot image"),
            Self::Version(version) => write!(
                f,
                "layout version {version}, but this loader reads {}",
                abi::image::IMAGE_VERSION
            ),
            Self::EntryCount(count) => write!(f, "{count} entries"),
            Self::Length(length) => write!(f, "a length of {length} bytes is not possible"),
            Self::Name => f.write_str("its name is not lower case, digits and '-'"),
            Self::TableDigest => {
                f.write_str("the table of entries was altered since it was written")
            }
            Self::Unsigned => f.write_str("not signed, but this loader asks for a signature"),
            Self::Signature => f.write_str("the signature is not by the key of this loader"),
            Self::SignedField => f.write_str("the header contradicts itself about a signature"),
            Self::Entry(name, problem) => write!(f, "entry '{}': {problem}", shown(name)),
            Self::Padding(offset) => write!(f, "byte {offset} is padding but not zero"),
            Self::NotOne(kind) => write!(f, "there must be exactly one {}", kind_name(*kind)),
            Self::ManifestNotFirst => f.write_str("the manifest is not the first entry"),
        }
    }
}

impl core::error::Error for ImageError {}

/// A name in words. One with other than letters could speak to the terminal, or pass for the loader's own words: a question mark.
fn shown(name: &Name) -> &str {
    let text = name_text(name);
    if text.bytes().all(|letter| letter.is_ascii_graphic()) { text } else { "?" }
}

/// A kind of entry in words.
pub(crate) const fn kind_name(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Manifest => "manifest",
        EntryKind::Kernel => "kernel",
        EntryKind::Program => "partition",
    }
}
