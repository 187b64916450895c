//! Boots the test images and reads its verdict: last line and exit device must agree, in time.

use crate::{PATIENCE, start, trial, usual};
use anyhow::{Result, bail, ensure};
use libtest_mimic::Trial;
use qemu_runner::images::{self, Artifacts};
use qemu_runner::machine::Options;
use qemu_runner::verbs::bench::measure;
use serde_json::Value;
use std::time::Duration;

/// How often a channel is looked at that was not busy all the time.
const TRIES: u32 = 3;
/// How long all cases together may take.
const WHOLE: Duration = Duration::from_secs(240);

/// The test image on 1, 2 and 4 processors, and shares by themselves.
#[must_use]
pub fn all() -> Vec<Trial> {
    let suite = |smp: u16| trial(format!("suite_{smp}"), move || run(smp));
    let mut trials: Vec<Trial> = [1, 2, 4].into_iter().map(suite).collect();
    trials.extend([1, 4].map(|smp| trial(format!("suite_isolated_{smp}"), move || isolated(smp))));
    trials.push(trial("shares_counted", shares));
    trials.push(trial("channel_busy", busy));
    trials
}

// covers: KRN-2, KRN-3, CHN-1, CHN-6
fn run(smp: u16) -> Result<()> {
    passes(&Artifacts::of("suite"), &Options { smp, ..usual()? })
}

/// The same with page tables isolated.
fn isolated(smp: u16) -> Result<()> {
    passes(&images::isolated(&Artifacts::of("suite"))?, &Options { smp, ..usual()? })
}

/// Shares over 1,000 frames where time counts instructions, so that no host takes a processor away.
// covers: SCH-1
fn shares() -> Result<()> {
    passes(&Artifacts::of("shares"), &Options { smp: 3, deterministic: true, ..usual()? })
}

/// A channel kept busy between two processors needs no kernel: not more than a few entries, which others make, for
/// 10,000 messages, and no doorbell. A computer that takes one of the processors away leaves the other without work, which then rests: so it
/// is looked at again.
// covers: CHN-5
fn busy() -> Result<()> {
    let mut seen = Vec::new();
    for _ in 0..TRIES {
        let mut session = start(&Artifacts::of("busy"), &Options { smp: 2, ..usual()? })?;
        // Each side believes the other one dead that was away too long; then nothing is done.
        let done = session.wait_text(0, "bench: done", PATIENCE);
        let end = done.unwrap_or(session.transcript().len());
        let figures = measure::figures(session.transcript().get(..end).unwrap_or_default());
        let figure = |name: &str| figures.get(name).and_then(Value::as_u64);
        let (calls, rung) = (figure("busy-calls"), figure("busy-doorbells"));
        if calls.is_some_and(|calls| calls <= 10) && rung == Some(0) {
            return Ok(());
        }
        seen.push(session.tail());
    }
    bail!("{}", seen.join("\n"))
}

fn passes(image: &Artifacts, options: &Options) -> Result<()> {
    let mut session = start(image, options)?;
    let end = session.finish(WHOLE)?;
    let failed: Vec<&str> =
        session.transcript().lines().filter(|line| line.starts_with("FAIL ")).collect();
    ensure!(end.passed(), "{end}\n{}\n{}", failed.join("\n"), session.tail());
    Ok(())
}
