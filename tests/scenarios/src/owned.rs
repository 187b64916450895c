//! A processor of one's own: interrupts at once and no timer; and one that is shared, where interrupts are held.

use crate::{PATIENCE, ask, campaign, start, trial};
use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use qemu_runner::exec;
use qemu_runner::images::Artifacts;
use qemu_runner::machine::Options;
use qemu_runner::session::Session;
use std::time::{Duration, Instant};

/// For how many interrupts of the other one's timer the owned processor is watched: always, and where `BULKHEAD_CAMPAIGN` is set.
const WATCHED: [u64; 2] = [1_000, 10_000];
/// Interrupts that the driver tells of.
const INTERRUPTS: usize = 64;
/// Microseconds of a slot, and of a frame.
const SLOT: u64 = 1_000;
const FRAME: u64 = 16 * SLOT;
/// Microseconds from one interrupt to the next, as the driver sets the timer.
const PERIOD: u64 = 16_762;

/// Both.
#[must_use]
pub fn all() -> Vec<Trial> {
    vec![
        trial("owned_processor_is_silent", silent),
        trial("held_interrupts_wait_for_their_slot", held),
    ]
}

/// An interrupt: when the driver took it, and how long after it came, in microseconds.
#[derive(Clone, Copy, Debug)]
struct Taken {
    at: u64,
    late: u64,
}

/// Whoever owns a processor gets interrupts at once, and is not disturbed by the timer while it computes. Time counts instructions, so that
/// no host is late with them.
// covers: SCH-4, KRN-6
fn silent() -> Result<()> {
    let options = Options { deterministic: true, ..Options::default() };
    let mut session = start(&Artifacts::of("owned"), &options)?;
    let mut late: Vec<u64> = taken(&mut session)?.iter().map(|taken| taken.late).collect();
    late.sort_unstable();
    let latest = late.last().copied().unwrap_or(u64::MAX);
    ensure!(latest < SLOT, "some came later than a slot: {late:?}");
    let (end, before) = (Instant::now() + PATIENCE, timer_interrupts(&mut session)?);
    let mut after = before;
    while after[0] < before[0] + WATCHED[usize::from(campaign())] {
        ensure!(Instant::now() < end, "processor 0 took {before:?}, then {after:?}");
        ask(&mut session, "ps")?;
        after = timer_interrupts(&mut session)?;
    }
    println!(
        "interrupts {latest} us late at most; of the timer processor 0 took {}, processor 1 {}",
        after[0] - before[0],
        after[1] - before[1]
    );
    ensure!(after[1] == before[1], "the owned processor took {before:?}, then {after:?}");
    exec::run(&mut session, "shutdown", PATIENCE, |_| {}).map(drop)
}

/// Where others compute, an interrupt waits for the driver's slot, and none is lost. Time counts instructions, so that no
/// slot is cut short.
// covers: KRN-6
fn held() -> Result<()> {
    let options = Options { deterministic: true, ..Options::default() };
    let mut session = start(&Artifacts::of("held"), &options)?;
    let all = taken(&mut session)?;
    let slots: Vec<u64> = all.iter().map(|taken| taken.at % FRAME / SLOT).collect();
    ensure!(slots.iter().all(|slot| *slot == slots[0]), "taken in slots {slots:?}");
    let late = |taken: &&Taken| taken.late > 2 * SLOT;
    ensure!(all.iter().filter(late).count() > INTERRUPTS / 2, "few were held: {all:?}");
    ensure!(all.iter().all(|taken| taken.late <= FRAME), "held beyond the next slot: {all:?}");
    let came = |taken: &Taken| taken.at - taken.late;
    let apart = all.windows(2).map(|pair| came(&pair[1]) - came(&pair[0]));
    let apart: Vec<u64> = apart.collect();
    ensure!(apart.iter().all(|apart| apart.abs_diff(PERIOD) < 100), "they came apart by {apart:?}");
    println!(
        "all in slot {}, held for {} to {} us",
        slots[0],
        all.iter().map(|t| t.late).min().unwrap_or(0),
        all.iter().map(|t| t.late).max().unwrap_or(0)
    );
    exec::run(&mut session, "shutdown", PATIENCE, |_| {}).map(drop)
}

/// What the driver tells, once it has told all.
fn taken(session: &mut Session) -> Result<Vec<Taken>> {
    let end = Instant::now() + PATIENCE;
    let told = loop {
        let told = ask(session, "log taker")?;
        if told.contains(&format!("all {INTERRUPTS} taken")) {
            break told;
        }
        ensure!(Instant::now() < end, "the driver says: {told}");
        std::thread::sleep(Duration::from_millis(50));
    };
    let lines = told.lines().filter_map(|line| line.strip_prefix("taken ")?.split_once(": "));
    let numbers: Result<Vec<u64>, _> =
        lines.flat_map(|(_, numbers)| numbers.split_whitespace()).map(str::parse).collect();
    let numbers = numbers.with_context(|| told.clone())?;
    let all: Vec<Taken> =
        numbers.as_chunks().0.iter().map(|&[at, late]| Taken { at, late }).collect();
    ensure!(all.len() == INTERRUPTS, "{} interrupts in\n{told}", all.len());
    Ok(all)
}

/// Timer interrupts of processors 0 and 1, as the kernel counts them.
fn timer_interrupts(session: &mut Session) -> Result<[u64; 2]> {
    let plan = ask(session, "plan")?;
    let counts =
        plan.lines().filter_map(|line| line.rsplit_once("timer interrupts ")?.1.parse().ok());
    let counts: Vec<u64> = counts.collect();
    <[u64; 2]>::try_from(counts).ok().with_context(|| plan)
}
