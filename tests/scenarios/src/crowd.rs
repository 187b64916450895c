//! A crowd: partitions made while the machine runs, with channels to servers that run.

use crate::patient::blindly;
use crate::{PATIENCE, ask, campaign, start, trial};
use anyhow::{Context as _, Result, bail, ensure};
use libtest_mimic::Trial;
use qemu_runner::images::Artifacts;
use qemu_runner::machine::Options;
use qemu_runner::marks::Piece;
use qemu_runner::session::Session;
use std::time::{Duration, Instant};

/// Rounds of 64 partitions: always, and where `BULKHEAD_CAMPAIGN` is set.
const ROUNDS: [u32; 2] = [1, 16];
/// Partitions of a round.
const BATCH: u32 = 64;
/// Channels of each.
const CHANNELS: u32 = 4;
/// How long a round may take by our clock.
const ROUND: Duration = Duration::from_secs(300);
/// How long the console may take to answer, milliseconds of the machine's time.
const ANSWER: f64 = 50.0;
/// How long it may take to list everything, for each thousand partitions: a line of text takes most of it.
const LIST: f64 = 40.0;
/// How long one partition more may take, microseconds, however many there are.
const EACH: u32 = 1300;

/// How long a snapshot of a thousand partitions may take, so that with what the clock does not tell it is no more than the 2 ms that are wanted.
const SNAPSHOT: f64 = 1.0;
/// How many are measured, a multiple of four.
const SNAPSHOTS: u32 = 12;
/// How often something is measured that took too long.
const TRIES: u32 = 4;
/// What `uptime` does not tell.
const RESOLUTION: f64 = 1.0;

/// The crowd.
#[must_use]
pub fn all() -> Vec<Trial> {
    vec![
        trial("crowd_answers", || crowd(ROUNDS[usize::from(campaign())])),
        trial("crowd_comes_and_goes", comes_and_goes),
    ]
}

// covers: CHN-1
fn crowd(rounds: u32) -> Result<()> {
    let options = Options { smp: 8, memory: 4096, deterministic: true, ..Options::default() };
    let mut session = start(&Artifacts::of("crowd"), &options)?;
    gather(&mut session, rounds).with_context(|| session.tail())
}

fn gather(session: &mut Session, rounds: u32) -> Result<()> {
    let (took, text) = timed(session, "ps", ANSWER)?;
    let there = lines(&text);
    println!("{there} partitions: ps took {took:.1} ms");
    for number in 1..=rounds {
        ask(session, if number == 1 { "start host" } else { "restart host" })?;
        let said = wait_for_host(session, number)?;
        let guests = number * BATCH;
        for (verb, most) in [("machine", ANSWER), ("plan", ANSWER), ("caps guest-0", ANSWER)] {
            let took = timed(session, verb, most)?.0;
            say(guests, verb, took);
            ensure!(took <= most, "{verb} took {took:.1} ms with {guests} partitions");
        }
        let most = LIST * f64::from(guests + there) / 1000.0;
        let (took, text) = timed(session, "ps", most)?;
        say(guests, "ps", took);
        ensure!(took <= most, "ps took {took:.1} ms with {guests} partitions");
        ensure!(lines(&text) == there + guests, "ps lists {}", lines(&text));
        println!("{said}");
        let each = said.split(' ').nth(6).context("the time of each")?.parse::<u32>()?;
        ensure!(each <= EACH, "{said}");
    }
    snapshot(session, rounds * BATCH)?;
    let channels = ask(session, "channels")?.lines().count();
    let wanted = usize::try_from(rounds * BATCH * CHANNELS)?;
    ensure!(channels > wanted, "{channels} channels");
    ask(session, "audit").map(drop)
}

/// What it takes the console's snapshot to read everything: a creation that it refuses by itself does so once, and finds nothing changed when
/// it is asked for again.
fn snapshot(session: &mut Session, guests: u32) -> Result<()> {
    let refused = "create guest-0 share 16 processor 0";
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..SNAPSHOTS {
        for all in &mut times {
            let (took, said) = timed_with(session, refused, 1)?;
            ensure!(said.contains("it needs 16 slots on processor 0"), "{said}");
            all.push(took);
        }
        // The next one knows nothing and reads all anew.
        blindly(session, "restart command")?;
    }
    let [all, again] = times.map(usual);
    println!(
        "{guests} partitions: a refusal took {all:.2} ms with everything read, {again:.2} ms without"
    );
    let most = RESOLUTION + SNAPSHOT * f64::from(guests) / 1000.0;
    ensure!(all - again <= most, "everything was read in {:.2} ms", all - again);
    Ok(())
}

/// The mean of the middle half: finer than the clock, and not moved by what a busy computer kept waiting.
fn usual(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    let half = times.iter().skip(times.len() / 4).take(times.len() / 2);
    half.sum::<f64>() / f64::from(SNAPSHOTS / 2)
}

fn say(guests: u32, verb: &str, took: f64) {
    println!("{guests} partitions with {} channels: {verb} took {took:.1} ms", guests * CHANNELS);
}

