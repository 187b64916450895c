//! Tests on a fake kernel that refuses what the real one refuses.

mod fake;

use crate::*;
use abi::call::Error;
use abi::control::{Access, FrameUse};
use abi::layout::PROGRAM_BASE;
use abi::types::{Frame, PAGE_SIZE, VirtualAddress};
use boot_image::{Program, Window as Addresses};
use fake::{FakeKernel, FakeWindow, LOADER, MEMORY, TARGET};
use proptest::prelude::*;
use std::vec::Vec;

/// A program with a text segment of two pages and a data segment of three, of which one and a bit are in the file.
fn elf() -> Vec<u8> {
    let mut file = vec![0_u8; 0x4000];
    file[..16].copy_from_slice(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
    let mut put = |at: usize, bytes: &[u8]| file[at..at + bytes.len()].copy_from_slice(bytes);
    put(16, &2_u16.to_le_bytes());
    put(18, &62_u16.to_le_bytes());
    put(20, &1_u32.to_le_bytes());
    put(24, &(PROGRAM_BASE + 0x10).to_le_bytes());
    put(32, &64_u64.to_le_bytes());
    put(52, &64_u16.to_le_bytes());
    put(54, &56_u16.to_le_bytes());
    put(56, &2_u16.to_le_bytes());
    put(58, &64_u16.to_le_bytes());
    let mut segment =
        |index: usize, flags: u32, offset: u64, address: u64, file: u64, memory: u64| {
            let at = 64 + index * 56;
            put(at, &1_u32.to_le_bytes());
            put(at + 4, &flags.to_le_bytes());
            let words = [offset, address, address, file, memory, 0x1000];
            words.iter().zip(0..).for_each(|(word, i)| put(at + 8 + i * 8, &word.to_le_bytes()));
        };
    segment(0, 5, 0x1000, PROGRAM_BASE, 0x1800, 0x1800);
    segment(1, 6, 0x3000, PROGRAM_BASE + 0x4000, 0x1000, 0x2800);
    for (index, byte) in file.iter_mut().enumerate().skip(0x1000) {
        *byte = (index % 251) as u8;
    }
    file
}

fn page(file: &[u8], offset: usize, length: usize) -> Vec<u8> {
    let mut page = file[offset..offset + length].to_vec();
    page.resize(PAGE_SIZE as usize, 0);
    page
}

/// A kernel in which the target has its tables.
fn ready() -> FakeKernel {
    let mut kernel = FakeKernel::new(600);
    let mut regions = Regions::default();
    assert!(regions.add(PROGRAM_BASE, 16));
    let mut window = FakeWindow::of(&kernel);
    loader(&mut kernel, &mut window).tables(TARGET, &regions, Frame::new(500)).unwrap();
    kernel.add_own_window();
    kernel
}

fn loader<'a>(
    kernel: &'a mut FakeKernel,
    window: &'a mut FakeWindow,
) -> Loader<'a, FakeKernel, FakeWindow> {
    Loader { kernel, window, memory: MEMORY, own: LOADER }
}

fn target(frame: u64) -> Target {
    Target { partition: TARGET, frames: Frame::new(frame) }
}

fn check_loaded(kernel: &FakeKernel, file: &[u8], frame: u64) {
    let at = |number| PROGRAM_BASE + number * PAGE_SIZE;
    let expected = [
        (at(0), Access::EXECUTE, page(file, 0x1000, 0x1000)),
        (at(1), Access::EXECUTE, page(file, 0x2000, 0x800)),
        (at(4), Access::WRITE, page(file, 0x3000, 0x1000)),
        (at(5), Access::WRITE, page(file, 0x3000, 0)),
        (at(6), Access::WRITE, page(file, 0x3000, 0)),
    ];
    for (index, (address, access, bytes)) in (0..).zip(expected) {
        assert_eq!(kernel.mapping(TARGET, address), Some((frame + index, access)));
        assert_eq!(kernel.owner(frame + index), Some((FrameUse::User, TARGET)));
        assert!(kernel.contents(frame + index) == bytes, "contents of page {address:#x}");
    }
    assert_eq!(kernel.mapped(LOADER), 0, "nothing stays in the window");
}

#[test]
fn a_program_is_loaded_and_reloaded() {
    let file = elf();
    let program = Program::parse(&file, Addresses::PARTITION).unwrap();
    let mut kernel = ready();
    let mut window = FakeWindow::of(&kernel);
    loader(&mut kernel, &mut window).load(&program, target(100)).unwrap();
    check_loaded(&kernel, &file, 100);
    kernel.scribble(102);
    kernel.scribble(104);
    loader(&mut kernel, &mut window).reload(&program, target(100)).unwrap();
    check_loaded(&kernel, &file, 100);
    // One page alone, in the frame in which it lies.
    kernel.scribble(103);
    let data = &program.segments()[1];
    loader(&mut kernel, &mut window).refill(data, 1, TARGET, Frame::new(103)).unwrap();
    check_loaded(&kernel, &file, 100);
}

