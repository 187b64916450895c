//! Random keys, random bytes.

use super::glass::Glass;
use super::model::Model;
use crate::{Decoder, Editor, Event, Key};
use proptest::prelude::*;

const PROMPT: &str = "> ";

/// A key and one of the ways in which terminals send it.
fn keys() -> impl Strategy<Value = Typed> {
    prop_oneof![3 => prop::sample::select(&LETTERS), 1 => prop::sample::select(&EDITS)]
}

type Typed = (Key, &'static [u8]);

static LETTERS: [Typed; 6] = [
    (Key::Char('a'), "a".as_bytes()),
    (Key::Char('b'), b"b"),
    (Key::Char(' '), b" "),
    (Key::Char('\u{e4}'), "\u{e4}".as_bytes()),
    (Key::Char('\u{6f22}'), "\u{6f22}".as_bytes()),
    (Key::Char('\u{1f680}'), "\u{1f680}".as_bytes()),
];

static EDITS: [Typed; 19] = [
    (Key::Backspace, b"\x7f".as_slice()),
    (Key::Delete, b"\x1b[3~"),
    (Key::Left, b"\x1b[D"),
    (Key::Left, b"\x02"),
    (Key::Right, b"\x1bOC"),
    (Key::WordLeft, b"\x1b[1;5D"),
    (Key::WordRight, b"\x1bf"),
    (Key::Home, b"\x1b[1~"),
    (Key::Home, b"\x01"),
    (Key::End, b"\x1b[F"),
    (Key::Up, b"\x1b[A"),
    (Key::Down, b"\x1bOB"),
    (Key::Enter, b"\r"),
    (Key::Enter, b"\n"),
    (Key::Enter, b"\r\n"),
    (Key::KillToEnd, b"\x0b"),
    (Key::KillToStart, b"\x15"),
    (Key::KillWord, b"\x17"),
    (Key::Interrupt, b"\x03"),
];

/// What arrives besides keys and must do nothing.
fn rubbish() -> impl Strategy<Value = &'static [u8]> {
    prop::sample::select(&RUBBISH)
}

static RUBBISH: [&[u8]; 18] = [
    b"".as_slice(),
    b"",
    b"",
    b"\x1b[200~",
    b"\x1b[201~",
    b"\x1b[?25h",
    b"\x1b[99999999999999999999;1R",
    b"\x1b]0;title\x07",
    b"\x1bP+q544e\x1b\\",
    b"\x1b[>0;95;0c",
    b"\x1b(",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"\xc3\xc3",
    b"\x00\x1c",
    b"\xc2\x85",
    b"\x1b[12~",
    b"\x1bOz",
];

fn type_bytes(editor: &mut Editor, glass: &mut Glass, top: &mut usize, bytes: &[u8]) {
    for &byte in bytes {
        let mut shown = Vec::new();
        let event = editor.feed(byte, &|_, _| {}, &mut |bytes| shown.extend_from_slice(bytes));
        glass.show(&String::from_utf8(shown).expect("whole characters"));
        if matches!(event, Event::Line | Event::Cancelled) {
            begin(editor, glass, top);
        }
    }
}

fn begin(editor: &mut Editor, glass: &mut Glass, top: &mut usize) {
    assert_eq!(glass.column, 0);
    *top = glass.row;
    let mut shown = String::new();
    editor.begin(&mut |bytes| shown.push_str(str::from_utf8(bytes).expect("text")));
    glass.show(&shown);
}

/// Prompt and text as they should stand on the screen, and the place behind `before`.
fn layout(columns: usize, before: &str, text: &str) -> (String, usize, usize) {
    let mut expected = Glass::new(columns);
    expected.show(PROMPT);
    expected.show(text);
    let (row, column) = place(columns, before);
    (expected.text_from(0), row, column)
}

/// Row and column after prompt and `before`, with rows left as soon as they are full.
fn place(columns: usize, before: &str) -> (usize, usize) {
    use unicode_width::UnicodeWidthChar;
    let (mut row, mut column) = (0, 0);
    for character in PROMPT.chars().chain(before.chars()) {
        let width = character.width().expect("no control");
        if column + width > columns {
            (row, column) = (row + 1, 0);
        }
        column += width;
        if column == columns {
            (row, column) = (row + 1, 0);
        }
    }
    (row, column)
}

proptest! {
    #[test]
    fn line_cursor_and_screen_follow_the_keys(
        columns in 8_u16..30,
        typed in prop::collection::vec((keys(), rubbish()), 0..120),
    ) {
        let mut editor = Editor::new(PROMPT);
        let mut model = Model::default();
        let mut glass = Glass::new(usize::from(columns));
        let mut top = 0;
        editor.set_columns(columns);
        begin(&mut editor, &mut glass, &mut top);
        for ((key, bytes), rubbish) in typed {
            type_bytes(&mut editor, &mut glass, &mut top, rubbish);
            type_bytes(&mut editor, &mut glass, &mut top, bytes);
            model.key(key);
            prop_assert_eq!(editor.line(), model.text());
            prop_assert_eq!(editor.before_cursor(), model.before());
            let (shown, row, column) = layout(usize::from(columns), &model.before(), &model.text());
            prop_assert_eq!(glass.text_from(top), shown);
            prop_assert_eq!((glass.row - top, glass.column), (row, column));
        }
    }

    #[test]
    fn any_bytes_leave_an_editor_that_works(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let mut editor = Editor::new(PROMPT);
        editor.begin(&mut |_| {});
        let complete = |_: &str, found: &mut dyn FnMut(&str)| { found("alpha"); found("al\u{e4}"); };
        for byte in bytes {
            let _ = editor.feed(byte, &complete, &mut |_| {});
            prop_assert!(editor.line().len() <= crate::LINE);
            prop_assert!(editor.line().starts_with(editor.before_cursor()));
        }
        // Ctrl-C gets out of anything, even of half a sequence or half a character.
        let _ = editor.feed(3, &complete, &mut |_| {});
        editor.begin(&mut |_| {});
        for byte in *b"ok" {
            let _ = editor.feed(byte, &complete, &mut |_| {});
        }
        prop_assert_eq!(editor.line(), "ok");
    }

    #[test]
    fn the_decoder_finds_the_text_between_sequences(text in "[a-z\u{e4}\u{6f22}]{0,20}", rubbish in rubbish()) {
        let mut decoder = Decoder::new();
        let mut found = String::new();
        for character in text.chars() {
            let mut bytes = Vec::from(rubbish);
            bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            for key in bytes.into_iter().filter_map(|byte| decoder.feed(byte)) {
                match key {
                    Key::Char(character) => found.push(character),
                    other => prop_assert!(false, "{:?}", other),
                }
            }
        }
        prop_assert_eq!(found, text);
    }
}
