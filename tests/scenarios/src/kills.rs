//! The kill campaign: infrastructure dies at random instructions, alone and in pairs, while partitions come and go and two witnesses
//! exchange beats over two processors. What follows from a seed follows again: time counts instructions.

use crate::kills_report::{Death, Run, page};
use crate::{PATIENCE, ask, campaign, start, trial};
use anyhow::{Context as _, Result, bail, ensure};
use libtest_mimic::Trial;
use qemu_runner::exec;
use qemu_runner::images::Artifacts;
use qemu_runner::machine::Options;
use qemu_runner::paths;
use qemu_runner::session::Session;
use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Rounds of the short form.
const SHORT: u32 = 40;
/// Rounds of each machine of the long form, and deaths of all of them together.
const LONG: u32 = 400;
const DEATHS: usize = 20_000;
/// Machines of the long form that run at a time.
const AT_ONCE: usize = 2;
/// With more failures it is given up.
const MOST_FAILURES: usize = 8;
/// How long a machine may be silent.
const WHOLE: Duration = Duration::from_secs(1200);
/// The page on which the long form is written down.
const PAGE: &str = "tests/KILLS.md";
/// So many times have a median that says something.
const ENOUGH: usize = 20;
/// Median time until resource manager and command partition serve again, nanoseconds, at most.
const MEDIAN: u64 = 5_000_000;

/// The campaign.
#[must_use]
pub fn all() -> Vec<Trial> {
    let long = trial("kills_campaign", long).with_ignored_flag(!campaign());
    vec![trial("kills", short), long]
}

// covers: REC-1, REC-2, RES-7
fn short() -> Result<()> {
    let run = machine(1, SHORT)?;
    println!("{} deaths, longest silence {} us", run.deaths.len(), run.longest_gap() / 1000);
    judge(&[run])
}

/// All deaths, on as many machines as that takes, each with a seed of its own; what failed is written down too.
fn long() -> Result<()> {
    let found = Mutex::new(Found::default());
    let seeds = AtomicUsize::new(1);
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while !locked(&found).is_over() {
                    let seed = seeds.fetch_add(1, Ordering::Relaxed);
                    let run = machine(seed, LONG);
                    locked(&found).add(seed, run);
                }
            });
        }
    });
    let found = locked(&found);
    ensure!(found.failures.is_empty(), "{}", found.failures.join("\n"));
    judge(&found.runs)
}

/// What the machines of the long form came to so far.
#[derive(Default)]
struct Found {
    runs: Vec<Run>,
    failures: Vec<String>,
}

impl Found {
    fn deaths(&self) -> usize {
        self.runs.iter().map(|run| run.deaths.len()).sum()
    }

    fn is_over(&self) -> bool {
        self.deaths() >= DEATHS || self.failures.len() > MOST_FAILURES
    }

    /// Takes a machine in, and writes the page anew: whoever stops the campaign has what was done until then.
    fn add(&mut self, seed: usize, run: Result<Run>) {
        match run {
            Ok(run) => self.runs.push(run),
            Err(error) => self.failures.push(format!("seed {seed}: {error:#}")),
        }
        self.runs.sort_by_key(|run| run.seed);
        let written = fs::write(paths::root().join(PAGE), page(&self.runs, &self.failures));
        println!("seed {seed}: {} deaths together, written: {}", self.deaths(), written.is_ok());
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What only all deaths together show. What each must show the reaper has judged.
fn judge(runs: &[Run]) -> Result<()> {
    for victim in ["resource-manager", "command"] {
        let times = crate::kills_report::times(runs, |death| death.victim == victim);
        let median = times.get(times.len() / 2).copied().unwrap_or(0);
        println!("{victim}: {} times, median {} us", times.len(), median / 1000);
        ensure!(
            times.len() < ENOUGH || median <= MEDIAN,
            "{victim} serves again after {median} ns (median)"
        );
    }
    Ok(())
}

/// One machine, to its end: all that died serve again, nothing is lost, and its console answers.
fn machine(seed: usize, rounds: u32) -> Result<Run> {
    // What the resource manager holds where nobody died.
    let before = held(&mut campaign_of(seed, 0)?.0)?;
    let (mut session, run) = campaign_of(seed, rounds)?;
    let after = held(&mut session)?;
    ensure!(after == before, "held before:\n{before}\nand afterwards:\n{after}");
    exec::run(&mut session, "shutdown", PATIENCE, |_| {})?;
    Ok(run)
}

/// The capabilities of the resource manager, by kind and use; and the audit, which fails where kernel and books differ.
fn held(session: &mut Session) -> Result<String> {
    session.send(b"\r")?;
    ask(session, "audit")?;
    ask(session, "caps resource-manager")
}

fn campaign_of(seed: usize, rounds: u32) -> Result<(Session, Run)> {
    let file = format!("name=opt/bulkhead/kills,string={seed} {rounds}");
    let mut options = Options { smp: 3, memory: 128, deterministic: true, ..Options::default() };
    options.qemu_args.extend(["-fw_cfg".to_owned(), file]);
    let artifacts = Artifacts::of("kills");
    let mut session = start(&artifacts, &options)?;
    session.wait_text(0, "\nkills ", WHOLE)?;
    let end = session.transcript().len();
    session.wait_text(end.saturating_sub(1), "\n", PATIENCE)?;
    let said = session.transcript();
    let verdict = said.lines().rev().find(|line| line.starts_with("kills ")).unwrap_or_default();
    if !verdict.starts_with("kills done: ") {
        bail!("{verdict}\n{}", session.tail());
    }
    let deaths: Option<Vec<Death>> =
        said.lines().filter(|line| line.starts_with("death ")).map(Death::read).collect();
    let deaths = deaths.context("a line about a death cannot be read")?;
    let numbers = verdict.split_whitespace().filter_map(|word| word.parse().ok());
    let &[of, done, died, missed] = numbers.collect::<Vec<usize>>().as_slice() else {
        bail!("{verdict}");
    };
    ensure!(of == seed && done == rounds as usize, "{verdict}");
    ensure!(died == deaths.len(), "{died} died, {} are told of", deaths.len());
    let made = said.lines().rev().find_map(|line| line.strip_prefix("made ")).unwrap_or_default();
    let made = made.split(' ').filter_map(|word| word.parse().ok()).collect();
    let folder = artifacts.symbols("");
    Ok((session, Run { seed, deaths, missed, made, folder }))
}
