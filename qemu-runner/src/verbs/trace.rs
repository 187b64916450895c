//! `trace`: what ran when on which processor, as text or as a file for Perfetto's viewer.

use crate::exec;
use crate::images::Artifacts;
use crate::machine::{Debugger, Options};
use crate::perfetto;
use crate::session::Session;
use crate::verbs::run;
use anyhow::{Context as _, Result, ensure};
use clap::Args;
use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;
use trace_text::{HEADER, Line};

/// Arguments of `trace`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The image, `images/NAME.toml`.
    #[arg(default_value = "node")]
    pub name: String,
    /// Commands typed at the console before the trace is taken, such as 'restart io-console'.
    #[arg(long)]
    pub exec: Option<String>,
    /// Milliseconds that the machine runs between its last command and the trace.
    #[arg(long, default_value_t = 100)]
    pub after: u64,
    /// Take the trace from what the image's last `run` printed: type 'trace 10000' at its console first.
    #[arg(long, conflicts_with = "exec")]
    pub last: bool,
    /// Take it from a file with what a console printed, that of a real machine for example.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["exec", "last"])]
    pub from: Option<PathBuf>,
    /// Print it as text.
    #[arg(long)]
    pub text: bool,
    /// Where to write it; without it `target/images/NAME.trace.json`.
    #[arg(long, value_name = "FILE", conflicts_with = "text")]
    pub output: Option<PathBuf>,
    /// The machine.
    #[command(flatten)]
    pub machine: Options,
}

/// What a machine may need for one command.
const PATIENCE: Duration = Duration::from_secs(60);
/// Asks for every record there is.
const EVERYTHING: &str = "trace 1000000";

/// Runs it.
///
/// # Errors
/// The machine could not be run, a command failed, or there is no trace where one was looked for.
pub fn run(arguments: &Arguments) -> Result<()> {
    let artifacts = Artifacts::of(&arguments.name);
    let printed = match &arguments.from {
        Some(path) => read(path)?,
        None if arguments.last => read(&artifacts.transcript())?,
        None => machine(arguments)?,
    };
    let lines = newest(&printed);
    ensure!(!lines.is_empty(), "there is no trace; type 'trace 10000' at the console first");
    if arguments.text {
        println!("{HEADER}");
        lines.iter().for_each(|line| println!("{line}"));
        return Ok(());
    }
    let path = arguments.output.clone().unwrap_or_else(|| artifacts.trace());
    fs::write(&path, perfetto::file(&lines)).with_context(|| path.display().to_string())?;
    println!("{}  {}", path.display(), summary(&lines));
    println!("open it in https://ui.perfetto.dev (\"Open trace file\"; it stays on your computer)");
    Ok(())
}

fn read(path: &std::path::Path) -> Result<String> {
    let bytes = fs::read(path).with_context(|| path.display().to_string())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Starts the image, lets it do what was asked for, and gives what `trace` prints there.
fn machine(arguments: &Arguments) -> Result<String> {
    let artifacts = run::prepare(&arguments.name, &arguments.machine)?;
    let mut session = Session::start(&arguments.machine, &artifacts, Debugger::None)?;
    for command in exec::commands(arguments.exec.as_deref().unwrap_or("")) {
        exec::ask(&mut session, command, PATIENCE)?;
    }
    thread::sleep(Duration::from_millis(arguments.after));
    let printed = exec::ask(&mut session, EVERYTHING, PATIENCE)?;
    // What follows does not matter to the trace; the machine ends with the session in any case.
    drop(exec::command(&mut session, "shutdown", PATIENCE));
    Ok(printed)
}

/// The records of the last trace in what a console printed.
fn newest(printed: &str) -> Vec<Line<'_>> {
    let start = printed.rfind(HEADER.trim()).unwrap_or(printed.len());
    printed[start..].lines().filter_map(trace_text::parse).collect()
}

/// How much it is, in words.
fn summary(lines: &[Line<'_>]) -> String {
    let times = || lines.iter().map(|line| line.time);
    let length = times().max().unwrap_or(0) - times().min().unwrap_or(0);
    format!("{} records of {}.{:03} ms", lines.len(), length / 1_000_000, length / 1000 % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_trace_that_was_printed_counts() {
        let one = "     1.000000000    0  boot runs\r\n";
        let two = "     2.000000000    1  halts\r\n     2.001500000    0  idle runs\r\n";
        let printed = format!(
            "{HEADER}\r\n{one}bulkhead> trace 10\r\n{HEADER}\r\n{two}bulkhead> ps\r\n ID NAME\r\n"
        );
        let lines = newest(&printed);
        assert_eq!(lines.len(), 2);
        assert_eq!(summary(&lines), "2 records of 1.500 ms");
        assert!(newest("bulkhead> ps\r\n").is_empty());
    }
}
