//! `run`: builds an image, starts it, and gives the person its console or types commands for them.

use crate::core_file::Sieve;
use crate::images::{self, Artifacts};
use crate::machine::{Debugger, Firmware, Options};
use crate::marks::Piece;
use crate::programs::Profile;
use crate::session::Session;
use crate::terminal::{Raw, until_leave};
use crate::verbs::dump;
use crate::verdict::End;
use crate::{exec, iso, paths};
use anyhow::{Result, bail};
use clap::Args;
use std::fs::File;
use std::io::{Read as _, Write as _, stdin, stdout};
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Arguments of `run`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The image, `images/NAME.toml`.
    #[arg(default_value = "node")]
    pub name: String,
    /// Commands to type at the console, such as 'ps; shutdown'.
    #[arg(long)]
    pub exec: Option<String>,
    /// Seconds that an answer may take with --exec.
    #[arg(long, default_value_t = 120)]
    pub timeout: u64,
    /// An image to upgrade from while the machine runs: `images/NAME.toml`, or a boot image's file; up to three.
    #[arg(long, value_name = "IMAGE")]
    pub next: Vec<String>,
    /// The machine.
    #[command(flatten)]
    pub machine: Options,
}

/// How often keys and output are looked at.
const TICK: Duration = Duration::from_millis(15);

/// Builds what this kind of machine boots.
///
/// # Errors
/// Whatever keeps it from being built.
pub fn prepare(name: &str, options: &Options) -> Result<Artifacts> {
    prepare_as(name, options, Profile::Release)
}

/// Builds it in another way than [`prepare`] does.
///
/// # Errors
/// Whatever keeps it from being built.
pub fn prepare_as(name: &str, options: &Options, profile: Profile<'_>) -> Result<Artifacts> {
    let artifacts = images::build_as(name, profile)?;
    write_for(&artifacts, options)?;
    Ok(artifacts)
}

/// Writes what this kind of machine boots from an image that is built.
///
/// # Errors
/// Whatever keeps it from being written.
pub fn write_for(artifacts: &Artifacts, options: &Options) -> Result<()> {
    match options.firmware {
        Firmware::Direct => Ok(()),
        Firmware::Bios | Firmware::UefiDisc => iso::write_iso(artifacts),
        Firmware::Network | Firmware::UefiNetwork => iso::write_network(artifacts),
        Firmware::Uefi => {
            images::build_uefi_loader(artifacts)?;
            iso::write_uefi_disk(artifacts)
        }
    }
}

/// Runs it.
///
/// # Errors
/// The machine could not be started, or did not end well.
pub fn run(arguments: &Arguments) -> Result<()> {
    let mut artifacts = prepare(&arguments.name, &arguments.machine)?;
    if !arguments.next.is_empty() {
        artifacts = images::with_later(&artifacts, &arguments.next, &paths::images())?;
        write_for(&artifacts, &arguments.machine)?;
    }
    eprintln!("{} on {}", arguments.name, arguments.machine.accelerator());
    let mut session = Session::start(&arguments.machine, &artifacts, Debugger::None)?;
    match &arguments.exec {
        Some(line) => {
            let patience = Duration::from_secs(arguments.timeout);
            exec::run(&mut session, line, patience, |answer| {
                let (shown, printed) = Sieve::default().feed(answer.output.as_bytes());
                let shown = String::from_utf8_lossy(&shown);
                // The last line of a machine that went off may lack its end.
                let missing = !shown.is_empty() && !shown.ends_with('\n');
                print!("{shown}{}", if missing { "\n" } else { "" });
                print!("{}", dump::keep(&arguments.name, &printed).replace('\r', ""));
            })?;
            Ok(())
        }
        None => interact(&mut session, Some(&artifacts.transcript()), &arguments.name),
    }
}

/// Passes keys and output through until the machine ends or the person leaves; `copy` gets the output as well. Core files that the
/// machine's console prints are written beside the `image`.
///
/// # Errors
/// The machine ended badly.
pub fn interact(session: &mut Session, copy: Option<&Path>, image: &str) -> Result<()> {
    eprintln!("Ctrl-\\ leaves and switches the machine off.");
    let mut copy = copy.map(File::create).transpose()?;
    let raw = Raw::enter();
    let keys = keys();
    let mut screen = Screen { image, sieve: Sieve::default(), told: String::new() };
    let step = loop {
        match step(session, &keys, copy.as_mut(), &mut screen)? {
            Step::On => {}
            over => break over,
        }
    };
    drop(raw);
    print!("{}", screen.told);
    match step {
        Step::Left => Ok(()),
        _ => judge(&session.finish(Duration::from_secs(5))?),
    }
}

/// What the person sees: what the machine prints, core files left out.
struct Screen<'a> {
    image: &'a str,
    sieve: Sieve,
    /// What became of core files, until a line of the console ends.
    told: String,
}

impl Screen<'_> {
    fn show(&mut self, bytes: &[u8]) -> Result<()> {
        let (shown, printed) = self.sieve.feed(bytes);
        self.told.push_str(&dump::keep(self.image, &printed));
        let mut out = stdout();
        out.write_all(&insert(&shown, &mut self.told))?;
        if let Some(per_cent) = self.sieve.per_cent() {
            write!(out, "\r{per_cent} %\r")?;
        }
        Ok(out.flush()?)
    }
}

/// What is shown, with what is to be told where a line ends in it; else that waits.
fn insert(shown: &[u8], told: &mut String) -> Vec<u8> {
    let end = shown.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let (line, rest) = shown.split_at(end);
    let told = if end > 0 { std::mem::take(told) } else { String::new() };
    [line, told.as_bytes(), rest].concat()
}

/// How it goes on.
enum Step {
    On,
    Left,
    Ended,
}

/// Passes on what has come, and what was typed.
fn step(
    session: &mut Session,
    keys: &Receiver<Vec<u8>>,
    copy: Option<&mut File>,
    screen: &mut Screen<'_>,
) -> Result<Step> {
    while let Ok(typed) = keys.try_recv() {
        let (typed, leave) = until_leave(&typed);
        // A machine that has just ended takes no more keys.
        drop(session.send(typed));
        if leave {
            return Ok(Step::Left);
        }
    }
    match session.poll(Instant::now() + TICK) {
        Some(Some(Piece::Text(bytes))) => {
            screen.show(&bytes)?;
            // A full disk does not end the conversation.
            drop(copy.map(|copy| copy.write_all(&bytes)));
            Ok(Step::On)
        }
        Some(None) => Ok(Step::Ended),
        _ => Ok(Step::On),
    }
}

/// Keys as they are typed.
fn keys() -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut buffer = [0; 256];
        while let Ok(length @ 1..) = stdin().read(&mut buffer) {
            if sender.send(buffer[..length].to_vec()).is_err() {
                break;
            }
        }
    });
    receiver
}

/// A machine that ended by itself ended well if it was shut down, or if its tests passed.
fn judge(end: &End) -> Result<()> {
    if end.clean() || end.passed() {
        return Ok(());
    }
    bail!("{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_became_of_a_core_file_is_a_line_of_its_own() {
        let mut told = String::from("written\r\n");
        assert_eq!(insert(b"echo-asks", &mut told), b"echo-asks");
        assert_eq!(insert(b", life 1\r\n> ", &mut told), b", life 1\r\nwritten\r\n> ");
        assert_eq!(insert(b"ps\r\n", &mut told), b"ps\r\n");
    }
}
