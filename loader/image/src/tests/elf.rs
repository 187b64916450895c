//! One tiny bad file for each rule, then any damage at all.

use crate::sample::{Elf, Segment};
use crate::{ElfError, Program, Window};
use abi::control::Access;
use abi::layout::{KERNEL_BASE, PROGRAM_BASE, PROGRAM_END};
use proptest::prelude::*;
use std::string::{String, ToString};
use std::vec::Vec;

fn good() -> Elf {
    Elf::good(PROGRAM_BASE)
}

/// The sentence with which the file is refused, empty if it is not.
fn verdict(elf: &Elf) -> String {
    sentence(Program::parse(&elf.bytes(), Window::PARTITION).map(|_| ()))
}

fn sentence(result: Result<(), ElfError>) -> String {
    result.err().map(|error| error.to_string()).unwrap_or_default()
}

/// The verdict on a good file after `damage`.
fn after(damage: impl FnOnce(&mut Elf)) -> String {
    let mut elf = good();
    damage(&mut elf);
    verdict(&elf)
}

#[test]
fn a_good_file_is_read_as_it_was_written() {
    let bytes = good().bytes();
    let program = Program::parse(&bytes, Window::PARTITION).unwrap();
    assert_eq!(program.entry().raw(), PROGRAM_BASE + 0x1010);
    assert_eq!(program.pages(), 4);
    let found: Vec<_> = program
        .segments()
        .iter()
        .map(|it| (it.address().raw(), it.pages(), it.access(), it.lead(), it.bytes().len()))
        .collect();
    let page = |n: u64| PROGRAM_BASE + 0x1000 * n;
    assert_eq!(
        found,
        [
            (page(0), 1, Access::empty(), 0, 0x1000),
            (page(1), 1, Access::EXECUTE, 0, 0x1000),
            (page(2), 2, Access::WRITE, 0, 0x1000),
        ]
    );
    let data = program.segments()[2];
    assert_eq!(data.page(0).bytes, &bytes[0x2000..0x3000]);
    assert_eq!(data.page(1).bytes, b"");
    assert_eq!(data.page(u64::MAX).bytes, b"");
}

#[test]
fn a_segment_may_start_inside_a_page() {
    let mut elf = good();
    elf.segments[2] = Segment {
        offset: 0x2ff0,
        address: PROGRAM_BASE + 0x2ff0,
        file_size: 0x20,
        memory_size: 0x30,
        ..elf.segments[2]
    };
    let bytes = elf.bytes();
    let program = Program::parse(&bytes, Window::PARTITION).unwrap();
    let data = program.segments()[2];
    assert_eq!((data.address().raw(), data.pages()), (PROGRAM_BASE + 0x2000, 2));
    assert_eq!((data.page(0).offset, data.page(0).bytes), (0xff0, &bytes[0x2ff0..0x3000]));
    assert_eq!((data.page(1).offset, data.page(1).bytes), (0, &bytes[0x3000..0x3010]));
}

#[test]
fn the_kernel_has_its_own_window() {
    let bytes = Elf::good(KERNEL_BASE).bytes();
    assert!(Program::parse(&bytes, Window::KERNEL).is_ok());
    let refused = Program::parse(&bytes, Window::PARTITION).map(|_| ());
    assert_eq!(sentence(refused), "segment 0 lies outside the addresses allowed for it");
}

#[test]
fn every_bad_head_has_its_sentence() {
    assert_eq!(after(|elf| elf.length = 63), "the file is too short for an ELF header");
    assert_eq!(after(|elf| elf.identity[0] = 1), "not a 64-bit little-endian ELF file");
    assert_eq!(after(|elf| elf.identity[1] = 2), "not a 64-bit little-endian ELF file");
    assert_eq!(after(|elf| elf.machine = 183), "built for machine 183, not for x86-64");
    assert_eq!(
        after(|elf| elf.kind = 3),
        "not linked to a fixed address (ELF type 3 instead of 2)"
    );
    assert_eq!(after(|elf| elf.header_size = 32), "the program headers lie outside the file");
    assert_eq!(after(|elf| elf.headers = 0x3fff), "the program headers lie outside the file");
    assert_eq!(after(|elf| elf.headers = u64::MAX - 3), "the program headers lie outside the file");
    assert_eq!(after(|elf| elf.segments.clear()), "no segment to load");
    let mut text = good().bytes();
    text[0] = b'#';
    let refused = Program::parse(&text, Window::PARTITION).map(|_| ());
    assert_eq!(sentence(refused), "not an ELF file");
}

