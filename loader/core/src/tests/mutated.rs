//! Thousands of damaged images and firmware tables through the loader's own code: a refusal in words or a right boot.

use super::boot::{
    Booted, IMAGE, boot, boot_with, check_places, check_tables, kernel_frames, sample,
};
use super::machine::{Memory, map, report};
use super::{acpi, doors};

use crate::door::{Found, multiboot2, pvh};
use crate::{MemoryMap, Refusal, Report, Rsdp, Use};
use abi::layout::KERNEL_DEVICES;
use abi::types::{Frame, PhysicalAddress};

use boot_image::Image;
use boot_image::damage::{Chance, damage};
use std::collections::BTreeMap;
use std::string::{String, ToString};
use std::vec::Vec;

/// So many in a hundred of the full number, unless the long form is asked for.
fn count(full: u64, hundredths: u64) -> u64 {
    let campaign = std::env::var_os("BULKHEAD_CAMPAIGN").is_some();
    if campaign { full } else { full * hundredths / 100 }
}

/// 3 MiB in two pieces, with firmware's tables at 1 MiB.
fn small() -> [Report; 5] {
    [
        report(0, 0x9f, Use::Usable),
        report(0xf0, 0x10, Use::Reserved),
        report(0x100, 0x10, Use::AcpiReclaimable),
        report(0x110, 0x1f0, Use::Usable),
        report(0x7c0, 0xe0, Use::Usable),
    ]
}

/// Nothing was written but to frames that were free, and never to the image.
fn check_writes(booted: &Booted, before: &MemoryMap) {
    let image = IMAGE..IMAGE + booted.image.len() as u64 / 4096;
    for frame in &booted.memory.written {
        let free = before
            .ranges()
            .iter()
            .any(|range| range.usage == Use::Usable && (range.start..range.end).contains(frame));
        assert!(free && !image.contains(frame), "frame {frame:#x} is written to");
    }
}

/// A number of the file, read without the loader's help.
fn number(file: &[u8], at: u64, size: usize) -> u64 {
    let at = usize::try_from(at).unwrap();
    file[at..at + size].iter().rev().fold(0, |sum, &byte| sum << 8 | u64::from(byte))
}

/// Every page of an ELF file's segments holds what its headers want there, zeroes around it. `page` gives the page at an address.
fn check_loaded(file: &[u8], page: impl Fn(u64) -> Vec<u8>) {
    let (start, size, count) = (number(file, 32, 8), number(file, 54, 2), number(file, 56, 2));
    for header in (0..count).map(|index| start + index * size) {
        let field = |at: u64| number(file, header + at, 8);
        let (offset, address, in_file, in_memory) = (field(8), field(16), field(32), field(40));
        if number(file, header, 4) != 1 || in_memory == 0 {
            continue;
        }
        let first = address & !0xfff;
        let end = (address + in_memory).next_multiple_of(0x1000);
        let mut wanted = vec![0; (end - first) as usize];
        let bytes = &file[offset as usize..][..in_file as usize];
        wanted[(address - first) as usize..][..bytes.len()].copy_from_slice(bytes);
        for (place, wanted) in (first..).step_by(0x1000).zip(wanted.chunks(0x1000)) {
            assert!(page(place) == wanted, "the page at {place:#x}");
        }
    }
}

/// The kernel as its page tables show it, and the first partition as the kernel is told.
fn check_programs(booted: &Booted) {
    let image = Image::parse(&booted.image).unwrap();
    let pages: BTreeMap<u64, u64> =
        booted.pages.iter().map(|page| (page.address, page.physical)).collect();
    let at = |physical: u64| booted.memory.bytes(physical, 0x1000);
    check_loaded(image.kernel(), |place| at(pages[&place]));
    let information = &booted.information;
    let segments = &information.segments[..information.segment_count as usize];
    let first = super::machine::first_program(&booted.image);
    check_loaded(image.program(&first).unwrap(), |place| {
        let holds = |it: &&abi::boot::Segment| {
            (it.address.raw()..it.address.raw() + it.count * 4096).contains(&place)
        };
        let segment = segments.iter().find(holds).expect("a segment");
        at(segment.frame.address().raw() + (place - segment.address.raw()))
    });
}

/// Everything that can be said of a machine that boots.
fn check(booted: &Booted, before: &MemoryMap) {
    check_tables(booted);
    check_places(booted, before);
    check_writes(booted, before);
    check_programs(booted);
    assert!(!kernel_frames(booted).is_empty());
}

/// The words of a refusal without names and numbers: which rule it was.
fn rule(refusal: &Refusal) -> String {
    let text = refusal.to_string();
    assert!(text.len() > 8 && text.is_ascii() && !text.contains('\n'), "{text:?}");
    let words = text.split("0x").next().unwrap().split('\'').step_by(2).collect::<String>();
    words.chars().filter(|letter| !letter.is_ascii_digit()).collect()
}

// covers: BOOT-2
#[test]
fn damaged_images_are_refused_in_words_or_boot_right() {
    let (image, before) = (sample(), map(&small()));
    let mut rules = BTreeMap::new();
    let mut booted = 0;
    let cases = count(100_000, 10);
    for seed in 0..cases {
        let damaged = damage(&image, &mut Chance::new(seed));
        match boot(before.clone(), &damaged.bytes) {
            Ok(machine) => {
                check(&machine, &before);
                booted += 1;
            }
            Err(refusal) => *rules.entry(rule(&refusal)).or_insert(0) += 1,
        }
    }
    println!("{cases} images, {booted} booted: {rules:#?}");
    assert!(booted > cases / 100 && rules.len() > 25, "{booted} booted, {} rules", rules.len());
}

