//! Lines out of keys: a console hands over what is typed as it comes, a key at a time.

/// Most bytes of a line; what is typed beyond is dropped.
const LONGEST: usize = 128;

/// A line that is being typed. What is typed is shown, and Backspace takes it back.
#[derive(Debug)]
pub struct Line {
    text: [u8; LONGEST],
    length: usize,
    /// It was handed over; the next key starts another.
    done: bool,
}

impl Default for Line {
    fn default() -> Self {
        Self { text: [0; LONGEST], length: 0, done: false }
    }
}

impl Line {
    /// Takes a key; gives the line that Enter ends. A line that is not UTF-8 is handed over empty.
    pub fn key(&mut self, key: u8) -> Option<&str> {
        if core::mem::take(&mut self.done) {
            self.length = 0;
        }
        match key {
            b'\r' | b'\n' => {
                crate::print!("\n");
                self.done = true;
                return Some(core::str::from_utf8(self.typed()).unwrap_or_default());
            }
            0x08 | 0x7f => self.take_back(),
            0..b' ' => {}
            _ => self.add(key),
        }
        None
    }

    fn typed(&self) -> &[u8] {
        self.text.get(..self.length).unwrap_or_default()
    }

    fn add(&mut self, key: u8) {
        if let Some(place) = self.text.get_mut(self.length) {
            *place = key;
            self.length = self.length.saturating_add(1);
            crate::log::say_bytes(&[key]);
        }
    }

    fn take_back(&mut self) {
        if self.length == 0 {
            return;
        }
        // A letter of several bytes goes as a whole.
        while self.typed().last().is_some_and(|byte| byte & 0xc0 == 0x80) {
            self.length = self.length.saturating_sub(1);
        }
        self.length = self.length.saturating_sub(1);
        crate::print!("\x08 \x08");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;
    use std::vec::Vec;

    fn lines(keys: &[u8]) -> Vec<String> {
        let _world = crate::mock::World::new();
        let mut line = Line::default();
        keys.iter().filter_map(|&key| line.key(key).map(String::from)).collect()
    }

    #[test]
    fn enter_ends_a_line_and_the_next_is_a_new_one() {
        assert_eq!(lines(b"hi\ragain\n\rx"), ["hi", "again", ""]);
    }

    #[test]
    fn what_was_taken_back_is_gone() {
        assert_eq!(lines("ab\x7f\x7f\x7fcö\x08d\x1b\r".as_bytes()), ["cd"]);
    }

    #[test]
    fn endless_and_broken_lines_do_no_harm() {
        let long = [b'x'; LONGEST + 9];
        assert_eq!(lines(&[&long[..], b"\rok\r"].concat()), [&"x".repeat(LONGEST), "ok"]);
        assert_eq!(lines(b"\xff\xfe\rok\r"), ["", "ok"]);
    }
}
