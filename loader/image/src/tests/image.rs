//! One bad image for each rule, then any damage at all.

use crate::sample::Elf;
use crate::{Image, ImageWriter, PublicKey, check_programs, public_key};
use abi::image::{EntryKind, ImageEntry, ImageHeader, name_from};
use abi::layout::{KERNEL_BASE, PROGRAM_BASE};
use proptest::prelude::*;
use std::string::{String, ToString};
use std::vec::Vec;
use zerocopy::{FromBytes, IntoBytes};

const SECRET: [u8; 32] = [7; 32];
const HEADER: usize = size_of::<ImageHeader>();
const ENTRY: usize = size_of::<ImageEntry>();

fn writer() -> ImageWriter {
    let mut writer = ImageWriter::new("sample").unwrap();
    writer.add(EntryKind::Manifest, "manifest", b"a manifest".to_vec()).unwrap();
    writer.add(EntryKind::Kernel, "kernel", Elf::good(KERNEL_BASE).bytes()).unwrap();
    writer.add(EntryKind::Program, "command", Elf::good(PROGRAM_BASE).bytes()).unwrap();
    writer.add(EntryKind::Program, "idle", Elf::good(PROGRAM_BASE).bytes()).unwrap();
    writer
}

fn verdict(bytes: &[u8], key: Option<&PublicKey>) -> String {
    Image::verify(bytes, key).err().map(|error| error.to_string()).unwrap_or_default()
}

/// The verdict on an unsigned image whose header was changed.
fn header(change: impl FnOnce(&mut ImageHeader)) -> String {
    let mut bytes = writer().finish_unchecked(None);
    let mut header = ImageHeader::read_from_bytes(&bytes[..HEADER]).unwrap();
    change(&mut header);
    bytes[..HEADER].copy_from_slice(header.as_bytes());
    verdict(&bytes, None)
}

/// The verdict on an unsigned image whose entry `index` was changed, with the table's digest made right again.
fn entry(index: usize, change: impl FnOnce(&mut ImageEntry)) -> String {
    let mut bytes = writer().finish_unchecked(None);
    let place = HEADER + index * ENTRY..HEADER + (index + 1) * ENTRY;
    let mut entry = ImageEntry::read_from_bytes(&bytes[place.clone()]).unwrap();
    change(&mut entry);
    bytes[place].copy_from_slice(entry.as_bytes());
    let mut header = ImageHeader::read_from_bytes(&bytes[..HEADER]).unwrap();
    header.table_digest = crate::image::digest(&bytes[HEADER..HEADER + 4 * ENTRY]);
    bytes[..HEADER].copy_from_slice(header.as_bytes());
    verdict(&bytes, None)
}

#[test]
fn what_was_written_is_read() {
    // covers: BOOT-2
    let bytes = writer().finish(None).unwrap();
    let image = Image::verify(&bytes, None).unwrap();
    assert_eq!(image.manifest(), b"a manifest");
    assert_eq!(image.kernel(), Elf::good(KERNEL_BASE).bytes());
    assert_eq!(image.program(&name_from("idle").unwrap()), Some(&*Elf::good(PROGRAM_BASE).bytes()));
    assert_eq!(image.program(&name_from("kernel").unwrap()), None);
    assert_eq!(image.entries().count(), 4);
    assert!(!image.is_signed());
    assert!(check_programs(&image).is_ok());
}

#[test]
fn bytes_behind_the_image_are_ignored() {
    let mut bytes = writer().finish(None).unwrap();
    bytes.extend([0xff; 100]);
    assert_eq!(verdict(&bytes, None), "");
}

#[test]
fn every_bad_header_has_its_sentence() {
    assert_eq!(header(|it| it.magic ^= 1), "boot image: not a boot image");
    assert_eq!(
        header(|it| it.version = 9),
        "boot image: layout version 9, but this loader reads 1"
    );
    assert_eq!(header(|it| it.entries = 0), "boot image: 0 entries");
    assert_eq!(header(|it| it.entries = 129), "boot image: 129 entries");
    assert_eq!(header(|it| it.length += 1), "boot image: a length of 57345 bytes is not possible");
    let huge = 1 << 40;
    assert_eq!(
        header(|it| it.length = huge),
        "boot image: a length of 1099511627776 bytes is not possible"
    );
    assert_eq!(
        header(|it| it.length += 4096),
        "boot image: the file is shorter than its header says"
    );
    assert_eq!(
        header(|it| it.name[0] = b'S'),
        "boot image: its name is not lower case, digits and '-'"
    );
    assert_eq!(
        header(|it| it.table_digest[0] ^= 1),
        "boot image: the table of entries was altered since it was written"
    );
    let contradiction = "boot image: the header contradicts itself about a signature";
    assert_eq!(header(|it| it.signature[63] = 1), contradiction);
    assert_eq!(header(|it| it.signed = 2), contradiction);
    assert_eq!(verdict(&[0; 20], None), "boot image: the file is shorter than its header says");
}

