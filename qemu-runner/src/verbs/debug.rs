//! `debug`: a machine that waits for gdb, and gdb with the symbols of the kernel or of one partition.

use crate::images::{self, Artifacts};
use crate::machine::{Debugger, Options};
use crate::marks::Piece;
use crate::session::Session;
use crate::verbs::run;
use anyhow::{Context as _, Result, bail};
use clap::Args;
use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Arguments of `debug`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Whose symbols: `kernel`, `loader`, or a partition.
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
    let symbols = symbols(&artifacts, &arguments.program)?;
    let port = free_port()?;
    let mut session = Session::start(&arguments.machine, &artifacts, Debugger::Port(port))?;
    println!("gdb {} -ex 'target remote :{port}'", symbols.display());
    if arguments.wait {
        return run::interact(&mut session);
    }
    let log = artifacts.folder.join("debug.txt");
    println!("what the machine prints goes to {}", log.display());
    let mut file = File::create(&log)?;
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| record(&mut session, &mut file, &over));
        let result = gdb(&symbols, port);
        over.store(true, Ordering::Relaxed);
        result
    })
}

/// The file with the symbols of a program, or of the program of the partition with that name.
fn symbols(artifacts: &Artifacts, name: &str) -> Result<PathBuf> {
    let manifest = images::manifest(&artifacts.name)?;
    let partition = manifest.partitions.iter().find(|partition| partition.name.value == name);
    let file = artifacts.symbols(partition.map_or(name, |partition| &partition.program.value));
    if file.exists() {
        return Ok(file);
    }
    let (image, report) = (&artifacts.name, artifacts.report());
    bail!("image '{image}' has no partition '{name}'; {} lists them", report.display())
}

/// Writes down what the machine prints until the debugger is done.
fn record(session: &mut Session, file: &mut File, over: &AtomicBool) {
    while !over.load(Ordering::Relaxed) {
        match session.poll(Instant::now() + Duration::from_millis(100)) {
            Some(Some(Piece::Text(bytes))) => drop(file.write_all(&bytes)),
            Some(None) => break,
            _ => {}
        }
    }
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
