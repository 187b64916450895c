//! The text screen against what it must show, and against arbitrary bytes.

use crate::screen::{CELLS, COLUMNS, Cells, LINES, Screen};
use proptest::prelude::*;
use std::cell::RefCell;
use std::rc::Rc;

#[derive(Clone, Default)]
struct Glass(Rc<RefCell<(Vec<u16>, usize, usize)>>);

impl Cells for Glass {
    fn set(&mut self, place: usize, cell: u16) {
        let mut glass = self.0.borrow_mut();
        glass.0.resize(CELLS, 0xffff);
        assert!(place < CELLS, "beyond the memory");
        glass.0[place] = cell;
        glass.2 += 1;
    }

    fn cursor(&mut self, place: usize) {
        assert!(place < CELLS, "the cursor leaves the screen");
        self.0.borrow_mut().1 = place;
    }
}

impl Glass {
    fn line(&self, line: usize) -> String {
        let glass = self.0.borrow();
        let cells = &glass.0[line * COLUMNS..(line + 1) * COLUMNS];
        let text: String = cells.iter().map(|&cell| char::from(cell as u8)).collect();
        text.trim_end().to_owned()
    }

    fn cursor_at(&self) -> (usize, usize) {
        (self.0.borrow().1 / COLUMNS, self.0.borrow().1 % COLUMNS)
    }
}

fn after(text: &str) -> Glass {
    let glass = Glass::default();
    let mut screen = Screen::new(glass.clone());
    screen.show(text.as_bytes());
    screen.draw();
    glass
}

#[test]
fn lines_marks_and_attributes_are_understood() {
    let glass = after("\x1b]133;A\x07\x1b[1mab\x1b[0mc\r\nx\ty\x1b]133;D;0\x07");
    assert_eq!(glass.line(0), "abc");
    assert_eq!(glass.line(1), "x       y");
    assert_eq!(glass.cursor_at(), (1, 9));
    assert_eq!(glass.0.borrow().0[..3], [0x0f61, 0x0f62, 0x0763]);
}

#[test]
fn the_cursor_moves_and_erases() {
    let glass = after("one\r\ntwo\r\nthree\x1b[2A\r\x1b[1C\x1b[K\x1b[1Bx\x1b[J");
    assert_eq!([glass.line(0), glass.line(1), glass.line(2)], ["o", "tx", ""]);
    let glass = after("abc\x08 \x08\x1b[5;7Hz");
    assert_eq!((glass.line(0).as_str(), glass.line(4).as_str()), ("ab", "      z"));
    let glass = after("abc\x1b[H\x1b[2Jd");
    assert_eq!((glass.line(0).as_str(), glass.cursor_at()), ("d", (0, 1)));
}

#[test]
fn a_full_line_goes_on_in_the_next_once() {
    let full = "x".repeat(COLUMNS);
    assert_eq!(after(&format!("{full}\r\ny")).line(1), "y", "no empty line between");
    assert_eq!(after(&format!("{full}y")).line(1), "y");
    assert_eq!(after(&full).cursor_at(), (0, COLUMNS - 1));
}

#[test]
fn what_leaves_at_the_top_makes_room_below() {
    let text: Vec<String> = (0..LINES + 3).map(|line| line.to_string()).collect();
    let glass = after(&text.join("\r\n"));
    assert_eq!((glass.line(0).as_str(), glass.line(LINES - 1).as_str()), ("3", "27"));
}

#[test]
fn only_what_changes_is_written() {
    let glass = after("same\rsame\rsame");
    assert_eq!(glass.0.borrow().2, CELLS + 4);
    let text: Vec<String> = (0..1000).map(|line| line.to_string()).collect();
    let glass = after(&text.join("\r\n"));
    assert_eq!(glass.line(LINES - 1), "999");
    assert_eq!(glass.0.borrow().2, CELLS + LINES * 3, "what has left at the top is never drawn");
}

proptest! {
    #[test]
    fn nothing_leads_off_the_screen(bytes in proptest::collection::vec(any::<u8>(), 0..2000),
                                    moves in proptest::collection::vec((0_u32..100_000, "[A-DHJKm]"), 0..40)) {
        let glass = Glass::default();
        let mut screen = Screen::new(glass.clone());
        screen.show(&bytes);
        for (number, action) in moves {
            screen.show(format!("\x1b[{number};{number}{action}x\n").as_bytes());
        }
        screen.show(b"\x18\x1b[2J\x1b[0m\x1b[Hok");
        screen.draw();
        prop_assert_eq!(glass.line(0), "ok");
    }
}
