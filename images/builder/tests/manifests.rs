//! Every manifest of the project is right, and every rule complains with its exact words.

#![expect(clippy::unwrap_used, reason = "a file that is missing fails the test")]

use image_builder::Manifest;
use std::fs;
use std::path::{Path, PathBuf};

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|ext| ext == "toml")).collect();
    files.sort();
    files
}

fn here() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

// covers: BOOT-2
#[test]
fn the_manifests_of_the_project_are_right() {
    let files = files(&here().join(".."));
    assert!(files.len() >= 2, "no manifests found");
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        let stem = path.file_stem().unwrap().to_str().unwrap();
        match Manifest::parse(&text) {
            Ok(manifest) => {
                assert_eq!(manifest.name.value, stem, "a manifest is named as its file")
            }
            Err(error) => panic!("{}", error.render(stem, &text)),
        }
    }
}

/// `bad/RULE.toml` breaks one rule, `bad/RULE.txt` is what the builder says about it.
#[test]
fn every_bad_manifest_is_refused_with_its_message() {
    let files = files(&here().join("tests/bad"));
    assert!(files.len() >= 30, "bad manifests are missing");
    let mut wrong = String::new();
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        let said = match Manifest::parse(&text) {
            Ok(_) => format!("{name} was accepted\n"),
            Err(error) => error.render(name, &text),
        };
        let expected = fs::read_to_string(path.with_extension("txt")).unwrap_or_default();
        if said != expected {
            wrong += &format!("---- {name}: expected\n{expected}---- but said\n{said}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
