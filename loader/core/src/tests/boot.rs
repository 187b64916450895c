//! Whole boots: everything that the kernel is told and sees, checked by other means.

use super::machine::{Memory, image, manifest, map, offer, program, report};
use super::walk::{Page, pages};
use crate::{Handover, MemoryMap, Offer, Refusal, Report, Use, check_image, prepare};
use abi::boot::{BOOT_MAGIC, BootInformation, MemoryKind};
use abi::layout::{
    DIRECT_MAP, KERNEL_BASE, KERNEL_DEVICES, KERNEL_ROOT_ENTRIES, KERNEL_STACK_PAGES,
    KERNEL_STACKS, LASTING, PROGRAM_BASE, STACK_TOP, kernel_stack,
};
use abi::types::{Frame, PhysicalAddress};
use boot_image::Image;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::string::ToString;
use std::vec::Vec;
use zerocopy::FromBytes;

/// Where the image lies in these tests.
pub const IMAGE: u64 = 0x800;

/// An ordinary machine of 64 MiB with a hole, and memory above 4 GiB.
fn ordinary() -> Vec<Report> {
    vec![
        report(0, 0x9f, Use::Usable),
        report(0xf0, 0x10, Use::Reserved),
        report(0x100, 0x3f00, Use::Usable),
        report(0x3ff0, 0x10, Use::AcpiReclaimable),
        report(0x10_0000, 0x1000, Use::Usable),
        report(0xf_ec00, 1, Use::Reserved),
    ]
}

/// A machine after the loader has done its work.
pub struct Booted {
    pub memory: Memory,
    pub handover: Handover,
    pub information: BootInformation,
    pub pages: Vec<Page>,
    pub image: Vec<u8>,
}

pub fn boot(map: MemoryMap, bytes: &[u8]) -> Result<Booted, Refusal> {
    boot_with(Memory::default(), map, bytes, |_| ())
}

