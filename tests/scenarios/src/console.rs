//! A person's session at the operator's console, key by key.

use crate::patient::{blindly, line_of, silence};
use crate::{PATIENCE, ask, start, trial, usual};
use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use qemu_runner::exec;
use qemu_runner::images::Artifacts;
use qemu_runner::marks::Piece;
use qemu_runner::session::Session;
use qemu_runner::verdict::ANEW;
use std::time::Instant;

const UP: &str = "\x1b[A";
const LEAVE: &str = "\x1d";

/// What a person does at the console.
#[must_use]
pub fn all() -> Vec<Trial> {
    let on_node = |name: &'static str, run: fn(&mut Session) -> Result<()>| {
        trial(format!("console_{name}"), move || {
            let mut session = start(&Artifacts::of("node"), &usual()?)?;
            run(&mut session).with_context(|| session.tail())
        })
    };
    vec![
        on_node("verbs", verbs),
        on_node("mistakes", mistakes),
        on_node("editing", editing),
        on_node("history", history),
        on_node("completion", completion),
        on_node("life_cycle", life_cycle),
        on_node("attach", attach),
        on_node("garbage", garbage),
        on_node("restart_of_everything", restart_of_everything),
        on_node("restart_of_the_manager", restart_of_the_manager),
        on_node("reboot", reboot),
    ]
}

/// Types raw keys at the next prompt; gives the status of the command they end in.
fn keys(session: &mut Session, keys: &str) -> Result<(i32, String)> {
    session.wait_prompt(PATIENCE)?;
    session.send(keys.as_bytes())?;
    let mut text = String::new();
    loop {
        match session.next(Instant::now() + PATIENCE)? {
            Some(Piece::Text(bytes)) => text.push_str(&String::from_utf8_lossy(&bytes)),
            Some(Piece::Status(status)) => return Ok((status, text)),
            Some(Piece::Prompt) => {}
            None => anyhow::bail!("the machine ended"),
        }
    }
}

// covers: CMD-3
fn verbs(session: &mut Session) -> Result<()> {
    for (command, wanted) in [
        ("help", "shutdown"),
        ("help ps", "ps"),
        ("ps", "io-console"),
        ("plan", "command"),
        ("channels", "console"),
        ("caps io-console", "uart"),
        ("log", ""),
        ("log boot", ""),
        ("trace", ""),
        ("uptime", ""),
        ("machine", "processor"),
        ("audit", ""),
    ] {
        let output = ask(session, command)?;
        ensure!(!output.trim().is_empty() || wanted.is_empty(), "'{command}' printed nothing");
        ensure!(output.contains(wanted), "'{command}' does not say '{wanted}':\n{output}");
    }
    Ok(())
}

fn mistakes(session: &mut Session) -> Result<()> {
    for command in
        ["nonsense", "start nobody", "caps", "kill", "console nobody", "ps ps ps", "plan x"]
    {
        let answer = exec::command(session, command, PATIENCE)?;
        ensure!(answer.status == Some(1), "'{command}' ended with {:?}", answer.status);
        ensure!(!answer.output.trim().is_empty(), "'{command}' says nothing about it");
    }
    let near = exec::command(session, "chanels", PATIENCE)?;
    ensure!(near.output.contains("channels"), "no advice:\n{}", near.output);
    ask(session, "uptime").map(drop)
}

fn editing(session: &mut Session) -> Result<()> {
    // Cursor keys, deletion, kill of a line, garbage, a line typed over: all must come out as `uptime`.
    let lines = [
        "uptimex\x7f\r",
        "ptime\x1b[Hu\r",
        "uxptime\x1b[D\x1b[D\x1b[D\x1b[D\x1b[D\x7f\r",
        "garbage\x15uptime\r",
        "\x1b[99;99Zuptime\r",
        "ptime\x01u\x05\r",
        "uptime nonsense\x17\r",
    ];
    for line in lines {
        let (status, text) = keys(session, line)?;
        ensure!(status == 0, "{line:?} ended with {status}: {text}");
    }
    let (status, _) = keys(session, "nonsense\r")?;
    ensure!(status == 1, "nonsense was understood");
    Ok(())
}

fn history(session: &mut Session) -> Result<()> {
    ask(session, "uptime")?;
    ask(session, "machine")?;
    let (status, text) = keys(session, &format!("{UP}{UP}\r"))?;
    ensure!(status == 0 && text.contains("uptime"), "two up: {status} {text:?}");
    let (status, text) = keys(session, &format!("{UP}\r"))?;
    ensure!(status == 0 && text.contains("uptime"), "one up: {status} {text:?}");
    Ok(())
}

fn completion(session: &mut Session) -> Result<()> {
    let (status, text) = keys(session, "upt\t\r")?;
    ensure!(status == 0 && text.contains("uptime"), "upt Tab: {status} {text:?}");
    let (status, text) = keys(session, "caps io-c\t\r")?;
    ensure!(status == 0 && text.contains("io-console"), "caps io-c Tab: {status} {text:?}");
    let (status, _) = keys(session, "zzz\t\r")?;
    ensure!(status == 1, "nothing to complete must do no harm");
    Ok(())
}

