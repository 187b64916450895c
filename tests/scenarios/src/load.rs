//! Masses of partitions, created and destroyed by four partitions on four processors and a person at once, while memory is out.

use crate::{PATIENCE, ask, start, trial};
use anyhow::{Context as _, Result, bail, ensure};
use libtest_mimic::Trial;
use qemu_runner::exec;
use qemu_runner::images::Artifacts;
use qemu_runner::machine::Options;
use qemu_runner::session::Session;

/// Rounds of 500 partitions that count, after one that does not: always, and where `BULKHEAD_CAMPAIGN` is set.
const ROUNDS: [u32; 2] = [2, 20];
/// What the makers make in a round.
const MADE: u32 = 500;
/// What a refusal must say.
const OUT: [&str; 4] = ["memory is out", "in one piece", "slots", "slot on"];

/// The masses.
#[must_use]
pub fn all() -> Vec<Trial> {
    vec![trial("load_masses", || masses(ROUNDS[usize::from(crate::campaign())]))]
}

/// What happened so far.
#[derive(Default)]
struct Tally {
    made: u32,
    by_hand: u32,
    refused: u32,
    refused_by_hand: u32,
}

// covers: RES-7, KRN-8
fn masses(rounds: u32) -> Result<()> {
    let options = Options { smp: 4, memory: 64, ..Options::default() };
    let mut session = start(&Artifacts::of("load"), &options)?;
    let mut tally = Tally::default();
    // Once the resource manager's own table has grown to what it needs at most.
    round(&mut session, 1, &mut tally)?;
    let before = held(&mut session)?;
    for number in 2..=rounds + 1 {
        round(&mut session, number, &mut tally)?;
        let after = held(&mut session)?;
        let text = |held: [String; 3]| held.join("\n");
        ensure!(
            after == before,
            "before:\n{}\nafter round {number}:\n{}",
            text(before),
            text(after)
        );
    }
    println!(
        "{} partitions made and destroyed by four, {} by hand; {} and {} refused for want of memory",
        tally.made, tally.by_hand, tally.refused, tally.refused_by_hand
    );
    ensure!(tally.made == MADE * (rounds + 1), "{} were made", tally.made);
    ensure!(
        tally.by_hand > 0 && tally.refused > 0,
        "memory was never out, or nobody was at the console"
    );
    ensure!(tally.refused_by_hand > rounds, "what cannot be had was made");
    exec::run(&mut session, "shutdown", PATIENCE, |_| {}).map(drop)
}

/// What must be the same before and after: free frames, numbers and names of all partitions, and what the resource manager may do.
fn held(session: &mut Session) -> Result<[String; 3]> {
    let partitions = ask(session, "ps")?;
    let names = partitions.lines().map(|line| line.get(..21).unwrap_or(line));
    let names: Vec<&str> = names.collect();
    Ok([ask(session, "audit")?, names.join("\n"), ask(session, "caps resource-manager")?])
}

/// Lets the makers work, and works beside them.
fn round(session: &mut Session, number: u32, tally: &mut Tally) -> Result<()> {
    ask(session, if number == 1 { "start load" } else { "restart load" })?;
    let (mark, mut turn) = (format!("round {number} "), 0_u32);
    // As much as the whole machine has: it is never there.
    by_hand(session, "large memory 64M", 1, tally)?;
    loop {
        let said = ask(session, "log load")?;
        let mut said = said.lines().filter_map(|line| line.strip_prefix(&mark));
        match said.next_back() {
            Some(line) if line.starts_with("done: ") => return count(line, tally),
            Some(line) if line.starts_with("failed") => bail!("round {number} {line}"),
            Some(_) => by_hand(session, "large", turn, tally)?,
            None => {}
        }
        by_hand(session, ["small-1", "small-2", "small-3"][turn as usize % 3], turn, tally)?;
        turn += 1;
    }
}

/// What the leader says at the end of a round.
fn count(line: &str, tally: &mut Tally) -> Result<()> {
    let numbers = line.split_whitespace().filter_map(|word| word.parse::<u32>().ok());
    let &[made, ran, refused] = numbers.collect::<Vec<_>>().as_slice() else {
        bail!("the leader says: {line}");
    };
    ensure!(made == MADE && ran > 0, "the leader says: {line}");
    tally.made += made;
    tally.refused += refused;
    Ok(())
}

/// One more like `like`, and its end, now and then after it ran; or the sentence that says why not.
fn by_hand(session: &mut Session, like: &str, turn: u32, tally: &mut Tally) -> Result<()> {
    let answer = exec::command(session, &format!("create {like}"), PATIENCE)?;
    if answer.status != Some(0) {
        ensure!(
            OUT.iter().any(|out| answer.output.contains(out)),
            "create {like}: {}",
            answer.output
        );
        tally.refused_by_hand += 1;
        return Ok(());
    }
    // The manager's own words may come before it.
    let made = answer.output.lines().find_map(|line| line.strip_prefix("partition "));
    let number = made.and_then(|rest| rest.split(' ').next());
    let number = number.with_context(|| answer.output.clone())?;
    if turn.is_multiple_of(4) {
        ask(session, &format!("start {number}"))?;
    }
    ask(session, &format!("destroy {number}"))?;
    tally.by_hand += 1;
    Ok(())
}