#[test]
fn every_bad_entry_has_its_sentence() {
    assert_eq!(entry(3, |it| it.kind = 9), "boot image: entry 'idle': unknown kind 9");
    assert_eq!(
        entry(3, |it| it.reserved = 1),
        "boot image: entry 'idle': the reserved field is not zero"
    );
    assert_eq!(entry(3, |it| it.offset += 8), "boot image: entry 'idle': does not start on a page");
    assert_eq!(
        entry(3, |it| it.offset = 0),
        "boot image: entry 'idle': overlaps the entry before it"
    );
    assert_eq!(
        entry(3, |it| it.length += 1),
        "boot image: entry 'idle': ends after the image does"
    );
    assert_eq!(
        entry(3, |it| it.length = u64::MAX),
        "boot image: entry 'idle': ends after the image does"
    );
    assert_eq!(
        entry(2, |it| it.length = 0x4001),
        "boot image: entry 'idle': overlaps the entry before it"
    );
    let command = name_from("command").unwrap();
    assert_eq!(
        entry(3, |it| it.name = command),
        "boot image: entry 'command': the name is used twice"
    );
    assert_eq!(
        entry(3, |it| it.name[5] = b'x'),
        "boot image: entry 'idle': the name is not lower case, digits and '-'"
    );
    for letter in [b'\n', 0x1b, b' '] {
        assert_eq!(
            entry(3, |it| it.name[1] = letter),
            "boot image: entry '?': the name is not lower case, digits and '-'"
        );
    }
    assert_eq!(
        entry(3, |it| it.digest[31] ^= 0x80),
        "boot image: entry 'idle': altered since it was written (SHA-256 differs)"
    );
    assert_eq!(entry(1, |it| it.kind = 3), "boot image: there must be exactly one kernel");
    assert_eq!(entry(2, |it| it.kind = 1), "boot image: there must be exactly one manifest");
    let shorter = |it: &mut ImageEntry| {
        it.length -= 1;
        it.digest = crate::image::digest(&Elf::good(PROGRAM_BASE).bytes()[..0x3fff]);
    };
    assert_eq!(entry(3, shorter), "boot image: byte 57343 is padding but not zero");
}

#[test]
fn the_manifest_is_first() {
    let mut writer = ImageWriter::new("sample").unwrap();
    writer.add(EntryKind::Kernel, "kernel", Elf::good(KERNEL_BASE).bytes()).unwrap();
    writer.add(EntryKind::Manifest, "manifest", Vec::new()).unwrap();
    let refused = writer.finish(None).map_err(|error| error.to_string());
    assert_eq!(refused, Err("boot image: the manifest is not the first entry".into()));
}

#[test]
fn every_program_is_checked_and_named() {
    let mut bad = Elf::good(PROGRAM_BASE);
    bad.segments[2].flags = 7;
    let mut writer = writer();
    writer.add(EntryKind::Program, "last", bad.bytes()).unwrap();
    let refused = writer.finish(None).map_err(|error| error.to_string());
    assert_eq!(refused, Err("partition 'last': segment 2 is both writable and executable".into()));
    let mut writer = ImageWriter::new("sample").unwrap();
    writer.add(EntryKind::Manifest, "manifest", Vec::new()).unwrap();
    writer.add(EntryKind::Kernel, "kernel", Elf::good(PROGRAM_BASE).bytes()).unwrap();
    let refused = writer.finish(None).map_err(|error| error.to_string());
    let sentence = "kernel 'kernel': segment 0 lies outside the addresses allowed for it";
    assert_eq!(refused, Err(sentence.into()));
}

