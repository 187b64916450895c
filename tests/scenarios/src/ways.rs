//! Every way to die, for all that runs the machine: who said why, and how long it took until there was a next life.

use crate::patient::{line_of, quiet, silence, until};
use crate::{PATIENCE, start, trial};
use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use qemu_runner::exec;
use qemu_runner::images::Artifacts;
use qemu_runner::machine::Options;
use qemu_runner::session::Session;
use qemu_runner::strike::{Hunt, Program};
use std::time::Instant;

/// Who dies in `images/doomed.toml`, in this order, and how.
const PARTS: [&str; 3] = ["io-console", "command", "boot"];
const WAYS: [&str; 5] = ["fault", "panic", "memory", "hang", "storm"];
/// Deaths from outside: whose, whether by a loop without end or by a fault, and what boot says of it.
const OUTSIDE: [(&str, bool, &str); 3] = [
    ("resource-manager", false, "resource-manager stopped: page fault"),
    ("resource-manager", true, "resource-manager does not answer and is stopped"),
    ("idle", false, "idle stopped: page fault"),
];
/// The one.
#[must_use]
pub fn all() -> Vec<Trial> {
    vec![trial("rescue_of_infrastructure", infrastructure)]
}

// covers: REC-1, BOOT-5
fn infrastructure() -> Result<()> {
    let mut session = start(&Artifacts::of("doomed"), &Options::default())?;
    let mut table = String::from("| who | how | next life after |\n|---|---|---|\n");
    for part in PARTS {
        for row in own_deaths(&mut session, part)? {
            table.push_str(&row);
        }
    }
    quiet(&mut session)?;
    for (name, hangs, said) in OUTSIDE {
        let before = restarts(&mut session, name)?;
        let begin = Instant::now();
        from_outside(&mut session, name, hangs)?;
        until(&mut session, "log boot", |log| log.contains(said))?;
        while restarts(&mut session, name)? <= before {
            ensure!(begin.elapsed() < PATIENCE, "{name} does not come back: {}", session.tail());
        }
        let how = if hangs { "hang" } else { "fault" };
        table.push_str(&format!("| {name} | {how}, from outside | seen by boot |\n"));
    }
    for part in PARTS {
        let lives = restarts(&mut session, part)?;
        ensure!(lives == WAYS.len() as u64, "{part} was restarted {lives} times");
    }
    println!("{table}");
    exec::run(&mut session, "audit; shutdown", PATIENCE, |_| {}).map(drop)
}

/// What the last life of a part says of the deaths of those before it, as rows of a table.
fn own_deaths(session: &mut Session, part: &str) -> Result<Vec<String>> {
    let end = Instant::now() + PATIENCE;
    loop {
        let log = if part == "boot" {
            until(session, "log boot", |_| true)?
        } else {
            silence(session);
            session.transcript().to_owned()
        };
        let row = |way: &str| {
            let mark = format!("doomed: {part} {way} ");
            let line = log.lines().rev().find_map(|line| Some(line.split_once(&mark)?.1))?;
            let time = line.strip_suffix(" us")?.parse::<u64>().ok()?;
            Some(format!("| {part} | {way} | {time} us |\n"))
        };
        if let Some(rows) = WAYS.into_iter().map(row).collect() {
            return Ok(rows);
        }
        ensure!(Instant::now() < end, "{part} has not died in every way: {}", session.tail());
    }
}

/// Has one die wherever it calls the kernel next.
fn from_outside(session: &mut Session, name: &str, hangs: bool) -> Result<()> {
    let program = Program::read(&Artifacts::of("doomed").symbols(name))?;
    let mut hunt = Hunt::begin(session, &program, program.calls())?;
    let met = hunt.meet()?;
    if hangs {
        hunt.stall(met)?
    } else {
        hunt.strike(met)?
    }
    hunt.end()
}

fn restarts(session: &mut Session, name: &str) -> Result<u64> {
    let line = line_of(session, name, |_| true)?;
    line.split_whitespace().nth(6).and_then(|number| number.parse().ok()).context(line)
}
