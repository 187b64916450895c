//! Letters on pixels, against the font and the borders.

use crate::pixels::{Letters, Pixels};
use crate::screen::{CELLS, COLUMNS, Cells, LINES};
use font8x8::legacy::BASIC_LEGACY;
use std::cell::RefCell;
use std::rc::Rc;

/// Pixels that were never written are 1, which nobody writes.
#[derive(Clone)]
struct Canvas {
    width: usize,
    height: usize,
    dots: Rc<RefCell<Vec<u8>>>,
}

impl Canvas {
    fn new(width: usize, height: usize) -> Self {
        Self { width, height, dots: Rc::new(RefCell::new(vec![1; width * height])) }
    }

    fn at(&self, x: usize, y: usize) -> u8 {
        self.dots.borrow()[y * self.width + x]
    }
}

impl Pixels for Canvas {
    fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    fn fill(&mut self, line: usize, from: usize, count: usize, light: u8) {
        assert!(line < self.height && from + count <= self.width, "off the screen");
        let start = line * self.width + from;
        self.dots.borrow_mut()[start..start + count].fill(light);
    }
}

/// Every dot of the letter in a cell, for letters that start at `left`, `top` and have dots of this size.
fn glyph(
    canvas: &Canvas,
    place: usize,
    (left, top): (usize, usize),
    (across, down): (usize, usize),
) -> Vec<Vec<u8>> {
    let (column, line) = (place % COLUMNS, place / COLUMNS);
    let dot = |x: usize, y: usize| {
        let (x, y) = (left + (column * 8 + x) * across, top + (line * 8 + y) * down);
        let all = (0..across).flat_map(|dx| (0..down).map(move |dy| (dx, dy)));
        let lights: Vec<u8> = all.map(|(dx, dy)| canvas.at(x + dx, y + dy)).collect();
        assert!(lights.iter().all(|light| *light == lights[0]), "a dot of one colour");
        lights[0]
    };
    (0..8).map(|y| (0..8).map(|x| dot(x, y)).collect()).collect()
}

fn expected(letter: char, paper: u8, ink: u8) -> Vec<Vec<u8>> {
    let rows = BASIC_LEGACY[letter as usize];
    rows.iter()
        .map(|row| (0..8).map(|x| if row >> x & 1 == 1 { ink } else { paper }).collect())
        .collect()
}

// covers: IO-4
#[test]
fn letters_are_those_of_the_font_at_every_size() {
    for (width, height, border, dot) in [
        (640, 400, (0, 0), (1, 2)),
        (800, 600, (80, 100), (1, 2)),
        (1280, 800, (0, 0), (2, 4)),
        (1920, 1080, (0, 40), (3, 5)),
        (641, 200, (0, 0), (1, 1)),
    ] {
        let canvas = Canvas::new(width, height);
        let mut letters = Letters::new(canvas.clone()).expect("room enough");
        for (place, cell) in [(0, 0x0741), (COLUMNS - 1, 0x0f67), (CELLS - 1, 0x7078)] {
            letters.set(place, cell);
        }
        for (place, letter, paper, ink) in
            [(0, 'A', 0, 0xaa), (COLUMNS - 1, 'g', 0, 0xff), (CELLS - 1, 'x', 0xaa, 0)]
        {
            let seen = glyph(&canvas, place, border, dot);
            assert_eq!(seen, expected(letter, paper, ink), "{letter} at {width} x {height}");
        }
        assert!(canvas.dots.borrow().iter().all(|&light| light != 1), "all of it is written");
    }
}

#[test]
fn the_cursor_is_a_line_that_leaves_nothing_behind() {
    let canvas = Canvas::new(640, 400);
    let mut letters = Letters::new(canvas.clone()).expect("room enough");
    letters.set(5, 0x0741);
    letters.cursor(5);
    let row = &glyph(&canvas, 5, (0, 0), (1, 2))[7];
    assert!(row.iter().all(|&light| light == 0xaa), "{row:?}");
    letters.cursor(COLUMNS * LINES - 1);
    assert_eq!(glyph(&canvas, 5, (0, 0), (1, 2)), expected('A', 0, 0xaa));
    letters.cursor(usize::MAX);
    letters.set(CELLS, 0x0741);
}

#[test]
fn what_is_too_small_is_no_screen() {
    for (width, height) in [(0, 0), (639, 400), (640, 199), (1, 10_000)] {
        assert!(Letters::new(Canvas::new(width, height)).is_none());
    }
}
