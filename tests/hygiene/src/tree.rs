//! The files of the tree.

use std::path::{Path, PathBuf};

/// Folders that hold nothing anybody wrote.
const SKIPPED: [&str; 4] = ["target", ".git", "proptest-regressions", "node_modules"];

/// The root of the tree, seen from this crate.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .map(Path::to_path_buf)
        .unwrap_or_default()
}

/// Every file of text below the root with its path relative to it, sorted by path.
///
/// # Errors
/// Those of reading folders.
pub fn files() -> std::io::Result<Vec<(String, String)>> {
    let root = root();
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() && !path.is_symlink() {
                if !SKIPPED.contains(&name.as_str()) {
                    folders.push(path);
                }
            } else if let Ok(text) = std::fs::read_to_string(&path) {
                let relative = path.strip_prefix(&root).unwrap_or(&path);
                found.push((relative.to_string_lossy().into_owned(), text));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Whether the path names Rust source.
#[must_use]
pub fn is_rust(path: &str) -> bool {
    path.ends_with(".rs")
}

/// Whether the path is that of tests, by its folder or name.
#[must_use]
pub fn is_test(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let folder =
        path.starts_with("tests/") || path.contains("/tests/") || path.contains("/benches/");
    folder || name == "tests.rs" || name == "loom.rs" || name.ends_with("_tests.rs")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_found_and_targets_are_not() {
        let files = files().expect("the tree can be read");
        assert!(files.iter().any(|(path, _)| path == "abi/SPEC.md"));
        assert!(files.iter().any(|(path, _)| path == "tests/hygiene/src/tree.rs"));
        assert!(!files.iter().any(|(path, _)| path.starts_with("target/")));
    }

    #[test]
    fn tests_are_told_from_code() {
        assert!(is_test("kernel/core/tests/random.rs") && is_test("kernel/core/src/plan/tests.rs"));
        assert!(!is_test("kernel/core/src/plan.rs"));
    }
}