/// Lines of `ps` that are of a partition.
fn lines(text: &str) -> u32 {
    let numbered = |line: &&str| {
        line.split_whitespace().next().is_some_and(|word| word.parse::<u32>().is_ok())
    };
    u32::try_from(text.lines().filter(numbered).count()).unwrap_or(u32::MAX)
}

/// What the host says at the end of its round.
fn wait_for_host(session: &mut Session, number: u32) -> Result<String> {
    let (end, mark) = (Instant::now() + ROUND, format!("round {number} "));
    loop {
        let said = ask(session, "log host")?;
        if let Some(line) = said.lines().find(|line| line.starts_with(&mark)) {
            ensure!(line.contains("done"), "{said}");
            return Ok(line.to_owned());
        }
        ensure!(Instant::now() < end, "the host never ended: {said}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// How many milliseconds of the machine's time a command takes, and what it prints: the first time that it takes no more than `most`, else the
/// last of some.
fn timed(session: &mut Session, verb: &str, most: f64) -> Result<(f64, String)> {
    let mut one = timed_with(session, verb, 0)?;
    for _ in 1..TRIES {
        if one.0 <= most {
            break;
        }
        one = timed_with(session, verb, 0)?;
    }
    Ok(one)
}

/// The same once, for a command that ends with this status. All is typed at once, so that nothing waits for us; but where the computer has no
/// time for the emulator's own work, what was typed comes in pieces, and the machine's time runs on between them.
fn timed_with(session: &mut Session, verb: &str, ends: i32) -> Result<(f64, String)> {
    session.wait_prompt(PATIENCE)?;
    session.send(format!("uptime\r{verb}\ruptime\r").as_bytes())?;
    let mut texts = Vec::new();
    let mut text = String::new();
    while texts.len() < 3 {
        match session.next(Instant::now() + PATIENCE)? {
            Some(Piece::Text(bytes)) => text.push_str(&String::from_utf8_lossy(&bytes)),
            Some(Piece::Status(status)) => {
                let wanted = if texts.len() == 1 { ends } else { 0 };
                ensure!(status == wanted, "{verb}: {text}");
                texts.push(std::mem::take(&mut text));
            }
            Some(Piece::Prompt) => text.clear(),
            None => bail!("the machine ended"),
        }
    }
    let took = milliseconds(&texts[2])? - milliseconds(&texts[0])?;
    Ok((took, texts.swap_remove(1)))
}

/// What `uptime` says in the first minute.
fn milliseconds(text: &str) -> Result<f64> {
    let said = text.split("up ").nth(1).with_context(|| text.to_owned())?;
    let seconds = said.split_once(" s").with_context(|| text.to_owned())?.0;
    Ok(seconds.parse::<f64>()? * 1000.0)
}

/// Clients that join servers which run, are heard, leave, and leave nothing behind, on one processor and several.
///
/// covers: RES-12
fn comes_and_goes() -> Result<()> {
    for smp in [1, 4] {
        let mut session = start(&Artifacts::of("node"), &Options { smp, ..crate::usual()? })?;
        come_and_go(&mut session).with_context(|| session.tail())?;
    }
    Ok(())
}

fn come_and_go(session: &mut Session) -> Result<()> {
    // Once every server's tables have grown to what they need.
    round(session, 0)?;
    let before = [ask(session, "audit")?, ask(session, "channels")?.lines().count().to_string()];
    for turn in 1..4 {
        round(session, turn)?;
        let after = [ask(session, "audit")?, ask(session, "channels")?.lines().count().to_string()];
        ensure!(before == after, "before {before:?}, after turn {turn} {after:?}");
    }
    Ok(())
}

fn round(session: &mut Session, turn: u32) -> Result<()> {
    let said = ask(session, "create echo-asks")?;
    let number = said.split(' ').nth(1).context("a number")?.to_owned();
    let channels = ask(session, "channels")?;
    ensure!(channels.lines().filter(|line| line.contains("echo-asks")).count() == 4, "{channels}");
    ask(session, &format!("start {number}"))?;
    answered(session, &number)?;
    match turn {
        // Its server, or its console, begins a new life meanwhile.
        1 => drop(ask(session, "restart echo-answers")?),
        2 => drop(ask(session, "restart io-console")?),
        // Its server looks only when another has come in its place.
        3 => {
            ask(session, &format!("pause echo-answers; destroy {number}"))?;
            let heir = ask(session, "create echo-asks")?;
            ensure!(heir.starts_with(&format!("partition {number} ")), "{heir}");
            ask(session, &format!("start {number}; resume echo-answers"))?;
            answered(session, &number)?;
        }
        _ => {}
    }
    let console = ask(session, &format!("destroy {number}"))?;
    ensure!(console.contains("destroyed"), "{console}");
    ensure!(!session.tail().contains("cut off"), "a server did not let go");
    Ok(())
}

fn answered(session: &mut Session, number: &str) -> Result<()> {
    let end = Instant::now() + PATIENCE;
    while !ask(session, &format!("log {number}"))?.contains("echo: answered") {
        ensure!(Instant::now() < end, "the copy was never answered");
    }
    Ok(())
}
