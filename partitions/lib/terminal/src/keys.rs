//! From bytes to keys: UTF-8, control characters and escape sequences of VT100 and xterm (ECMA-48).

/// What a person did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Key {
    /// A character to put in.
    Char(char),
    /// The line is done: CR, LF, or both.
    Enter,
    /// Remove the character before the cursor.
    Backspace,
    /// Remove the character at the cursor.
    Delete,
    /// Cursor one character back.
    Left,
    /// Cursor one character on.
    Right,
    /// Cursor to the start of the word.
    WordLeft,
    /// Cursor behind the end of the word.
    WordRight,
    /// Cursor to the start of the line.
    Home,
    /// Cursor to the end of the line.
    End,
    /// The line before in the history.
    Up,
    /// The line after in the history.
    Down,
    /// Complete the word.
    Tab,
    /// Remove all from the cursor on (Ctrl-K).
    KillToEnd,
    /// Remove all before the cursor (Ctrl-U).
    KillToStart,
    /// Remove the word before the cursor (Ctrl-W).
    KillWord,
    /// Clear the screen (Ctrl-L).
    Clear,
    /// Give the line up (Ctrl-C).
    Interrupt,
    /// Delete, or on an empty line the end of input (Ctrl-D).
    DeleteOrEnd,
}

const ESCAPE: u8 = 0x1b;
const BELL: u8 = 0x07;
/// Longest escape sequence that is waited out, in bytes; of a longer one the rest is taken as typed.
const LONGEST: u16 = 256;

/// Where in a sequence the last byte left us.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Ground,
    /// After ESC.
    Escape,
    /// After ESC [: the parameter being read, and whether it is the first.
    Control {
        number: u16,
        modified: bool,
    },
    /// After ESC O: one letter follows.
    Function,
    /// In a string for the terminal (title, colour, …), until BEL or ESC \.
    Text,
    /// In such a string after ESC.
    TextEscape,
}

