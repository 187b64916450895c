//! Boot protocols: what they mean when right, and that nothing breaks when they are not.

use super::machine::Memory;
use crate::door::{Found, multiboot2, pvh};
use crate::{Refusal, Rsdp, Use};
use abi::types::PhysicalAddress;
use proptest::prelude::*;
use zerocopy::{FromZeros, IntoBytes};

pub const START: u64 = 0x5008;
const MODULES: u64 = 0x6000;
const MAP: u64 = 0x7ff0;
const LINE: u64 = 0x9000;

fn start() -> pvh::StartInformation {
    pvh::StartInformation {
        magic: pvh::MAGIC,
        version: 1,
        module_count: 1,
        modules: MODULES,
        command_line: LINE,
        rsdp: 0xf_0000,
        memory_map: MAP,
        memory_count: 2,
        ..pvh::StartInformation::new_zeroed()
    }
}

fn monitor(start: &pvh::StartInformation) -> Memory {
    let mut memory = Memory { end: 0x100, ..Memory::default() };
    let module = pvh::Module { address: 0x80_0000, size: 0x3000, ..pvh::Module::new_zeroed() };
    let entry = |address, size, kind| pvh::Entry { address, size, kind, reserved: 0 };
    memory.place(START, start.as_bytes());
    memory.place(MODULES, module.as_bytes());
    memory.place(MAP, entry(0x10_0000, 0x80_0000, 1).as_bytes());
    memory.place(MAP + 24, entry(0x90_0000, 0x1000, 4).as_bytes());
    memory.place(LINE, b"quiet\x07\0later");
    memory
}

/// Where a monitor's words lie, and how many bytes of them.
pub const PLACES: [(u64, usize); 3] = [(START, 56), (MODULES, 32), (MAP, 5 * 24)];

/// A monitor's words about a small machine with an image.
pub fn boot_monitor(memory: &mut Memory, image: u64, length: usize) {
    let start = pvh::StartInformation { memory_count: 5, rsdp: 0, ..start() };
    let size = u64::try_from(length).unwrap();
    let module = pvh::Module { address: image, size, ..pvh::Module::new_zeroed() };
    memory.place(START, start.as_bytes());
    memory.place(MODULES, module.as_bytes());
    for (place, (address, size, kind)) in (MAP..).step_by(24).zip(SMALL) {
        let entry = pvh::Entry { address: address.into(), size: size.into(), kind, reserved: 0 };
        memory.place(place, entry.as_bytes());
    }
}

/// A boot loader's words about the same machine.
pub fn boot_information(image: u64, length: usize) -> Vec<u8> {
    let start = u32::try_from(image).unwrap();
    let module = tag(3, &numbers(&[start, start + u32::try_from(length).unwrap()]));
    let ranges = SMALL.iter().flat_map(|&(start, length, kind)| [start, 0, length, 0, kind, 0]);
    let words: Vec<u32> = [24, 0].into_iter().chain(ranges).collect();
    let mut screen = numbers(&[0xd000_0000, 0, 3200, 800, 600]);
    screen.extend([32, 1, 0, 0]);
    information(&[tag(1, b"quiet\0"), tag(6, &numbers(&words)), module, tag(8, &screen)])
}

/// A machine of 3 MiB: first byte, bytes, kind.
const SMALL: [(u32, u32, u32); 5] = [
    (0, 0x9_fc00, 1),
    (0xf_0000, 0x1_0000, 2),
    (0x10_0000, 0x1_0000, 3),
    (0x11_0000, 0x1f_0000, 1),
    (0x7c_0000, 0xe_0000, 1),
];

fn pvh(start: &pvh::StartInformation) -> Result<Found, Refusal> {
    pvh::find(PhysicalAddress::new(START), &monitor(start))
}

/// Ranges of the map as plain numbers.
fn ranges(found: &Found) -> Vec<(u64, u64, Use)> {
    found.map.ranges().iter().map(|range| (range.start, range.end, range.usage)).collect()
}

#[test]
fn direct_boot_is_understood() {
    // covers: BOOT-1
    let found = pvh(&start()).unwrap();
    assert_eq!(found.door.number(), 1);
    assert_eq!(ranges(&found), [(0x100, 0x900, Use::Usable), (0x900, 0x901, Use::AcpiStorage)]);
    assert_eq!(found.image, (PhysicalAddress::new(0x80_0000), 0x3000));
    assert_eq!(found.rsdp, Rsdp::At(PhysicalAddress::new(0xf_0000)));
    assert_eq!(&found.command_line.bytes()[..8], b"quiet?\0\0");
    let bare = pvh::StartInformation { rsdp: 0, command_line: 0, memory_count: 0, ..start() };
    let found = pvh(&bare).unwrap();
    assert_eq!((found.rsdp, found.command_line.bytes()[0]), (Rsdp::Search, 0));
    assert!(ranges(&found).is_empty());
}

