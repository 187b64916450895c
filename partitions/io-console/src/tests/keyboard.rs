//! The keyboard controller in software: what keys become, and controllers that are broken or absent.

use crate::keyboard::{Controller, Keyboard};
use proptest::prelude::*;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

#[derive(Default)]
struct Chip {
    /// State and byte of what can be read.
    sent: VecDeque<(u8, u8)>,
    configuration: u8,
    enabled: bool,
    writing: bool,
    reads: usize,
    /// What every read gives, in place of a working chip.
    stuck: Option<u8>,
}

#[derive(Clone, Default)]
struct Wires(Rc<RefCell<Chip>>);

impl Controller for Wires {
    fn data(&mut self) -> Option<u8> {
        let mut chip = self.0.borrow_mut();
        Some(chip.stuck.unwrap_or_else(|| chip.sent.pop_front().map_or(0, |(_, byte)| byte)))
    }
    fn status(&mut self) -> Option<u8> {
        let mut chip = self.0.borrow_mut();
        chip.reads += 1;
        let state = chip.sent.front().map_or(0, |(state, _)| *state);
        Some(chip.stuck.unwrap_or(state))
    }
    fn put(&mut self, value: u8) {
        let mut chip = self.0.borrow_mut();
        if std::mem::take(&mut chip.writing) {
            chip.configuration = value;
        }
    }
    fn command(&mut self, value: u8) {
        let mut chip = self.0.borrow_mut();
        match value {
            0x20 => {
                let configuration = chip.configuration;
                chip.sent.push_back((1, configuration));
            }
            0x60 => chip.writing = true,
            0xae => chip.enabled = true,
            _ => {}
        }
    }
}

fn keyboard() -> (Wires, Keyboard<Wires>) {
    let wires = Wires::default();
    wires.0.borrow_mut().configuration = 0x30;
    wires.0.borrow_mut().sent.push_back((1, 0x1c));
    (wires.clone(), Keyboard::find(wires).unwrap())
}

fn typed(codes: &[u8]) -> Vec<u8> {
    let (wires, mut keyboard) = keyboard();
    wires.0.borrow_mut().sent.extend(codes.iter().map(|&code| (1, code)));
    let mut bytes = Vec::new();
    keyboard.serve(&mut |byte| bytes.push(byte));
    bytes
}

#[test]
fn it_is_switched_on_with_what_lay_there_thrown_away() {
    let (wires, _) = keyboard();
    let chip = wires.0.borrow();
    assert!(chip.enabled && chip.sent.is_empty());
    assert_eq!(chip.configuration, 0x61, "interrupt and translation on, clock on, mouse as it was");
}

#[test]
fn keys_become_what_a_terminal_sends() {
    assert_eq!(typed(&[0x1e, 0x9e, 0x2a, 0x1e, 0x9e, 0xaa, 0x1c]), b"aA\r");
    assert_eq!(typed(&[0x1d, 0x2e, 0xae, 0x1b, 0x9b, 0x9d, 0x1b]), b"\x03\x1d]", "Ctrl-C, Ctrl-]");
    assert_eq!(typed(&[0x0e, 0x0f, 0x01]), b"\x7f\t\x1b");
    assert_eq!(typed(&[0xe0, 0x48, 0xe0, 0xc8, 0xe0, 0x4b, 0xe0, 0x53]), b"\x1b[A\x1b[D\x1b[3~");
}

#[test]
fn the_mouse_and_nonsense_type_nothing() {
    let (wires, mut keyboard) = keyboard();
    wires.0.borrow_mut().sent.extend([(0x21, 0x1e), (0x21, 0x08), (1, 0xff), (1, 0x00), (1, 0x1e)]);
    let mut bytes = Vec::new();
    keyboard.serve(&mut |byte| bytes.push(byte));
    assert_eq!(bytes, b"a");
}

#[test]
fn a_controller_that_hangs_or_is_absent_is_left_alone() {
    for stuck in [0xff, 0x02, 0x00, 0x03] {
        let wires = Wires::default();
        wires.0.borrow_mut().stuck = Some(stuck);
        assert!(Keyboard::find(wires.clone()).is_none(), "{stuck:#x}");
        assert!(wires.0.borrow().reads < 20_000);
    }
}

#[test]
fn a_controller_that_never_ends_costs_a_bounded_time() {
    let (wires, mut keyboard) = keyboard();
    wires.0.borrow_mut().stuck = Some(0x1f);
    let mut count = 0;
    keyboard.serve(&mut |_| count += 1);
    assert!(count <= 64);
}

proptest! {
    /// Whatever a controller says, keys typed afterwards arrive, and no byte becomes more than one key's.
    #[test]
    fn any_bytes_of_a_controller_are_survived(codes in prop::collection::vec((any::<u8>(), any::<u8>()), 0..60)) {
        let (wires, mut keyboard) = keyboard();
        let count = codes.len();
        wires.0.borrow_mut().sent.extend(codes.into_iter().map(|(state, code)| (state | 1, code)));
        let mut typed = Vec::new();
        // One call does a bounded amount of work.
        (0..3).for_each(|_| keyboard.serve(&mut |byte| typed.push(byte)));
        prop_assert!(wires.0.borrow().sent.is_empty());
        prop_assert!(typed.len() <= 4 * count);
        // A prefix that nothing followed, and keys held down, are let go of.
        let up = [0x9d, 0xaa, 0xb6, 0xb8, 0xe0, 0x9d, 0xe0, 0xb8];
        wires.0.borrow_mut().sent.extend(up.into_iter().chain([0x0e]).map(|code| (1, code)));
        typed.clear();
        keyboard.serve(&mut |byte| typed.push(byte));
        prop_assert!(typed.ends_with(b"\x7f"), "{:?}", typed);
    }
}