/// Turns bytes into keys, one at a time.
#[derive(Clone, Debug)]
pub struct Decoder {
    state: State,
    /// Bytes of the sequence so far.
    length: u16,
    /// A character of several bytes of which some are still to come.
    character: [u8; 4],
    have: usize,
    after_return: bool,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// A decoder that has seen nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self { state: State::Ground, length: 0, character: [0; 4], have: 0, after_return: false }
    }

    /// The key that `byte` completes, if it does.
    pub fn feed(&mut self, byte: u8) -> Option<Key> {
        let after_return = core::mem::replace(&mut self.after_return, byte == b'\r');
        if after_return && byte == b'\n' {
            return None;
        }
        self.length = self.length.saturating_add(1);
        if self.length > LONGEST {
            self.state = State::Ground;
        }
        match self.state {
            State::Ground => self.ground(byte),
            State::Escape => self.escape(byte),
            State::Control { number, modified } => self.control(byte, number, modified),
            State::Function => self.leave(byte, |byte| cursor_key(byte, false)),
            State::Text => self.text(byte),
            State::TextEscape => self.text_escape(byte),
        }
    }

    fn ground(&mut self, byte: u8) -> Option<Key> {
        self.length = 0;
        if byte >= 0x80 {
            return self.multi_byte(byte);
        }
        self.have = 0;
        if byte == ESCAPE {
            self.state = State::Escape;
        }
        control_key(byte).or_else(|| printable(char::from(byte)))
    }

    /// A byte of a character that has several.
    fn multi_byte(&mut self, byte: u8) -> Option<Key> {
        if byte >= 0xc0 {
            self.have = 0;
        }
        let place = self.character.get_mut(self.have)?;
        *place = byte;
        self.have = self.have.saturating_add(1);
        let bytes = self.character.get(..self.have)?;
        match core::str::from_utf8(bytes) {
            Ok(text) => {
                let key = text.chars().next().and_then(printable);
                self.have = 0;
                key
            }
            Err(error) => {
                // Broken for good, and not merely cut off: forget it.
                if error.error_len().is_some() {
                    self.have = 0;
                }
                None
            }
        }
    }

    fn escape(&mut self, byte: u8) -> Option<Key> {
        self.state = match byte {
            b'[' => State::Control { number: 0, modified: false },
            b'O' => State::Function,
            b']' | b'P' | b'X' | b'^' | b'_' => State::Text,
            ESCAPE => State::Escape,
            _ => return self.leave(byte, alt_key),
        };
        None
    }

    fn control(&mut self, byte: u8, number: u16, modified: bool) -> Option<Key> {
        self.state = match byte {
            b'0'..=b'9' if !modified => {
                let digit = u16::from(byte.wrapping_sub(b'0'));
                let number = number.saturating_mul(10).saturating_add(digit);
                State::Control { number, modified }
            }
            b';' => State::Control { number, modified: true },
            0x20..=0x3f => State::Control { number, modified },
            b'~' => return self.leave(byte, |_| editing_key(number)),
            _ => return self.leave(byte, |byte| cursor_key(byte, modified)),
        };
        None
    }

    fn text(&mut self, byte: u8) -> Option<Key> {
        match byte {
            BELL => self.state = State::Ground,
            ESCAPE => self.state = State::TextEscape,
            // What ends a line, and what a person types to get out of anything.
            b'\r' | b'\n' | 0x03 => return self.leave(byte, |_| None),
            _ => {}
        }
        None
    }

    fn text_escape(&mut self, byte: u8) -> Option<Key> {
        match byte {
            b'\\' => self.leave(byte, |_| None),
            _ => {
                self.state = State::Escape;
                self.escape(byte)
            }
        }
    }

    /// The sequence ends with `byte`. What cannot be its end breaks it off and counts by itself.
    fn leave(&mut self, byte: u8, key: impl Fn(u8) -> Option<Key>) -> Option<Key> {
        self.state = State::Ground;
        match byte {
            0x20..=0x7f => {
                self.length = 0;
                key(byte)
            }
            _ => self.ground(byte),
        }
    }
}

/// Controls have no place in a line, those between 0x80 and 0x9f included.
fn printable(character: char) -> Option<Key> {
    (!character.is_control()).then_some(Key::Char(character))
}

const fn control_key(byte: u8) -> Option<Key> {
    Some(match byte {
        0x01 => Key::Home,
        0x02 => Key::Left,
        0x03 => Key::Interrupt,
        0x04 => Key::DeleteOrEnd,
        0x05 => Key::End,
        0x06 => Key::Right,
        0x08 | 0x7f => Key::Backspace,
        b'\t' => Key::Tab,
        b'\n' | b'\r' => Key::Enter,
        0x0b => Key::KillToEnd,
        0x0c => Key::Clear,
        0x0e => Key::Down,
        0x10 => Key::Up,
        0x15 => Key::KillToStart,
        0x17 => Key::KillWord,
        _ => return None,
    })
}

const fn alt_key(byte: u8) -> Option<Key> {
    Some(match byte {
        b'b' => Key::WordLeft,
        b'f' => Key::WordRight,
        0x7f => Key::KillWord,
        _ => return None,
    })
}

const fn cursor_key(byte: u8, modified: bool) -> Option<Key> {
    Some(match byte {
        b'A' => Key::Up,
        b'B' => Key::Down,
        b'C' if modified => Key::WordRight,
        b'C' => Key::Right,
        b'D' if modified => Key::WordLeft,
        b'D' => Key::Left,
        b'F' => Key::End,
        b'H' => Key::Home,
        _ => return None,
    })
}

const fn editing_key(number: u16) -> Option<Key> {
    Some(match number {
        1 | 7 => Key::Home,
        3 => Key::Delete,
        4 | 8 => Key::End,
        _ => return None,
    })
}