#[test]
fn direct_boot_without_its_parts_is_refused() {
    let refused = |start: pvh::StartInformation| pvh(&start).err().unwrap().to_string();
    let no_map = "not enough memory for anything: the virtual machine gives no memory map";
    assert_eq!(refused(pvh::StartInformation { magic: 1, ..start() }), no_map);
    assert_eq!(refused(pvh::StartInformation { version: 0, ..start() }), no_map);
    let no_image = "there is no boot image: give it as the initial RAM disk (-initrd boot.img)";
    assert_eq!(refused(pvh::StartInformation { module_count: 0, ..start() }), no_image);
    assert_eq!(refused(pvh::StartInformation { modules: u64::MAX - 7, ..start() }), no_image);
}

/// A tag with its padding.
fn tag(kind: u32, body: &[u8]) -> Vec<u8> {
    let size = u32::try_from(8 + body.len()).unwrap();
    let mut tag = [kind.to_le_bytes(), size.to_le_bytes()].concat();
    tag.extend(body);
    tag.resize(tag.len().next_multiple_of(8), 0);
    tag
}

fn numbers(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn module() -> Vec<u8> {
    let mut body = numbers(&[0x80_0000, 0x80_3000]);
    body.extend(b"boot\0");
    tag(3, &body)
}

fn information(tags: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = vec![0; 8];
    tags.iter().for_each(|tag| bytes.extend(tag));
    bytes.extend(tag(0, &[]));
    bytes
}

fn memory_map() -> Vec<u8> {
    // Entries of 32 bytes: larger than today's, as the specification allows.
    let entry = |start: u32, length: u32, kind: u32| [start, 0, length, 0, kind, 0, 9, 9];
    let words =
        [&[32, 0][..], &entry(0x10_0000, 0x80_0000, 1), &entry(0x90_0000, 0x1000, 3)].concat();
    tag(6, &numbers(&words))
}

fn complete() -> Vec<u8> {
    let mut screen = numbers(&[0xd000_0000, 0, 3200, 800, 600]);
    screen.extend([32, 1, 0, 0]);
    let rsdp = [7; 36];
    let tags = [tag(1, b"a b\0"), tag(99, &[1; 3]), memory_map(), module(), tag(8, &screen)];
    let old = tag(14, &[6; 20]);
    information(&[&tags[..], &[old, tag(15, &rsdp)]].concat())
}

#[test]
fn multiboot2_is_understood() {
    let found = multiboot2::find(&complete()).unwrap();
    assert_eq!(found.door.number(), 2);
    assert_eq!(ranges(&found), [(0x100, 0x900, Use::Usable), (0x900, 0x901, Use::AcpiReclaimable)]);
    assert_eq!(found.image, (PhysicalAddress::new(0x80_0000), 0x3000));
    assert_eq!(found.rsdp, Rsdp::Copy([7; 36]));
    assert_eq!(&found.command_line.bytes()[..4], b"a b\0");
    let screen = found.framebuffer;
    assert_eq!(
        (screen.address.raw(), screen.pitch, screen.width, screen.height, screen.depth),
        (0xd000_0000, 3200, 800, 600, 32)
    );
}

#[test]
fn multiboot2_may_give_less() {
    let found = multiboot2::find(&information(&[module(), tag(14, &[6; 20])])).unwrap();
    let mut short = [0; 36];
    short[..20].fill(6);
    assert_eq!(found.rsdp, Rsdp::Copy(short));
    assert_eq!(found.framebuffer.address.raw(), 0);
    assert!(ranges(&found).is_empty());
    let mut text = numbers(&[0xb_8000, 0, 160, 80, 25]);
    text.extend([16, 2, 0, 0]);
    let found = multiboot2::find(&information(&[module(), tag(8, &text)])).unwrap();
    assert_eq!((found.framebuffer.address.raw(), found.rsdp), (0, Rsdp::Search));
    let refused = multiboot2::find(&information(&[memory_map()])).err().unwrap().to_string();
    assert_eq!(
        refused,
        "there is no boot image: give it as the first module (module2 /boot/boot.img)"
    );
}

proptest! {
    /// Any damage, any end: no panic, no endless loop.
    #[test]
    fn damaged_multiboot2_information_is_survived(
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        length in any::<prop::sample::Index>(),
    ) {
        let mut bytes = complete();
        for (place, value) in damage {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        bytes.truncate(length.index(bytes.len() + 1));
        if let Ok(found) = multiboot2::find(&bytes) {
            prop_assert!(found.image.1 <= u64::from(u32::MAX));
        }
    }

    /// The same for the monitor's information.
    #[test]
    fn damaged_start_information_is_survived(
        damage in proptest::collection::vec((8_usize..56, any::<u8>()), 0..12),
    ) {
        let mut memory = monitor(&start());
        for (place, value) in damage {
            memory.place(START + place as u64, &[value]);
        }
        if let Ok(found) = pvh::find(PhysicalAddress::new(START), &memory) {
            prop_assert!(found.map.ranges().len() <= 512);
        }
    }
}
