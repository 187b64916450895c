//! Screen and keyboard, beside a serial port and without one.

use crate::picture::{Layout, NO_LETTER, Picture};
use crate::{PATIENCE, campaign, start, trial};
use anyhow::{Context as _, Result, bail, ensure};
use libtest_mimic::Trial;
use qemu_runner::images::Artifacts;
use qemu_runner::machine::{Firmware, Options};
use qemu_runner::session::Session;
use std::time::{Duration, Instant};

/// How often the screen is looked at.
const TICK: Duration = Duration::from_millis(200);
/// Where the text memory of a VGA is, and its bytes: two for each letter.
const TEXT_MEMORY: &str = "0xb8000 4000";

/// How a machine shows text.
#[derive(Clone, Copy)]
pub enum Shown {
    /// In the VGA's text memory.
    Text,
    /// On a framebuffer.
    Pixels,
    /// On a framebuffer, by the loader.
    Loader,
}

/// Text mode after a BIOS, framebuffers after UEFI, through both of its doors; all with and without serial port in a campaign.
// covers: IO-4
#[must_use]
pub fn all() -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut on = |name: &str, firmware, serial: bool, shown| {
        let options = Options { firmware, no_serial: !serial, ..Options::default() };
        trials.push(trial(format!("screen_{name}"), move || screen_and_keyboard(&options, shown)));
    };
    on("direct", Firmware::Direct, true, Shown::Text);
    on("uefi_disc", Firmware::UefiDisc, true, Shown::Pixels);
    on("uefi_without_serial_port", Firmware::Uefi, false, Shown::Pixels);
    if campaign() {
        on("uefi", Firmware::Uefi, true, Shown::Pixels);
        on("bios_without_serial_port", Firmware::Bios, false, Shown::Text);
        on("uefi_disc_without_serial_port", Firmware::UefiDisc, false, Shown::Pixels);
    }
    trials
}

/// Keys pressed on the keyboard arrive, and the screen shows the answer.
fn screen_and_keyboard(options: &Options, shown: Shown) -> Result<()> {
    let mut session = start(&Artifacts::of("minimal"), options)?;
    until(&mut session, shown, &["type help", "\nbulkhead>"])?;
    let line = ["u", "up", "upt", "uptx", "upt", "upti", "uptim", "uptime", "uptime\nup "];
    for (key, line) in ["u", "p", "t", "x", "backspace", "i", "m", "e", "ret"].iter().zip(line) {
        press(&mut session, shown, key, line)?;
    }
    until(&mut session, shown, &["type help", "bulkhead> uptime\nup ", "\nbulkhead>"])?;
    // What is longer than the screen leaves at the top, the line that asked for it too, and the prompt is at the end.
    for (key, line) in [("h", "h"), ("e", "he"), ("l", "hel"), ("p", "help")] {
        press(&mut session, shown, key, line)?;
    }
    session.control().monitor("sendkey ret 20")?;
    let end = Instant::now() + PATIENCE;
    loop {
        let text = until(&mut session, shown, &["shutdown", "tells more\nbulkhead>"])?;
        if !text.contains(NO_LETTER) {
            return Ok(());
        }
        // A line that is just being drawn is none yet.
        ensure!(Instant::now() < end, "something that is no letter:\n{text}");
        std::thread::sleep(TICK);
    }
}

/// Presses a key, and waits until the line that is typed is this: the controller keeps few keys for a machine that has no time.
fn press(session: &mut Session, shown: Shown, key: &str, line: &str) -> Result<()> {
    session.control().monitor(&format!("sendkey {key} 20"))?;
    until(session, shown, &[&format!("\nbulkhead> {line}")]).map(drop)
}

/// Waits until the screen shows all of these.
fn until(session: &mut Session, shown: Shown, wanted: &[&str]) -> Result<String> {
    let end = Instant::now() + PATIENCE;
    loop {
        let text = read(session, shown)?;
        match wanted.iter().find(|wanted| !text.contains(**wanted)) {
            None => return Ok(text),
            Some(missing) if Instant::now() > end => {
                bail!("the screen does not show '{missing}':\n{text}\n{}", session.tail())
            }
            Some(_) => std::thread::sleep(TICK),
        }
        // Nobody else takes what comes by the serial port.
        while session.poll(Instant::now()).is_some_and(|piece| piece.is_some()) {}
    }
}

/// Waits until the screen shows this sentence, in as many lines as it takes.
///
/// # Errors
/// It does not; with what it shows.
pub fn sentence(session: &mut Session, shown: Shown, wanted: &str) -> Result<()> {
    let dense = |text: &str| text.split_whitespace().collect::<String>();
    let end = Instant::now() + PATIENCE;
    loop {
        let text = read(session, shown)?;
        if dense(&text).contains(&dense(wanted)) {
            return Ok(());
        }
        ensure!(Instant::now() < end, "the screen does not show '{wanted}':\n{text}");
        std::thread::sleep(TICK);
    }
}

fn read(session: &mut Session, shown: Shown) -> Result<String> {
    let layout = match shown {
        Shown::Text => return text_memory(session),
        Shown::Pixels => Layout::console,
        Shown::Loader => Layout::loader,
    };
    let picture = Picture::take(session)?;
    ensure!(picture.width >= 640, "{} x {}", picture.width, picture.height);
    Ok(picture.text(layout(&picture)))
}

fn text_memory(session: &mut Session) -> Result<String> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("screen");
    session.control().monitor(&format!("pmemsave {TEXT_MEMORY} \"{}\"", file.display()))?;
    let memory = std::fs::read(&file).context("QEMU wrote no memory")?;
    let lines = memory.chunks(160).map(|line| {
        let letters = line.iter().step_by(2).map(|&byte| char::from(byte));
        letters.collect::<String>().trim_end().to_owned()
    });
    Ok(lines.collect::<Vec<_>>().join("\n"))
}
