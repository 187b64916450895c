//! Memory maps as firmware really gives them, and against a naive model.

use super::machine::{map, report};
use crate::{MemoryMap, Report, Use};
use abi::types::{Frame, PhysicalAddress};
use proptest::prelude::*;
use std::vec::Vec;

/// Ranges as plain numbers.
fn plain(map: &MemoryMap) -> Vec<(u64, u64, Use)> {
    map.ranges().iter().map(|range| (range.start, range.end, range.usage)).collect()
}

fn bytes(start: u64, length: u64, usage: Use) -> Report {
    Report { start: PhysicalAddress::new(start), length, usage }
}

#[test]
fn ranges_are_sorted_and_joined() {
    let map = map(&[
        report(0x300, 0x100, Use::Usable),
        report(0x100, 0x100, Use::Usable),
        report(0x200, 0x100, Use::Usable),
        report(0x500, 0x10, Use::AcpiReclaimable),
    ]);
    let expected = [(0x100, 0x400, Use::Usable), (0x500, 0x510, Use::AcpiReclaimable)];
    assert_eq!(plain(&map), expected);
    assert_eq!((map.frames(), map.memory_frames(), map.lost()), (0x510, 0x310, 0));
}

#[test]
fn usable_ranges_shrink_to_pages_and_others_grow() {
    let map = map(&[
        bytes(0x10_0001, 0x5ffe, Use::Usable),
        bytes(0x10_2fff, 2, Use::Reserved),
        bytes(0x10_8000, 0xfff, Use::Usable),
        bytes(0x10_a123, 1, Use::AcpiStorage),
    ]);
    let expected = [
        (0x101, 0x102, Use::Usable),
        (0x102, 0x104, Use::Reserved),
        (0x104, 0x105, Use::Usable),
        (0x10a, 0x10b, Use::AcpiStorage),
    ];
    assert_eq!(plain(&map), expected);
}

#[test]
fn the_less_usable_kind_holds_whatever_the_order() {
    let reports = [
        report(0x100, 0x100, Use::Bad),
        report(0x80, 0x200, Use::Reserved),
        report(0x40, 0x300, Use::Usable),
        report(0x60, 0x40, Use::AcpiReclaimable),
    ];
    let forward = map(&reports);
    let backward = MemoryMap::new(reports.iter().rev().copied());
    assert_eq!(plain(&forward), plain(&backward));
    let expected = [
        (0x40, 0x60, Use::Usable),
        (0x60, 0x80, Use::AcpiReclaimable),
        (0x80, 0x100, Use::Reserved),
        (0x100, 0x200, Use::Bad),
        (0x200, 0x280, Use::Reserved),
        (0x280, 0x340, Use::Usable),
    ];
    assert_eq!(plain(&forward), expected);
}

#[test]
fn lengths_that_wrap_and_memory_beyond_a_tebibyte_are_cut() {
    let map = map(&[
        bytes(0xff_ffff_f000, u64::MAX, Use::Usable),
        bytes(u64::MAX - 5, 100, Use::Usable),
        bytes(0x200_0000_0000, 0x1000, Use::Usable),
    ]);
    assert_eq!(plain(&map), [(0xfff_ffff, 0x1000_0000, Use::Usable)]);
}

#[test]
fn too_many_ranges_lose_the_smallest_and_never_uncover_reserved_ones() {
    // 2000 usable ranges of two frames, each with a hole, and a reserved frame in every second one.
    let usable = (0..2000).map(|n| report(0x1000 + 4 * n, 2, Use::Usable));
    let reserved = (0..1000).map(|n| report(0x1000 + 8 * n, 1, Use::Reserved));
    let large = core::iter::once(report(0x10_0000, 0x1000, Use::Usable));
    let map = MemoryMap::new(usable.chain(reserved).chain(large));
    assert!(map.ranges().len() <= 512);
    let is =
        |frame: u64| map.ranges().iter().find(|range| (range.start..range.end).contains(&frame));
    for n in 0..1000 {
        assert!(is(0x1000 + 8 * n).is_none_or(|range| range.usage == Use::Reserved));
    }
    assert_eq!(is(0x10_0000).unwrap().end, 0x10_1000);
    assert!(map.lost() > 2000);
}

