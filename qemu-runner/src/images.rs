//! From a manifest to the files that machines boot.

use crate::paths;
use crate::programs::{self, Profile, Target};
use abi::manifest::{Isolation, ManifestHeader};
use anyhow::{Context as _, Result};
use boot_image::Image;
use boot_image::damage::mend;
use image_builder::{Built, Diagnostic, Located, Manifest, nearest, stripped};
use std::collections::BTreeMap;
use std::fs;
use std::mem::offset_of;
use std::path::{Path, PathBuf};

/// The files of an image.
#[derive(Clone, Debug)]
pub struct Artifacts {
    /// Name of the image.
    pub name: String,
    /// Folder of `loader`, `boot.img` and, once asked for, `BOOTX64.EFI`.
    pub folder: PathBuf,
}

impl Artifacts {
    /// The files of the image `name`, built or not.
    #[must_use]
    pub fn of(name: &str) -> Self {
        Self { name: name.to_owned(), folder: paths::images().join(name) }
    }

    /// The loader that PVH and Multiboot2 start.
    #[must_use]
    pub fn loader(&self) -> PathBuf {
        self.folder.join("loader")
    }

    /// The boot image.
    #[must_use]
    pub fn boot_image(&self) -> PathBuf {
        self.folder.join("boot.img")
    }

    /// The loader as a UEFI application.
    #[must_use]
    pub fn uefi_loader(&self) -> PathBuf {
        self.folder.join("BOOTX64.EFI")
    }

    /// The hybrid image for discs and USB sticks.
    #[must_use]
    pub fn iso(&self) -> PathBuf {
        self.beside(".iso")
    }

    /// The disk image for UEFI.
    #[must_use]
    pub fn uefi_disk(&self) -> PathBuf {
        self.beside("-uefi.img")
    }

    /// The folder for a TFTP server.
    #[must_use]
    pub fn network(&self) -> PathBuf {
        paths::images().join(format!("{}-network", self.name))
    }

    /// The report of who got what.
    #[must_use]
    pub fn report(&self) -> PathBuf {
        self.beside(".report.txt")
    }

    /// The file next to the folder that is called as the image is, with this ending.
    fn beside(&self, ending: &str) -> PathBuf {
        self.folder.with_file_name(format!("{}{ending}", self.name))
    }

    /// What its last `run` printed.
    #[must_use]
    pub fn transcript(&self) -> PathBuf {
        self.folder.join("console.txt")
    }

    /// Its trace as Perfetto's viewer opens it.
    #[must_use]
    pub fn trace(&self) -> PathBuf {
        paths::images().join(format!("{}.trace.json", self.name))
    }

    /// Files with symbols: of the kernel and all partitions' programs, as the last build left them.
    #[must_use]
    pub fn symbols(&self, program: &str) -> PathBuf {
        self.folder.join("symbols").join(program)
    }
}

/// Reads and checks the manifest of the image `name`.
///
/// # Errors
/// No such manifest, or what is wrong in it, with the place.
pub fn manifest(name: &str) -> Result<Manifest> {
    let path = paths::manifest(name);
    let Ok(text) = fs::read_to_string(&path) else { return Err(no_manifest(name)) };
    let shown = |error: &Diagnostic| {
        let shown = error.render(&format!("images/{name}.toml"), &text);
        anyhow::anyhow!("{}", shown.trim_end().to_owned())
    };
    let manifest = Manifest::parse(&text).map_err(|error| shown(&error))?;
    match misnamed(&manifest, name).or_else(|| without_program(&manifest)) {
        Some(error) => Err(shown(&error)),
        None => Ok(manifest),
    }
}

/// An image is called like its file, for that is how it is asked for.
fn misnamed(manifest: &Manifest, name: &str) -> Option<Diagnostic> {
    let Located { value, span } = &manifest.name;
    let message = format!("'{value}' is described in a file for '{name}'");
    let wrong =
        || Diagnostic::new(span, message).help(format!("write \"{name}\", or rename the file"));
    (value != name).then(wrong)
}

/// The package that a program comes from: those linked to two places come from one (`abi::layout::PROGRAM_BESIDE`).
fn package_of(program: &str) -> &str {
    program.strip_suffix("-beside").unwrap_or(program)
}

/// Says which program is missing before cargo says it less clearly.
fn without_program(manifest: &Manifest) -> Option<Diagnostic> {
    let known = paths::programs();
    let missing = |program: &&Located<String>| {
        known.iter().all(|other| other.name != package_of(&program.value))
    };
    let Located { value, span } =
        manifest.partitions.iter().map(|one| &one.program).find(missing)?;
    let message = format!("there is no program '{value}'");
    let advice = match nearest(value, known.iter().map(|other| other.name.as_str())) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("./bulkhead new {value} makes one; or name one with `program`"),
    };
    Some(Diagnostic::new(span, message).help(advice))
}

fn no_manifest(name: &str) -> anyhow::Error {
    let known = paths::manifests();
    match nearest(name, known.iter().map(String::as_str)) {
        Some(near) => anyhow::anyhow!("there is no image '{name}'; did you mean '{near}'?"),
        None => anyhow::anyhow!("there is no image '{name}'; there are: {}", known.join(", ")),
    }
}

/// Builds the programs of the image `name` and the image: `loader` and `boot.img` in its folder.
///
/// # Errors
/// Whatever keeps it from being built, with advice.
pub fn build(name: &str) -> Result<Artifacts> {
    build_as(name, Profile::Release)
}