/// The same with firmware tables in memory and an offer to match.
pub fn boot_with(
    mut memory: Memory,
    map: MemoryMap,
    bytes: &[u8],
    change: impl FnOnce(&mut Offer<'_>),
) -> Result<Booted, Refusal> {
    memory.place(IMAGE << 12, bytes);
    let parsed = check_image(bytes, None)?;
    let mut offer = offer(map, &parsed, IMAGE);
    change(&mut offer);
    let handover = prepare(offer, &mut memory)?;
    let address = handover.information.raw() - DIRECT_MAP;
    let raw = memory.bytes(address, size_of::<BootInformation>());
    let information = BootInformation::read_from_bytes(&raw).unwrap();
    let pages = pages(&memory, handover.page_tables.raw());
    Ok(Booted { memory, handover, information, pages, image: bytes.to_vec() })
}

pub fn sample() -> Vec<u8> {
    image(manifest(|_, _| ()))
}

/// Frames of the list with one of these kinds.
fn frames(information: &BootInformation, kinds: &[MemoryKind]) -> BTreeSet<u64> {
    let count = usize::try_from(information.memory_count).unwrap();
    let of_kind = |kind: u32| kinds.iter().any(|it| it.number() == kind);
    information.memory[..count]
        .iter()
        .filter(|range| of_kind(range.kind))
        .flat_map(|range| range.start.raw()..range.start.raw() + range.count)
        .collect()
}

/// Frames that hold the kernel's ELF segments: those its window shows.
pub fn kernel_frames(booted: &Booted) -> BTreeSet<u64> {
    let kernel =
        booted.pages.iter().filter(|page| (KERNEL_BASE..KERNEL_DEVICES).contains(&page.address));
    kernel.map(|page| page.physical >> 12).collect()
}

#[test]
fn an_ordinary_machine_boots() {
    // covers: BOOT-1
    let booted = boot(map(&ordinary()), &sample()).unwrap();
    let it = &booted.information;
    assert_eq!((it.magic, it.version, it.door), (BOOT_MAGIC, abi::ABI_VERSION, 1));
    assert_eq!(it.frames, 0x10_1000);
    assert_eq!(it.ledger.count, 0x10_1000_u64.div_ceil(512));
    assert_eq!(
        (it.boot_image.start.raw(), it.boot_image.count),
        (IMAGE, booted.image.len() as u64 / 4096)
    );
    assert_eq!(it.boot_image_length, booted.image.len() as u64);
    assert_eq!(&it.command_line[..8], b"a line\0\0");
    assert_eq!((it.machine.processor_count, it.machine.processors[0]), (1, 5));
    assert_eq!(it.page_tables, booted.handover.page_tables);
    assert_eq!(it.crash_record, Frame::new(0x2000));
    assert_eq!(it.trampoline, Frame::new(0x9e));
    assert_eq!(it.entry.raw(), PROGRAM_BASE + 0x1010);
    assert_eq!(booted.handover.entry.raw(), KERNEL_BASE + 0x1010);
}

#[test]
fn the_first_partition_is_loaded_byte_for_byte() {
    // covers: BOOT-2
    let booted = boot(map(&ordinary()), &sample()).unwrap();
    let it = &booted.information;
    let segments = &it.segments[..usize::try_from(it.segment_count).unwrap()];
    let found: Vec<_> = segments.iter().map(|it| (it.address.raw(), it.count, it.access)).collect();
    let expected = [
        (PROGRAM_BASE, 1, 0),
        (PROGRAM_BASE + 0x1000, 1, 2),
        (PROGRAM_BASE + 0x2000, 3, 1),
        (STACK_TOP - 0x4000, 4, 1),
        (LASTING, 2, 1),
    ];
    assert_eq!(found, expected);
    let file = program().bytes();
    let content = |segment: usize, length| {
        booted.memory.bytes(segments[segment].frame.address().raw(), length)
    };
    assert_eq!(content(0, 0x1000), file[..0x1000]);
    assert_eq!(content(1, 0x1000), file[0x1000..0x2000]);
    let data = content(2, 0x3000);
    assert_eq!(data[..0x800], [0; 0x800]);
    assert_eq!(data[0x800..0x1800], file[0x2800..0x3800]);
    assert_eq!(data[0x1800..], [0; 0x1800]);
    assert_eq!(content(3, 0x4000), [0; 0x4000]);
    for segment in segments {
        let kinds = frames(it, &[MemoryKind::FirstProgram]);
        assert!((0..segment.count).all(|n| kinds.contains(&(segment.frame.raw() + n))));
    }
}

#[test]
fn the_image_and_the_crash_record_are_not_touched() {
    let booted = boot(map(&ordinary()), &sample()).unwrap();
    let crash = booted.information.crash_record.raw();
    assert!(!booted.memory.written.contains(&crash));
    let count = booted.image.len() as u64 / 4096;
    assert!((IMAGE..IMAGE + count).all(|frame| !booted.memory.written.contains(&frame)));
}

#[test]
fn the_crash_record_stays_where_it_was_when_other_sizes_change() {
    let place = |change: fn(u32) -> u32| {
        let bytes = image(manifest(|_, partition| partition.lasting = change(partition.lasting)));
        boot(map(&ordinary()), &bytes).unwrap().information.crash_record
    };
    assert_eq!(place(|_| 0), place(|_| 1000));
}

/// Every promise about page tables, checked page by page.
pub fn check_tables(booted: &Booted) {
    let it = &booted.information;
    let kernel = kernel_frames(booted);
    let (mut shown, mut stacks) = (BTreeSet::new(), Vec::new());
    for page in &booted.pages {
        assert!(!(page.write && page.execute), "{page:x?}");
        let shared = KERNEL_ROOT_ENTRIES.iter().any(|entry| entry >> 39 == page.address >> 39);
        assert!(shared || page.address < 1 << 20, "no partition gets the entry for {page:x?}");
        let frames = page.physical >> 12..(page.physical + page.size) >> 12;
        match page.address {
            KERNEL_DEVICES.. => assert!(page.uncached && page.write && !page.execute),
            KERNEL_BASE.. => assert!(!page.uncached),
            KERNEL_STACKS.. => {
                assert!(page.write && !page.execute && !page.uncached && page.size == 4096);
                stacks.push((page.address, page.physical >> 12));
            }
            DIRECT_MAP.. => {
                assert_eq!(page.address - DIRECT_MAP, page.physical);
                assert!(page.write && !page.execute && !page.uncached);
                shown.extend(frames);
            }
            address => {
                assert_eq!((address, page.physical), (it.trampoline.raw() << 12, address));
                assert!(page.execute && !page.write && page.size == 4096);
            }
        }
    }
    let memory = frames(
        it,
        &[
            MemoryKind::Usable,
            MemoryKind::AcpiReclaimable,
            MemoryKind::Kernel,
            MemoryKind::BootImage,
            MemoryKind::FirstProgram,
        ],
    );
    assert_eq!(shown, memory.difference(&kernel).copied().collect());
    let own = frames(it, &[MemoryKind::Kernel]);
    assert!(kernel.is_subset(&own));
    check_stacks(&stacks, it.machine.processor_count);
    let used: BTreeSet<_> = stacks.iter().map(|(_, frame)| *frame).collect();
    assert_eq!(used.len(), stacks.len(), "no frame lies in two stacks");
    assert!(used.is_subset(&own) && used.is_disjoint(&kernel));
}

/// Every processor has its stacks, each of them all of its pages, and nothing else is mapped there: there is room below each.
fn check_stacks(pages: &[(u64, u64)], processors: u32) {
    let all = (0..processors as u16).flat_map(|processor| (0..4).map(move |n| (processor, n)));
    let wanted = all.flat_map(|(processor, number)| {
        let (end, count) =
            (kernel_stack(processor, number), KERNEL_STACK_PAGES[usize::from(number)]);
        (1..=count).rev().map(move |page| end - page * 4096)
    });
    assert!(wanted.eq(pages.iter().map(|(address, _)| *address)));
    assert!(kernel_stack(0, 1) - kernel_stack(0, 0) > KERNEL_STACK_PAGES[0] * 4096);
}

#[test]
fn tables_keep_every_promise() {
    let booted = boot(map(&ordinary()), &sample()).unwrap();
    check_tables(&booted);
    let kernel: Vec<_> = booted
        .pages
        .iter()
        .filter(|page| (KERNEL_BASE..KERNEL_DEVICES).contains(&page.address))
        .map(|page| (page.address - KERNEL_BASE, page.write, page.execute))
        .collect();
    let expected =
        [(0, false, false), (0x1000, false, true), (0x2000, true, false), (0x3000, true, false)];
    assert_eq!(kernel, expected);
}

/// Nothing is used twice, nothing is taken that firmware did not offer, nothing below 1 MiB but the trampoline.
pub fn check_places(booted: &Booted, before: &MemoryMap) {
    let it = &booted.information;
    let mut used = BTreeSet::new();
    let mut take = |start: Frame, count: u64| {
        for frame in start.raw()..start.raw() + count {
            assert!(used.insert(frame), "{frame:#x} is used twice");
            let range =
                before.ranges().iter().find(|range| (range.start..range.end).contains(&frame));
            assert!(matches!(range.unwrap().usage, Use::Usable | Use::Loader));
            assert!(frame >= 0x100 || frame == it.trampoline.raw());
        }
    };
    for range in [it.ledger, it.pool, it.information, it.boot_image] {
        take(range.start, range.count);
    }
    take(it.trampoline, 1);
    take(it.crash_record, 1);
    take(it.page_tables, 1);
    take(Frame::new((booted.handover.stack.raw() - DIRECT_MAP) / 4096 - 4), 4);
    for segment in &it.segments[..usize::try_from(it.segment_count).unwrap()] {
        take(segment.frame, segment.count);
    }
    kernel_frames(booted).iter().for_each(|&frame| take(Frame::new(frame), 1));
    assert!(it.trampoline.raw() > 0 && it.trampoline.raw() < 0xa0);
    assert!(it.frames >= it.ledger.start.raw() + it.ledger.count);
    let image = booted.memory.bytes(IMAGE << 12, booted.image.len());
    assert_eq!(image, booted.image);
}

#[test]
fn refusals_have_their_sentences() {
    let refused = |reports: &[Report]| boot(map(reports), &sample()).err().unwrap().to_string();
    let low = report(1, 0x9e, Use::Usable);
    assert_eq!(
        refused(&[report(0x100, 0x3f00, Use::Usable)]),
        "not enough memory for the trampoline below 640 KiB"
    );
    assert_eq!(
        refused(&[low]),
        "boot image: the boot loader did not put it on a page boundary in memory"
    );
    let image_only = report(IMAGE, sample().len() as u64 / 4096, Use::Usable);
    assert_eq!(refused(&[low, image_only]), "not enough memory for the crash record");
    assert_eq!(
        refused(&[low, report(IMAGE, 40, Use::Usable)]),
        "not enough memory for the kernel's pool"
    );
    let first = |change: fn(&mut abi::manifest::ManifestPartition)| {
        let bytes = image(manifest(|_, partition| change(partition)));
        boot(map(&ordinary()), &bytes).err().unwrap().to_string()
    };
    assert_eq!(first(|it| it.role = 2), "manifest: partition 0 is not the resource manager");
    assert_eq!(first(|it| it.role = 99), "manifest: partition 0 is not the resource manager");
    assert_eq!(
        first(|it| it.stack = 0),
        "manifest: the stack of partition 0 is empty or too large"
    );
    assert_eq!(
        first(|it| it.stack = 256),
        "manifest: the stack of partition 0 is empty or too large"
    );
    assert_eq!(
        first(|it| it.lasting = 16385),
        "manifest: the lasting memory of partition 0 is too large"
    );
    assert_eq!(
        first(|it| it.program[0] = b'x'),
        "manifest: the program of partition 0 is not in the image"
    );
    assert_eq!(first(|it| it.lasting = 16384), "not enough memory for the first partition");
    let bare =
        |manifest: Vec<u8>| boot(map(&ordinary()), &image(manifest)).err().unwrap().to_string();
    assert_eq!(bare(Vec::new()), "manifest: shorter than its header");
    assert_eq!(
        bare(manifest(|header, _| header.magic = 0)),
        "manifest: not of the version that this loader reads"
    );
    assert_eq!(bare(manifest(|header, _| header.partitions = 0)), "manifest: no partitions");
    assert_eq!(bare(manifest(|_, _| ())[..100].to_vec()), "manifest: no partitions");
}

#[test]
fn an_image_off_its_page_is_refused() {
    let bytes = sample();
    let parsed = Image::verify(&bytes, None).unwrap();
    let mut memory = Memory::default();
    let mut offer = offer(map(&ordinary()), &parsed, IMAGE);
    offer.image_address = PhysicalAddress::new((IMAGE << 12) + 8);
    assert_eq!(prepare(offer, &mut memory).err(), Some(Refusal::ImagePlace));
    assert!(memory.written.is_empty());
}

#[test]
fn a_copied_root_pointer_is_put_into_memory() {
    let bytes = sample();
    let parsed = Image::verify(&bytes, None).unwrap();
    let mut memory = Memory::default();
    let copy = super::acpi::root_copy(&mut memory);
    let mut offer = offer(map(&ordinary()), &parsed, IMAGE);
    offer.rsdp = crate::Rsdp::Copy(copy);
    let handover = prepare(offer, &mut memory).unwrap();
    let raw = memory.bytes(handover.information.raw() - DIRECT_MAP, size_of::<BootInformation>());
    let information = BootInformation::read_from_bytes(&raw).unwrap();
    let root = information.machine.rsdp.raw();
    assert_eq!(memory.bytes(root, 36), copy);
    assert!(frames(&information, &[MemoryKind::AcpiReclaimable]).contains(&(root >> 12)));
}

#[test]
fn a_scattered_map_fits_the_kernels_list() {
    let scattered = (0..400).map(|n| report(0x8000 + 4 * n, 2, Use::Usable));
    let reserved = (0..400).map(|n| report(0x8002 + 4 * n, 1, Use::Reserved));
    let reports: Vec<_> = ordinary().into_iter().chain(scattered).chain(reserved).collect();
    let booted = boot(map(&reports), &sample()).unwrap();
    assert!(booted.information.memory_count <= 256);
    assert!(booted.handover.lost > 0);
    check_places(&booted, &map(&reports));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Any map: a sound machine or a refusal, and never a frame that was not offered.
    #[test]
    fn odd_machines_boot_soundly_or_not_at_all(
        holes in proptest::collection::vec((0_u64..0x2400, 1_u64..0x80, 0_usize..4), 0..40),
        high in any::<bool>(),
    ) {
        let mut reports = vec![report(0, 0xa0, Use::Usable), report(0x100, 0x2300, Use::Usable)];
        if high {
            reports.push(report(0x10_0123, 0x456, Use::Usable));
        }
        let kinds = [Use::Reserved, Use::AcpiReclaimable, Use::Loader, Use::Bad];
        reports.extend(holes.iter().map(|&(start, count, kind)| report(start, count, kinds[kind])));
        match boot(map(&reports), &sample()) {
            Ok(booted) => {
                check_tables(&booted);
                check_places(&booted, &map(&reports));
            }
            Err(refusal) => prop_assert!(matches!(refusal, Refusal::Memory(_) | Refusal::ImagePlace)),
        }
    }
}
