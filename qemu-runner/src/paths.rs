//! Where things are in the checkout and in the target folder.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// Folder of the checkout.
#[must_use]
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Folder of everything that is built.
#[must_use]
pub fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Folder of the images.
#[must_use]
pub fn images() -> PathBuf {
    target().join("images")
}

/// The manifest of an image.
#[must_use]
pub fn manifest(name: &str) -> PathBuf {
    root().join("images").join(format!("{name}.toml"))
}

/// Names of all images that have a manifest, sorted.
#[must_use]
pub fn manifests() -> Vec<String> {
    let entries = fs::read_dir(root().join("images")).into_iter().flatten().flatten();
    let name = |path: PathBuf| {
        let stem = path.file_stem()?.to_str()?.to_owned();
        (path.extension()? == "toml").then_some(stem)
    };
    let mut names: Vec<String> = entries.filter_map(|entry| name(entry.path())).collect();
    names.sort();
    names
}

/// Names of the programs of partitions, those that test included, whose folder has the source file `file`
/// (`main.rs`: all of them; `lib.rs`: those with parts that the host can test); sorted.
#[must_use]
pub fn programs(file: &str) -> Vec<String> {
    let folders = ["partitions", "tests"].map(|folder| root().join(folder));
    let entries = folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
    let source =
        |path: PathBuf| path.join("src/main.rs").is_file() && path.join("src").join(file).is_file();
    let programs = entries.filter(|entry| source(entry.path()));
    let mut names: Vec<String> =
        programs.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}
