//! Reads a boot image and checks every byte of it.

use crate::error::{EntryProblem, ImageError};
use crate::signature::PublicKey;
use abi::image::{
    EntryKind, IMAGE_MAGIC, IMAGE_VERSION, ImageEntry, ImageHeader, MAX_ENTRIES, Name, name_text,
};
use abi::layout::{BOOT_IMAGE, BOOT_IMAGE_END};
use abi::types::PAGE_SIZE;
use sha2::{Digest, Sha256};
use zerocopy::FromBytes;

/// A boot image whose structure was found sound. It stays a view of the bytes it was made from.
#[derive(Clone, Copy, Debug)]
pub struct Image<'a> {
    bytes: &'a [u8],
    header: ImageHeader,
}

/// One content of an image.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Its name, unique in its kind.
    pub name: Name,
    /// What it is.
    pub kind: EntryKind,
    /// The file.
    pub content: &'a [u8],
}

impl<'a> Image<'a> {
    /// Checks structure, digests and padding of the image at the start of `bytes` and, where a key is given, its
    /// signature. What follows the image in `bytes` is ignored.
    ///
    /// # Errors
    /// The first rule that the image breaks.
    pub fn verify(bytes: &'a [u8], key: Option<&PublicKey>) -> Result<Self, ImageError> {
        let image = Self::parse(bytes)?;
        image.check_signature(key)?;
        image.check_digests()?;
        image.check_padding()?;
        Ok(image)
    }

    /// Checks the structure alone: enough for readers of an image that the loader has verified.
    ///
    /// # Errors
    /// The first rule of structure that the image breaks.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ImageError> {
        let (header, _) =
            ImageHeader::read_from_prefix(bytes).map_err(|_| ImageError::Truncated)?;
        check_header(&header)?;
        let length = usize::try_from(header.length).map_err(|_| ImageError::Truncated)?;
        let bytes = bytes.get(..length).ok_or(ImageError::Truncated)?;
        let image = Self { bytes, header };
        if image.table().len() != image.entry_count().saturating_mul(size_of::<ImageEntry>()) {
            return Err(ImageError::Truncated);
        }
        image.check_entries()?;
        image.check_kinds()?;
        Ok(image)
    }

    /// Name of the image.
    #[must_use]
    pub const fn name(&self) -> &Name {
        &self.header.name
    }

    /// Bytes of the whole image, a multiple of [`PAGE_SIZE`].
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.header.length
    }

    /// Whether the image carries a signature.
    #[must_use]
    pub const fn is_signed(&self) -> bool {
        self.header.signed != 0
    }

    /// Every entry, the manifest first.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'a>> + use<'a> {
        let bytes = self.bytes;
        self.raw_entries().filter_map(move |raw| {
            let kind = EntryKind::from_number(raw.kind)?;
            Some(Entry { name: raw.name, kind, content: content(bytes, &raw)? })
        })
    }

    /// The entry of this kind and name.
    #[must_use]
    pub fn find(&self, kind: EntryKind, name: &Name) -> Option<Entry<'a>> {
        self.entries().find(|entry| entry.kind == kind && entry.name == *name)
    }

    /// The ELF file of the program `name`.
    #[must_use]
    pub fn program(&self, name: &Name) -> Option<&'a [u8]> {
        self.find(EntryKind::Program, name).map(|entry| entry.content)
    }

    /// The compiled manifest.
    #[must_use]
    pub fn manifest(&self) -> &'a [u8] {
        self.only(EntryKind::Manifest)
    }

    /// The kernel's ELF file.
    #[must_use]
    pub fn kernel(&self) -> &'a [u8] {
        self.only(EntryKind::Kernel)
    }

    /// Content of the one entry of this kind; that there is one was checked.
    fn only(&self, kind: EntryKind) -> &'a [u8] {
        self.entries().find(|entry| entry.kind == kind).map_or(&[], |entry| entry.content)
    }

    fn entry_count(&self) -> usize {
        usize::try_from(self.header.entries).unwrap_or(usize::MAX)
    }

    /// Bytes of the table of entries, as many of them as there are.
    fn table(&self) -> &'a [u8] {
        let start = size_of::<ImageHeader>();
        let end = start
            .saturating_add(self.entry_count().saturating_mul(size_of::<ImageEntry>()))
            .min(self.bytes.len());
        self.bytes.get(start..end).unwrap_or_default()
    }

    fn raw_entries(&self) -> impl Iterator<Item = ImageEntry> + use<'a> {
        self.table()
            .chunks_exact(size_of::<ImageEntry>())
            .filter_map(|bytes| ImageEntry::read_from_bytes(bytes).ok())
    }

    fn check_entries(&self) -> Result<(), ImageError> {
        let table_end = size_of::<ImageHeader>().saturating_add(self.table().len());
        let mut end = u64::try_from(table_end).unwrap_or(u64::MAX);
        for (position, entry) in self.raw_entries().enumerate() {
            let refuse = |problem| ImageError::Entry(entry.name, problem);
            check_fields(&entry).map_err(refuse)?;
            if entry.offset < end {
                return Err(refuse(EntryProblem::Overlap));
            }
            content(self.bytes, &entry).ok_or(refuse(EntryProblem::OutsideImage))?;
            end = entry.offset.saturating_add(entry.length);
            let same = |other: ImageEntry| other.kind == entry.kind && other.name == entry.name;
            if self.raw_entries().take(position).any(same) {
                return Err(refuse(EntryProblem::Duplicate));
            }
        }
        Ok(())
    }

    fn check_kinds(&self) -> Result<(), ImageError> {
        for kind in [EntryKind::Manifest, EntryKind::Kernel] {
            if self.entries().filter(|entry| entry.kind == kind).count() != 1 {
                return Err(ImageError::NotOne(kind));
            }
        }
        match self.entries().next() {
            Some(Entry { kind: EntryKind::Manifest, .. }) => Ok(()),
            _ => Err(ImageError::ManifestNotFirst),
        }
    }

    fn check_signature(&self, key: Option<&PublicKey>) -> Result<(), ImageError> {
        let announced = self.header.signed == 1;
        if !announced && (self.header.signed != 0 || self.header.signature != [0; 64]) {
            return Err(ImageError::SignedField);
        }
        match key {
            None => Ok(()),
            Some(_) if !announced => Err(ImageError::Unsigned),
            Some(key) if key.signed(&self.header) => Ok(()),
            Some(_) => Err(ImageError::Signature),
        }
    }

    fn check_digests(&self) -> Result<(), ImageError> {
        if digest(self.table()) != self.header.table_digest {
            return Err(ImageError::TableDigest);
        }
        for entry in self.raw_entries() {
            let content = content(self.bytes, &entry).unwrap_or_default();
            if digest(content) != entry.digest {
                return Err(ImageError::Entry(entry.name, EntryProblem::Digest));
            }
        }
        Ok(())
    }

    /// Entries are in the order of their offsets, so what lies between them is padding.
    fn check_padding(&self) -> Result<(), ImageError> {
        let mut end = size_of::<ImageHeader>().saturating_add(self.table().len());
        for entry in self.raw_entries() {
            let start = usize::try_from(entry.offset).unwrap_or(usize::MAX);
            self.check_zero(end, start)?;
            end = start.saturating_add(usize::try_from(entry.length).unwrap_or(usize::MAX));
        }
        self.check_zero(end, self.bytes.len())
    }

    fn check_zero(&self, start: usize, end: usize) -> Result<(), ImageError> {
        let gap = self.bytes.get(start..end).unwrap_or_default();
        match gap.iter().position(|&byte| byte != 0) {
            None => Ok(()),
            Some(index) => Err(ImageError::Padding(
                u64::try_from(start.saturating_add(index)).unwrap_or(u64::MAX),
            )),
        }
    }
}

