//! Command line of the image builder: one manifest and a folder of programs in, image and report out.

use clap::Parser;
use image_builder::{Manifest, build, report};
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

/// Builds a boot image from a manifest.
#[derive(Parser)]
struct Arguments {
    /// The manifest, `images/NAME.toml`.
    manifest: PathBuf,
    /// Folder of the kernel's and all programs' ELF files.
    #[arg(long)]
    programs: PathBuf,
    /// Where the image goes.
    #[arg(long)]
    output: PathBuf,
    /// Where the report goes; standard output without it.
    #[arg(long)]
    report: Option<PathBuf>,
    /// File of the 32 bytes of an ed25519 secret key to sign with.
    #[arg(long)]
    key: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("{}", text.trim_end());
            ExitCode::FAILURE
        }
    }
}

/// Does it; the error is what to print.
fn run(arguments: &Arguments) -> Result<(), String> {
    let path = &arguments.manifest;
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let manifest =
        Manifest::parse(&text).map_err(|error| error.render(&path.display().to_string(), &text))?;
    let program = |name: &str| fs::read(arguments.programs.join(name));
    let secret = arguments.key.as_ref().map(secret).transpose()?;
    let built = build(&manifest, program, secret.as_ref())
        .map_err(|error| format!("{}: {error}", path.display()))?;
    fs::write(&arguments.output, &built.image)
        .map_err(|error| format!("{}: {error}", arguments.output.display()))?;
    let report = report(&manifest, &built);
    match &arguments.report {
        None => print!("{report}"),
        Some(path) => {
            fs::write(path, report).map_err(|error| format!("{}: {error}", path.display()))?
        }
    }
    Ok(())
}

fn secret(path: &PathBuf) -> Result<[u8; 32], String> {
    let bytes = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    bytes.try_into().map_err(|_| format!("{}: a secret key has 32 bytes", path.display()))
}
