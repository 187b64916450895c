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

/// A program of the bare machine: a folder with `src/main.rs` in `partitions/` or `tests/`.
#[derive(Clone, Debug)]
pub struct Program {
    /// Name of the folder and of the package.
    pub name: String,
    folder: PathBuf,
}

impl Program {
    /// Whether it can be built for the host as a whole, and so be tested there.
    #[must_use]
    pub fn portable(&self) -> bool {
        let text = fs::read_to_string(self.folder.join("src/main.rs")).unwrap_or_default();
        text.contains("#[cfg(not(target_os = \"none\"))]")
    }

    /// Whether at least a library of it can.
    #[must_use]
    pub fn has_library(&self) -> bool {
        self.folder.join("src/lib.rs").is_file()
    }
}

/// All programs of the bare machine but kernel and loaders, by their names.
#[must_use]
pub fn programs() -> Vec<Program> {
    let folders = ["partitions", "tests"].map(|folder| root().join(folder));
    let entries = folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
    let program = |folder: PathBuf| {
        let name = folder.file_name()?.to_str()?.to_owned();
        folder.join("src/main.rs").is_file().then_some(Program { name, folder })
    };
    let mut programs: Vec<Program> = entries.filter_map(|entry| program(entry.path())).collect();
    programs.sort_by(|left, right| left.name.cmp(&right.name));
    programs
}
