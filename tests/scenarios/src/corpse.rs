//! A partition that was stopped, or fell and was started anew, as a debugger sees it: core files, and back traces of them.

use crate::patient::{line_of, quiet};
use crate::{PATIENCE, ask, start, trial};
use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use qemu_runner::exec;
use qemu_runner::images::Artifacts;
use qemu_runner::machine::Options;
use qemu_runner::session::Session;
use qemu_runner::strike::{Hunt, Program};
use qemu_runner::verbs::dump;
use std::path::Path;
use std::process::Command;

/// Way back from the call in which a partition waits to its start.
const WAITING: [&str; 4] = [" wait ", "::Main> ()", "__bulkhead_main", "_start"];

/// All of them.
#[must_use]
pub fn all() -> Vec<Trial> {
    vec![
        trial("corpse_is_opened_by_gdb", opened),
        trial("corpse_comes_over_the_console", printed),
        trial("corpse_of_a_last_life_is_kept", kept),
        trial("corpse_is_told_again_after_a_death", torn),
    ]
}

/// Killed, and paused: gdb finds the way from the call in which it waits back to its start.
fn opened() -> Result<()> {
    let artifacts = Artifacts::of("node");
    let mut session = start(&artifacts, &Options::default())?;
    for (command, partition) in [("kill", "echo-answers"), ("pause", "survivor-keeps")] {
        ask(&mut session, &format!("{command} {partition}"))?;
        let core = dump::take(&mut session, partition)?;
        let program = if command == "kill" { "example-echo" } else { "example-survivor" };
        debugged(&artifacts.symbols(program), (partition, &core), &[], &WAITING)?;
    }
    let none = dump::take(&mut session, "nobody");
    ensure!(none.is_err(), "there is somebody called nobody");
    // The machine stood still meanwhile, and goes on.
    exec::run(&mut session, "audit; shutdown", PATIENCE, |_| {}).map(drop)
}

/// What the console prints is the same file, but that pages which only the runner can see are missing; who runs is not told, who was
/// looked at goes on, and whoever has enough of it ends it.
// covers: REC-1
fn printed() -> Result<()> {
    let artifacts = Artifacts::of("node");
    let mut session = start(&artifacts, &Options::default())?;
    let running = exec::command(&mut session, "dump survivor-keeps", PATIENCE)?;
    ensure!(running.status == Some(1), "one that runs was dumped");
    ensure!(running.output.contains("type pause survivor-keeps first"), "{}", running.output);
    for (command, partition) in [("kill", "echo-answers"), ("pause", "survivor-keeps")] {
        ask(&mut session, &format!("{command} {partition}"))?;
        let (name, core) = typed(&mut session, &format!("dump {partition}"))?;
        ensure!(name == partition, "it is called {name}");
        let program = if command == "kill" { "example-echo" } else { "example-survivor" };
        debugged(&artifacts.symbols(program), (partition, &core), &[], &WAITING)?;
    }
    ask(&mut session, "resume survivor-keeps")?;
    session.wait_prompt(PATIENCE)?;
    let from = session.transcript().len();
    session.send(b"dump echo-answers\r\x03")?;
    let at = session.wait_text(from, "-----END CORE echo-answers not whole-----", PATIENCE)?;
    session.wait_text(at, "bulkhead> ", PATIENCE)?;
    let torn = dump::find(&session.transcript().as_bytes()[from..], None);
    ensure!(torn.is_err(), "what was ended is taken for whole");
    session.send(b"\r")?;
    // What follows it on the line may ask the console service too, which waits for keys meanwhile.
    let log = ask(&mut session, "dump echo-answers; log echo-asks")?;
    ensure!(log.contains("echo: answered"), "{log}");
    exec::run(&mut session, "audit; shutdown", PATIENCE, |_| {}).map(drop)
}