/// Device registers are never memory, nor anywhere a processor cannot reach.
fn check_devices(booted: &Booted, before: &MemoryMap) {
    for page in booted.pages.iter().filter(|page| page.address >= KERNEL_DEVICES) {
        let frame = page.physical >> 12;
        let memory = before.ranges().iter().find(|it| (it.start..it.end).contains(&frame));
        assert!(memory.is_none_or(|range| !range.usage.is_memory()), "{page:x?} is memory");
        assert!(page.physical < 1 << 40, "{page:x?}");
        assert!(booted.information.devices.contains(&Frame::new(frame)), "{page:x?} is not told");
    }
    let machine = &booted.information.machine;
    let io_apics = machine.io_apics[..machine.io_apic_count as usize].iter();
    let shown = io_apics.map(|it| (it.address.raw(), 0x20));
    for (address, length) in
        shown.chain([(machine.local_apic.raw(), 0x400), (machine.hpet.raw(), 0x400)])
    {
        let last = address.wrapping_add(length - 1);
        let mapped = booted.pages.iter().any(|page| page.address == last & !0xfff);
        assert!(address == 0 || mapped && address >> 12 == last >> 12, "{address:x}");
    }
}

/// What a firmware's table of addresses most likely gets wrong: pointers to memory, to nothing, to the very end.
fn damage_firmware(memory: &mut Memory, chance: &mut Chance) {
    let tables = [0xf_1230, 0x10_0000, 0x10_1000, 0x10_2004, 0x10_3000, 0x10_4000, 0x10_5001];
    for _ in 0..=chance.below(6) {
        let table = *chance.of(&tables).unwrap();
        let reach = *chance.of(&[64, 256]).unwrap();
        let place = table + chance.below(reach) as u64;
        let size = *chance.of(&[1, 2, 4, 8]).unwrap();
        let mut field = memory.bytes(place, size);
        chance.change(&mut field, 0, size);
        memory.place(place, &field);
    }
    if !chance.one_in(4) {
        acpi::mend(memory);
    }
}

// covers: BOOT-2
#[test]
fn damaged_firmware_tables_never_stop_or_mislead_a_boot() {
    let (image, before) = (sample(), map(&small()));
    for seed in 0..count(40_000, 5) {
        let mut memory = acpi::machine(if seed % 3 == 0 { 0 } else { 2 });
        damage_firmware(&mut memory, &mut Chance::new(seed));
        let booted = boot_with(memory, before.clone(), &image, |offer| {
            offer.rsdp = Rsdp::At(PhysicalAddress::new(0xf_1230));
        });
        let booted = booted.expect("tables are not needed to boot");
        check(&booted, &before);
        check_devices(&booted, &before);
    }
}

/// What `entry.rs` does with what a door found: the image is read where it is said to lie, and marked.
fn enter(found: Found, mut memory: Memory) -> Result<(Booted, MemoryMap), Refusal> {
    let Found { mut map, image: (address, length), .. } = found;
    map.protect(address, length);
    let end = address.raw().saturating_add(length);
    if address.raw() == 0 || end > 1 << 32 {
        return Err(Refusal::ImagePlace);
    }
    // The mock does not hold 4 GiB; whoever claims a longer image gets what is there.
    let bytes = memory.bytes(address.raw(), usize::try_from(length.min(0x40_0000)).unwrap());
    if address.raw() != IMAGE << 12 {
        memory.place(IMAGE << 12, &bytes);
    }
    let before = map.clone();
    let booted = boot_with(memory, map, &bytes, |offer| {
        offer.image_address = address;
        offer.framebuffer = found.framebuffer;
    })?;
    Ok((booted, before))
}

/// A machine may be larger than what is worth counting frame by frame.
fn check_entered((booted, before): &(Booted, MemoryMap)) {
    if before.frames() < 0x1000 {
        check(booted, before);
    }
    check_writes(booted, before);
    check_programs(booted);
    let screen = booted.information.machine.framebuffer;
    let bytes = u64::from(screen.pitch) * u64::from(screen.height);
    assert!(screen.address.raw() == 0 || !before.holds_memory(screen.address, bytes));
}

// covers: BOOT-2
#[test]
fn damaged_words_of_boot_loaders_are_refused_or_boot_right() {
    let image = sample();
    let mut booted = 0;
    let cases = count(15_000, 2);
    for seed in 0..cases {
        let mut chance = Chance::new(seed);
        let mut memory = Memory::default();
        memory.place(IMAGE << 12, &image);
        let found = if seed % 2 == 0 {
            let mut words = doors::boot_information(IMAGE << 12, image.len());
            damage_words(&mut words, &mut chance);
            multiboot2::find(&words)
        } else {
            doors::boot_monitor(&mut memory, IMAGE << 12, image.len());
            for (start, length) in doors::PLACES {
                let mut words = memory.bytes(start, length);
                damage_words(&mut words, &mut chance);
                memory.place(start, &words);
            }
            pvh::find(PhysicalAddress::new(doors::START), &memory)
        };
        match found.and_then(|found| enter(found, memory)) {
            Ok(entered) => {
                check_entered(&entered);
                booted += 1;
            }
            Err(refusal) => assert!(!rule(&refusal).is_empty()),
        }
    }
    println!("{booted} of {cases} booted");
    assert!(booted > cases / 20 && booted < cases, "{booted} of {cases} booted");
}

fn damage_words(words: &mut [u8], chance: &mut Chance) {
    for _ in 0..chance.below(3) {
        let size = *chance.of(&[4, 8]).unwrap();
        let place = chance.below(words.len()) & !3;
        chance.change(words, place, size);
    }
}
