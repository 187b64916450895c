//! Partitions go over to later versions while others ask them something all the time, and back where those come to nothing.

use crate::patient::blindly;
use crate::{PATIENCE, ask, patient, start, trial, usual};
use anyhow::{Context as _, Result, anyhow, ensure};
use boot_image::damage::{Chance, damage};
use libtest_mimic::Trial;
use qemu_runner::exec;
use qemu_runner::images::{Artifacts, with_later};
use qemu_runner::machine::{Firmware, Options};
use qemu_runner::session::Session;
use qemu_runner::verbs::run::write_for;
use std::fs;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The upgrades.
#[must_use]
pub fn all() -> Vec<Trial> {
    vec![
        trial("upgrade_while_others_ask", while_others_ask),
        trial("upgrade_of_infrastructure", infrastructure),
        trial("upgrade_of_the_rescuers", rescuers),
        trial("upgrade_to_a_boot_that_brings_nobody_back", helpless),
        trial("upgrade_from_a_damaged_image", damaged),
        trial("upgrade_by_other_doors", doors),
    ]
}

/// An image in a folder of its own, which goes with this.
struct Editions {
    artifacts: Artifacts,
    _folder: TempDir,
}

/// The editions, with later ones beside them.
fn with_editions(later: &[&str]) -> Result<Editions> {
    let file = |name: &&str| Artifacts::of(name).boot_image().display().to_string();
    with_files(&later.iter().map(file).collect::<Vec<_>>())
}

fn with_files(later: &[String]) -> Result<Editions> {
    let folder = TempDir::new_in(Artifacts::of("editions").folder)?;
    let artifacts = with_later(&Artifacts::of("editions"), later, folder.path())?;
    Ok(Editions { artifacts, _folder: folder })
}

// covers: REC-4
fn while_others_ask() -> Result<()> {
    let editions = with_editions(&["editions-2", "editions-3"])?;
    let mut session = start(&editions.artifacts, &usual()?)?;
    on_trial(&mut session).with_context(|| session.tail())
}

fn on_trial(session: &mut Session) -> Result<()> {
    for asker in ["asks-one", "asks-other"] {
        said(session, asker, "edition 1 answers in version 1")?;
    }
    ask(session, "upgrade hangs")?;
    ensure!(ask(session, "log asks-one")?.lines().count() == 1, "the old version runs on");
    ask(session, "upgrade panics now")?;
    ask(session, "restart hangs")?;
    for (asker, keeper) in [("asks-one", "hangs"), ("asks-other", "panics")] {
        // What is asked meanwhile is asked again: nothing is lost.
        said(session, asker, "edition 2 answers in version 2, 0 of")?;
        version(session, keeper, "3  in editions-3")?;
    }
    // The third versions come to nothing: back to the second, at the cost of no restart.
    for keeper in ["panics", "hangs"] {
        ask(session, &format!("upgrade {keeper} now"))?;
        version(session, keeper, "version 3 did not come up before")?;
    }
    for (asker, keeper) in [("asks-one", "hangs"), ("asks-other", "panics")] {
        let log = ask(session, &format!("log {asker}"))?;
        ensure!(log.lines().count() == 2, "{log}");
        let before = answers(session, asker)?;
        until(|| Ok(answers(session, asker)? > before), "nobody answers any more")?;
        ask(session, &format!("upgrade {keeper} back"))?;
        said(session, asker, "edition 1 answers in version 1, 0 of")?;
    }
    ensure!(exec::command(session, "upgrade asks-one back", PATIENCE)?.status != Some(0));
    exec::run(session, "audit; shutdown", PATIENCE, |_| {}).map(drop)
}

// covers: REC-4
fn infrastructure() -> Result<()> {
    let editions = with_editions(&["editions-2"])?;
    let mut session = start(&editions.artifacts, &usual()?)?;
    let session = &mut session;
    said(session, "asks-one", "edition 1 answers")?;
    for name in ["idle", "io-console", "command"] {
        ask(session, &format!("upgrade {name}"))?;
        blindly(session, &format!("restart {name}"))?;
        version(session, name, "2     -  no image has a later version")?;
    }
    // They work: boot brings back who dies, io-console shows it, command lists it.
    blindly(session, "kill resource-manager")?;
    go_on(session)?;
    exec::run(session, "audit; shutdown", PATIENCE, |_| {}).map(drop)
}

/// The two that bring all others back, and each other: other versions of them, some of which come to nothing.
// covers: REC-4
fn rescuers() -> Result<()> {
    let editions = with_editions(&["editions-2", "editions-3"])?;
    let mut session = start(&editions.artifacts, &usual()?)?;
    rescuers_go_over(&mut session).with_context(|| session.tail())
}