#[test]
fn shrinking_keeps_what_was_given_away() {
    let mut map = map(&[report(0x100, 0x10000, Use::Usable)]);
    for n in 0..100 {
        assert!(map.claim(Frame::new(0x200 + 3 * n), 1, Use::Kernel));
    }
    map.shrink(120);
    assert!(map.ranges().len() <= 120);
    assert_eq!(map.ranges().iter().filter(|range| range.usage == Use::Kernel).count(), 100);
}

#[test]
fn frames_are_taken_from_above_and_below_the_limit() {
    let mut map = map(&[report(1, 0x9e, Use::Usable), report(0x100, 0xf00, Use::Usable)]);
    let mut take = |count, align, limit| {
        map.allocate(count, align, Frame::new(limit), Use::Kernel).map(Frame::raw)
    };
    assert_eq!(take(0x10, 1, 0x10_0000), Some(0xff0));
    assert_eq!(take(0x10, 0x100, 0x10_0000), Some(0xf00));
    assert_eq!(take(1, 1, 0x800), Some(0x7ff));
    assert_eq!(take(0x701, 1, 0x10_0000), None);
    assert_eq!(take(0x700, 1, 0x10_0000), Some(0x800));
    assert_eq!(take(0x6ff, 1, 0x10_0000), Some(0x100));
    // What is below 1 MiB is never taken by this way, frame 0 never at all.
    assert_eq!(take(1, 1, 0x100), None);
    assert_eq!(map.allocate_low(Use::Kernel), Some(Frame::new(0x9e)));
}

#[test]
fn low_frames_run_out_before_frame_0() {
    let mut map = map(&[report(0, 3, Use::Usable)]);
    assert_eq!(map.allocate_low(Use::Kernel), Some(Frame::new(2)));
    assert_eq!(map.allocate_low(Use::Kernel), Some(Frame::new(1)));
    assert_eq!(map.allocate_low(Use::Kernel), None);
}

#[test]
fn claims_must_be_covered() {
    let mut map = map(&[
        report(0x100, 0x10, Use::Usable),
        report(0x110, 0x10, Use::Loader),
        report(0x120, 0x10, Use::Reserved),
    ]);
    assert!(!map.claim(Frame::new(0x11f), 2, Use::BootImage));
    assert!(!map.claim(Frame::new(0xff), 2, Use::BootImage));
    assert!(!map.claim(Frame::new(u64::MAX), 2, Use::BootImage));
    assert!(map.ranges().iter().all(|range| range.usage != Use::BootImage));
    assert!(map.claim(Frame::new(0x10f), 2, Use::BootImage));
    assert!(!map.claim(Frame::new(0x10f), 2, Use::BootImage));
}

#[test]
fn protected_bytes_are_not_given_away() {
    let mut map = map(&[report(0x100, 0x10, Use::Usable), report(0x110, 1, Use::Reserved)]);
    map.protect(PhysicalAddress::new(0x10_2fff), 0xe002);
    let expected =
        [(0x100, 0x102, Use::Usable), (0x102, 0x110, Use::Loader), (0x110, 0x111, Use::Reserved)];
    assert_eq!(plain(&map), expected);
    map.protect(PhysicalAddress::new(u64::MAX), u64::MAX);
    assert_eq!(plain(&map), expected);
}

/// Frames of the model's machine.
const FRAMES: u64 = 0x180;

