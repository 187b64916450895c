//! What the author of a partition uses: the trace and its drawing.

use crate::{PATIENCE, start, trial, usual};
use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use qemu_runner::images::{self, Artifacts};
use qemu_runner::session::Session;
use qemu_runner::{exec, perfetto};
use serde_json::Value;
use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;
use trace_text::{Line, What};

/// Every scenario.
#[must_use]
pub fn all() -> Vec<Trial> {
    vec![trial("author_trace", trace)]
}

/// A client asks its server: that must be in the trace, and in its drawing.
fn trace() -> Result<()> {
    let mut session = start(&Artifacts::of("node"), &usual()?)?;
    ask(&mut session, "restart echo-asks")?;
    while !answered(&ask(&mut session, "log echo-asks")?) {
        thread::sleep(Duration::from_millis(50));
    }
    // It asks again after a second, when the server has long been waiting.
    thread::sleep(Duration::from_secs(1));
    let printed = ask(&mut session, "trace 1000000")?;
    let lines: Vec<Line<'_>> = printed.lines().filter_map(trace_text::parse).collect();
    ensure!(lines.len() + 1 == printed.lines().count(), "not all are records:\n{}", printed);
    ensure!(lines.is_sorted_by_key(|line| line.time), "times run backwards");
    conversation(&lines).with_context(|| printed.clone())?;
    drawing(&perfetto::file(&lines))
}

fn ask(session: &mut Session, command: &str) -> Result<String> {
    let answer = exec::command(session, command, PATIENCE)?;
    ensure!(answer.status == Some(0), "{}", answer.output);
    Ok(answer.output)
}

/// Whether the log says that the client of the second life had its answer.
fn answered(log: &str) -> bool {
    log.split_once("start 2").is_some_and(|(_, second)| second.contains("answered"))
}

/// The client runs, rings, and the server runs.
fn conversation(lines: &[Line<'_>]) -> Result<()> {
    let mut left = lines.iter().map(|line| line.what);
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
