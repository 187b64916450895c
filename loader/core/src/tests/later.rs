//! Images beside the boot image: taken in, marked in the map, and left out where anything is wrong with them.

use super::boot::{IMAGE, boot_with, sample};
use super::machine::{Memory, map, report};
use crate::{LaterImages, Refusal, Use};
use abi::types::{PAGE_SIZE, PhysicalAddress};
use boot_image::damage::{Chance, damage};
use boot_image::public_key;
use std::vec::Vec;

const AT: u64 = 0x1000;

fn at(frame: u64) -> PhysicalAddress {
    PhysicalAddress::new(frame * PAGE_SIZE)
}

fn count(later: &LaterImages<'_>) -> usize {
    later.iter().count()
}

// covers: REC-4
#[test]
fn images_behind_each_other_are_taken_in_and_are_nobody_elses() {
    let one = sample();
    let pages = one.len() as u64 / PAGE_SIZE;
    let all = [&one[..], &one[..], &[0; 5000]].concat();
    let mut later = LaterImages::default();
    later.add(&all, at(AT), None).unwrap();
    assert_eq!(count(&later), 2);
    let memory = map(&[report(0x100, 0x8000, Use::Usable), report(1, 0x9e, Use::Usable)]);
    let booted = boot_with(Memory::default(), memory, &one, |offer| {
        let all: &'static [u8] = Vec::leak(all.clone());
        offer.later.add(all, at(AT), None).unwrap();
    });
    let booted = booted.unwrap();
    assert_eq!(booted.handover.later, [true, true, false]);
    let told = booted.information.later;
    let places = told.map(|one| (one.frames.start.raw(), one.frames.count, one.length));
    let length = one.len() as u64;
    assert_eq!(places, [(AT, pages, length), (AT + pages, pages, length), (0, 0, 0)]);
}

// covers: REC-4
#[test]
fn one_where_the_boot_image_is_or_no_memory_is_left_out() {
    let one = sample();
    for frame in [IMAGE, IMAGE + 1, 0x7_0000] {
        let memory = map(&[report(0x100, 0x8000, Use::Usable), report(1, 0x9e, Use::Usable)]);
        let booted = boot_with(Memory::default(), memory, &one, |offer| {
            let bytes: &'static [u8] = Vec::leak(sample());
            offer.later.add(bytes, at(frame), None).unwrap();
        });
        let booted = booted.unwrap();
        assert!(booted.information.later.iter().all(|one| one.length == 0), "{frame:#x}");
        assert_eq!(booted.handover.later, [false; 3], "and that is said");
    }
    let four = one.repeat(4);
    let mut later = LaterImages::default();
    let unaligned = PhysicalAddress::new(AT * PAGE_SIZE + 8);
    assert_eq!(later.add(&one, unaligned, None), Err(Refusal::ImagePlace));
    let one_too_many = later.add(&four, at(AT), None).unwrap_err();
    assert_eq!((one_too_many.to_string().as_str(), count(&later)), ("there is room for three", 3));
}

// covers: REC-4, BOOT-2
#[test]
fn one_without_the_signature_that_the_first_needs_is_left_out() {
    let (one, key) = (sample(), public_key(&[7; 32]));
    let mut later = LaterImages::default();
    assert!(matches!(later.add(&one, at(AT), Some(&key)), Err(Refusal::Image(_))));
    assert_eq!(count(&later), 0);
}

// covers: REC-4, BOOT-2
#[test]
fn no_damage_is_taken_in() {
    let (one, mut taken) = (sample(), 0);
    for seed in 0..2000 {
        let damaged = damage(&one, &mut Chance::new(seed));
        let mut later = LaterImages::default();
        let added = later.add(&damaged.bytes, at(AT), None);
        let good = crate::check_image(&damaged.bytes, None).is_ok();
        assert!(good || count(&later) == 0, "{:?}", damaged.what);
        taken += usize::from(good && added.is_ok());
    }
    // Every single bit of one that is not mended.
    for bit in (0..one.len() * 8).step_by(641) {
        let mut bytes = one.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let mut later = LaterImages::default();
        let _ = later.add(&bytes, at(AT), None);
        assert_eq!(count(&later), 0, "bit {bit}");
    }
    assert!(taken < 1500, "{taken} of 2000 are harmless");
}