fn rescuers_go_over(session: &mut Session) -> Result<()> {
    said(session, "asks-one", "edition 1 answers")?;
    for name in ["resource-manager", "boot"] {
        ask(session, &format!("upgrade {name}"))?;
        blindly(session, &format!("restart {name}"))?;
        version(session, name, "2     3  in editions-3")?;
        // Each of them is brought back in the version that it has now.
        blindly(session, "kill resource-manager")?;
        version(session, name, "2     3  in editions-3")?;
        // Both at once: idle starts boot where it lies now.
        blindly(session, "kill boot")?;
        blindly(session, "kill resource-manager")?;
        version(session, name, "2     3  in editions-3")?;
        blindly(session, "start boot")?;
        go_on(session)?;
    }
    for name in ["resource-manager", "boot"] {
        blindly(session, &format!("upgrade {name} now"))?;
        version(session, name, "2     3  version 3 did not come up before")?;
        go_on(session)?;
    }
    for name in ["boot", "resource-manager"] {
        blindly(session, &format!("upgrade {name} back"))?;
        version(session, name, "1     2  in editions-2")?;
        go_on(session)?;
    }
    let log = ask(session, "log asks-one")?;
    ensure!(log.lines().count() == 1, "nothing was missing, nobody noticed: {log}");
    exec::run(session, "audit; shutdown", PATIENCE, |_| {}).map(drop)
}

/// A boot partition that is up and brings nobody back is found out while it is on trial, and one that does is not.
// covers: REC-4
fn helpless() -> Result<()> {
    let editions = with_editions(&["editions-2", "editions-lame"])?;
    let mut session = start(&editions.artifacts, &usual()?)?;
    boot_is_tried(&mut session).with_context(|| session.tail())
}

fn boot_is_tried(session: &mut Session) -> Result<()> {
    const SAYS: &str = "ends, for boot to show that it can start it anew";
    const HELPLESS: &str = "to version 2: it did not bring the resource manager back";
    said(session, "asks-one", "edition 1 answers")?;
    blindly(session, "upgrade boot now")?;
    let shown = session.wait_text(0, SAYS, PATIENCE)?;
    version(session, "boot", "2     3  in editions-lame")?;
    ensure!(!session.transcript().contains("goes back"), "it is as good as the one before");
    blindly(session, "upgrade boot now")?;
    session.wait_text(shown, SAYS, PATIENCE)?;
    session.wait_text(shown, HELPLESS, PATIENCE)?;
    version(session, "boot", "2     3  version 3 did not come up before")?;
    blindly(session, "kill resource-manager")?;
    go_on(session)?;
    exec::run(session, "audit; shutdown", PATIENCE, |_| {}).map(drop)
}

/// Waits until somebody was answered who asks all the time.
fn go_on(session: &mut Session) -> Result<()> {
    let before = answers(session, "asks-one")?;
    until(|| Ok(answers(session, "asks-one")? > before), "nobody answers any more")
}

/// A later image that is damaged, however, keeps no machine from starting; at worst there is no upgrade.
// covers: REC-4, BOOT-2
fn damaged() -> Result<()> {
    let good = fs::read(Artifacts::of("editions-2").boot_image())?;
    let file = tempfile::NamedTempFile::new()?;
    let rounds = if crate::campaign() { 100 } else { 2 };
    for seed in 0..rounds {
        let damaged = damage(&good, &mut Chance::new(seed));
        fs::write(file.path(), &damaged.bytes)?;
        let editions = with_files(&[file.path().display().to_string()])?;
        let mut session = start(&editions.artifacts, &usual()?)?;
        let list = ask(&mut session, "upgrade");
        let list = list.with_context(|| format!("seed {seed}: {:?}", damaged.what))?;
        ensure!(list.contains("resource-manager"), "{list}");
        exec::run(&mut session, "audit; shutdown", PATIENCE, |_| {})?;
    }
    Ok(())
}

/// Later images come through the other doors too.
// covers: REC-4, BOOT-1
fn doors() -> Result<()> {
    let editions = with_editions(&["editions-2"])?;
    for firmware in [Firmware::Bios, Firmware::Uefi] {
        let options = Options { firmware, ..usual()? };
        write_for(&editions.artifacts, &options)?;
        let mut session = start(&editions.artifacts, &options)?;
        version(&mut session, "hangs", "2  in editions-2")?;
        exec::run(&mut session, "shutdown", PATIENCE, |_| {})?;
    }
    Ok(())
}

/// Waits until the log of a partition says something; at the first prompt io-console may not have heard yet of one that was just made.
fn said(session: &mut Session, name: &str, words: &str) -> Result<()> {
    let log = format!("log {name}");
    let last = |log: &str| log.lines().last().is_some_and(|line| line.contains(words));
    patient::until(session, &log, last).map(drop).with_context(|| format!("{name}: {words}"))
}

/// Waits until the line of a partition in the list of versions says something. Nobody may answer for a while.
fn version(session: &mut Session, name: &str, words: &str) -> Result<()> {
    let says = |list: &str| {
        let mut lines = list.lines();
        lines.any(|line| line.split_whitespace().nth(1) == Some(name) && line.contains(words))
    };
    let mut list = || Ok(exec::command(session, "upgrade", PATIENCE)?.output);
    until(|| list().map(|list| says(&list)), words).with_context(|| name.to_owned())
}

/// Messages on the channel of one who asks, as its counters say.
fn answers(session: &mut Session, asker: &str) -> Result<u64> {
    let list = ask(session, "channels")?;
    let line = list.lines().find(|line| line.starts_with("keeper") && line.contains(asker));
    let count = line.and_then(|line| line.split_whitespace().last()?.parse().ok());
    count.ok_or_else(|| anyhow!("{list}"))
}

fn until(mut done: impl FnMut() -> Result<bool>, what: &str) -> Result<()> {
    let end = Instant::now() + PATIENCE;
    while !done()? {
        ensure!(Instant::now() < end, "not seen: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}
