//! Words and forms that must not stand in the tree, and heads that must.

use crate::{Complaint, scan};

/// Most lines of a file of source.
pub const LONGEST_FILE: usize = 400;

// Written in two halves, so that this file does not break its own rule.
const IN_CODE: [(&str, &str); 7] = [
    (concat!("dbg", "!"), "is for the moment of debugging"),
    (concat!("todo", "!"), "is unfinished work"),
    (concat!("unimplemented", "!"), "is unfinished work"),
    (concat!("static ", "mut"), "is unsynchronised shared state"),
    (concat!("#![", "feature"), "needs an unstable compiler"),
    (concat!("#[", "allow("), "hides a lint for ever: use expect with a reason"),
    (concat!("#![", "allow("), "hides a lint for ever: use expect with a reason"),
];

const ANYWHERE: [(&str, &str); 3] = [
    (concat!("TO", "DO"), "belongs into an issue"),
    (concat!("FIX", "ME"), "belongs into an issue"),
    (concat!("XX", "X"), "belongs into an issue"),
];

const PLACES: [(&str, &str); 9] = [
    (concat!("/wo", "rk/"), "is a path of one machine"),
    (concat!("/ho", "me/"), "is a path of one machine"),
    (concat!("/ro", "ot/"), "is a path of one machine"),
    (concat!("/tmp/", "target"), "is a path of one machine"),
    (concat!("deb.", "debian.org"), "names the host of a registry"),
    (concat!("archive.", "ubuntu.com"), "names the host of a registry"),
    (concat!("index.", "crates.io"), "names the host of a registry"),
    (concat!("static.", "crates.io"), "names the host of a registry"),
    (concat!("proxy.", "golang.org"), "names the host of a registry"),
];

/// The one source of packages that the lock file may name.
const REGISTRY: &str = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";

/// Forms that no source file may hold.
#[must_use]
pub fn forbidden_in_rust(path: &str, text: &str) -> Vec<Complaint> {
    let code = scan::code(text);
    let mut complaints = find(path, &code, &IN_CODE);
    complaints.extend(find(path, text, &ANYWHERE));
    complaints
}

/// Paths and hosts that no text file may name.
#[must_use]
pub fn places(path: &str, text: &str) -> Vec<Complaint> {
    find(path, text, &PLACES)
}

fn find(path: &str, text: &str, words: &[(&str, &str)]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for (word, why) in words {
            let borrowed = format!("'{word}");
            if line.replace(&borrowed, "").contains(word) {
                complaints.push(Complaint::new(path, index + 1, format!("`{word}` {why}")));
            }
        }
    }
    complaints
}

/// A source file opens with `//!` and is not too long.
#[must_use]
pub fn head_and_length(path: &str, text: &str) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    if !text.starts_with("//! ") {
        complaints.push(Complaint::new(path, 1, "does not open with `//!` and what it is for"));
    }
    let lines = text.lines().count();
    if lines > LONGEST_FILE {
        let text = format!("has {lines} lines, {LONGEST_FILE} are allowed");
        complaints.push(Complaint::new(path, 0, text));
    }
    complaints
}

/// The lock file takes packages from the public index only.
#[must_use]
pub fn lock_file(path: &str, text: &str) -> Vec<Complaint> {
    let foreign = |(_, line): &(usize, &str)| line.starts_with("source = ") && *line != REGISTRY;
    let lines = text.lines().enumerate().filter(foreign);
    lines.map(|(n, line)| Complaint::new(path, n + 1, format!("another source: {line}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_forbidden_word_is_found() {
        for (word, _) in IN_CODE.iter().chain(&ANYWHERE) {
            let text = format!("//! x\nfn a() {{ {word} }}\n");
            assert_eq!(forbidden_in_rust("a.rs", &text).len(), 1, "{word}");
        }
        for (word, _) in IN_CODE {
            assert!(forbidden_in_rust("a.rs", &format!("// {word}\n")).is_empty(), "{word}");
        }
    }

    #[test]
    fn a_borrow_for_ever_is_no_static() {
        let word = concat!("static ", "mut");
        assert!(forbidden_in_rust("a.rs", &format!("//! x\nfn a() -> &'{word} u8;\n")).is_empty());
    }

    #[test]
    fn every_place_is_found() {
        for (place, _) in PLACES {
            let found = places("README.md", &format!("first\nsee {place}x\n"));
            assert_eq!(found.len(), 1, "{place}");
            assert_eq!(found[0].line, 2);
        }
    }

    #[test]
    fn a_missing_head_and_a_long_file_are_found() {
        assert_eq!(head_and_length("a.rs", "fn a() {}\n").len(), 1);
        let long = format!("//! x\n{}", "\n".repeat(LONGEST_FILE));
        assert_eq!(head_and_length("a.rs", &long).len(), 1);
        assert!(head_and_length("a.rs", "//! x\n").is_empty());
    }

    #[test]
    fn another_registry_is_found() {
        assert!(lock_file("Cargo.lock", REGISTRY).is_empty());
        assert_eq!(lock_file("Cargo.lock", "source = \"registry+https://mirror/x\"").len(), 1);
    }
}
