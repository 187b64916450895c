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
    (best.0 <= (word.len() / 3).max(1) && !word.is_empty()).then_some(best.1)
}

/// Letters to insert, delete, replace or swap with a neighbour to get from `left` to `right`.
fn distance(left: &str, right: &str) -> usize {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    let mut rows = vec![vec![0; right.len() + 1]; left.len() + 1];
    for row in 0..=left.len() {
        for column in 0..=right.len() {
            rows[row][column] = step(&rows, &left[..row], &right[..column]);
        }
    }
    rows[left.len()][right.len()]
}

/// The distance of two texts from the distances of their beginnings.
fn step(rows: &[Vec<usize>], left: &[char], right: &[char]) -> usize {
    let (row, column) = (left.len(), right.len());
    let ([.., last], [.., other]) = (left, right) else { return row.max(column) };
    let replaced = rows[row - 1][column - 1] + usize::from(last != other);
    let shorter = rows[row - 1][column].min(rows[row][column - 1]) + 1;
    match (left, right) {
        ([.., a, b], [.., c, d]) if a == d && b == c => {
            replaced.min(shorter).min(rows[row - 2][column - 2] + 1)
        }
        _ => replaced.min(shorter),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_near_is_suggested() {
        let words = ["name", "count", "idle", "processor"];
        assert_eq!(nearest("idel", words), Some("idle"));
        assert_eq!(nearest("cuont", words), Some("count"));
        assert_eq!(nearest("procesor", words), Some("processor"));
        assert_eq!(nearest("base", words), None);
        assert_eq!(nearest("", words), None);
    }

    #[test]
    fn places_beyond_the_text_do_no_harm() {
        for span in [0..0, 3..99, 99..100, 2..3] {
            let shown = Diagnostic::new(&span, "no").render("x", "ä\nb");
            assert!(shown.starts_with("x:") && shown.contains('^'), "{shown}");
        }
    }
}
