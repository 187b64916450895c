//! The isolation matrix on 1, 2 and 4 processors, and the report of what was seen.

use crate::isolation_report::report;
use crate::{start, trial, usual};
use anyhow::{Result, ensure};
use assist::matrix::MATRIX;
use libtest_mimic::Trial;
use qemu_runner::images::Artifacts;
use qemu_runner::machine::Options;
use qemu_runner::paths;
use std::fs;
use std::time::Duration;

/// How long all attacks together may take.
const WHOLE: Duration = Duration::from_secs(240);

/// Where time counts instructions, so that a witness misses a beat for no other reason than an attack.
#[must_use]
pub fn all() -> Vec<Trial> {
    let attacked = |smp: u16| trial(format!("isolation_{smp}"), move || run(smp));
    [1, 2, 4].into_iter().map(attacked).collect()
}

// covers: KRN-2, KRN-3, KRN-5, KRN-7
fn run(smp: u16) -> Result<()> {
    let options = Options { smp, deterministic: true, ..usual()? };
    let mut session = start(&Artifacts::of("isolation"), &options)?;
    let end = session.finish(WHOLE)?;
    let report = report(&format!("processors: {smp}"), MATRIX, session.transcript());
    let path = paths::target().join(format!("isolation-{smp}.md"));
    fs::write(&path, &report.text)?;
    println!("{}: {}", report.summary, path.display());
    ensure!(report.failed.is_empty(), "{}", report.failed.join("\n"));
    ensure!(end.passed(), "{end}\n{}", session.tail());
    Ok(())
}