#[test]
fn text_is_not_touched_by_a_reload() {
    let file = elf();
    let program = Program::parse(&file, Addresses::PARTITION).unwrap();
    let mut kernel = ready();
    let mut window = FakeWindow::of(&kernel);
    loader(&mut kernel, &mut window).load(&program, target(100)).unwrap();
    kernel.scribble(100);
    loader(&mut kernel, &mut window).reload(&program, target(100)).unwrap();
    assert!(kernel.contents(100) != page(&file, 0x1000, 0x1000));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whoever dies in the middle starts again from the first step, as often as it takes.
    #[test]
    fn every_step_may_be_repeated(deaths in prop::collection::vec(1_u32..40, 0..6), step in 1_u64..40) {
        let file = elf();
        let program = Program::parse(&file, Addresses::PARTITION).unwrap();
        let mut kernel = ready();
        kernel.most_at_once = step;
        let mut window = FakeWindow::of(&kernel);
        for calls in deaths {
            kernel.dies_after = Some(calls);
            let loaded = loader(&mut kernel, &mut window).load(&program, target(100));
            prop_assert!(loaded.is_ok() || kernel.dies_after == Some(0));
        }
        kernel.dies_after = None;
        loader(&mut kernel, &mut window).load(&program, target(100)).unwrap();
        check_loaded(&kernel, &file, 100);
        prop_assert_eq!(kernel.used(), 5 + 4, "five pages, four tables");
    }
}

#[test]
fn memory_of_others_is_refused() {
    let file = elf();
    let program = Program::parse(&file, Addresses::PARTITION).unwrap();
    let mut kernel = ready();
    let mut window = FakeWindow::of(&kernel);
    // Frame 501 holds a page table.
    let refused = loader(&mut kernel, &mut window).load(&program, target(499)).unwrap_err();
    assert_eq!(refused, Refusal { error: Error::WrongFrame, value: 500 });
}

#[test]
fn fresh_memory_is_zero_and_mapped_once() {
    let mut kernel = ready();
    let mut window = FakeWindow::of(&kernel);
    let address = VirtualAddress::new(PROGRAM_BASE);
    for _ in 0..2 {
        loader(&mut kernel, &mut window).zeroed(TARGET, address, Frame::new(50), 16).unwrap();
        assert!((50..66).all(|frame| kernel.contents(frame) == [0; 4096]));
        assert_eq!(kernel.mapped(TARGET), 16);
        kernel.scribble(60);
    }
}

#[test]
fn again_is_repeated_and_standing_still_is_not_for_ever() {
    let mut kernel = ready();
    kernel.agains = 3;
    kernel.assign(MEMORY, Frame::new(10), 40, TARGET).unwrap();
    assert_eq!(kernel.owner(49), Some((FrameUse::User, TARGET)));
    let mut calls = 0;
    let still = in_steps(5, |_, _| {
        calls += 1;
        Ok([0; 4])
    });
    assert_eq!(still.unwrap_err().error, Error::Again);
    assert!(calls > 1);
}

#[test]
fn release_steps_over_what_is_free() {
    let mut kernel = ready();
    kernel.assign(MEMORY, Frame::new(10), 3, TARGET).unwrap();
    kernel.assign(MEMORY, Frame::new(15), 3, LOADER).unwrap();
    kernel.release(MEMORY, Frame::new(8), 12).unwrap();
    assert!((8..20).all(|frame| kernel.owner(frame).is_none()));
    assert_eq!(
        kernel.release(MEMORY, Frame::new(498), 4),
        Err(Refusal { error: Error::WrongFrame, value: 500 })
    );
}

#[test]
fn regions_count_the_tables() {
    let mut regions = Regions::default();
    assert!(regions.add(0x40_0000, 1) && regions.add(0x41_0000, 20) && regions.add(0x5f_f000, 2));
    assert!(regions.add(0x3fff_f000, 1) && regions.add(123, 0));
    assert!(!regions.add(0x3fff_f000, 2), "the first GiB ends there");
    assert!(!regions.add(u64::MAX - 4095, 1) && !regions.add(0, u64::MAX));
    assert_eq!(regions.count(), 3);
    assert_eq!(regions.tables(), 6, "and those of levels 4, 3 and 2");
    let all: Vec<_> = regions.iter().map(|address| address.raw()).collect();
    assert_eq!(all, [0x40_0000, 0x60_0000, 0x3fe0_0000]);
}
