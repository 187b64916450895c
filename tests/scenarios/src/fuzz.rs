//! The call fuzz on four processors: 50,000 calls, a million where `BULKHEAD_CAMPAIGN` is set.

use crate::{campaign, start, trial, usual};
use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use qemu_runner::images::Artifacts;
use qemu_runner::machine::Options;
use std::time::{Duration, Instant};

/// Calls of the short form and of the long one.
const CALLS: [u32; 2] = [50_000, 1_000_000];
/// How long a run may take.
const WHOLE: Duration = Duration::from_secs(3600);

/// All calls at once, and some twice where time counts instructions.
#[must_use]
pub fn all() -> Vec<Trial> {
    vec![trial("fuzz_4", run), trial("fuzz_repeats", repeats)]
}

// covers: KRN-2, KRN-3, KRN-5, KRN-8
fn run() -> Result<()> {
    let calls = CALLS[usize::from(campaign())];
    let begin = Instant::now();
    let last = fuzz(1, calls, false)?;
    println!("{last}; {} s", begin.elapsed().as_secs());
    Ok(())
}

/// The same seed gives the same calls and the same answers, so that what failed can be looked at again.
fn repeats() -> Result<()> {
    let calls = 10_000;
    let [first, second, other] = [7, 7, 8].map(|seed| fuzz(seed, calls, true));
    let (first, second, other) = (first?, second?, other?);
    ensure!(first == second, "two runs of one seed differ:\n{first}\n{second}");
    ensure!(first != other, "two seeds come to the same:\n{first}");
    Ok(())
}

/// Fuzzes; what the machine says at the end.
fn fuzz(seed: u32, calls: u32, deterministic: bool) -> Result<String> {
    let file = format!("name=opt/bulkhead/fuzz,string={seed} {calls}");
    let mut options = Options { smp: 4, deterministic, ..usual()? };
    options.qemu_args.extend(["-fw_cfg".to_owned(), file]);
    let mut session = start(&Artifacts::of("fuzz"), &options)?;
    let end = session.finish(WHOLE)?;
    ensure!(end.passed(), "{end}\n{}", session.tail());
    let mut lines = session.transcript().lines().rev();
    let last = lines.find(|line| line.starts_with("fuzz: ") && line.contains(" deaths"));
    Ok(last.context("no last line")?.to_owned())
}
