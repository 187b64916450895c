//! What a person sees and gets, case by case.

use crate::{Editor, Event, LINE};

struct Person {
    editor: Editor,
    shown: Vec<u8>,
    lines: Vec<String>,
}

impl Person {
    fn new() -> Self {
        let mut editor = Editor::new("> ");
        editor.begin(&mut |_| {});
        Self { editor, shown: Vec::new(), lines: Vec::new() }
    }

    /// Types, with partition names to complete.
    fn types(&mut self, bytes: &[u8]) -> &mut Self {
        let complete = |before: &str, found: &mut dyn FnMut(&str)| {
            let word = before.rsplit(' ').next().unwrap_or("");
            let names = ["example-echo", "example-stream", "idle"];
            names.into_iter().filter(|name| name.starts_with(word)).for_each(found);
        };
        for &byte in bytes {
            let shown = &mut self.shown;
            match self.editor.feed(byte, &complete, &mut |bytes| shown.extend_from_slice(bytes)) {
                Event::Line => self.lines.push(self.editor.line().to_string()),
                Event::None => continue,
                Event::Cancelled => self.lines.push("cancelled".to_string()),
                Event::End => self.lines.push("end".to_string()),
            }
            self.editor.begin(&mut |_| {});
        }
        self
    }

    fn seen(&mut self) -> String {
        String::from_utf8(core::mem::take(&mut self.shown)).expect("text")
    }
}

#[test]
fn every_line_end_is_one_enter() {
    let mut person = Person::new();
    person.types(b"a\rb\nc\r\nd\r\r\n");
    assert_eq!(person.lines, ["a", "b", "c", "d", ""]);
}

#[test]
fn plain_typing_is_echoed_and_nothing_else() {
    let mut person = Person::new();
    assert_eq!(person.types(b"ps\x7fs\r").seen(), "ps\x08 \x08s\r\n");
}

#[test]
fn control_d_ends_input_only_on_an_empty_line() {
    let mut person = Person::new();
    person.types(b"ab\x01\x04\r\x04");
    assert_eq!(person.lines, ["b", "end"]);
}

#[test]
fn control_c_gives_the_line_up() {
    let mut person = Person::new();
    assert_eq!(person.types(b"kill web\x03").seen(), "kill web^C\r\n");
    assert_eq!(person.lines, ["cancelled"]);
    person.types(b"\x1b[A\r");
    assert_eq!(person.lines, ["cancelled", ""]);
}

#[test]
fn tab_completes_a_single_candidate_with_a_blank() {
    let mut person = Person::new();
    person.types(b"kill id\t\r");
    assert_eq!(person.lines, ["kill idle "]);
}

#[test]
fn tab_completes_what_candidates_share_then_lists_them() {
    let mut person = Person::new();
    assert_eq!(person.types(b"log e\t").seen(), "log example-");
    let list = "\r\nexample-echo  example-stream  \r\n> log example-";
    assert_eq!(person.types(b"\t").seen(), list);
    person.types(b"s\t\r");
    assert_eq!(person.lines, ["log example-stream "]);
}

#[test]
fn tab_with_no_candidate_rings() {
    let mut person = Person::new();
    assert_eq!(person.types(b"log x\t").seen(), "log x\x07");
}

#[test]
fn history_skips_blanks_and_repetitions_and_keeps_the_draft() {
    let mut person = Person::new();
    person.types(b"one\rtwo\rtwo\r  \rdraft\x1b[A\x1b[A\x1b[A\x1b[B\x1b[B!\r");
    assert_eq!(person.lines.last().map(String::as_str), Some("draft!"));
    person.types(b"\x1b[A\x1b[A\x1b[A\r");
    assert_eq!(person.lines.last().map(String::as_str), Some("one"));
}

#[test]
fn a_full_line_takes_no_more_and_rings() {
    let mut person = Person::new();
    person.types("x".repeat(LINE).as_bytes()).seen();
    assert_eq!(person.types(b"y").seen(), "\x07");
    person.types(b"\r");
    assert_eq!(person.lines[0].len(), LINE);
    person.types(b"\x1b[A\r");
    assert_eq!(person.lines[1].len(), LINE);
}

#[test]
fn history_forgets_the_oldest_first() {
    let mut person = Person::new();
    for number in 0..300 {
        person.types(std::format!("line {number}\r").as_bytes());
    }
    let back = b"\x1b[A".repeat(250);
    person.types(&back).types(b"\r");
    let oldest: usize = person.lines[300][5..].parse().expect("a number");
    assert!((50..200).contains(&oldest), "{oldest}");
}

#[test]
fn control_l_clears_the_screen_and_shows_the_line_again() {
    let mut person = Person::new();
    person.types(b"ps").seen();
    assert_eq!(person.types(b"\x0c").seen(), "\x1b[H\x1b[2J\r\x1b[J> ps");
}

#[test]
fn marks_go_with_the_letter_they_stand_on() {
    let mut person = Person::new();
    person.types("ae\u{301}b".as_bytes()).types(b"\x1b[D\x7f\r");
    assert_eq!(person.lines, ["ab"]);
    person.types("xe\u{301}y\x01".as_bytes()).types(b"\x1b[C\x1b[3~\r");
    assert_eq!(person.lines[1], "xy");
}

#[test]
fn an_unfinished_string_for_the_terminal_ends_with_the_line() {
    let mut person = Person::new();
    person.types(b"\x1b]0;never ended\rps\r");
    assert_eq!(person.lines.last().map(String::as_str), Some("ps"));
}
