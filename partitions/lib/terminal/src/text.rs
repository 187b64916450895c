//! The line being edited and the cursor in it.

use unicode_width::UnicodeWidthChar;

/// Longest line, in bytes.
pub const LINE: usize = 512;

/// A line and a cursor that always stands between two characters.
#[derive(Clone, Debug)]
pub struct Text {
    bytes: [u8; LINE],
    length: usize,
    cursor: usize,
}

impl Text {
    pub const fn new() -> Self {
        Self { bytes: [0; LINE], length: 0, cursor: 0 }
    }

    /// All of it.
    pub fn all(&self) -> &str {
        as_text(self.bytes.get(..self.length))
    }

    /// What stands before the cursor.
    pub fn before(&self) -> &str {
        as_text(self.bytes.get(..self.cursor))
    }

    /// What stands behind it.
    pub fn after(&self) -> &str {
        as_text(self.bytes.get(self.cursor..self.length))
    }

    /// Puts `text` in at the cursor, which goes behind it; false, and nothing done, if there is no room.
    pub fn insert(&mut self, text: &str) -> bool {
        let length = self.length.saturating_add(text.len());
        if length > LINE {
            return false;
        }
        let end = self.cursor.saturating_add(text.len());
        self.bytes.copy_within(self.cursor..self.length, end);
        if let Some(place) = self.bytes.get_mut(self.cursor..end) {
            place.copy_from_slice(text.as_bytes());
        }
        (self.cursor, self.length) = (end, length);
        true
    }

    /// Puts `text` in the place of all.
    pub fn replace(&mut self, text: &str) {
        (self.cursor, self.length) = (0, 0);
        self.insert(text);
    }

    /// Removes what is between the cursor and `other`.
    pub fn remove_to(&mut self, other: usize) {
        let (from, to) = (self.cursor.min(other), self.cursor.max(other).min(self.length));
        self.bytes.copy_within(to..self.length, from);
        self.length = self.length.saturating_sub(to.saturating_sub(from));
        self.cursor = from;
    }

    /// Puts the cursor to a place that one of the functions below gave.
    pub fn go(&mut self, place: usize) {
        self.cursor = place.min(self.length);
    }

    /// The end of the line.
    pub const fn end(&self) -> usize {
        self.length
    }

    /// One character back; marks that take no column go with the character they stand on.
    pub fn left(&self) -> usize {
        let base = |&(_, character): &(usize, char)| character.width() != Some(0);
        self.before().char_indices().rev().find(base).map_or(0, |(place, _)| place)
    }

    /// One character on.
    pub fn right(&self) -> usize {
        let base = |&(_, character): &(usize, char)| character.width() != Some(0);
        let distance = self.after().char_indices().skip(1).find(base);
        distance.map_or(self.length, |(distance, _)| self.cursor.saturating_add(distance))
    }

    /// The start of the word before the cursor. Words are what stands between blanks.
    pub fn word_left(&self) -> usize {
        let before = self.before().trim_end();
        before
            .char_indices()
            .rev()
            .find(blank)
            .map_or(0, |(place, character)| place.saturating_add(character.len_utf8()))
    }

    /// The end of the word behind the cursor.
    pub fn word_right(&self) -> usize {
        let after = self.after().trim_start();
        let distance = after.char_indices().find(blank).map_or(after.len(), |(place, _)| place);
        self.length.saturating_sub(after.len()).saturating_add(distance)
    }
}

fn blank(place: &(usize, char)) -> bool {
    place.1.is_whitespace()
}

/// Only whole characters are ever put in or taken out, so nothing is hidden here.
fn as_text(bytes: Option<&[u8]>) -> &str {
    bytes.and_then(|bytes| core::str::from_utf8(bytes).ok()).unwrap_or_default()
}
