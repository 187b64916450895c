//! `dump`: a partition's registers and memory as a core file for gdb, read from outside, or as its console printed it.

use crate::core_file::{Printed, Sieve, core_file};
use crate::exec;
use crate::inside::Inside;
use crate::machine::{Debugger, Options};
use crate::paths;
use crate::physical::Still;
use crate::session::Session;
use crate::verbs::run;
use anyhow::{Context as _, Result, bail};
use clap::Args;
use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

/// Arguments of `dump`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The partition; with --from only if there are several.
    #[arg(required_unless_present = "from")]
    pub partition: Option<String>,
    /// The image, `images/NAME.toml`.
    #[arg(default_value = "node")]
    pub name: String,
    /// Commands typed at the console before the machine is looked at, such as 'kill echo-asks'.
    #[arg(long)]
    pub exec: Option<String>,
    /// No machine: what a console printed, such as what was captured of a real machine's serial line while somebody typed `dump` there.
    #[arg(long, value_name = "LOG")]
    pub from: Option<PathBuf>,
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
    if let Some(log) = &arguments.from {
        let text = fs::read(log).with_context(|| log.display().to_string())?;
        let printed = find(&text, arguments.partition.as_deref())?;
        return write(arguments, &printed.0, &printed.1);
    }
    let partition = arguments.partition.as_deref().unwrap_or_default();
    let artifacts = run::prepare(&arguments.name, &arguments.machine)?;
    let mut session = Session::start(&arguments.machine, &artifacts, Debugger::None)?;
    session.wait_prompt(PATIENCE)?;
    session.send(b"\r")?;
    for command in exec::commands(arguments.exec.as_deref().unwrap_or("")) {
        exec::ask(&mut session, command, PATIENCE)?;
    }
    thread::sleep(Duration::from_millis(arguments.after));
    let core = take(&mut session, partition)?;
    write(arguments, partition, &core)
}

fn write(arguments: &Arguments, partition: &str, core: &[u8]) -> Result<()> {
    let path = arguments.output.clone().unwrap_or_else(|| path(&arguments.name, partition));
    fs::write(&path, core).with_context(|| path.display().to_string())?;
    println!("{}  {} KiB", path.display(), core.len() / 1024);
    println!("gdb PROGRAM {}", path.display());
    Ok(())
}

/// Where the core file of a partition of an image goes where nobody says anything else.
fn path(image: &str, partition: &str) -> PathBuf {
    paths::images().join(format!("{image}.{partition}.core"))
}

/// The last core file in what a console printed, of a partition if it is named, with that one's name.
///
/// # Errors
/// There is none, or it is not whole.
pub fn find(text: &[u8], partition: Option<&str>) -> Result<(String, Vec<u8>)> {
    let mut sieve = Sieve::default();
    let (_, mut all) = sieve.feed(text);
    all.extend(sieve.end());
    all.retain(|one| partition.is_none_or(|partition| one.name == partition));
    let last = all.pop().context("no core file was printed there: type dump at the console")?;
    match last.file {
        Ok(file) => Ok((last.name, file)),
        Err(why) => bail!("the core file of {}: {why}", last.name),
    }
}

/// Writes core files that a machine's console printed, and says in a line what became of each.
#[must_use]
pub fn keep(image: &str, printed: &[Printed]) -> String {
    let one = |Printed { name, file }: &Printed| {
        let path = path(image, name);
        let done = file.as_ref().map_err(Clone::clone).and_then(|core| {
            fs::write(&path, core).map_err(|error| format!("{}: {error}", path.display()))
        });
        match done {
            Ok(()) => format!("written: {}\r\n", path.display()),
            Err(why) => format!("the core file of {name}: {why}\r\n"),
        }
    };
    printed.iter().map(one).collect()
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
