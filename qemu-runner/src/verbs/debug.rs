//! `debug`: a machine that waits for gdb, and gdb with the symbols of the kernel or of one partition.

use crate::machine::{Debugger, Options};
use crate::session::Session;
use crate::verbs::run;
use anyhow::{Context as _, Result, bail};
use clap::Args;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

/// Arguments of `debug`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Whose symbols: `kernel`, or the program of a partition.
    #[arg(default_value = "kernel")]
    pub program: String,
    /// The image.
    #[arg(long, default_value = "node")]
    pub image: String,
    /// Only print how to attach, and wait: for debuggers with a window.
    #[arg(long)]
    pub wait: bool,
    /// The machine.
    #[command(flatten)]
    pub machine: Options,
}

/// Runs it.
///
/// # Errors
/// No such program, no gdb, or the machine could not be started.
pub fn run(arguments: &Arguments) -> Result<()> {
    let artifacts = run::prepare(&arguments.image, &arguments.machine)?;
    let symbols = artifacts.symbols(&arguments.program);
    if !symbols.exists() {
        let (image, program) = (&arguments.image, &arguments.program);
        bail!("image '{image}' has no program '{program}'; see {}", artifacts.report().display());
    }
    let port = free_port()?;
    let mut session = Session::start(&arguments.machine, &artifacts, Debugger::Port(port))?;
    println!("gdb {} -ex 'target remote :{port}'", symbols.display());
    if arguments.wait {
        return run::interact(&mut session);
    }
    gdb(&symbols, port)
}

fn gdb(symbols: &Path, port: u16) -> Result<()> {
    let target = format!("target remote :{port}");
    let status = Command::new("gdb").arg(symbols).args(["-q", "-ex", &target]).status();
    match status {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            bail!("gdb is missing; install it, or attach another debugger with --wait")
        }
        status => status.map(|_| ()).context("gdb"),
    }
}

/// A port nobody uses now.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
