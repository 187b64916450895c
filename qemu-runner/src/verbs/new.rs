//! `new`: a partition of one's own, from the template, in an image of its own.

use crate::paths;
use anyhow::{Context as _, Result, bail};
use std::fs;
use std::path::Path;

/// Stands for the partition's name in the template.
const PLACEHOLDER: &str = "template-name";
/// The image that the new one starts from.
const BASE: &str = "minimal";

/// Makes `partitions/NAME` and `images/NAME.toml`.
///
/// # Errors
/// The name is none or taken, or the files cannot be written.
pub fn run(name: &str) -> Result<()> {
    check(name)?;
    let root = paths::root();
    copy(&root.join("partitions/rt/template"), &root.join("partitions").join(name), name)?;
    add_member(&root.join("Cargo.toml"), name)?;
    let base = fs::read_to_string(paths::manifest(BASE))?;
    fs::write(paths::manifest(name), manifest(&base, name))?;
    for (what, why) in [
        (format!("partitions/{name}"), "your partition: start with README.md and src/partition.rs"),
        (format!("images/{name}.toml"), "an image with it"),
        (format!("cargo test -p {name}"), "tests it on the host"),
        (
            format!("./bulkhead run {name}"),
            "builds the image and starts it; at the console: ps, help",
        ),
        (format!("./bulkhead debug {name}"), "stops in it with gdb"),
        ("abi/TUTORIAL.md".to_owned(), "takes you through all of that"),
    ] {
        println!("{what:38} {why}");
    }
    Ok(())
}

fn check(name: &str) -> Result<()> {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let first = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
    if !first || name.len() > abi::image::NAME_LENGTH || !name.bytes().all(letter) {
        bail!(
            "'{name}' is no name: 1 to {} of a-z, 0-9 and '-', a letter first",
            abi::image::NAME_LENGTH
        );
    }
    let root = paths::root();
    let taken =
        [root.join("partitions").join(name), root.join("tests").join(name), paths::manifest(name)];
    match taken.iter().find(|path| path.exists()) {
        Some(path) => bail!("{} exists already; choose another name", path.display()),
        None if name == "kernel" || name == "loader" => {
            bail!("'{name}' is taken; choose another name")
        }
        None => Ok(()),
    }
}

/// Copies a folder, putting `name` where the placeholder stands; files named `X.template` become `X`.
fn copy(from: &Path, to: &Path, name: &str) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let path = entry?.path();
        let file =
            path.file_name().context("a file without a name")?.to_string_lossy().into_owned();
        let target = to.join(file.strip_suffix(".template").unwrap_or(&file));
        if path.is_dir() {
            copy(&path, &target, name)?;
        } else {
            fs::write(target, fs::read_to_string(&path)?.replace(PLACEHOLDER, name))?;
        }
    }
    Ok(())
}

/// Adds the partition to the workspace's members, beside the other partitions.
fn add_member(path: &Path, name: &str) -> Result<()> {
    let text = fs::read_to_string(path)?;
    let beside = "  \"partitions/example-*\",\n";
    let with = format!("{beside}  \"partitions/{name}\",\n");
    if !text.contains(beside) {
        bail!("add \"partitions/{name}\" to the members in {}", path.display());
    }
    Ok(fs::write(path, text.replacen(beside, &with, 1))?)
}

/// The base image with one partition more, on a console of its own.
fn manifest(base: &str, name: &str) -> String {
    let (_, rest) = base.split_once('\n').unwrap_or(("", base));
    let rest = rest.replacen(&format!("\"{BASE}\""), &format!("\"{name}\""), 1);
    format!(
        "# Infrastructure and the partition {name}.\n{rest}\n\
         [[partition]]\nname = \"{name}\"\nrescuer = \"boot\"\nshare = 2\nheap = \"256K\"\n\n\
         [[channel]]\nname = \"console\"\nclient = \"{name}\"\nserver = \"io-console\"\nkind = \"console\"\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use image_builder::Manifest;

    #[test]
    fn the_new_image_is_a_right_one() {
        let base = fs::read_to_string(paths::manifest(BASE)).unwrap();
        let manifest = Manifest::parse(&manifest(&base, "mine")).unwrap();
        assert_eq!(manifest.name.value, "mine");
        assert!(manifest.programs().contains(&"mine"));
    }

    #[test]
    fn taken_and_impossible_names_are_refused() {
        for bad in [
            "",
            "Mine",
            "9lives",
            "a_b",
            "a-name-of-25-letters-long",
            "boot",
            "kernel",
            "node",
            "suite",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
        assert!(check("mine").is_ok());
    }

    #[test]
    fn the_template_is_copied_with_the_name() {
        let folder = tempfile::tempdir().unwrap();
        let from = folder.path().join("from");
        fs::create_dir_all(from.join("src")).unwrap();
        fs::write(from.join("Cargo.toml.template"), "name = \"template-name\"").unwrap();
        fs::write(from.join("src/main.rs"), "// template-name").unwrap();
        let to = folder.path().join("to");
        copy(&from, &to, "mine").unwrap();
        assert_eq!(fs::read_to_string(to.join("Cargo.toml")).unwrap(), "name = \"mine\"");
        assert_eq!(fs::read_to_string(to.join("src/main.rs")).unwrap(), "// mine");
    }
}
