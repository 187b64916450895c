//! A terminal of 80 columns and 25 lines, a letter and a colour in each cell as on the text screen of a PC.
//!
//! It understands what our own programs send: cursor movements, erasing, and attributes (ECMA-48). All
//! else is skipped. What is to be seen is written down first and drawn later, cells that differ only: drawing is slow,
//! and most of a long text has left at the top before anybody could read it.

use alloc::vec;
use alloc::vec::Vec;
use vte::{Params, Parser, Perform};

/// Letters in a line.
pub const COLUMNS: usize = 80;
/// Lines.
pub const LINES: usize = 25;
/// Cells of the screen.
pub const CELLS: usize = COLUMNS * LINES;
/// Light grey on black, the colour of every cell at first; the letter is in the low byte.
const PLAIN: u16 = 0x0700;
/// Nothing.
const EMPTY: u16 = 0x0720;
/// White on black.
const BOLD: u16 = 0x0f00;
/// Black on light grey.
const REVERSE: u16 = 0x7000;
/// The letter for characters outside of ASCII: a small block.
const UNKNOWN: u16 = 0xfe;
const TAB: usize = 8;

/// What shows the cells, and where the cursor blinks.
pub trait Cells {
    /// Shows letter and colour in a cell.
    fn set(&mut self, place: usize, cell: u16);
    /// Puts the cursor on a cell.
    fn cursor(&mut self, place: usize);
}

/// The terminal.
pub struct Screen<C> {
    parser: Parser,
    glass: Glass,
    cells: C,
    shown: Vec<u16>,
}

struct Glass {
    wanted: Vec<u16>,
    /// May be [`COLUMNS`]: the line is full, and the next letter starts a new one.
    column: usize,
    line: usize,
    colour: u16,
}

impl<C: Cells> Screen<C> {
    /// An empty screen; whatever it showed is wiped.
    pub fn new(mut cells: C) -> Self {
        (0..CELLS).for_each(|place| cells.set(place, EMPTY));
        cells.cursor(0);
        let wanted = vec![EMPTY; CELLS];
        let glass = Glass { wanted: wanted.clone(), column: 0, line: 0, colour: PLAIN };
        Self { parser: Parser::new(), glass, cells, shown: wanted }
    }

    /// Takes bytes in; [`Self::draw`] shows what they led to.
    pub fn show(&mut self, bytes: &[u8]) {
        self.parser.advance(&mut self.glass, bytes);
    }

    /// Draws what has changed since the last time.
    pub fn draw(&mut self) {
        let pairs = self.shown.iter_mut().zip(&self.glass.wanted);
        for (place, (shown, wanted)) in pairs.enumerate() {
            if shown != wanted {
                *shown = *wanted;
                self.cells.set(place, *wanted);
            }
        }
        let column = self.glass.column.min(COLUMNS.saturating_sub(1));
        self.cells.cursor(place(self.glass.line, column));
    }
}

const fn place(line: usize, column: usize) -> usize {
    line.saturating_mul(COLUMNS).saturating_add(column)
}

impl Glass {
    fn set(&mut self, place: usize, cell: u16) {
        if let Some(wanted) = self.wanted.get_mut(place) {
            *wanted = cell;
        }
    }

    fn next_line(&mut self) {
        self.line = self.line.saturating_add(1);
        if self.line >= LINES {
            self.line = LINES.saturating_sub(1);
            self.scroll();
        }
    }

    fn scroll(&mut self) {
        self.wanted.copy_within(COLUMNS.., 0);
        self.erase(CELLS.saturating_sub(COLUMNS), CELLS);
    }

    fn erase(&mut self, from: usize, end: usize) {
        (from..end.min(CELLS)).for_each(|place| self.set(place, EMPTY));
    }

    /// Parts of the screen: 0 from the cursor on, 1 up to it, 2 all.
    fn erase_screen(&mut self, part: usize) {
        let here = place(self.line, self.column);
        match part {
            0 => self.erase(here, CELLS),
            1 => self.erase(0, here.saturating_add(1)),
            _ => self.erase(0, CELLS),
        }
    }

    fn erase_line(&mut self, part: usize) {
        let (start, here) = (place(self.line, 0), place(self.line, self.column));
        let end = start.saturating_add(COLUMNS);
        match part {
            0 => self.erase(here, end),
            1 => self.erase(start, here.saturating_add(1).min(end)),
            _ => self.erase(start, end),
        }
    }

    fn attribute(&mut self, number: u16) {
        match number {
            0 | 22 | 27 => self.colour = PLAIN,
            1 => self.colour = BOLD,
            7 => self.colour = REVERSE,
            _ => {}
        }
    }

    fn go(&mut self, line: usize, column: usize) {
        self.line = line.min(LINES.saturating_sub(1));
        self.column = column.min(COLUMNS.saturating_sub(1));
    }
}

impl Perform for Glass {
    fn print(&mut self, letter: char) {
        if self.column >= COLUMNS {
            self.column = 0;
            self.next_line();
        }
        let code = if letter.is_ascii() {
            u8::try_from(letter).map_or(UNKNOWN, u16::from)
        } else {
            UNKNOWN
        };
        self.set(place(self.line, self.column), self.colour | code);
        self.column = self.column.saturating_add(1);
    }

    fn execute(&mut self, byte: u8) {
        match byte {
            b'\n' => self.next_line(),
            b'\r' => self.column = 0,
            // Backspace.
            8 => self.column = self.column.saturating_sub(1),
            b'\t' => {
                self.column = (self.column / TAB).saturating_add(1).saturating_mul(TAB).min(COLUMNS)
            }
            _ => {}
        }
    }

    fn csi_dispatch(&mut self, params: &Params, extra: &[u8], _ignore: bool, action: char) {
        if !extra.is_empty() {
            return;
        }
        let number = |at: usize| {
            let given = params.iter().nth(at).and_then(|part| part.first().copied());
            usize::from(given.unwrap_or(0))
        };
        let (line, column, steps) = (self.line, self.column, number(0).max(1));
        match action {
            'A' => self.go(line.saturating_sub(steps), column),
            'B' => self.go(line.saturating_add(steps), column),
            'C' => self.go(line, column.saturating_add(steps)),
            'D' => self.go(line, column.saturating_sub(steps)),
            'H' => self.go(number(0).saturating_sub(1), number(1).saturating_sub(1)),
            'J' => self.erase_screen(number(0)),
            'K' => self.erase_line(number(0)),
            'm' => params.iter().flatten().for_each(|&number| self.attribute(number)),
            _ => {}
        }
    }
}
