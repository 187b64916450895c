//! Damage that is nearly right, for tests of everything that reads boot images. The same seed does the same damage.
//!
//! Most of it hits fields: of header and table, of the ELF files, of the manifest. [`mend`] puts the digests right
//! afterwards, so that the rules behind them are reached too.

use crate::image::{Image, digest};
use abi::image::{ImageEntry, ImageHeader};
use std::mem::offset_of;
use std::ops::Range;
use std::vec::Vec;

/// Numbers that look random: splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// The series of this seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub const fn any(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 where there is none.
    pub fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap_or(u64::MAX);
        usize::try_from(self.any().checked_rem(end).unwrap_or(0)).unwrap_or(0)
    }

    /// True one time in `count`.
    pub fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    /// One of these.
    pub fn of<'a, T>(&mut self, choice: &'a [T]) -> Option<&'a T> {
        choice.get(self.below(choice.len()))
    }

    /// A number close to being right where `value` is, in a field of so many bits.
    pub fn near(&mut self, value: u64, bits: u32) -> u64 {
        let bit = 1_u64.rotate_left(u32::try_from(self.below(64)).unwrap_or(0));
        let page = 0x1000;
        let new = match self.below(11) {
            0 => 0,
            1 => u64::MAX,
            2 => value.wrapping_add(1),
            3 => value.wrapping_sub(1),
            4 => value.wrapping_add(page),
            5 => value.wrapping_sub(page),
            6 => value.wrapping_mul(2),
            7 => u64::MAX.wrapping_sub(value),
            8 => bit,
            9 => self.any(),
            _ => value ^ bit,
        };
        new & u64::MAX.wrapping_shr(64_u32.saturating_sub(bits))
    }

    /// Changes the little-endian field of `size` bytes at `start` into one that is nearly right.
    pub fn change(&mut self, bytes: &mut [u8], start: usize, size: usize) {
        let end = start.saturating_add(size);
        let Some(field) = bytes.get_mut(start..end) else { return };
        let old = field.iter().rev().fold(0_u64, |sum, &byte| sum << 8 | u64::from(byte));
        let bits = u32::try_from(size).unwrap_or(8).saturating_mul(8).min(64);
        let new = self.near(old, bits).to_le_bytes();
        field.iter_mut().zip(new).for_each(|(to, from)| *to = from);
    }
}

/// Fields by their offset and size.
type Fields = &'static [(usize, usize)];

/// Those of [`ImageHeader`] but name, digest and signature.
const HEADER: Fields = &[
    (offset_of!(ImageHeader, magic), 8),
    (offset_of!(ImageHeader, version), 4),
    (offset_of!(ImageHeader, entries), 4),
    (offset_of!(ImageHeader, length), 8),
    (offset_of!(ImageHeader, signed), 8),
    (offset_of!(ImageHeader, name), 1),
];
/// Those of [`ImageEntry`].
const ENTRY: Fields = &[
    (offset_of!(ImageEntry, name), 1),
    (offset_of!(ImageEntry, name), 8),
    (offset_of!(ImageEntry, kind), 4),
    (offset_of!(ImageEntry, reserved), 4),
    (offset_of!(ImageEntry, offset), 8),
    (offset_of!(ImageEntry, length), 8),
];
/// Those of an ELF header (System V ABI, "ELF header"): identity, type, machine, entry, headers, their size and number.
const ELF: Fields = &[(4, 1), (5, 1), (6, 1), (16, 2), (18, 2), (24, 8), (32, 8), (54, 2), (56, 2)];
/// Those of a program header, and its size.
const SEGMENT: Fields = &[(0, 4), (4, 4), (8, 8), (16, 8), (32, 8), (40, 8)];
const SEGMENT_SIZE: usize = 56;
/// Where the program headers of files by the usual linkers start, and how many are looked at.
const SEGMENTS: usize = 64;
const MOST_SEGMENTS: usize = 6;

/// What was done to an image.
#[derive(Clone, Debug)]
pub struct Damaged {
    /// The image.
    pub bytes: Vec<u8>,
    /// Where it was hit, and whether the digests are right all the same.
    pub what: Vec<&'static str>,
}

/// A damaged copy of `image`, which must be sound; in one of two cases with digests that are right.
#[must_use]
pub fn damage(image: &[u8], chance: &mut Chance) -> Damaged {
    let contents = contents(image);
    let mut damaged = Damaged { bytes: image.to_vec(), what: Vec::new() };
    for _ in 0..=chance.below(3) {
        let place = hit(&mut damaged.bytes, &contents, chance);
        damaged.what.push(place);
    }
    if chance.one_in(2) {
        mend(&mut damaged.bytes);
        damaged.what.push("mended");
    }
    damaged
}

/// A copy in which only the manifest is damaged, by fields of four bytes, and all digests are right.
#[must_use]
pub fn damage_manifest(image: &[u8], chance: &mut Chance) -> Vec<u8> {
    let contents = contents(image);
    let mut bytes = image.to_vec();
    for _ in 0..=chance.below(3) {
        manifest(&mut bytes, &contents, chance);
    }
    mend(&mut bytes);
    bytes
}

