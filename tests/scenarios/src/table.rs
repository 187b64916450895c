//! The table of machines that were tried, `target/machines.md`: written by the run, row by row. Those of earlier runs
//! stay until the same machine is tried again.

use anyhow::{Context as _, Result};
use qemu_runner::paths;
use std::fs;
use std::time::Instant;

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
    let machine = format!("| {} |", machine.join(" | "));
    write(&machine, &format!("{machine} {word} | {seconds} | {says} |"))?;
    result.map(drop)
}

/// Puts a row in the place of the machine's former one, if it has one.
fn write(machine: &str, row: &str) -> Result<()> {
    let path = paths::target().join("machines.md");
    let table = fs::read_to_string(&path).unwrap_or_else(|_| HEAD.to_owned());
    let others = table.lines().filter(|line| !line.starts_with(machine));
    let lines: Vec<&str> = others.chain([row]).collect();
    fs::write(&path, lines.join("\n") + "\n").with_context(|| path.display().to_string())
}
