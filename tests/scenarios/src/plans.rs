//! Plans of four processors, changed again and again while partitions come and go: no frame mixes two of them.

use crate::{PATIENCE, ask, campaign, start, trial};
use anyhow::{Context as _, Result, bail, ensure};
use libtest_mimic::Trial;
use qemu_runner::exec;
use qemu_runner::images::Artifacts;
use qemu_runner::machine::Options;
use qemu_runner::session::Session;
use std::time::{Duration, Instant};

/// Rounds of 50 changes: always, and where `BULKHEAD_CAMPAIGN` is set.
const ROUNDS: [u32; 2] = [1, 20];
/// Changes of a round.
const CHANGES: u64 = 50;
/// How long a round may take.
const ROUND: Duration = Duration::from_secs(120);

/// The changes.
#[must_use]
pub fn all() -> Vec<Trial> {
    vec![trial("plans_never_mix", mix)]
}

// covers: SCH-2
fn mix() -> Result<()> {
    let options = Options { smp: 4, deterministic: true, ..Options::default() };
    let mut session = start(&Artifacts::of("plans"), &options)?;
    let (mut changes, mut frames, mut silent) = (0, 0, 0);
    for number in 1..=ROUNDS[usize::from(campaign())] {
        ask(&mut session, if number == 1 { "start load" } else { "restart load" })?;
        let line = told(&mut session, number)?;
        let numbers = line.split_whitespace().filter_map(|word| word.parse().ok());
        let &[changed, looked, mixed, unseen] = numbers.collect::<Vec<u64>>().as_slice() else {
            bail!("round {number}: {line}");
        };
        ensure!(mixed == 0, "{mixed} frames mix two plans:\n{}", ask(&mut session, "log load")?);
        ensure!(changed == CHANGES, "round {number}: only {changed} changes were seen");
        ensure!(looked > 2 * changed, "round {number}: only {looked} frames were seen");
        (changes, frames, silent) = (changes + changed, frames + looked, silent + unseen);
    }
    println!("{changes} changes, {frames} frames, none mixed; in {silent} some witness waited");
    exec::run(&mut session, "audit; shutdown", PATIENCE, |_| {}).map(drop)
}

/// What the planner says at the end of a round.
fn told(session: &mut Session, number: u32) -> Result<String> {
    let (end, mark) = (Instant::now() + ROUND, format!("round {number} "));
    loop {
        let said = ask(session, "log load")?;
        let line = said.lines().filter_map(|line| line.strip_prefix(&mark)).next_back();
        match line.with_context(|| said.clone()) {
            Ok(line) if line.starts_with("done: ") => return Ok(line.to_owned()),
            Ok(line) => bail!("round {number} {line}"),
            Err(said) => ensure!(Instant::now() < end, "round {number} does not end:\n{said}"),
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}