#[test]
fn every_bad_segment_has_its_sentence() {
    let segment = |damage: fn(&mut Segment)| after(|elf| damage(&mut elf.segments[2]));
    assert_eq!(segment(|it| it.flags = 7), "segment 2 is both writable and executable");
    assert_eq!(
        segment(|it| it.memory_size = 0xfff),
        "segment 2 is larger in the file than in memory"
    );
    assert_eq!(segment(|it| it.offset = 0x4000), "segment 2 lies outside the file");
    assert_eq!(segment(|it| it.offset = u64::MAX - 0xfff), "segment 2 lies outside the file");
    assert_eq!(
        segment(|it| it.offset = 0x2001),
        "segment 2 has an address and a file offset that differ within the page"
    );
    let outside = "segment 2 lies outside the addresses allowed for it";
    assert_eq!(segment(|it| it.address = PROGRAM_BASE - 0x1000), outside);
    assert_eq!(segment(|it| it.address = PROGRAM_END - 0x1000), outside);
    assert_eq!(segment(|it| it.memory_size = u64::MAX), outside);
    assert_eq!(segment(|it| it.address = PROGRAM_BASE), "segments 0 and 2 overlap");
    assert_eq!(segment(|it| it.address = PROGRAM_BASE + 0x1000), "segments 1 and 2 overlap");
}

#[test]
fn segments_overlap_in_part_in_either_order() {
    // The third has two pages, of which only the second is hit.
    let inside = PROGRAM_BASE + 0x3000;
    let later = |elf: &mut Elf| elf.segments.push(Segment { address: inside, ..elf.segments[0] });
    assert_eq!(after(later), "segments 2 and 3 overlap");
    assert_eq!(after(|elf| elf.segments[0].address = inside), "segments 0 and 2 overlap");
    assert_eq!(after(|elf| elf.segments[0].address = inside + 0x1000), "");
}

#[test]
fn segments_that_share_a_page_overlap() {
    let shared = |elf: &mut Elf| {
        elf.segments[2].address = PROGRAM_BASE + 0x1ff0;
        elf.segments[2].offset = 0x2ff0;
        elf.segments[1].memory_size = 0x100;
        elf.segments[1].file_size = 0x100;
    };
    assert_eq!(after(shared), "segments 1 and 2 overlap");
}

#[test]
fn what_a_loader_does_not_support_is_refused() {
    let kind = |kind: u32| after(|elf| elf.segments[0].kind = kind);
    assert_eq!(kind(2), "program header type 2 is not supported: link it statically");
    assert_eq!(kind(3), "program header type 3 is not supported: link it statically");
    assert_eq!(kind(7), "program header type 7 is not supported: link it statically");
    let stack = Segment { kind: 0x6474_e551, flags: 7, ..good().segments[0] };
    assert_eq!(after(|elf| elf.segments.push(stack)), "asks for an executable stack");
    let stack = Segment { flags: 6, ..stack };
    assert_eq!(after(|elf| elf.segments.push(stack)), "");
    let more = |elf: &mut Elf| {
        for index in 3..9 {
            let address = PROGRAM_BASE + 0x10_0000 * index;
            elf.segments.push(Segment { address, ..elf.segments[0] });
        }
    };
    assert_eq!(after(more), "more than 8 segments");
}

#[test]
fn the_entry_must_execute() {
    let entry = |address: u64| after(|elf| elf.entry = address);
    assert_eq!(entry(PROGRAM_BASE), "the entry 0x400000 is outside every executable segment");
    assert_eq!(entry(0), "the entry 0x0 is outside every executable segment");
    assert_eq!(
        entry(PROGRAM_BASE + 0x2000),
        "the entry 0x402000 is outside every executable segment"
    );
}