#[test]
fn names_are_checked_when_written() {
    for name in ["", "Upper", "under_score", "a-name-of-twenty-five-abcd", "\u{e4}"] {
        assert!(ImageWriter::new(name).is_err(), "{name}");
    }
    assert!(ImageWriter::new("a-name-of-twenty-four-ab").is_ok());
}

#[test]
fn a_loader_with_a_key_takes_only_what_was_signed_with_it() {
    let signed = writer().finish(Some(&SECRET)).unwrap();
    let key = public_key(&SECRET);
    assert_eq!(verdict(&signed, Some(&key)), "");
    assert_eq!(verdict(&signed, None), "");
    let other = public_key(&[8; 32]);
    let refused = "boot image: the signature is not by the key of this loader";
    assert_eq!(verdict(&signed, Some(&other)), refused);
    let unsigned = writer().finish(None).unwrap();
    assert_eq!(
        verdict(&unsigned, Some(&key)),
        "boot image: not signed, but this loader asks for a signature"
    );
    // A key that is no point of the curve, and the one of order 1, which would vouch for anything.
    assert_eq!(verdict(&signed, Some(&PublicKey::new([2; 32]))), refused);
    let mut neutral = [0; 32];
    neutral[0] = 1;
    assert_eq!(verdict(&signed, Some(&PublicKey::new(neutral))), refused);
}

#[test]
fn keys_are_read_from_64_digits() {
    let text = "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF";
    let key = PublicKey::from_hex(text).unwrap();
    assert_eq!(key.bytes()[..4], [0x00, 0x11, 0x22, 0x33]);
    assert_eq!(key.bytes()[31], 0xff);
    assert!(PublicKey::from_hex(&text[1..]).is_none());
    assert!(PublicKey::from_hex(&text.replace("00", "+0")).is_none());
    assert!(PublicKey::from_hex(&text.replace("00", "\u{e4}")).is_none());
}

#[test]
fn every_shorter_file_is_refused() {
    let bytes = writer().finish(Some(&SECRET)).unwrap();
    for length in (0..bytes.len()).step_by(97) {
        assert_ne!(verdict(&bytes[..length], None), "", "{length}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Signed: no byte can be changed, padding included.
    #[test]
    fn one_altered_byte_of_a_signed_image_is_seen(place in any::<prop::sample::Index>(), flip in 1_u8..) {
        let mut bytes = writer().finish_unchecked(Some(&SECRET));
        let place = place.index(bytes.len());
        bytes[place] ^= flip;
        prop_assert_ne!(verdict(&bytes, Some(&public_key(&SECRET))), "");
    }

    /// The same where damage is likeliest to be believed: header and table.
    #[test]
    fn altered_heads_of_a_signed_image_are_seen(place in 0..HEADER + 4 * ENTRY, flip in 1_u8..) {
        let mut bytes = writer().finish_unchecked(Some(&SECRET));
        bytes[place] ^= flip;
        prop_assert_ne!(verdict(&bytes, Some(&public_key(&SECRET))), "");
    }

    /// Unsigned: whatever is accepted holds the very contents that were written.
    #[test]
    fn damage_of_an_unsigned_image_never_changes_contents(
        damage in proptest::collection::vec((0..HEADER + 5 * ENTRY, any::<u8>()), 1..4),
    ) {
        let original = writer().finish_unchecked(None);
        let mut bytes = original.clone();
        for (place, value) in damage {
            bytes[place] = value;
        }
        if let Ok(image) = Image::verify(&bytes, None) {
            let expected = Image::verify(&original, None).unwrap();
            for (found, written) in image.entries().zip(expected.entries()) {
                prop_assert_eq!(found.content, written.content);
                prop_assert_eq!(found.name, written.name);
            }
        }
    }

    /// The structure alone, without digests in the way: sound or refused.
    #[test]
    fn damaged_structure_is_sound_or_refused(
        damage in proptest::collection::vec((0..HEADER + 5 * ENTRY, any::<u8>()), 1..8),
    ) {
        let mut bytes = writer().finish_unchecked(None);
        for (place, value) in damage {
            bytes[place] = value;
        }
        if let Ok(image) = Image::parse(&bytes) {
            let mut end = bytes.as_ptr_range().start;
            for entry in image.entries() {
                let range = entry.content.as_ptr_range();
                prop_assert!(end <= range.start && range.end <= bytes.as_ptr_range().end);
                end = range.end;
            }
            prop_assert!(!image.manifest().is_empty() || image.entries().count() > 0);
        }
    }
}
