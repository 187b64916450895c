//! Idle states: who waits deeply is in no plan, others have its slots, and what comes for it brings it back.

use crate::{PATIENCE, ask, start, trial};
use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use qemu_runner::exec;
use qemu_runner::images::Artifacts;
use qemu_runner::machine::Options;
use qemu_runner::session::Session;
use std::thread;
use std::time::{Duration, Instant};

/// Longest way back to the plan, microseconds: four frames of 16 ms, the last of which is the way to the answer.
const WAY_BACK: u64 = 4 * 16_000;
/// Slots of the one that sleeps and of its neighbour.
const SHARES: [usize; 2] = [6, 3];

/// On one processor, which all share, and on two.
#[must_use]
pub fn all() -> Vec<Trial> {
    let on = |processors: u16| {
        trial(format!("resting_{processors}"), move || {
            let options = Options { smp: processors, deterministic: true, ..Options::default() };
            let mut session = start(&Artifacts::of("resting"), &options)?;
            rest(&mut session, processors).with_context(|| session.tail())
        })
    };
    [1, 2].into_iter().map(on).collect()
}

// covers: SCH-3
fn rest(session: &mut Session, processors: u16) -> Result<()> {
    sleeps(session)?;
    if processors > 1 {
        // Whoever else is on the first processor has part in what is left there.
        let slots = slots(session)?;
        ensure!(slots == [0, SHARES.iter().sum()], "the sleeper's and its neighbour's: {slots:?}");
    }
    let (before, _) = answers(session)?;
    ask(session, "restart resource-manager")?;
    wait_until(session, "answers after a manager's death", |session| {
        Ok(answers(session)?.0 >= before + 3)
    })?;
    let (_, times) = answers(session)?;
    println!("resting on {processors}: back after {times:?} us");
    let longest = times.iter().copied().max().unwrap_or(u64::MAX);
    ensure!(longest <= WAY_BACK, "an answer took {longest} us");
    sleeps(session)?;
    for verb in ["pause sleeper; resume sleeper", "restart sleeper", "move sleeper to processor 0"]
    {
        for command in verb.split("; ") {
            ask(session, command)?;
        }
        let (before, _) = answers(session)?;
        wait_until(session, verb, |session| Ok(answers(session)?.0 > before))?;
    }
    sleeps(session)?;
    exec::run(session, "audit; shutdown", PATIENCE, |_| {}).map(drop)
}

/// Waits until `ps` shows the sleeper at rest.
fn sleeps(session: &mut Session) -> Result<()> {
    wait_until(session, "the sleeper's rest", |session| {
        let listed = ask(session, "ps")?;
        Ok(listed.lines().any(|line| line.contains("sleeper") && line.contains("resting")))
    })
}

fn wait_until(
    session: &mut Session,
    what: &str,
    mut come: impl FnMut(&mut Session) -> Result<bool>,
) -> Result<()> {
    let end = Instant::now() + PATIENCE;
    while !come(session)? {
        ensure!(Instant::now() < end, "{what} never came");
        thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// Slots of sleeper and neighbour while the one rests.
fn slots(session: &mut Session) -> Result<[usize; 2]> {
    let end = Instant::now() + PATIENCE;
    loop {
        let plan = ask(session, "plan")?;
        let found = ["sleeper", "neighbour"].map(|name| plan.matches(name).count());
        // It may be awake just now.
        if found[0] == 0 || Instant::now() > end {
            return Ok(found);
        }
    }
}

/// The number of the last answer, for the console keeps not all that was said, and the times that those took which it keeps,
/// microseconds.
fn answers(session: &mut Session) -> Result<(u32, Vec<u64>)> {
    let said = ask(session, "log neighbour")?;
    let lines = said.lines().filter_map(|line| line.strip_prefix("answer ")?.strip_suffix(" us"));
    let numbers = lines.filter_map(|line| line.split_once(" after "));
    let both = numbers.filter_map(|(number, time)| {
        Some((number.parse::<u32>().ok()?, time.parse::<u64>().ok()?))
    });
    let (numbers, times): (Vec<u32>, Vec<u64>) = both.unzip();
    Ok((numbers.last().copied().unwrap_or(0), times))
}