/// Where the contents of a sound image lie, the manifest's first.
fn contents(image: &[u8]) -> Vec<Range<usize>> {
    let start = image.as_ptr().addr();
    let place = |content: &[u8]| {
        let from = content.as_ptr().addr().wrapping_sub(start);
        from..from.saturating_add(content.len())
    };
    let sound = Image::parse(image);
    sound.map_or(Vec::new(), |image| image.entries().map(|entry| place(entry.content)).collect())
}

/// Damages one place and says which kind of place it was.
fn hit(bytes: &mut Vec<u8>, contents: &[Range<usize>], chance: &mut Chance) -> &'static str {
    let files = contents.get(1..).unwrap_or_default();
    let file = chance.of(files).map_or(0, |file| file.start);
    match chance.below(10) {
        0 => field(bytes, 0, HEADER, chance, "header"),
        1 | 2 => {
            let index = chance.below(contents.len());
            let start = index.saturating_mul(size_of::<ImageEntry>());
            field(bytes, start.saturating_add(size_of::<ImageHeader>()), ENTRY, chance, "entry")
        }
        3 => field(bytes, file, ELF, chance, "ELF header"),
        4 | 5 => {
            let index = chance.below(MOST_SEGMENTS).saturating_mul(SEGMENT_SIZE);
            let start = file.saturating_add(SEGMENTS).saturating_add(index);
            field(bytes, start, SEGMENT, chance, "program header")
        }
        6 | 7 => manifest(bytes, contents, chance),
        8 => scatter(bytes, chance),
        _ => resize(bytes, chance),
    }
}

fn field(
    bytes: &mut [u8],
    start: usize,
    fields: Fields,
    chance: &mut Chance,
    what: &'static str,
) -> &'static str {
    if let Some(&(offset, size)) = chance.of(fields) {
        chance.change(bytes, start.saturating_add(offset), size);
    }
    what
}

/// Half of the damage to a manifest hits its header and the first partition, which every reader looks at.
fn manifest(bytes: &mut [u8], contents: &[Range<usize>], chance: &mut Chance) -> &'static str {
    let Some(place) = contents.first() else { return "no manifest" };
    let end = if chance.one_in(2) { place.len() } else { place.len().min(120) };
    let start = place.start.saturating_add(chance.below(end) & !3);
    let size = if chance.one_in(2) { 4 } else { 2 };
    chance.change(bytes, start, size);
    "manifest"
}

/// Some bytes anywhere, or a piece copied over another.
fn scatter(bytes: &mut [u8], chance: &mut Chance) -> &'static str {
    if chance.one_in(3) {
        let length = chance.below(4096).min(bytes.len());
        let room = bytes.len().saturating_sub(length);
        let (from, to) = (chance.below(room), chance.below(room));
        bytes.copy_within(from..from.saturating_add(length), to);
        return "a piece moved";
    }
    for _ in 0..=chance.below(8) {
        let place = chance.below(bytes.len());
        chance.change(bytes, place, 1);
    }
    "bytes"
}

/// Cut off, or with something behind it.
fn resize(bytes: &mut Vec<u8>, chance: &mut Chance) -> &'static str {
    let length = match chance.below(4) {
        0 => chance.below(bytes.len()),
        1 => bytes.len().saturating_sub(chance.below(0x2000)),
        2 => chance.below(512),
        _ => bytes.len().saturating_add(chance.below(0x2000)),
    };
    bytes.resize(length, 0xa5);
    "length"
}

/// Puts every digest right that can be found.
pub fn mend(bytes: &mut [u8]) {
    let number = |bytes: &[u8], at: usize, size: usize| {
        let field = bytes.get(at..at.saturating_add(size)).unwrap_or_default();
        let value = field.iter().rev().fold(0_u64, |sum, &byte| sum << 8 | u64::from(byte));
        usize::try_from(value).unwrap_or(usize::MAX)
    };
    let start = size_of::<ImageHeader>();
    let count = number(bytes, offset_of!(ImageHeader, entries), 4).min(256);
    let end = start.saturating_add(count.saturating_mul(size_of::<ImageEntry>())).min(bytes.len());
    for entry in (start..end).step_by(size_of::<ImageEntry>()) {
        let offset = number(bytes, entry.saturating_add(offset_of!(ImageEntry, offset)), 8);
        let length = number(bytes, entry.saturating_add(offset_of!(ImageEntry, length)), 8);
        let sum = bytes.get(offset..offset.saturating_add(length)).map(digest);
        put(bytes, entry.saturating_add(offset_of!(ImageEntry, digest)), sum);
    }
    let sum = bytes.get(start..end).map(digest);
    put(bytes, offset_of!(ImageHeader, table_digest), sum);
}

fn put(bytes: &mut [u8], start: usize, sum: Option<[u8; 32]>) {
    let place = bytes.get_mut(start..start.saturating_add(32));
    if let (Some(place), Some(sum)) = (place, sum) {
        place.copy_from_slice(&sum);
    }
}
