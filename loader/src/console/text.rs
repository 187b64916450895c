//! The VGA's text memory: 80 columns, 25 lines, a letter and a colour each.
#![expect(unsafe_code, reason = "text memory is at a fixed address")]

/// Where it is.
const MEMORY: usize = 0xb_8000;
const COLUMNS: usize = 80;
const LINES: usize = 25;
/// Light grey on black.
const COLOUR: u16 = 0x0700;

/// Text memory, written from the last line on as a terminal does.
#[derive(Debug)]
pub struct Text {
    column: usize,
}

impl Text {
    /// Takes possession of text memory and moves what it shows up by a line.
    ///
    /// # Safety
    /// The screen is in text mode, its memory is mapped at its address, and nobody else writes to it.
    #[must_use]
    pub unsafe fn new() -> Self {
        let screen = Self { column: 0 };
        screen.scroll();
        screen
    }

    /// Shows a letter, or starts a new line.
    pub fn put(&mut self, byte: u8) {
        if byte == b'\n' || self.column == COLUMNS {
            self.scroll();
            self.column = 0;
        }
        if byte.is_ascii_graphic() || byte == b' ' {
            Self::set((LINES - 1) * COLUMNS + self.column, COLOUR | u16::from(byte));
            self.column += 1;
        }
    }

    fn scroll(&self) {
        for cell in COLUMNS..LINES * COLUMNS {
            Self::set(cell - COLUMNS, Self::get(cell));
        }
        for column in 0..COLUMNS {
            Self::set((LINES - 1) * COLUMNS + column, COLOUR | u16::from(b' '));
        }
    }

    fn cell(index: usize) -> *mut u16 {
        core::ptr::with_exposed_provenance_mut(MEMORY + 2 * index.min(COLUMNS * LINES - 1))
    }

    fn get(index: usize) -> u16 {
        // SAFETY: a cell of text memory, which is mapped by the contract of `new`.
        unsafe { Self::cell(index).read_volatile() }
    }

    fn set(index: usize, value: u16) {
        // SAFETY: a cell of text memory, which is mapped and ours by the contract of `new`.
        unsafe { Self::cell(index).write_volatile(value) }
    }
}
