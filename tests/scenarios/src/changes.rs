//! Partitions are paused, moved and given more and less at the console, while two witnesses exchange beats.

use crate::patient::line_of;
use crate::{PATIENCE, ask, start, trial};
use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use qemu_runner::exec;
use qemu_runner::images::Artifacts;
use qemu_runner::machine::Options;
use qemu_runner::session::Session;
use std::thread;
use std::time::{Duration, Instant};

/// Microseconds of two frames, which no witness may be silent for.
const TWO_FRAMES: u64 = 2 * 1600;
/// Beats that a witness must have made, so that its silence says something.
const BEATS: u64 = 100;

/// The changes, on machines of one, two and four processors.
#[must_use]
pub fn all() -> Vec<Trial> {
    let on = |processors: u16| {
        trial(format!("console_changes_{processors}"), move || {
            let options = Options { smp: processors, deterministic: true, ..Options::default() };
            let mut session = start(&Artifacts::of("changes"), &options)?;
            change_all(&mut session, processors).with_context(|| session.tail())
        })
    };
    [1, 2, 4].into_iter().map(on).collect()
}

// covers: CMD-3, SCH-2
fn change_all(session: &mut Session, processors: u16) -> Result<()> {
    each(session, "audit")?;
    let other = u16::from(processors > 1);
    pause(session)?;
    shares(session)?;
    memory(session)?;
    places(session, other, processors)?;
    creations(session, other)?;
    let before = messages(session)?;
    for witness in ["witness-0", "witness-1"] {
        silence(session, witness)?;
    }
    let end = Instant::now() + PATIENCE;
    while messages(session)? <= before {
        ensure!(
            Instant::now() < end,
            "echo-asks and echo-answers do not speak with each other any more"
        );
        thread::sleep(Duration::from_millis(200));
    }
    exec::run(session, "audit; shutdown", PATIENCE, |_| {}).map(drop)
}

fn pause(session: &mut Session) -> Result<()> {
    ask(session, "pause echo-asks")?;
    shows(session, "echo-asks", &["paused"])?;
    refused(session, "pause echo-asks", "type resume echo-asks")?;
    refused(session, "start echo-asks", "type resume echo-asks")?;
    refused(session, "pause io-console", "carries this console")?;
    refused(session, "pause boot", "everything else needs boot")?;
    ask(session, "restart resource-manager")?;
    shows(session, "echo-asks", &["paused"])?;
    ask(session, "resume echo-asks")?;
    lives(session, "echo-asks")?;
    for end in ["stop", "kill"] {
        ask(session, "pause echo-answers")?;
        ask(session, &format!("{end} echo-answers"))?;
        shows(session, "echo-answers", &["stopped"])?;
        ask(session, "start echo-answers")?;
    }
    ask(session, "pause echo-answers")?;
    ask(session, "restart echo-answers")?;
    lives(session, "echo-answers")
}

fn shares(session: &mut Session) -> Result<()> {
    ask(session, "set echo-answers processor 3/16")?;
    shows(session, "echo-answers", &["3"])?;
    let slots = ask(session, "plan")?.matches(" echo-answers ").count();
    ensure!(slots >= 3, "the plan gives it {slots} slots");
    refused(session, "set echo-answers processor 16/16", "can have at most")?;
    ask(session, "restart echo-answers")?;
    shows(session, "echo-answers", &["3"])?;
    ask(session, "set echo-answers processor 1/16").map(drop)
}

fn memory(session: &mut Session) -> Result<()> {
    ask(session, "set echo-asks memory 4M")?;
    shows(session, "echo-asks", &["4.2 MiB"])?;
    ask(session, "restart resource-manager")?;
    ask(session, "set echo-asks memory 64K")?;
    shows(session, "echo-asks", &[" KiB"])?;
    refused(session, "set echo-asks memory 1G", "no heap can be larger")?;
    refused(session, "set resource-manager memory 8M", "everything else needs resource-manager")?;
    each(session, "set echo-asks memory 8M; restart echo-asks")?;
    shows(session, "echo-asks", &["8.2 MiB"])?;
    each(session, "set echo-asks memory 64K; audit")
}

