//! The table of machines that were tried, `target/machines.md`: written by the run, row by row.

use anyhow::{Context as _, Result};
use qemu_runner::paths;
use std::fs;
use std::sync::Mutex;
use std::time::Instant;

/// The rows of this run.
static ROWS: Mutex<Vec<String>> = Mutex::new(Vec::new());

const HEAD: &str = "\
| started by | chipset | processors | MiB | processor model | oddity | result | seconds | says |
|---|---|---|---|---|---|---|---|---|
";

/// Runs a trial and writes down what came of it.
///
/// # Errors
/// The trial's own, or the table cannot be written.
pub fn record(machine: &[String; 6], run: impl FnOnce() -> Result<String>) -> Result<()> {
    let begin = Instant::now();
    let result = run();
    let seconds = begin.elapsed().as_secs();
    let (word, says) = match &result {
        Ok(says) => ("boots, works, ends", says.clone()),
        Err(error) => ("**fails**", format!("{error:#}").replace(['\n', '|'], " ")),
    };
    let row = format!("| {} | {word} | {seconds} | {says} |", machine.join(" | "));
    write(row)?;
    result.map(drop)
}

fn write(row: String) -> Result<()> {
    let mut rows = ROWS.lock().ok().context("another trial panicked")?;
    rows.push(row);
    let path = paths::target().join("machines.md");
    fs::write(&path, format!("{HEAD}{}\n", rows.join("\n")))
        .with_context(|| path.display().to_string())
}
