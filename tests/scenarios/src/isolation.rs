//! The isolation matrix on 1, 2 and 4 processors, and the report of what was seen.

use crate::isolation_report::{Time, report};
use crate::{campaign, start, trial, usual};
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

/// Where time counts instructions, so that a witness misses a beat for no other reason than an attack. In a campaign also
/// where processors really run at the same time, which is what races need.
#[must_use]
pub fn all() -> Vec<Trial> {
    let attacked = |smp: u16| trial(format!("isolation_{smp}"), move || run(smp, Time::Counted));
    let mut trials: Vec<Trial> = [1, 2, 4].into_iter().map(attacked).collect();
    if campaign() {
        trials.push(trial("isolation_at_once", || run(4, Time::Borrowed)));
    }
    trials
}

// covers: KRN-2, KRN-3, KRN-5, KRN-7, RES-8
fn run(smp: u16, time: Time) -> Result<()> {
    let options = Options { smp, deterministic: time == Time::Counted, ..usual()? };
    let mut session = start(&Artifacts::of("isolation"), &options)?;
    let end = session.finish(WHOLE)?;
    let machine = format!("processors: {smp}, time: {time:?}");
    let report = report(&machine, MATRIX, session.transcript(), time);
    let path = paths::target().join(format!("isolation-{smp}-{time:?}.md").to_lowercase());
    fs::write(&path, &report.text)?;
    println!("{}: {}", report.summary, path.display());
    ensure!(report.failed.is_empty(), "{}", report.failed.join("\n"));
    // The machine itself judges gaps, whatever the time.
    ensure!(end.passed() || time == Time::Borrowed, "{end}\n{}", session.tail());
    Ok(())
}