#[test]
fn misaligned_bytes_are_read_as_well() {
    let bytes = good().bytes();
    for shift in 1..8 {
        let mut shifted = vec![0; shift];
        shifted.extend(&bytes);
        assert!(Program::parse(&shifted[shift..], Window::PARTITION).is_ok());
    }
}

/// What every accepted program keeps, checked without the parser's own means.
fn sound(program: &Program<'_>, file: &[u8]) -> bool {
    let ranges: Vec<_> = program
        .segments()
        .iter()
        .map(|it| (it.address().raw(), it.address().raw() + it.pages() * 4096, it.access()))
        .collect();
    let apart = |a: &(u64, u64, Access), b: &(u64, u64, Access)| a.1 <= b.0 || b.1 <= a.0;
    let inside = |range: &(u64, u64, Access)| {
        range.0.is_multiple_of(4096)
            && range.0 < range.1
            && PROGRAM_BASE <= range.0
            && range.1 <= PROGRAM_END
    };
    let entry = program.entry().raw();
    let mut pairs =
        ranges.iter().enumerate().flat_map(|(i, a)| ranges[..i].iter().map(move |b| (a, b)));
    let within = file.as_ptr_range();
    ranges.iter().all(inside)
        && pairs.all(|(a, b)| apart(a, b))
        && ranges.iter().all(|it| !it.2.contains(Access::WRITE | Access::EXECUTE))
        && ranges.iter().any(|it| it.2.contains(Access::EXECUTE) && (it.0..it.1).contains(&entry))
        && program.segments().iter().all(|it| {
            let bytes = it.bytes().as_ptr_range();
            it.bytes().is_empty() || (within.start <= bytes.start && bytes.end <= within.end)
        })
        && program.segments().iter().all(pages_add_up)
}

/// The pages of a segment, put together, are its bytes, each at its place.
fn pages_add_up(segment: &crate::ProgramSegment<'_>) -> bool {
    let mut all = Vec::new();
    for index in 0..segment.pages().min(64) {
        let page = segment.page(index);
        if page.offset + page.bytes.len() > 4096 || (index > 0 && page.offset != 0) {
            return false;
        }
        all.extend_from_slice(page.bytes);
    }
    segment.pages() > 64 || all == segment.bytes()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn damaged_files_are_sound_or_refused(
        damage in proptest::collection::vec((0_usize..240, any::<u8>()), 1..6),
        length in 0_usize..0x4000,
        cut in any::<bool>(),
    ) {
        let mut bytes = good().bytes();
        for (place, value) in damage {
            bytes[place] = value;
        }
        if cut {
            bytes.truncate(length);
        }
        if let Ok(program) = Program::parse(&bytes, Window::PARTITION) {
            prop_assert!(sound(&program, &bytes));
        }
    }

    #[test]
    fn segments_with_edge_values_are_sound_or_refused(
        values in proptest::collection::vec(edge(), 4),
        flags in 0_u32..8,
    ) {
        let mut elf = good();
        elf.segments[2] = Segment {
            flags, offset: values[0], address: values[1], file_size: values[2],
            memory_size: values[3], ..elf.segments[2]
        };
        let bytes = elf.bytes();
        if let Ok(program) = Program::parse(&bytes, Window::PARTITION) {
            prop_assert!(sound(&program, &bytes));
        }
    }
}

/// Numbers near which mistakes hide.
fn edge() -> impl Strategy<Value = u64> {
    let around = prop_oneof![
        Just(0_u64),
        Just(0x1000),
        Just(0x4000),
        Just(PROGRAM_BASE),
        Just(PROGRAM_BASE + 0x3000),
        Just(PROGRAM_END),
        Just(1 << 63),
        Just(u64::MAX),
    ];
    (around, -2_i64..3).prop_map(|(value, delta)| value.wrapping_add_signed(delta))
}
