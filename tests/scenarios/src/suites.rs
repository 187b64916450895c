//! Boots the test images and reads its verdict: last line and exit device must agree, in time.

use crate::{start, trial, usual};
use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use qemu_runner::images::Artifacts;
use qemu_runner::machine::Options;
use std::time::Duration;

/// How long all cases together may take.
const WHOLE: Duration = Duration::from_secs(240);

/// The test image on 1, 2 and 4 processors, and shares by themselves.
#[must_use]
pub fn all() -> Vec<Trial> {
    let suite = |smp: u16| trial(format!("suite_{smp}"), move || run(smp));
    let mut trials: Vec<Trial> = [1, 2, 4].into_iter().map(suite).collect();
    trials.push(trial("shares_counted", shares));
    trials
}

// covers: KRN-2, KRN-3, CHN-1, CHN-6
fn run(smp: u16) -> Result<()> {
    passes("suite", &Options { smp, ..usual()? })
}

/// Shares over 1,000 frames where time counts instructions, so that no host takes a processor away.
// covers: SCH-1
fn shares() -> Result<()> {
    passes("shares", &Options { smp: 3, deterministic: true, ..usual()? })
}

fn passes(image: &str, options: &Options) -> Result<()> {
    let mut session = start(&Artifacts::of(image), options)?;
    let end = session.finish(WHOLE)?;
    let failed: Vec<&str> =
        session.transcript().lines().filter(|line| line.starts_with("FAIL ")).collect();
    ensure!(end.passed(), "{end}\n{}\n{}", failed.join("\n"), session.tail());
    Ok(())
}
