//! Builds the programs of the bare machine with cargo, showing how far it got.

use crate::paths;
use anyhow::{Context as _, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, IsTerminal as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

/// What programs are built for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    /// Kernel, loader and partitions.
    Bare,
    /// The loader as a UEFI application.
    Uefi,
}

impl Target {
    /// Its name for the compiler.
    const fn triple(self) -> &'static str {
        match self {
            Self::Bare => "x86_64-unknown-none",
            Self::Uefi => "x86_64-unknown-uefi",
        }
    }

    const fn linker(self) -> (&'static str, &'static str) {
        match self {
            Self::Bare => ("CARGO_TARGET_X86_64_UNKNOWN_NONE_LINKER", "ld.lld"),
            Self::Uefi => ("CARGO_TARGET_X86_64_UNKNOWN_UEFI_LINKER", "lld-link"),
        }
    }
}

/// How programs are built.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Profile<'a> {
    /// As they are meant to run.
    Release,
    /// For a debugger, and this program as it is written: every function is there, every variable can be read.
    Debugging(&'a str),
}

impl Profile<'_> {
    fn choose(self, command: &mut Command) {
        match self {
            Self::Release => command.args(["--profile", "release"]),
            Self::Debugging(program) => command
                .args(["--profile", "debugging", "--config"])
                .arg(format!("profile.debugging.package.{program}.opt-level=0")),
        };
    }
}

/// Builds `packages` and gives the file of each program by its name.
///
/// # Errors
/// What cargo says has been printed; the error says which packages were built.
pub fn build(
    packages: &[&str],
    target: Target,
    profile: Profile<'_>,
) -> Result<BTreeMap<String, PathBuf>> {
    let mut child = cargo(packages, target, profile)
        .stdout(Stdio::piped())
        .spawn()
        .context("cargo could not be started; is Rust installed? See https://rustup.rs")?;
    let output = child.stdout.take().context("no pipe to cargo")?;
    let bar = progress(target);
    let mut programs = BTreeMap::new();
    for line in BufReader::new(output).lines() {
        let message: Value = serde_json::from_str(&line?).unwrap_or(Value::Null);
        note(&message, &bar, &mut programs);
    }
    bar.finish_and_clear();
    if child.wait()?.success() {
        return Ok(programs);
    }
    bail!("{} did not build; the messages above say why", packages.join(", "))
}

fn cargo(packages: &[&str], target: Target, profile: Profile<'_>) -> Command {
    let mut command = cargo_for(target, "build");
    profile.choose(&mut command);
    command.args(["--message-format", "json-render-diagnostics", "--quiet"]);
    for package in packages {
        command.args(["-p", package]);
    }
    command
}

/// A command of cargo for the bare machine: with the default toolchain, or Debian's where `BULKHEAD_TOOLCHAIN` says so.
pub fn cargo_for(target: Target, verb: &str) -> Command {
    let debian = std::env::var_os("BULKHEAD_TOOLCHAIN").is_some_and(|name| name == "debian");
    let mut command = Command::new(if debian { "/usr/bin/cargo" } else { "cargo" });
    command.current_dir(paths::root()).args([verb, "--target", target.triple()]);
    if debian {
        debian_toolchain(&mut command, target);
    }
    command
}

/// Debian's compiler has no library for these targets, so it is built along.
fn debian_toolchain(command: &mut Command, target: Target) {
    let (variable, linker) = target.linker();
    // Its own cargo-clippy before rustup's.
    let path = std::env::var("PATH").unwrap_or_default();
    command
        .env("PATH", format!("/usr/bin:{path}"))
        .env("RUSTC", "/usr/bin/rustc")
        .env("RUSTDOC", "/usr/bin/rustdoc")
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_DIR", paths::target().join("debian"))
        .env(variable, linker)
        .arg("-Zbuild-std=core,alloc,compiler_builtins")
        .arg("-Zbuild-std-features=compiler-builtins-mem");
}

fn progress(target: Target) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style =
        ProgressStyle::with_template("{spinner} building {prefix}: {pos} crates, {wide_msg}");
    let bar = ProgressBar::new_spinner().with_prefix(target.triple());
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// Takes note of one of cargo's messages: a crate is done, perhaps a program.
fn note(message: &Value, bar: &ProgressBar, programs: &mut BTreeMap<String, PathBuf>) {
    if message["reason"] != "compiler-artifact" {
        return;
    }
    let name = message["target"]["name"].as_str().unwrap_or("?");
    bar.inc(1);
    bar.set_message(name.to_owned());
    if let Some(file) = message["executable"].as_str() {
        programs.insert(name.to_owned(), PathBuf::from(file));
    }
}
