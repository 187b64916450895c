//! Boot partition and resource manager are down at once: idle brings the one back, and that the other.

use crate::patient::{blindly, line_of, until};
use crate::{PATIENCE, ask, start, trial};
use abi::types::PAGE_SHIFT;
use anyhow::{Context as _, Result, anyhow, ensure};
use boot_image::{Program, Window};
use libtest_mimic::Trial;
use object::{Object as _, ObjectSection as _};
use qemu_runner::exec;
use qemu_runner::images::Artifacts;
use qemu_runner::machine::Options;
use qemu_runner::session::Session;

/// Each time after a life of other length, so that what idle holds is of other generations.
const LIVES: u32 = 3;

/// The rescue.
#[must_use]
pub fn all() -> Vec<Trial> {
    vec![
        trial("rescue_of_both_rescuers", both),
        trial("rescue_from_every_death", every_death),
        trial("rescue_needs_no_exchanged_page", read_only),
    ]
}

/// What the linker wrote into boot's program is where no restart exchanges pages: an emergency life may interrupt one.
// covers: REC-2
fn read_only() -> Result<()> {
    let file = std::fs::read(Artifacts::of("node").symbols("boot"))?;
    let program = Program::parse(&file, Window::PARTITION).map_err(|bad| anyhow!("{bad:?}"))?;
    let exchanged = |address: u64| {
        program.segments().iter().filter(|segment| segment.is_writable()).any(|segment| {
            let into = address.checked_sub(segment.address().raw());
            into.is_some_and(|into| into >> PAGE_SHIFT < segment.pages())
        })
    };
    let file = object::File::parse(&*file)?;
    let linked = |section: &object::Section<'_, '_>| {
        section.name().is_ok_and(|name| name.starts_with(".got") || name.contains(".rel.ro"))
    };
    for section in file.sections().filter(linked) {
        let (name, address) = (section.name()?, section.address());
        ensure!(!exchanged(address), "{name} at {address:#x} is in a segment that is written to");
    }
    Ok(())
}

// covers: REC-1, REC-2
fn both() -> Result<()> {
    let mut session = start(&Artifacts::of("node"), &Options::default())?;
    for life in 1..=LIVES {
        // Boot is stopped by hand; the manager, which could start it, ends. Nobody is left who looks after either.
        ask(&mut session, "kill boot")?;
        end_manager(&mut session)?;
        let line = back(&mut session, "resource-manager", life)?;
        ensure!(line.contains("running"), "after {life} lives: {line}");
        ask(&mut session, "audit")?;
        // As the person left it.
        let boot = line_of(&mut session, "boot", |_| true)?;
        ensure!(boot.contains("stopped"), "boot was not left alone: {boot}");
        ask(&mut session, "start boot")?;
        if life > 1 {
            ask(&mut session, "restart idle")?;
        }
    }
    // All is as before: boot brings back who stops.
    ask(&mut session, "restart boot")?;
    end_manager(&mut session)?;
    back(&mut session, "resource-manager", LIVES + 1)?;
    exec::run(&mut session, "audit; shutdown", PATIENCE, |_| {}).map(drop)
}

/// What is typed at the console of the one that dies, and what its rescuer says of it then.
const DEATHS: [(&str, &str); 6] = [
    ("fault", "mortal stopped: page fault at"),
    ("panic", "mortal panicked at line"),
    ("memory", "mortal is out of memory"),
    ("hang", "mortal hung at"),
    ("storm", "mortal rang too many doorbells"),
    ("exit", "mortal ended with code 0"),
];

/// A partition dies in every way; each time it comes back with clean memory, but for what lasts, and its rescuer says why it died.
// covers: REC-1
fn every_death() -> Result<()> {
    let mut session = start(&Artifacts::of("mortal"), &Options::default())?;
    session.wait_prompt(PATIENCE)?;
    session.send(b"console mortal\r")?;
    session.wait_text(0, "life 1, clean true, kept false", PATIENCE)?;
    let mut at = session.wait_text(0, "Ctrl-] returns", PATIENCE)?;
    for (life, (death, _)) in (2..).zip(DEATHS) {
        session.send(b"dirty\r")?;
        at = session.wait_text(at, "mortal: dirty", PATIENCE)?;
        session.send(format!("{death}\r").as_bytes())?;
        let back = format!("life {life}, clean true, kept true");
        at = session.wait_text(at, &back, PATIENCE).with_context(|| death)?;
    }
    session.send(b"\x1d")?;
    for (death, said) in DEATHS {
        until(&mut session, "log boot", |log| log.contains(said)).with_context(|| death)?;
    }
    ask(&mut session, "audit")?;
    exec::run(&mut session, "shutdown", PATIENCE, |_| {}).map(drop)
}

/// Ends the resource manager. What the next one says on the debug port may fall into the answer.
fn end_manager(session: &mut Session) -> Result<()> {
    blindly(session, "kill resource-manager")
}

/// The line of a partition, once it has been restarted so often.
fn back(session: &mut Session, name: &str, restarts: u32) -> Result<String> {
    let restarts = restarts.to_string();
    line_of(session, name, |line| line.split_whitespace().nth(6) == Some(&restarts))
}
