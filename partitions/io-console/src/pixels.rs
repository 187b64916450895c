//! The cells of a text screen on a framebuffer, in letters of 8 by 8 dots that are made as large as it has room for.

use crate::screen::{CELLS, COLUMNS, Cells, LINES};
use alloc::vec;
use alloc::vec::Vec;
use font8x8::legacy::BASIC_LEGACY;

/// Dots of a letter's side.
const SIDE: usize = 8;
/// Dots of all columns.
const ACROSS: usize = COLUMNS * SIDE;
/// Dots of all lines.
const DOWN: usize = LINES * SIDE;
/// Row of a letter in which the cursor is.
const CURSOR: usize = 7;
/// What stands for letters that the font does not have.
const BLOCK: [u8; SIDE] = [0, 0, 0x3c, 0x3c, 0x3c, 0x3c, 0, 0];
/// How light the half of the colours 0 to 7 is, and that of 8 to 15; black is black.
const LIGHT: [u8; 2] = [0xaa, 0xff];

/// Something with pixels in lines.
pub trait Pixels {
    /// Pixels in a line, and lines.
    fn size(&self) -> (usize, usize);
    /// Makes `count` pixels of a line this light, from black, 0, to white, 255.
    fn fill(&mut self, line: usize, from: usize, count: usize, light: u8);
}

/// A framebuffer as a text screen. Larger ones have a black border.
pub struct Letters<P> {
    pixels: P,
    cells: Vec<u16>,
    cursor: usize,
    /// Pixels and lines of a dot.
    dot: (usize, usize),
    /// Pixels left of the first column, and lines above the first line.
    border: (usize, usize),
}

impl<P: Pixels> Letters<P> {
    /// Takes possession; `None` where there is no room for all cells.
    pub fn new(mut pixels: P) -> Option<Self> {
        let (width, height) = pixels.size();
        let across = width / ACROSS;
        // Letters of twice their width are still letters.
        let down = (height / DOWN).min(across.saturating_mul(2));
        if across == 0 || down == 0 {
            return None;
        }
        (0..height).for_each(|line| pixels.fill(line, 0, width, 0));
        let border = (
            width.saturating_sub(ACROSS.saturating_mul(across)) / 2,
            height.saturating_sub(DOWN.saturating_mul(down)) / 2,
        );
        let cells = vec![0; CELLS];
        Some(Self { pixels, cells, cursor: CELLS, dot: (across, down), border })
    }

    fn draw(&mut self, place: usize) {
        let Some(&cell) = self.cells.get(place) else { return };
        let [colour, letter] = cell.to_be_bytes();
        let glyph = BASIC_LEGACY.get(usize::from(letter)).unwrap_or(&BLOCK);
        let lights = [light(colour >> 4), light(colour & 15)];
        for (row, &bits) in glyph.iter().enumerate() {
            let bits = if place == self.cursor && row == CURSOR { 0xff } else { bits };
            self.draw_row(place, row, bits, lights);
        }
    }

    /// Draws a row of dots, neighbours that are alike in one piece.
    fn draw_row(&mut self, place: usize, row: usize, bits: u8, lights: [u8; 2]) {
        let (across, down) = self.dot;
        let (column, line) = (place % COLUMNS, place / COLUMNS);
        let dots = column.saturating_mul(SIDE);
        let top = line.saturating_mul(SIDE).saturating_add(row).saturating_mul(down);
        let top = top.saturating_add(self.border.1);
        let is_set = |dot: usize| usize::from(bits >> dot & 1);
        let mut from = 0;
        while from < SIDE {
            let alike = (from..SIDE).take_while(|&dot| is_set(dot) == is_set(from)).count();
            let start = dots.saturating_add(from).saturating_mul(across);
            let start = start.saturating_add(self.border.0);
            let light = if is_set(from) == 1 { lights[1] } else { lights[0] };
            for line in top..top.saturating_add(down) {
                self.pixels.fill(line, start, alike.saturating_mul(across), light);
            }
            from = from.saturating_add(alike);
        }
    }
}

/// How light a colour of the text screen is: all that we use are grey.
const fn light(colour: u8) -> u8 {
    match colour {
        0 => 0,
        1..8 => LIGHT[0],
        _ => LIGHT[1],
    }
}

impl<P: Pixels> Cells for Letters<P> {
    fn set(&mut self, place: usize, cell: u16) {
        if let Some(shown) = self.cells.get_mut(place) {
            *shown = cell;
            self.draw(place);
        }
    }

    fn cursor(&mut self, place: usize) {
        if place != self.cursor {
            let left = core::mem::replace(&mut self.cursor, place);
            self.draw(left);
            self.draw(place);
        }
    }
}