/// A use for each frame, `None` for absent.
fn model(reports: &[Report]) -> Vec<Option<Use>> {
    let order =
        [Use::Usable, Use::Loader, Use::AcpiReclaimable, Use::AcpiStorage, Use::Reserved, Use::Bad];
    let rank = |usage: Use| order.iter().position(|&it| it == usage);
    let of_frame = |frame: u64| {
        let (start, end) = (frame << 12, (frame + 1) << 12);
        let holds = |it: &&Report| {
            let (from, to) = (it.start.raw(), it.start.raw() + it.length);
            if it.usage == Use::Usable {
                from <= start && end <= to
            } else {
                from < end && start < to
            }
        };
        let strongest = reports.iter().filter(holds).map(|it| it.usage).max_by_key(|&it| rank(it));
        if frame == 0 && strongest == Some(Use::Usable) { Some(Use::Kernel) } else { strongest }
    };
    (0..FRAMES).map(of_frame).collect()
}

/// A use for each frame, as the map has it.
fn flat(map: &MemoryMap) -> Vec<Option<Use>> {
    let mut frames = vec![None; usize::try_from(FRAMES).unwrap()];
    for range in map.ranges() {
        for frame in range.start..range.end {
            frames[usize::try_from(frame).unwrap()] = Some(range.usage);
        }
    }
    frames
}

fn orderly(map: &MemoryMap) -> bool {
    map.ranges().windows(2).all(|pair| {
        pair[0].end < pair[1].start
            || (pair[0].end == pair[1].start && pair[0].usage != pair[1].usage)
    }) && map.ranges().iter().all(|range| range.start < range.end)
}

fn any_report() -> impl Strategy<Value = Report> {
    let usage = prop_oneof![
        4 => Just(Use::Usable),
        1 => Just(Use::Reserved),
        1 => Just(Use::AcpiReclaimable),
        1 => Just(Use::AcpiStorage),
        1 => Just(Use::Bad),
        1 => Just(Use::Loader),
    ];
    let aligned = prop_oneof![Just(0_u64), 0_u64..0x1000];
    (0..FRAMES - 0x90, aligned.clone(), 1_u64..0x80, aligned, usage).prop_map(
        |(frame, offset, count, rest, usage)| {
            bytes((frame << 12) + offset, (count << 12) + rest, usage)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn a_map_says_of_each_frame_what_the_model_says(
        reports in proptest::collection::vec(any_report(), 0..24),
    ) {
        let map = map(&reports);
        prop_assert!(orderly(&map));
        prop_assert_eq!(flat(&map), model(&reports));
    }

    #[test]
    fn only_free_frames_are_given_and_only_once(
        reports in proptest::collection::vec(any_report(), 0..24),
        wishes in proptest::collection::vec((1_u64..20, 0_u32..4, 0..FRAMES + 50, 0..4), 1..20),
    ) {
        let mut map = map(&reports);
        for (count, align, limit, way) in wishes {
            let before = flat(&map);
            let (align, limit) = (1 << align, Frame::new(limit));
            let (got, count, low, align) = match way {
                0 => (map.allocate_low(Use::Kernel), 1, true, 1),
                1 => (map.allocate_from(Frame::new(0x120), limit, Use::Kernel), 1, false, 1),
                _ => (map.allocate(count, align, limit, Use::Kernel), count, false, align),
            };
            prop_assert!(orderly(&map));
            let Some(start) = got.map(Frame::raw) else {
                prop_assert_eq!(flat(&map), before);
                continue;
            };
            prop_assert_eq!(start % align, 0);
            let bounds = if low { 1..0xa0 } else { 0x100..limit.raw() };
            let after = flat(&map);
            for frame in 0..FRAMES {
                let index = usize::try_from(frame).unwrap();
                if (start..start + count).contains(&frame) {
                    prop_assert!(bounds.contains(&frame));
                    prop_assert_eq!(before[index], Some(Use::Usable));
                    prop_assert_eq!(after[index], Some(Use::Kernel));
                } else {
                    prop_assert_eq!(before[index], after[index]);
                }
            }
        }
    }
}
