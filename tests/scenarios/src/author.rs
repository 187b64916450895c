//! What the author of a partition uses: the trace and its drawing, the measure of stacks, back traces, the debugger.

use crate::patient::until;
use crate::{PATIENCE, ask, start, trial, usual};
use abi::information::Information;
use abi::layout::INFORMATION;
use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use qemu_runner::images::{self, Artifacts};
use qemu_runner::machine::Debugger;
use qemu_runner::perfetto;
use qemu_runner::session::Session;
use qemu_runner::verbs::debug::{Subject, free_port};
use qemu_runner::verbs::sizes::Usages;
use serde_json::Value;
use std::collections::BTreeMap;
use std::mem::offset_of;
use std::process::Stdio;
use trace_text::{Line, What};

/// Every scenario.
#[must_use]
pub fn all() -> Vec<Trial> {
    vec![
        trial("author_trace", trace),
        trial("author_stacks", stacks),
        trial("author_panic", panics),
        trial("author_debug", debug),
    ]
}

/// A client asks its server: that must be in the trace, and in its drawing.
fn trace() -> Result<()> {
    let mut session = start(&Artifacts::of("node"), &usual()?)?;
    ask(&mut session, "restart echo-asks")?;
    until(&mut session, "log echo-asks", answered)?;
    // It asks again after a second, when the server has long been waiting.
    let printed = until(&mut session, "trace 1000000", |printed| {
        conversation(&mut printed.lines().filter_map(trace_text::parse)).is_ok()
    })?;
    let lines: Vec<Line<'_>> = printed.lines().filter_map(trace_text::parse).collect();
    ensure!(lines.len() + 1 == printed.lines().count(), "not all are records:\n{}", printed);
    ensure!(lines.is_sorted_by_key(|line| line.time), "times run backwards");
    drawing(&perfetto::file(&lines))
}

/// Whether the log says that the client of the second life had its answer.
fn answered(log: &str) -> bool {
    log.split_once("start 2").is_some_and(|(_, second)| second.contains("answered"))
}

/// The client runs, rings, and the server runs.
fn conversation<'a>(lines: &mut impl Iterator<Item = Line<'a>>) -> Result<()> {
    let mut left = lines.map(|line| line.what);
    for wanted in
        [What::Runs("echo-asks"), What::Rung("echo-answers", 1), What::Runs("echo-answers")]
    {
        ensure!(left.any(|what| what == wanted), "'{wanted}' does not come when it should");
    }
    Ok(())
}

/// The file is JSON, its times never fall, slices of a track never overlap, every name is known, every arrow that arrives has left before.
fn drawing(file: &str) -> Result<()> {
    let drawn: Value = serde_json::from_str(file)?;
    let events = drawn["traceEvents"].as_array().context("no events")?;
    let manifest = images::manifest("node")?;
    let known = |name: &str| manifest.partitions.iter().any(|one| one.name.value == name);
    let (mut newest, mut ends, mut left) = (0.0, BTreeMap::new(), BTreeMap::new());
    for event in events.iter().filter(|event| event["ph"] != "M") {
        let time = event["ts"].as_f64().context("no time")?;
        ensure!(time >= newest, "time falls at {event}");
        newest = time;
        let (track, id) = (event["tid"].to_string(), event["id"].to_string());
        match event["ph"].as_str() {
            Some("X") => {
                let name = event["name"].as_str().unwrap_or("");
                ensure!(event["pid"] == 2 || known(name), "nobody is called {name}");
                let end = ends.entry(track).or_insert(0.0);
                ensure!(time + 0.000_9 >= *end, "an overlap at {event}");
                *end = time + event["dur"].as_f64().context("no length")?;
            }
            Some("s") => drop(left.insert(id, time)),
            Some("f") => ensure!(left.remove(&id).is_some(), "an arrow from nowhere: {event}"),
            Some("i") => {}
            _ => anyhow::bail!("what is {event}?"),
        }
    }
    ensure!(ends.len() > 5, "{} tracks have slices", ends.len());
    Ok(())
}

/// Bytes of its own of a call of `tests/diver`, and calls more in each life.
const DIVE: u64 = 64 * 32;

/// Who goes deeper is seen to, and nobody else.
fn stacks() -> Result<()> {
    let mut session = start(&Artifacts::of("author"), &usual()?)?;
    let mut before = 0;
    let mut others = None;
    for life in 1..=2 {
        until(&mut session, "ps", |text| {
            text.lines().any(|line| line.contains("diver") && line.contains("waiting"))
        })?;
        let usages = Usages::of(&mut session)?;
        let most =
            |name: &str| usages.named(name).map(|usage| usage.stack.most).context(name.to_owned());
        let now = most("diver")?;
        ensure!(now >= before + DIVE, "life {life} used {now} bytes, the one before {before}");
        before = now;
        let still = (most("greeter")?, most("idle")?);
        ensure!(*others.get_or_insert(still) == still, "others went deeper as well: {still:?}");
        ensure!(
            usages.kernel.len() == 2
                && usages.kernel.iter().all(|used| (1..used.of).contains(&used.most)),
            "{usages:?}"
        );
        ask(&mut session, "restart diver")?;
    }
    Ok(())
}

/// The template does what the tutorial says: it repeats, panics with names, files and lines, and comes back.
fn panics() -> Result<()> {
    let mut session = start(&Artifacts::of("author"), &usual()?)?;
    session.wait_prompt(PATIENCE)?;
    session.send(b"console greeter\r")?;
    let from = session.wait_text(0, "start 1", PATIENCE)?;
    // What is typed before is the operator's line still.
    session.wait_text(from, "Ctrl-] returns", PATIENCE)?;
    session.send(b"hi\rpanic\r")?;
    let mut at = from;
    for words in [
        "you typed: hi",
        "panicked at ",
        "partition.rs:24:20",
        "as you wish",
        "  at greeter@0x",
        "obey (",
        "partition.rs:24)",
        "start 2",
    ] {
        at = session.wait_text(at, words, PATIENCE)?;
    }
    Ok(())
}

/// A breakpoint stops in one of two partitions that run the same program, though the other comes to it first.
fn debug() -> Result<()> {
    let artifacts = Artifacts::of("author");
    let subject = Subject::of(&images::manifest("author")?, "other")?;
    let port = free_port()?;
    let mut debugger = subject.debugger(&artifacts, port)?;
    let name = format!("x/s {:#x}", INFORMATION + offset_of!(Information, name) as u64);
    for command in ["break listen", "continue", &name, "bt 1", "kill"] {
        debugger.args(["-ex", command]);
    }
    debugger.arg("-batch").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut session = Session::start(&usual()?, &artifacts, Debugger::Port(port))?;
    let gdb = debugger.spawn()?;
    // It ends the machine once it has stopped there.
    session.finish(PATIENCE)?;
    let said = String::from_utf8_lossy(&gdb.wait_with_output()?.stdout).into_owned();
    for words in ["\"other\"", "#0  listen ()"] {
        ensure!(said.contains(words), "gdb does not say {words}:\n{said}");
    }
    Ok(())
}
