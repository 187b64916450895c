//! The kernel's size and the places where `unsafe` may stand.

use crate::{Complaint, scan};

/// Code lines that the kernel may have in the end (SVM, VT and IOMMU included).
pub const HARD: usize = 6_000;
/// Code lines that it may have now. Only ever lowered: at 3,500 there is room for what is to come.
pub const NOW: usize = 5_735;

/// Lines of code of a file, without comments and tests.
#[must_use]
pub fn lines(text: &str) -> usize {
    scan::code_lines(&scan::without_tests(&scan::code(text)))
}

/// Whether the total keeps the budget.
#[must_use]
pub fn kernel(total: usize) -> Vec<Complaint> {
    let budget = NOW.min(HARD);
    let text = format!("the kernel has {total} lines of code, {budget} are allowed");
    if total > budget { vec![Complaint::new("kernel", 0, text)] } else { Vec::new() }
}

/// The lines of `unsafe.txt`: a file, or a folder with a slash at its end, then a reason.
#[must_use]
pub fn allowed(list: &str) -> Vec<(String, String)> {
    let lines = list.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let (place, reason) = line.split_once(' ').unwrap_or((line, ""));
            (place.to_owned(), reason.trim().to_owned())
        })
        .collect()
}

/// Complaints about `unsafe` in a file that the list does not name.
#[must_use]
pub fn unsafe_outside(path: &str, text: &str, list: &str) -> Vec<Complaint> {
    let named = allowed(list).iter().any(|(place, _)| covers(place, path));
    let code = scan::code(text);
    let lines = code.lines().enumerate().filter(|(_, line)| scan::has_word(line, "unsafe"));
    let complaint = |(n, _)| Complaint::new(path, n + 1, "`unsafe` in a file not in unsafe.txt");
    if named { Vec::new() } else { lines.map(complaint).collect() }
}

/// Complaints about the list itself: no reason, or nothing unsafe there any more.
#[must_use]
pub fn stale_entries(list: &str, files_with_unsafe: &[String]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for (place, reason) in allowed(list) {
        if reason.is_empty() {
            complaints.push(Complaint::new(
                "tests/hygiene/unsafe.txt",
                0,
                format!("{place}: no reason"),
            ));
        }
        if !files_with_unsafe.iter().any(|path| covers(&place, path)) {
            let text = format!("{place}: nothing is unsafe there");
            complaints.push(Complaint::new("tests/hygiene/unsafe.txt", 0, text));
        }
    }
    complaints
}

fn covers(place: &str, path: &str) -> bool {
    if place.ends_with('/') { path.starts_with(place) } else { path == place }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_tests_do_not_count() {
        let text = "//! x\n\nfn a() {} // y\n/* z\n*/\n#[cfg(test)]\nmod t {\n fn b() {}\n}\n";
        assert_eq!(lines(text), 1);
    }

    #[test]
    fn a_kernel_one_line_over_is_found() {
        assert!(kernel(NOW).is_empty());
        assert_eq!(kernel(NOW + 1).len(), 1);
        assert_eq!(kernel(HARD + 1).len(), 1);
    }

    #[test]
    fn unsafe_is_found_outside_the_list_only() {
        let text = "//! x\n// unsafe\nfn a() { unsafe { b() } }\n";
        let found = unsafe_outside("kernel/src/a.rs", text, "kernel/src/arch/ asm\n");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].line, 3);
        assert!(unsafe_outside("kernel/src/arch/a.rs", text, "kernel/src/arch/ asm\n").is_empty());
        assert!(unsafe_outside("a.rs", "//! x\n#![deny(unsafe_code)]\n", "").is_empty());
    }

    #[test]
    fn an_entry_without_reason_or_use_is_found() {
        let with_unsafe = ["a/b.rs".to_owned()];
        assert!(stale_entries("a/ why\n", &with_unsafe).is_empty());
        assert_eq!(stale_entries("a/\n", &with_unsafe).len(), 1);
        assert_eq!(stale_entries("c.rs why\n", &with_unsafe).len(), 1);
    }
}
