//! The editor: keys change the line, the screen follows.

use crate::complete::{self, Common, Complete};
use crate::history::History;
use crate::keys::{Decoder, Key};
use crate::screen::{Screen, Sink};
use crate::text::Text;

/// What a byte led to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Event {
    /// The line goes on.
    None,
    /// The line is done: see [`Editor::line`], then [`Editor::begin`].
    Line,
    /// The line was given up with Ctrl-C: [`Editor::begin`] again.
    Cancelled,
    /// Ctrl-D on an empty line.
    End,
}

/// A line editor with history and completion.
#[derive(Clone, Debug)]
pub struct Editor {
    prompt: &'static str,
    decoder: Decoder,
    text: Text,
    screen: Screen,
    history: History,
    /// The line that was being typed when the history was entered.
    draft: Text,
    /// Lines back in the history; 0: the draft.
    back: usize,
}

impl Editor {
    /// An editor with an empty line and no history.
    #[must_use]
    pub const fn new(prompt: &'static str) -> Self {
        Self {
            prompt,
            decoder: Decoder::new(),
            text: Text::new(),
            screen: Screen::new(),
            history: History::new(),
            draft: Text::new(),
            back: 0,
        }
    }

    /// The terminal has so many columns; 0: unknown.
    pub fn set_columns(&mut self, columns: u16) {
        self.screen.set_columns(columns);
    }

    /// A new line: shows the prompt. The terminal's cursor is at the start of a row.
    pub fn begin(&mut self, sink: &mut Sink<'_>) {
        self.text.replace("");
        self.back = 0;
        self.screen.begin();
        self.screen.show(self.prompt, sink);
    }

    /// Prompt and line once more, below what was shown in between.
    pub fn show_again(&mut self, sink: &mut Sink<'_>) {
        self.screen.draw(self.prompt, self.text.before(), self.text.after(), sink);
    }

    /// The line as it is.
    #[must_use]
    pub fn line(&self) -> &str {
        self.text.all()
    }

    /// What of the line stands before the cursor.
    #[must_use]
    pub fn before_cursor(&self) -> &str {
        self.text.before()
    }

    /// A byte was typed. What is to be shown goes to `sink`.
    pub fn feed(&mut self, byte: u8, complete: &Complete<'_>, sink: &mut Sink<'_>) -> Event {
        match self.decoder.feed(byte) {
            Some(key) => self.key(key, complete, sink),
            None => Event::None,
        }
    }

    fn key(&mut self, key: Key, complete: &Complete<'_>, sink: &mut Sink<'_>) -> Event {
        match key {
            Key::Enter => return self.enter(sink),
            Key::Interrupt => return self.cancel(sink),
            Key::DeleteOrEnd if self.text.all().is_empty() => return Event::End,
            Key::Char(character) => self.insert(character.encode_utf8(&mut [0; 4]), sink),
            Key::Backspace => self.backspace(sink),
            Key::Tab => self.complete(complete, sink),
            Key::Up => self.recall(self.back.saturating_add(1), sink),
            Key::Down => self.recall(self.back.saturating_sub(1), sink),
            Key::Clear => {
                self.screen.clear(sink);
                self.redraw(sink);
            }
            Key::Delete | Key::DeleteOrEnd => self.remove_to(self.text.right(), sink),
            Key::KillToEnd => self.remove_to(self.text.end(), sink),
            Key::KillToStart => self.remove_to(0, sink),
            Key::KillWord => self.remove_to(self.text.word_left(), sink),
            Key::Left => self.go(self.text.left(), sink),
            Key::Right => self.go(self.text.right(), sink),
            Key::WordLeft => self.go(self.text.word_left(), sink),
            Key::WordRight => self.go(self.text.word_right(), sink),
            Key::Home => self.go(0, sink),
            Key::End => self.go(self.text.end(), sink),
        }
        Event::None
    }

    fn enter(&mut self, sink: &mut Sink<'_>) -> Event {
        self.go(self.text.end(), sink);
        self.screen.leave(sink);
        self.history.push(self.text.all());
        Event::Line
    }

    fn cancel(&mut self, sink: &mut Sink<'_>) -> Event {
        self.go(self.text.end(), sink);
        sink(b"^C");
        self.screen.leave(sink);
        Event::Cancelled
    }

    fn insert(&mut self, text: &str, sink: &mut Sink<'_>) {
        if !self.text.insert(text) {
            sink(b"\x07");
        } else if self.text.after().is_empty() {
            self.screen.show(text, sink);
        } else {
            self.redraw(sink);
        }
    }

    fn backspace(&mut self, sink: &mut Sink<'_>) {
        let last = self.text.before().chars().next_back();
        self.text.remove_to(self.text.left());
        let at_end = self.text.after().is_empty();
        if last.is_some_and(|last| !at_end || !self.screen.wipe_last(last, sink)) {
            self.redraw(sink);
        }
    }

    fn remove_to(&mut self, place: usize, sink: &mut Sink<'_>) {
        let length = self.text.end();
        self.text.remove_to(place);
        if self.text.end() != length {
            self.redraw(sink);
        }
    }

    fn go(&mut self, place: usize, sink: &mut Sink<'_>) {
        self.text.go(place);
        self.screen.move_behind(self.prompt, self.text.before(), sink);
    }

    /// Shows the line `back` lines ago; the one being typed is kept as number 0.
    fn recall(&mut self, back: usize, sink: &mut Sink<'_>) {
        let line = match back.checked_sub(1) {
            None => Some(self.draft.all()),
            Some(back) => self.history.line(back),
        };
        let Some(line) = line.filter(|_| back != self.back) else { return sink(b"\x07") };
        if self.back == 0 {
            let typed = core::mem::replace(&mut self.text, Text::new());
            self.text.replace(line);
            self.draft = typed;
        } else {
            self.text.replace(line);
        }
        self.back = back;
        self.redraw(sink);
    }

    fn complete(&mut self, complete: &Complete<'_>, sink: &mut Sink<'_>) {
        let common = Common::of(self.text.before(), complete);
        let rest = common.rest(complete::last_word(self.text.before()));
        match (common.count(), rest.is_empty()) {
            (0, _) => sink(b"\x07"),
            (1, _) => {
                self.insert(rest, sink);
                self.insert(" ", sink);
            }
            (_, false) => self.insert(rest, sink),
            (_, true) => self.list(complete, sink),
        }
    }

    /// Shows all candidates, then the line again below them.
    fn list(&mut self, complete: &Complete<'_>, sink: &mut Sink<'_>) {
        self.screen.move_behind(self.prompt, self.text.all(), sink);
        self.screen.leave(sink);
        let mut column = 0_usize;
        complete::each(self.text.before(), complete, &mut |candidate| {
            let end = column.saturating_add(candidate.len()).saturating_add(2);
            if column > 0 && end > self.screen.columns() {
                sink(b"\r\n");
                column = 0;
            }
            sink(candidate.as_bytes());
            sink(b"  ");
            column = column.saturating_add(candidate.len()).saturating_add(2);
        });
        sink(b"\r\n");
        self.show_again(sink);
    }

    fn redraw(&mut self, sink: &mut Sink<'_>) {
        self.screen.redraw(self.prompt, self.text.before(), self.text.after(), sink);
    }
}