fn check_header(header: &ImageHeader) -> Result<(), ImageError> {
    if header.magic != IMAGE_MAGIC {
        return Err(ImageError::NotAnImage);
    }
    if header.version != IMAGE_VERSION {
        return Err(ImageError::Version(header.version));
    }
    if header.entries == 0 || header.entries > MAX_ENTRIES {
        return Err(ImageError::EntryCount(header.entries));
    }
    let room = BOOT_IMAGE_END.saturating_sub(BOOT_IMAGE);
    if !header.length.is_multiple_of(PAGE_SIZE) || header.length > room {
        return Err(ImageError::Length(header.length));
    }
    if is_name(&header.name) { Ok(()) } else { Err(ImageError::Name) }
}

/// Checks of an entry that need nothing beside it.
fn check_fields(entry: &ImageEntry) -> Result<(), EntryProblem> {
    if !is_name(&entry.name) {
        return Err(EntryProblem::Name);
    }
    if EntryKind::from_number(entry.kind).is_none() {
        return Err(EntryProblem::Kind(entry.kind));
    }
    if entry.reserved != 0 {
        return Err(EntryProblem::Reserved);
    }
    if !entry.offset.is_multiple_of(PAGE_SIZE) {
        return Err(EntryProblem::Unaligned);
    }
    Ok(())
}

fn content<'a>(bytes: &'a [u8], entry: &ImageEntry) -> Option<&'a [u8]> {
    let end = entry.offset.checked_add(entry.length)?;
    bytes.get(usize::try_from(entry.offset).ok()?..usize::try_from(end).ok()?)
}

/// Not empty, only lower case, digits and '-', and nothing but zero behind them.
pub(crate) fn is_name(name: &Name) -> bool {
    let text = name_text(name);
    let letter = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
    !text.is_empty()
        && text.as_bytes().iter().all(letter)
        && name.iter().skip(text.len()).all(|&byte| byte == 0)
}

/// SHA-256.
pub(crate) fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}