/// Whoever dies while a core file is printed: there is a prompt again, and the file when it is asked for once more.
// covers: REC-1
fn torn() -> Result<()> {
    let artifacts = Artifacts::of("node");
    let mut session = start(&artifacts, &Options::default())?;
    ask(&mut session, "kill echo-answers")?;
    for name in ["resource-manager", "command", "io-console"] {
        session.wait_prompt(PATIENCE)?;
        let from = session.transcript().len();
        session.send(b"dump echo-answers\r")?;
        session.wait_text(from, "-----BEGIN CORE echo-answers", PATIENCE)?;
        let program = Program::read(&artifacts.symbols(name))?;
        let mut hunt = Hunt::begin(&mut session, &program, program.calls())?;
        let met = hunt.meet()?;
        hunt.strike(met)?;
        hunt.end()?;
        quiet(&mut session).with_context(|| name)?;
        let line = line_of(&mut session, name, |line| line.split_whitespace().nth(6) != Some("0"));
        line.with_context(|| format!("{name} did not die"))?;
        let (told, _) = typed(&mut session, "dump echo-answers").with_context(|| name)?;
        ensure!(told == "echo-answers", "{told}");
    }
    exec::run(&mut session, "audit; shutdown", PATIENCE, |_| {}).map(drop)
}

/// Of one that fell and lives again its last life can be seen: where it fell, and what a static held then.
// covers: REC-1
fn kept() -> Result<()> {
    let artifacts = Artifacts::of("mortal");
    let mut session = start(&artifacts, &Options::default())?;
    let none = exec::command(&mut session, "dump mortal last", PATIENCE)?;
    ensure!(none.output.contains("nothing is kept of mortal"), "{}", none.output);
    session.wait_prompt(PATIENCE)?;
    session.send(b"console mortal\r")?;
    let mut at = session.wait_text(0, "Ctrl-] returns", PATIENCE)?;
    for (life, (death, _)) in (2..).zip(DEATHS) {
        session.send(b"dirty\r")?;
        at = session.wait_text(at, "mortal: dirty", PATIENCE)?;
        session.send(format!("{death}\r").as_bytes())?;
        session.wait_text(at, &format!("life {life}, clean true"), PATIENCE)?;
        session.send(b"\x1d")?;
        let (_, core) = typed(&mut session, "dump mortal last")?;
        let print = format!("x/gx {}", address_of(&artifacts.symbols("mortal"), "mortal::FILLED")?);
        let print = ["-ex", &print];
        let (_, said) = DEATHS[life - 2];
        let seen = [said, "0x6d6f7274616c2121", "_start"];
        debugged(&artifacts.symbols("mortal"), ("mortal", &core), &print, &seen)?;
        session.wait_prompt(PATIENCE)?;
        let from = session.transcript().len();
        session.send(b"console mortal\r")?;
        at = session.wait_text(from, "Ctrl-] returns", PATIENCE)?;
    }
    session.send(b"\x1d")?;
    let list = ask(&mut session, "dump")?;
    ensure!(list.lines().count() == 2 && list.contains("mortal"), "{list}");
    ask(&mut session, "audit")?;
    ask(&mut session, "dump mortal forget")?;
    exec::run(&mut session, "audit; shutdown", PATIENCE, |_| {}).map(drop)
}

/// What is typed at the console of the one that dies, and what gdb says of it.
const DEATHS: [(&str, &str); 3] = [("fault", "SIGSEGV"), ("panic", "SIGABRT"), ("hang", "SIGKILL")];

/// What a command of the console prints, as a core file.
fn typed(session: &mut Session, command: &str) -> Result<(String, Vec<u8>)> {
    let text = ask(session, command)?;
    dump::find(text.as_bytes(), None).with_context(|| text)
}

/// Where a static of a program lies.
fn address_of(program: &Path, name: &str) -> Result<String> {
    let mut gdb = Command::new("gdb");
    gdb.args(["-nx", "-batch", "-ex", &format!("info variables ^{name}")]).arg(program);
    let said = String::from_utf8_lossy(&gdb.output().context("gdb")?.stdout).into_owned();
    let found = said.lines().find(|line| line.starts_with("0x"));
    let address = found.and_then(|line| line.split_whitespace().next());
    address.map(str::to_owned).with_context(|| format!("no {name} in {said}"))
}

/// Has gdb open a core file, and looks for what it must say.
fn debugged(
    program: &Path,
    (partition, core): (&str, &[u8]),
    more: &[&str],
    wanted: &[&str],
) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join(partition);
    std::fs::write(&path, core)?;
    let mut gdb = Command::new("gdb");
    gdb.args(["-nx", "-batch", "-ex", "backtrace"]).args(more).arg(program).arg(&path);
    let said = gdb.output().context("gdb")?;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    ensure!(said.contains(&format!("generated by `{partition}'")), "{said}");
    let missing = wanted.iter().find(|frame| !said.contains(**frame));
    ensure!(missing.is_none(), "no{} in {said}", missing.unwrap_or(&""));
    Ok(())
}
