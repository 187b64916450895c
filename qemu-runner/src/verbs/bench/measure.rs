//! Where the figures come from: an image that measures under an emulator that counts, the kernel's file, and a machine
//! whose prompt is awaited.

use super::Values;
use crate::images::{self, Artifacts};
use crate::machine::{Debugger, Options};
use crate::session::Session;
use crate::{exec, verdict};
use anyhow::{Context as _, Result, bail};
use serde_json::json;
use std::fs;
use std::time::{Duration, Instant};

/// How long the measuring image may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// What it says at the end, and before each figure.
const DONE: &str = "bench: done";
const FIGURE: &str = "bench: ";
/// What it says after the round trips.
const AFTER_ROUNDS: &str = "bench: yield ";
/// How the kernel reports its clock.
const CLOCK: &str = " ticks of the time stamp counter";
/// What it says after the paths of calls and interrupts.
const PATHS: &str = "bench: channel-client";
/// Figures with isolated page tables are called as the others are, with this before.
const ISOLATED: &str = "isolated-";
/// Starts of which the fastest counts.
const STARTS: usize = 5;
/// In an ELF header: offset, size and number of the program headers.
const PROGRAM_HEADERS: [usize; 3] = [0x20, 0x36, 0x38];
/// In a program header: flags, of which 1 is "execute", and size in the file.
const FLAGS: usize = 4;
const FILE_SIZE: usize = 0x20;

/// What is the same on every computer: counted instructions, and the size of the kernel's text.
///
/// # Errors
/// The image could not be built, or does not come to its end.
pub fn counted() -> Result<Values> {
    let artifacts = images::build("bench")?;
    let options = Options { smp: 1, deterministic: true, ..Options::default() };
    let mut values = until(DONE, &options, &artifacts)?;
    for (name, value) in until(PATHS, &options, &images::isolated(&artifacts)?)? {
        values.insert(format!("{ISOLATED}{name}"), value);
    }
    let kernel = fs::read(artifacts.symbols("kernel"))?;
    let text = text(&kernel).context("the kernel's file is no ELF file")?;
    values.insert("text".to_owned(), json!(text));
    Ok(values)
}

/// What the measuring image prints until it says `last`.
fn until(last: &str, options: &Options, artifacts: &Artifacts) -> Result<Values> {
    let mut session = Session::start(options, artifacts, Debugger::None)?;
    let end = session.wait_text(0, last, PATIENCE)?;
    Ok(figures(session.transcript().get(..end).unwrap_or_default()))
}

/// A channel kept busy between two processors, by the clock of an emulator that does not count: how long a message takes,
/// and how often the kernel was called and a doorbell rung.
///
/// # Errors
/// The image could not be built, or does not come to its end.
pub fn busy() -> Result<Values> {
    let artifacts = images::build("busy")?;
    let options = Options { smp: 2, tcg: true, ..Options::default() };
    until(DONE, &options, &artifacts)
}

/// Round trips by the clock of an emulator that does not count, where changes of page tables rule: nanoseconds each.
///
/// # Errors
/// The image could not be built, or does not come to its end.
pub fn rounds() -> Result<Values> {
    let artifacts = images::build("bench")?;
    let options = Options { smp: 1, tcg: true, ..Options::default() };
    let mut session = Session::start(&options, &artifacts, Debugger::None)?;
    let end = session.wait_text(0, AFTER_ROUNDS, PATIENCE)?;
    timed(session.transcript().get(..end).unwrap_or_default())
        .context("the kernel does not say how fast its clock is")
}

/// The round trips among the figures, from ticks of the clock that the kernel reports.
fn timed(transcript: &str) -> Option<Values> {
    let mut words = transcript.lines().find_map(|line| line.split_once(CLOCK))?.0.split(' ');
    let frequency: u64 = words.next_back()?.parse().ok()?;
    let figures = figures(transcript);
    let time = |name: &str| {
        let ticks = figures.get(name)?.as_u64()?;
        Some((
            format!("{name}-time"),
            json!(ticks.checked_mul(1_000_000_000)?.checked_div(frequency)?),
        ))
    };
    Some(["call", "ping-pong"].into_iter().filter_map(time).collect())
}

/// The figures in what a measuring image printed: a name, a number, a unit.
#[must_use]
pub fn figures(transcript: &str) -> Values {
    let figures = transcript.lines().filter_map(|line| {
        let (name, rest) = line.strip_prefix(FIGURE)?.split_once(' ')?;
        let value: u64 = rest.split_once(' ')?.0.parse().ok()?;
        Some((name.to_owned(), json!(value)))
    });
    figures.collect()
}

