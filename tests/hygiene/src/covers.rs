//! Rows of the requirements that tests name with `covers:`.

use crate::Complaint;

/// The marker in front of the rows.
const MARK: &str = concat!("cov", "ers:");

/// The rows that a text says it covers, with the line of each.
#[must_use]
pub fn named(text: &str) -> Vec<(usize, String)> {
    let mut rows = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let Some((before, after)) = line.split_once(MARK) else { continue };
        if ["//", "///", "//!"].contains(&before.trim()) {
            let ids = after.split([',', ' ']).map(|id| id.trim_matches(['.', ';', '(', ')']));
            rows.extend(ids.filter(|id| is_id(id)).map(|id| (index + 1, id.to_owned())));
        }
    }
    rows
}

/// Whether a word looks like the id of a row: `ABC-1`.
fn is_id(word: &str) -> bool {
    let shape = word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-');
    shape && word.starts_with(|c: char| c.is_ascii_uppercase())
}

/// Complaints about rows that do not exist.
#[must_use]
pub fn unknown(path: &str, text: &str, rows: &str) -> Vec<Complaint> {
    let missing = |(_, id): &(usize, String)| !rows.lines().any(|row| row == id);
    let complaint = |(line, id)| Complaint::new(path, line, format!("no such requirement: {id}"));
    named(text).into_iter().filter(missing).map(complaint).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_row_is_found() {
        let text = format!("//! x\n// {MARK} KRN-1, KRN-99\n");
        let found = unknown("a.rs", &text, "KRN-1\nKRN-2\n");
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].line, found[0].text.as_str()), (2, "no such requirement: KRN-99"));
    }

    #[test]
    fn only_comments_name_rows() {
        assert!(named(&format!("let a = \"{MARK} KRN-1\";")).is_empty());
        assert_eq!(named(&format!("    // {MARK} KRN-1")).len(), 1);
        assert!(named(&format!("/// what it {MARK} 4 KiB")).is_empty());
    }
}
