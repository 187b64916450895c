//! Finds the marks that the machine puts into its text for tools (`kernel/doc/0004`).
//!
//! They are the marks terminals know from shell integration: `ESC ] 133 ; A BEL` before a prompt,
//! `ESC ] 133 ; D ; STATUS BEL` after a command.

use abi::marks::{DONE, END, READY, START};

/// What the machine's output consists of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Piece {
    /// Text, in whatever pieces it came.
    Text(Vec<u8>),
    /// The console is ready for a line.
    Prompt,
    /// A command ended with this status.
    Status(i32),
}

/// A mark longer than this is not one.
const LONGEST: usize = 32;

/// Splits output into pieces, wherever it was cut.
#[derive(Clone, Debug, Default)]
pub struct Splitter {
    /// Bytes that may be the start of a mark.
    held: Vec<u8>,
}

impl Splitter {
    /// The pieces that `bytes` complete.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let mut text = Vec::new();
        for &byte in bytes {
            self.held.push(byte);
            if let Some(mark) = self.complete() {
                push_text(&mut pieces, &mut text);
                pieces.extend(mark);
                self.held.clear();
            } else if !self.possible() {
                self.release(&mut text);
            }
        }
        push_text(&mut pieces, &mut text);
        pieces
    }

    /// Whether what is held may still become a mark.
    fn possible(&self) -> bool {
        let common = self.held.len().min(START.len());
        self.held.len() <= LONGEST && self.held[..common] == START.as_bytes()[..common]
    }

    /// The mark, if one is complete; an unknown one vanishes.
    fn complete(&self) -> Option<Option<Piece>> {
        let body = self.held.strip_prefix(START.as_bytes())?.strip_suffix(END.as_bytes())?;
        let body = String::from_utf8_lossy(body);
        Some(match body.strip_prefix(DONE) {
            Some(status) => status.parse().ok().map(Piece::Status),
            None => (body == READY).then_some(Piece::Prompt),
        })
    }

    /// What was held is text, but for its last byte if that may start a mark.
    fn release(&mut self, text: &mut Vec<u8>) {
        let last = self.held.pop();
        text.append(&mut self.held);
        match last {
            Some(byte) if START.as_bytes().first() == Some(&byte) => self.held.push(byte),
            last => text.extend(last),
        }
    }
}

fn push_text(pieces: &mut Vec<Piece>, text: &mut Vec<u8>) {
    if !text.is_empty() {
        pieces.push(Piece::Text(std::mem::take(text)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pieces of `bytes` fed `size` at a time, neighbouring texts joined.
    fn pieces(bytes: &[u8], size: usize) -> Vec<Piece> {
        let mut splitter = Splitter::default();
        let mut joined: Vec<Piece> = Vec::new();
        for piece in bytes.chunks(size).flat_map(|chunk| splitter.feed(chunk)) {
            match (joined.last_mut(), piece) {
                (Some(Piece::Text(before)), Piece::Text(more)) => before.extend(more),
                (_, piece) => joined.push(piece),
            }
        }
        joined
    }

    fn text(text: &str) -> Piece {
        Piece::Text(text.as_bytes().to_vec())
    }

    // covers: CMD-3
    #[test]
    fn marks_are_found_wherever_the_output_is_cut() {
        let bytes = b"boot\x1b]133;A\x07> ps\r\nrow\x1b[0m\r\n\x1b]133;D;1\x07\x1b]133;A\x07> ";
        let expected = [
            text("boot"),
            Piece::Prompt,
            text("> ps\r\nrow\x1b[0m\r\n"),
            Piece::Status(1),
            Piece::Prompt,
            text("> "),
        ];
        for size in 1..=bytes.len() {
            assert_eq!(pieces(bytes, size), expected, "cut every {size} bytes");
        }
    }

    #[test]
    fn what_only_looks_like_a_mark_is_text() {
        for almost in ["\x1b]132;A\x07", "\x1b]133", "\x1b[A", "\x1b]0;title\x07x", "]133;A\x07"] {
            let mut bytes = almost.as_bytes().to_vec();
            bytes.extend(b"z");
            assert_eq!(pieces(&bytes, 1), [text(&format!("{almost}z"))]);
        }
        assert_eq!(pieces(b"\x1b\x1b]133;A\x07", 1), [text("\x1b"), Piece::Prompt]);
    }

    #[test]
    fn broken_and_endless_marks_do_no_harm() {
        assert_eq!(pieces(b"a\x1b]133;D;x\x07b", 3), [text("ab")]);
        let mut endless = b"\x1b]133;".to_vec();
        endless.extend([b'9'; 100]);
        assert_eq!(pieces(&endless, 7), [Piece::Text(endless.clone())]);
    }
}