/// Builds them in another way than [`build`] does.
///
/// # Errors
/// Whatever keeps it from being built, with advice.
pub fn build_as(name: &str, profile: Profile<'_>) -> Result<Artifacts> {
    let manifest = manifest(name)?;
    let mut packages = vec!["kernel", "loader"];
    packages.extend(manifest.programs().into_iter().map(package_of));
    let files = programs::build(&packages, Target::Bare, profile)?;
    let artifacts = Artifacts::of(name);
    fs::create_dir_all(artifacts.folder.join("symbols"))?;
    let built = join(&manifest, &files)?;
    keep_symbols(&artifacts, &files)?;
    write(&artifacts.loader(), &stripped(&read(&files, "loader")?))?;
    write(&artifacts.boot_image(), &built.image)?;
    write(&artifacts.report(), image_builder::report(&manifest, &built).as_bytes())?;
    Ok(artifacts)
}

/// The same image with page tables isolated, whatever its manifest says, in a folder beside its own.
///
/// # Errors
/// It was not built, or cannot be written.
pub fn isolated(artifacts: &Artifacts) -> Result<Artifacts> {
    let mut bytes = fs::read(artifacts.boot_image())
        .with_context(|| format!("no image: ./bulkhead image {}", artifacts.name))?;
    let image = Image::parse(&bytes).map_err(|error| anyhow::anyhow!("{error}"))?;
    let manifest = image.manifest().as_ptr().addr() - bytes.as_ptr().addr();
    let place = manifest + offset_of!(ManifestHeader, isolation);
    let wish = bytes.get_mut(place..place + 8).context("no manifest")?;
    wish.copy_from_slice(&(Isolation::On as u64).to_le_bytes());
    mend(&mut bytes);
    let folder = artifacts.folder.with_file_name(format!("{}-isolated", artifacts.name));
    let isolated = Artifacts { name: artifacts.name.clone(), folder };
    fs::create_dir_all(&isolated.folder)?;
    fs::copy(artifacts.loader(), isolated.loader())?;
    write(&isolated.boot_image(), &bytes)?;
    Ok(isolated)
}

/// The same image with others behind it in its file, to upgrade from, in a folder in `within`. Each is the name of an image, which is
/// built, or a boot image's file.
///
/// # Errors
/// It was not built, or one of the others cannot be had.
pub fn with_later(artifacts: &Artifacts, later: &[String], within: &Path) -> Result<Artifacts> {
    let mut bytes = fs::read(artifacts.boot_image())
        .with_context(|| format!("no image: ./bulkhead image {}", artifacts.name))?;
    for one in later {
        let path = Path::new(one);
        let path = if path.is_file() { path.to_owned() } else { build(one)?.boot_image() };
        bytes.extend(fs::read(&path).with_context(|| path.display().to_string())?);
    }
    let name = format!("{}-with-later", artifacts.name);
    let joined = Artifacts { folder: within.join(&name), name };
    fs::create_dir_all(&joined.folder)?;
    fs::copy(artifacts.loader(), joined.loader())?;
    write(&joined.boot_image(), &bytes)?;
    Ok(joined)
}

fn join(manifest: &Manifest, files: &BTreeMap<String, PathBuf>) -> Result<Built> {
    let secret = secret()?;
    let program = |name: &str| read(files, name).map(|bytes| stripped(&bytes));
    Ok(image_builder::build(manifest, program, secret.as_ref())?)
}

/// The key to sign with, from the file that `BULKHEAD_SECRET_KEY` names.
fn secret() -> Result<Option<[u8; 32]>> {
    let Some(path) = std::env::var_os("BULKHEAD_SECRET_KEY") else { return Ok(None) };
    let bytes = fs::read(&path).with_context(|| format!("secret key {}", path.display()))?;
    let key = bytes
        .try_into()
        .map_err(|_| anyhow::anyhow!("{}: a secret key has 32 bytes", path.display()));
    key.map(Some)
}

fn read(files: &BTreeMap<String, PathBuf>, name: &str) -> Result<Vec<u8>> {
    let path = files.get(name).with_context(|| format!("cargo built no program '{name}'"))?;
    fs::read(path).with_context(|| path.display().to_string())
}

/// Copies the programs with their symbols, so that `debug` finds those of the very image.
fn keep_symbols(artifacts: &Artifacts, files: &BTreeMap<String, PathBuf>) -> Result<()> {
    for (name, path) in files {
        fs::copy(path, artifacts.symbols(name)).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

/// Builds the UEFI loader into the image's folder.
///
/// # Errors
/// Whatever keeps it from being built.
pub fn build_uefi_loader(artifacts: &Artifacts) -> Result<()> {
    let files = programs::build(&["loader-uefi"], Target::Uefi, Profile::Release)?;
    let file = files.get("loader-uefi").context("cargo built no UEFI loader")?;
    fs::copy(file, artifacts.uefi_loader())?;
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A manifest of one partition; what its rules say does not matter here.
    fn parsed(image: &str, program: &str) -> Manifest {
        let base = fs::read_to_string(paths::manifest("minimal")).unwrap();
        let named = base.replacen("\"minimal\"", &format!("\"{image}\""), 1);
        let role = "role = \"idle\"\n";
        let other = format!("{role}program = \"{program}\"\n");
        Manifest::parse(&named.replacen(role, &other, 1)).unwrap()
    }

    #[test]
    fn an_image_is_called_like_its_file() {
        assert!(misnamed(&parsed("mine", "idle"), "mine").is_none());
        let shown = misnamed(&parsed("nime", "idle"), "mine").unwrap().render("x", "");
        assert!(shown.contains("'nime' is described in a file for 'mine'"), "{shown}");
    }

    #[test]
    fn a_program_that_is_missing_is_named() {
        assert!(without_program(&parsed("mine", "example-echo")).is_none());
        let shown = |program| without_program(&parsed("mine", program)).unwrap().render("x", "");
        assert!(shown("example-ecko").contains("did you mean `example-echo`?"));
        assert!(shown("something-else").contains("./bulkhead new something-else"));
    }
}
