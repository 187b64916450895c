//! The simplest editor there is: a vector of characters, a cursor, all lines ever entered.

use crate::Key;

#[derive(Default)]
pub struct Model {
    pub line: Vec<char>,
    pub cursor: usize,
    history: Vec<String>,
    draft: Vec<char>,
    back: usize,
}

impl Model {
    pub fn text(&self) -> String {
        self.line.iter().collect()
    }

    pub fn before(&self) -> String {
        self.line[..self.cursor].iter().collect()
    }

    pub fn key(&mut self, key: Key) {
        match key {
            Key::Char(character) => {
                if self.text().len() + character.len_utf8() <= crate::LINE {
                    self.line.insert(self.cursor, character);
                    self.cursor += 1;
                }
            }
            Key::Enter => self.enter(),
            Key::Interrupt => self.clear(),
            Key::Backspace => self.remove(self.cursor.saturating_sub(1), self.cursor),
            Key::Delete => self.remove(self.cursor, (self.cursor + 1).min(self.line.len())),
            Key::KillToEnd => self.remove(self.cursor, self.line.len()),
            Key::KillToStart => self.remove(0, self.cursor),
            Key::KillWord => self.remove(self.word_left(), self.cursor),
            Key::Left => self.cursor = self.cursor.saturating_sub(1),
            Key::Right => self.cursor = (self.cursor + 1).min(self.line.len()),
            Key::WordLeft => self.cursor = self.word_left(),
            Key::WordRight => self.cursor = self.word_right(),
            Key::Home => self.cursor = 0,
            Key::End => self.cursor = self.line.len(),
            Key::Up => self.recall(self.back + 1),
            Key::Down => self.recall(self.back.saturating_sub(1)),
            Key::Tab | Key::Clear | Key::DeleteOrEnd => {}
        }
    }

    fn clear(&mut self) {
        (self.line, self.cursor, self.back) = (Vec::new(), 0, 0);
    }

    fn enter(&mut self) {
        let text = self.text();
        if !text.trim().is_empty() && self.history.last() != Some(&text) {
            self.history.push(text);
        }
        self.clear();
    }

    fn remove(&mut self, from: usize, to: usize) {
        self.line.drain(from..to);
        self.cursor = from;
    }

    fn word_left(&self) -> usize {
        let mut at = self.cursor;
        while at > 0 && self.line[at - 1].is_whitespace() {
            at -= 1;
        }
        while at > 0 && !self.line[at - 1].is_whitespace() {
            at -= 1;
        }
        at
    }

    fn word_right(&self) -> usize {
        let mut at = self.cursor;
        while at < self.line.len() && self.line[at].is_whitespace() {
            at += 1;
        }
        while at < self.line.len() && !self.line[at].is_whitespace() {
            at += 1;
        }
        at
    }

    fn recall(&mut self, back: usize) {
        if back > self.history.len() || back == self.back {
            return;
        }
        if self.back == 0 {
            self.draft = self.line.clone();
        }
        self.line = match back {
            0 => self.draft.clone(),
            _ => self.history[self.history.len() - back].chars().collect(),
        };
        self.cursor = self.line.len();
        self.back = back;
    }
}