fn places(session: &mut Session, other: u16, processors: u16) -> Result<()> {
    let nowhere = format!("move echo-asks to processor {processors}");
    refused(session, &nowhere, "there is no processor")?;
    refused(session, "move command to processor 0", "everything else needs command")?;
    for processor in [other, 0] {
        ask(session, &format!("move echo-asks to processor {processor}"))?;
        let plan = ask(session, "plan")?;
        let mark = format!("processor {processor}:");
        let there =
            plan.split("processor ").find(|part| format!("processor {part}").starts_with(&mark));
        ensure!(there.is_some_and(|part| part.contains("echo-asks")), "it is not there:\n{plan}");
        ensure!(plan.matches("echo-asks").count() <= 2, "it is at two places:\n{plan}");
    }
    ask(session, "pause echo-answers")?;
    ask(session, &format!("move echo-answers to processor {other}"))?;
    each(session, "resume echo-answers; audit")
}

/// What was created is changed as others are, and leaves nothing.
fn creations(session: &mut Session, other: u16) -> Result<()> {
    let free = free(session)?;
    let made = ask(session, "create echo-asks")?;
    let number = made.split_whitespace().nth(1).context("no number")?.to_owned();
    let there = format!("move {number} to processor {other}");
    for command in ["start", "pause", "resume"] {
        ask(session, &format!("{command} {number}"))?;
    }
    each(session, &format!("set {number} memory 6M; set {number} processor 2/16; {there}"))?;
    each(session, &format!("pause {number}; destroy {number}; audit"))?;
    let after = self::free(session)?;
    ensure!(free == after, "{free} frames were free before, {after} are now");
    Ok(())
}

/// Types one command after the other; all must do what they say.
fn each(session: &mut Session, commands: &str) -> Result<()> {
    commands.split(';').try_for_each(|command| ask(session, command.trim()).map(drop))
}

/// Frames that are free, as the audit says.
fn free(session: &mut Session) -> Result<u64> {
    let said = ask(session, "audit")?;
    let words = said.split_whitespace().collect::<Vec<_>>();
    let at = words.windows(3).position(|three| three[1..] == ["are", "free:"]);
    at.and_then(|at| words[at].parse().ok()).with_context(|| format!("no number in {said}"))
}

/// A partition wants to run, or waits for something to happen.
fn lives(session: &mut Session, name: &str) -> Result<()> {
    let alive = |line: &str| ["waiting", "running"].iter().any(|state| line.contains(state));
    line_of(session, name, alive).map(drop)
}

/// The line of a partition in `ps` holds all these words.
fn shows(session: &mut Session, name: &str, wanted: &[&str]) -> Result<()> {
    let line = line_of(session, name, |_| true)?;
    let all = wanted.iter().all(|word| line.contains(word));
    ensure!(all, "wanted {wanted:?} in: {line}");
    Ok(())
}

fn refused(session: &mut Session, command: &str, why: &str) -> Result<()> {
    let answer = exec::command(session, command, PATIENCE)?;
    ensure!(answer.status == Some(1), "'{command}' ended with {:?}", answer.status);
    ensure!(answer.output.contains(why), "'{command}' says: {}", answer.output);
    Ok(())
}

/// Messages between echo-asks and echo-answers.
fn messages(session: &mut Session) -> Result<u64> {
    let listed = ask(session, "channels")?;
    let line =
        listed.lines().find(|line| line.contains("echo-asks") && line.contains("echo-answers"));
    let last = line.and_then(|line| line.split_whitespace().next_back()?.parse().ok());
    last.with_context(|| format!("no such channel in\n{listed}"))
}

/// A witness that beats, and never was silent for two frames, nor heard the other so long.
fn silence(session: &mut Session, witness: &str) -> Result<()> {
    let said = ask(session, &format!("log {witness}"))?;
    let line = said.lines().rfind(|line| line.contains("beats")).context("it says nothing")?;
    let numbers = line.split(|letter: char| !letter.is_ascii_digit());
    let numbers: Vec<u64> = numbers.filter_map(|word| word.parse().ok()).collect();
    let &[.., beats, own, heard] = numbers.as_slice() else { anyhow::bail!("{line}") };
    println!("{witness}: {line}");
    ensure!(beats > BEATS, "{witness}: {line}");
    ensure!(heard > 0, "{witness} hears nothing: {line}");
    ensure!(own.max(heard) <= TWO_FRAMES, "{witness}: {line}");
    Ok(())
}
