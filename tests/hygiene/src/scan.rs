//! Reads Rust text just well enough to tell code from comments and strings.

/// What the scanner is inside of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Code,
    Line,
    Block(u32),
    Text,
    Raw(usize),
}

/// The text with comments and the contents of strings blanked out; lines and columns stay where they are.
#[must_use]
pub fn code(text: &str) -> String {
    let bytes: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let (mut at, mut inside) = (0, Inside::Code);
    while let Some(&now) = bytes.get(at) {
        let (next, taken, keep) = step(&bytes, at, inside);
        for offset in 0..taken {
            let shown = bytes.get(at + offset).copied().unwrap_or(now);
            out.push(if keep || shown == '\n' { shown } else { ' ' });
        }
        at += taken;
        inside = next;
    }
    out
}

/// What follows at `at`: the state after it, how many characters it is, and whether they are code.
fn step(text: &[char], at: usize, inside: Inside) -> (Inside, usize, bool) {
    let here = |pattern: &str| starts(text, at, pattern);
    match inside {
        Inside::Code if here("//") => (Inside::Line, 2, false),
        Inside::Code if here("/*") => (Inside::Block(1), 2, false),
        Inside::Code if here("\"") => (Inside::Text, 1, true),
        Inside::Code => match raw_string(text, at) {
            Some((taken, hashes)) => (Inside::Raw(hashes), taken, true),
            None => (Inside::Code, character(text, at), true),
        },
        Inside::Line if here("\n") => (Inside::Code, 1, true),
        Inside::Block(1) if here("*/") => (Inside::Code, 2, false),
        Inside::Block(depth) if here("*/") => (Inside::Block(depth - 1), 2, false),
        Inside::Block(depth) if here("/*") => (Inside::Block(depth + 1), 2, false),
        Inside::Text if here("\\") => (Inside::Text, 2.min(text.len() - at), false),
        Inside::Text if here("\"") => (Inside::Code, 1, true),
        Inside::Raw(hashes) if closes(text, at, hashes) => (Inside::Code, hashes + 1, true),
        other => (other, 1, false),
    }
}

fn starts(text: &[char], at: usize, pattern: &str) -> bool {
    pattern.chars().enumerate().all(|(offset, wanted)| text.get(at + offset) == Some(&wanted))
}

/// Length of the opening of a raw string at `at` and its number of hashes.
fn raw_string(text: &[char], at: usize) -> Option<(usize, usize)> {
    let word_before = at > 0 && text.get(at - 1).is_some_and(|&c| c.is_alphanumeric() || c == '_');
    if word_before || text.get(at) != Some(&'r') {
        return None;
    }
    let hashes = text.get(at + 1..)?.iter().take_while(|&&c| c == '#').count();
    (text.get(at + 1 + hashes) == Some(&'"')).then_some((hashes + 2, hashes))
}

fn closes(text: &[char], at: usize, hashes: usize) -> bool {
    text.get(at) == Some(&'"') && (1..=hashes).all(|offset| text.get(at + offset) == Some(&'#'))
}

/// Length of a character literal at `at`, or 1: a quote inside one must not open a string.
fn character(text: &[char], at: usize) -> usize {
    if text.get(at) != Some(&'\'') {
        return 1;
    }
    if text.get(at + 1) == Some(&'\\') {
        let rest = text.get(at + 3..).unwrap_or_default();
        return rest.iter().take(10).position(|&c| c == '\'').map_or(1, |end| end + 4);
    }
    if text.get(at + 2) == Some(&'\'') { 3 } else { 1 }
}

/// The code without the items that only tests see: those under `#[cfg(test)]`, `#[cfg(loom)]` and the like.
#[must_use]
pub fn without_tests(code: &str) -> String {
    let mut out = code.to_owned();
    while let Some((start, end)) = test_item(&out) {
        let blank: String =
            out[start..end].chars().map(|c| if c == '\n' { c } else { ' ' }).collect();
        out.replace_range(start..end, &blank);
    }
    out
}

fn test_item(code: &str) -> Option<(usize, usize)> {
    let mut from = 0;
    while let Some(found) = code[from..].find("#[cfg(") {
        let start = from + found;
        let condition = &code[start..start + code[start..].find(']').unwrap_or(0)];
        let only_tests = condition.contains("test") || condition.contains("loom");
        if only_tests && !condition.contains("not(") {
            return Some((start, end_of_item(code, start)));
        }
        from = start + 6;
    }
    None
}

/// Where the item that starts at `start` ends: behind its closing brace or its semicolon.
#[must_use]
pub fn end_of_item(code: &str, start: usize) -> usize {
    let mut depth = 0_u32;
    for (offset, character) in code[start..].char_indices() {
        match character {
            '{' | '(' | '[' => depth += 1,
            '}' | ')' | ']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 && character == '}' {
                    return start + offset + 1;
                }
            }
            ';' if depth == 0 => return start + offset + 1,
            _ => {}
        }
    }
    code.len()
}

/// Number of lines that hold code.
#[must_use]
pub fn code_lines(code: &str) -> usize {
    code.lines().filter(|line| !line.trim().is_empty()).count()
}

/// The line, from 1, of a byte of the text.
#[must_use]
pub fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// Whether the identifier `word` stands in the line of code.
#[must_use]
pub fn has_word(line: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word)
        .any(|(at, _)| !line[..at].ends_with(part) && !line[at + word.len()..].starts_with(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_strings_are_no_code() {
        let text = "let a = \"x // y\"; // unsafe\n/* /* { */ } */ let b = 'c';\n";
        let got = code(text);
        assert!(!got.contains("unsafe") && !got.contains('y') && !got.contains('}'));
        assert!(got.contains("let b = 'c';"));
        assert_eq!(got.lines().count(), text.lines().count());
    }

    #[test]
    fn quotes_in_characters_and_raw_strings_do_not_open_strings() {
        assert!(code("let q = '\"'; unsafe").contains("unsafe"));
        assert!(code("let q = '\\''; unsafe").contains("unsafe"));
        let raw = code("let r = r#\"a \" unsafe \"#; end");
        assert!(!raw.contains("unsafe") && raw.contains("end"));
        assert!(code("fn f<'a>(x: &'a str) { unsafe }").contains("unsafe"));
    }

    #[test]
    fn items_of_tests_are_taken_out() {
        let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n fn b() {}\n}\nfn c() {}\n";
        assert_eq!(code_lines(&without_tests(text)), 2);
        assert_eq!(code_lines(&without_tests("#[cfg(not(test))]\nfn a() {}\n")), 2);
        assert_eq!(code_lines(&without_tests("#[cfg(test)]\nmod t;\nfn a() {}\n")), 1);
    }

    #[test]
    fn words_are_whole() {
        assert!(has_word("unsafe {", "unsafe"));
        assert!(!has_word("expect(unsafe_code)", "unsafe"));
    }
}