/// Bytes of the executable segments of an ELF file.
fn text(file: &[u8]) -> Option<u64> {
    let bytes = |at: usize, length| file.get(at..at.checked_add(length)?);
    let word = |at| Some(u64::from_le_bytes(bytes(at, 8)?.try_into().ok()?));
    let half = |at| Some(usize::from(u16::from_le_bytes(bytes(at, 2)?.try_into().ok()?)));
    let [offset, size, count] = PROGRAM_HEADERS;
    let first = usize::try_from(word(offset)?).ok()?;
    let (size, count) = (half(size)?, half(count)?);
    let header = |index: usize| first + index * size;
    let executable = |&at: &usize| bytes(at + FLAGS, 1).is_some_and(|flags| flags[0] & 1 != 0);
    (0..count).map(header).filter(executable).map(|at| word(at + FILE_SIZE)).sum()
}

/// What a person notices: time to the prompt, and memory that is held there.
///
/// # Errors
/// The image could not be built, no prompt comes, or the console does not know the memory.
pub fn console() -> Result<Values> {
    let artifacts = images::build("minimal")?;
    let options = Options { smp: 1, tcg: true, ..Options::default() };
    let mut best = u64::MAX;
    for _ in 0..STARTS {
        best = best.min(start(&options, &artifacts)?);
    }
    let mut session = Session::start(&options, &artifacts, Debugger::None)?;
    let mut held = None;
    let end = exec::run(&mut session, "machine; shutdown", PATIENCE, |answer| {
        held = held.or_else(|| memory(&answer.output));
    })?;
    if !verdict::End::clean(&end) {
        bail!("{end}");
    }
    let held = held.context("the console does not say how much memory is held")?;
    Ok(Values::from_iter([("prompt".to_owned(), json!(best)), ("memory".to_owned(), json!(held))]))
}

/// Milliseconds from QEMU's start to the prompt.
fn start(options: &Options, artifacts: &Artifacts) -> Result<u64> {
    let begin = Instant::now();
    let mut session = Session::start(options, artifacts, Debugger::None)?;
    session.wait_prompt(PATIENCE)?;
    Ok(u64::try_from(begin.elapsed().as_millis())?)
}

/// KiB of the kernel and of partitions, in what the console says about the machine.
fn memory(output: &str) -> Option<u64> {
    let of = |whose: &str| {
        let line = output.lines().find_map(|line| line.strip_suffix(whose))?;
        let mut words = line.split_whitespace();
        let (unit, value) = (words.next_back()?, words.next_back()?);
        let scale = if unit == "MiB" { 10_240 } else { 10 };
        let (whole, tenth) = value.split_once('.').unwrap_or((value, "0"));
        let tenths = whole.parse::<u64>().ok()? * 10 + tenth.parse::<u64>().ok()?;
        Some(tenths * scale / 100)
    };
    Some(of(" of the kernel")? + of(" of partitions")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_found_among_other_lines() {
        let values = figures("kernel: x\nbench: call 501 instructions\nbench: failed: no\n");
        assert_eq!(serde_json::Value::Object(values), json!({ "call": 501 }));
    }

    #[test]
    fn round_trips_are_told_in_time() {
        let text = "kernel: 1 of 1 processors, 2000000000 ticks of the time stamp counter a second\n\
                    bench: call 9000 instructions\nbench: poll 5 instructions\n";
        let values = timed(text).unwrap();
        assert_eq!(serde_json::Value::Object(values), json!({ "call-time": 4500 }));
        assert_eq!(timed("bench: call 9000 instructions\n"), None);
    }

    #[test]
    fn memory_is_added_up_in_kib() {
        let output = "memory        512 MiB in all\n              3.9 MiB of the kernel\n              700 KiB of partitions\n";
        assert_eq!(memory(output), Some(3_993 + 700));
        assert_eq!(memory("nothing"), None);
    }

    #[test]
    fn only_executable_segments_are_text() {
        let mut file = vec![0; 0x40 + 3 * 0x38];
        file[0x20] = 0x40;
        (file[0x36], file[0x38]) = (0x38, 3);
        for (index, (flags, size)) in [(5, 7), (4, 100), (1, 20)].into_iter().enumerate() {
            file[0x40 + index * 0x38 + 4] = flags;
            file[0x40 + index * 0x38 + 0x20] = size;
        }
        assert_eq!(text(&file), Some(27));
        assert_eq!(text(&file[..0x60]), None);
    }
}
