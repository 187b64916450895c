//! A complaint about a manifest, with the place in the file and what to do about it.

use std::ops::Range;

/// What is wrong in a manifest, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    message: String,
    span: Range<usize>,
    help: Option<String>,
}

impl Diagnostic {
    /// `message` about the bytes `span` of the file.
    #[must_use]
    pub fn new(span: &Range<usize>, message: impl Into<String>) -> Self {
        Self { message: message.into(), span: span.clone(), help: None }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// The complaint as people read it: file, line and column, the line itself with the place underlined, advice.
    #[must_use]
    pub fn render(&self, path: &str, text: &str) -> String {
        let start = floor(text, self.span.start);
        let line_start = text[..start].rfind('\n').map_or(0, |index| index + 1);
        let line = text[line_start..].lines().next().unwrap_or("");
        let number = text[..line_start].matches('\n').count() + 1;
        let before = text[line_start..start].chars().count();
        let room = line.chars().count().saturating_sub(before);
        let marked = text.get(start..floor(text, self.span.end)).unwrap_or("").chars().count();
        let carets = "^".repeat(marked.clamp(1, room.max(1)));
        let gutter = " ".repeat(number.to_string().len());
        let mut out = format!("{path}:{number}:{}: {}\n", before + 1, self.message);
        out +=
            &format!("{gutter} |\n{number} | {line}\n{gutter} | {}{carets}\n", " ".repeat(before));
        if let Some(help) = &self.help {
            out += &format!("{gutter} = {help}\n");
        }
        out
    }
}

/// The nearest place at or before `index` where the text may be cut.
fn floor(text: &str, index: usize) -> usize {
    (0..=index.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

/// The candidate that `word` was probably meant to be.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let best =
        candidates.into_iter().map(|candidate| (distance(word, candidate), candidate)).min()?;
    (best.0 <= word.len().div_ceil(3)).then_some(best.1)
}

/// Letters to insert, delete or replace to get from `left` to `right` (Levenshtein).
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, letter) in left.chars().enumerate() {
        let mut diagonal = index;
        row[0] = index + 1;
        for (column, other) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[right.len()]
}
