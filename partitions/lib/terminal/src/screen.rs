//! What the line looks like on the terminal.

use core::fmt::{self, Write};
use unicode_width::UnicodeWidthChar;

/// Takes the bytes to show.
pub type Sink<'a> = dyn FnMut(&[u8]) + 'a;

/// A place on the screen, counted from the start of the prompt.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Place {
    row: usize,
    column: usize,
}

/// The part of the terminal on which prompt and line stand.
#[derive(Clone, Debug)]
pub struct Screen {
    columns: usize,
    cursor: Place,
}

/// Columns of a terminal that does not say.
const USUAL_COLUMNS: u16 = 80;
/// Fewest columns that are believed.
const FEWEST_COLUMNS: u16 = 8;

impl Screen {
    pub const fn new() -> Self {
        Self { columns: 80, cursor: Place { row: 0, column: 0 } }
    }

    /// So many columns from now on; 0: unknown.
    pub fn set_columns(&mut self, columns: u16) {
        let columns = if columns == 0 { USUAL_COLUMNS } else { columns };
        self.columns = usize::from(columns.max(FEWEST_COLUMNS));
    }

    pub const fn columns(&self) -> usize {
        self.columns
    }

    /// The cursor stands at the start of an empty row.
    pub const fn begin(&mut self) {
        self.cursor = Place { row: 0, column: 0 };
    }

    /// Shows text at the cursor.
    pub fn show(&mut self, text: &str, sink: &mut Sink<'_>) {
        self.cursor = self.flow(self.cursor, text, sink);
    }

    /// Shows prompt and line anew, with the cursor between `before` and `after`.
    pub fn redraw(&mut self, prompt: &str, before: &str, after: &str, sink: &mut Sink<'_>) {
        self.leave_rows(sink);
        sink(b"\r\x1b[J");
        self.draw(prompt, before, after, sink);
    }

    /// Shows prompt and line from an empty row on, with the cursor between `before` and `after`.
    pub fn draw(&mut self, prompt: &str, before: &str, after: &str, sink: &mut Sink<'_>) {
        self.begin();
        self.show(prompt, sink);
        self.show(before, sink);
        let cursor = self.cursor;
        self.show(after, sink);
        self.move_to(cursor, sink);
    }

    /// Clears the whole screen, for a redraw.
    pub fn clear(&mut self, sink: &mut Sink<'_>) {
        sink(b"\x1b[H\x1b[2J");
        self.begin();
    }

    /// Puts the cursor behind prompt and text.
    pub fn move_behind(&mut self, prompt: &str, text: &str, sink: &mut Sink<'_>) {
        let place = self.flow(Place::default(), prompt, &mut |_| {});
        let place = self.flow(place, text, &mut |_| {});
        self.move_to(place, sink);
    }

    /// Wipes the last character out, if it stands in this row and takes one column; false: it must be drawn anew.
    pub fn wipe_last(&mut self, character: char, sink: &mut Sink<'_>) -> bool {
        let Some(column) = self.cursor.column.checked_sub(1) else { return false };
        let wiped = character.width() == Some(1);
        if wiped {
            sink(b"\x08 \x08");
            self.cursor.column = column;
        }
        wiped
    }

    /// To the start of a row below all of prompt and line, of which the cursor is at the end.
    pub fn leave(&mut self, sink: &mut Sink<'_>) {
        // An end that filled its row exactly has gone to the next one already; the blank row does no harm.
        sink(b"\r\n");
        self.begin();
    }

    fn leave_rows(&self, sink: &mut Sink<'_>) {
        repeat(self.cursor.row, 'A', sink);
    }

    fn move_to(&mut self, to: Place, sink: &mut Sink<'_>) {
        if to == self.cursor {
            return;
        }
        repeat(self.cursor.row.saturating_sub(to.row), 'A', sink);
        repeat(to.row.saturating_sub(self.cursor.row), 'B', sink);
        sink(b"\r");
        repeat(to.column, 'C', sink);
        self.cursor = to;
    }

    /// Where text ends that starts at `place`. Every end of a row is sent, so that it does not matter whether
    /// the terminal wraps, and when.
    fn flow(&self, mut place: Place, text: &str, sink: &mut Sink<'_>) -> Place {
        for character in text.chars() {
            let width = character.width().unwrap_or(0);
            if place.column.saturating_add(width) > self.columns {
                place = next_row(place, sink);
            }
            sink(character.encode_utf8(&mut [0; 4]).as_bytes());
            place.column = place.column.saturating_add(width);
            if place.column >= self.columns {
                place = next_row(place, sink);
            }
        }
        place
    }
}

fn next_row(place: Place, sink: &mut Sink<'_>) -> Place {
    sink(b"\r\n");
    Place { row: place.row.saturating_add(1), column: 0 }
}

/// A cursor movement of `count` steps: none for 0.
fn repeat(count: usize, direction: char, sink: &mut Sink<'_>) {
    if count > 0 {
        // The sink cannot fail.
        let _ = write!(Writer(sink), "\x1b[{count}{direction}");
    }
}

struct Writer<'a, 'b>(&'a mut Sink<'b>);

impl Write for Writer<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        (self.0)(text.as_bytes());
        Ok(())
    }
}