fn life_cycle(session: &mut Session) -> Result<()> {
    let name = "echo-answers";
    for (verb, state) in [
        ("stop", "stopped"),
        ("start", "waiting"),
        ("kill", "stopped"),
        ("start", "waiting"),
        ("restart", "waiting"),
    ] {
        ask(session, &format!("{verb} {name}"))?;
        line_of(session, name, |line| line.contains(state)).context(verb)?;
    }
    ask(session, "audit").map(drop)
}

fn attach(session: &mut Session) -> Result<()> {
    session.wait_prompt(PATIENCE)?;
    let from = session.transcript().len();
    session.send(b"console echo-answers\r")?;
    let there = session.wait_text(from, "Ctrl-] returns", PATIENCE)?;
    // It reads nothing, and whoever types does not see it; nor is it taken for a command.
    session.send(format!("uptime\r{LEAVE}").as_bytes())?;
    ask(session, "machine")?;
    let text = session.transcript().get(there..).unwrap_or_default();
    ensure!(!text.contains("\nup "), "a command was executed:\n{text}");
    ask(session, "uptime")?;
    // Who types no more than commands is let out again.
    let seen = ask(session, "console echo-answers")?;
    ensure!(seen.ends_with("-- back from echo-answers --\n"), "{seen}");
    Ok(())
}

/// Thousands of arbitrary bytes, faster than anybody types; then the console is as before.
fn garbage(session: &mut Session) -> Result<()> {
    session.wait_prompt(PATIENCE)?;
    let mut state = 0x9e37_79b9_u32;
    let bytes: Vec<u8> = (0..4000)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state.to_le_bytes()[1]
        })
        .collect();
    session.send(&bytes)?;
    // What is typed faster than it is read may be lost, these keys too: again and again. They lead out of whatever escape
    // sequence, paste, foreign console or line this has led to.
    let end = Instant::now() + PATIENCE;
    loop {
        silence(session);
        session.send(format!("\x1b[201~{LEAVE}\x03\r").as_bytes())?;
        silence(session);
        let from = session.transcript().len();
        session.send(b"uptime\r")?;
        match session.wait_text(from, "\nup ", PATIENCE / 8) {
            Err(error) if Instant::now() > end => return Err(error),
            Err(_) => {}
            Ok(_) => return Ok(()),
        }
    }
}

/// The resource manager ends when asked, and is back with its books before anybody else notices more than a new epoch.
// covers: REC-2
fn restart_of_the_manager(session: &mut Session) -> Result<()> {
    let others = |listed: &str| -> Vec<String> {
        let rows = listed.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
        let rows = rows.filter(|row| row.get(1).is_some_and(|name| *name != "resource-manager"));
        rows.filter(|row| row.len() > 6).map(|row| format!("{} {}", row[1], row[6])).collect()
    };
    for (command, restarts) in [("restart resource-manager", 1), ("kill resource-manager", 2)] {
        let before = ask(session, "ps")?;
        ensure!(others(&before).len() >= 4, "few partitions:\n{before}");
        blindly(session, command)?;
        let lives = |line: &str| line.split_whitespace().nth(6).and_then(|word| word.parse().ok());
        let back = line_of(session, "resource-manager", |line| lives(line) >= Some(restarts))?;
        ensure!(lives(&back) == Some(restarts), "after {command}: {back}");
        let after = ask(session, "ps")?;
        ensure!(others(&after) == others(&before), "others changed:\n{before}\n{after}");
        ask(session, "audit")?;
        ask(session, "restart echo-answers")?;
        ask(session, "start echo-answers").err().context("it runs already")?;
        ask(session, "audit")?;
        ask(session, "restart boot")?;
    }
    Ok(())
}

/// Every partition but the kernel is restarted from the console, one after the other, and the machine goes on.
// covers: REC-1
fn restart_of_everything(session: &mut Session) -> Result<()> {
    let listed = ask(session, "ps")?;
    let rows = listed.lines().skip(1).filter_map(|line| line.split_whitespace().nth(1));
    let names: Vec<&str> = rows.collect();
    ensure!(names.len() >= 4, "few partitions:\n{listed}");
    for name in names {
        // Restarting the console's own partitions may be refused, and who would say how it went may be gone before it does; the
        // machine must go on either way.
        blindly(session, &format!("restart {name}"))?;
        line_of(session, name, |_| true).with_context(|| format!("after restart {name}"))?;
    }
    ask(session, "audit").map(drop)
}

/// A machine that was asked to start anew does, and that is no crash.
fn reboot(session: &mut Session) -> Result<()> {
    ask(session, "kill echo-asks")?;
    let from = session.transcript().len();
    session.send(b"reboot\r")?;
    let said = session.wait_text(from, ANEW, PATIENCE)?;
    session.wait_text(said, "type help", PATIENCE)?;
    let again = ask(session, "ps")?;
    let row = again.lines().find(|line| line.contains("echo-asks")).unwrap_or_default();
    ensure!(
        row.contains("waiting") || row.contains("running"),
        "it is not as at the start:\n{again}"
    );
    let after = session.transcript().get(from..).unwrap_or_default();
    ensure!(!after.contains("the previous run ended"), "it says that it crashed");
    exec::run(session, "shutdown", PATIENCE, |_| ())?;
    Ok(())
}
