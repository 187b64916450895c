//! `dump`: a partition's registers and memory as a core file for gdb, whatever became of it.

use crate::core_file::core_file;
use crate::exec;
use crate::inside::Inside;
use crate::machine::{Debugger, Options};
use crate::paths;
use crate::physical::Still;
use crate::session::Session;
use crate::verbs::run;
use anyhow::{Context as _, Result};
use clap::Args;
use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

/// Arguments of `dump`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The partition.
    pub partition: String,
    /// The image, `images/NAME.toml`.
    #[arg(default_value = "node")]
    pub name: String,
    /// Commands typed at the console before the machine is looked at, such as 'kill echo-asks'.
    #[arg(long)]
    pub exec: Option<String>,
    /// Milliseconds that the machine runs between its last command and the look.
    #[arg(long, default_value_t = 0)]
    pub after: u64,
    /// Where to write it; without it `target/images/NAME.PARTITION.core`.
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// The machine.
    #[command(flatten)]
    pub machine: Options,
}

/// What a machine may need for one command.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs it.
///
/// # Errors
/// The machine could not be run, a command failed, or there is no such partition.
pub fn run(arguments: &Arguments) -> Result<()> {
    let artifacts = run::prepare(&arguments.name, &arguments.machine)?;
    let mut session = Session::start(&arguments.machine, &artifacts, Debugger::None)?;
    session.wait_prompt(PATIENCE)?;
    session.send(b"\r")?;
    for command in exec::commands(arguments.exec.as_deref().unwrap_or("")) {
        exec::ask(&mut session, command, PATIENCE)?;
    }
    thread::sleep(Duration::from_millis(arguments.after));
    let core = take(&mut session, &arguments.partition)?;
    let file = format!("{}.{}.core", arguments.name, arguments.partition);
    let path = arguments.output.clone().unwrap_or_else(|| paths::images().join(file));
    fs::write(&path, &core).with_context(|| path.display().to_string())?;
    println!("{}  {} KiB", path.display(), core.len() / 1024);
    println!("gdb PROGRAM {}", path.display());
    Ok(())
}

/// The core file of a partition of a machine, which stands still meanwhile.
///
/// # Errors
/// Memory cannot be read, or there is no such partition.
pub fn take(session: &mut Session, partition: &str) -> Result<Vec<u8>> {
    let mut memory = Still::new(session.control())?;
    let inside = Inside::find(&mut memory)?;
    let (contexts, areas) = inside.corpse(&mut memory, partition)?;
    Ok(core_file(partition, &contexts, &areas))
}
