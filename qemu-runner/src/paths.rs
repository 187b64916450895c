//! Where things are in the checkout and in the target folder.

use std::env;
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
    let entries = std::fs::read_dir(root().join("images")).into_iter().flatten().flatten();
    let name = |path: PathBuf| {
        let stem = path.file_stem()?.to_str()?.to_owned();
        (path.extension()? == "toml").then_some(stem)
    };
    let mut names: Vec<String> = entries.filter_map(|entry| name(entry.path())).collect();
    names.sort();
    names
}
