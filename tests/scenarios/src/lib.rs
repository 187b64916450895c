//! What is tried on whole machines: every door, the suite, the isolation matrix, the call fuzz, the console, altered
//! images, crashes, other machines.
//!
//! The images are built before (`./bulkhead image NAME`). One machine runs at a time.

pub mod altered;
pub mod author;
pub mod changes;
pub mod console;
pub mod corpse;
pub mod crash;
pub mod criers;
pub mod crowd;
pub mod doors;
pub mod early;
pub mod failing;
pub mod first_lives;
pub mod founding;
pub mod fuzz;
pub mod isolation;
pub mod isolation_report;
pub mod kills;
pub mod kills_report;
pub mod load;
pub mod machines;
pub mod mutated;
pub mod nodes;
pub mod outside;
pub mod owned;
pub mod pairs;
pub mod patient;
pub mod picture;
pub mod plans;
pub mod rescue;
pub mod resting;
pub mod screens;
pub mod service;
pub mod suites;
pub mod table;
pub mod upgrades;
pub mod ways;

use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use qemu_runner::exec;
use qemu_runner::images::Artifacts;
use qemu_runner::machine::{Debugger, Options};
use qemu_runner::session::Session;
use std::time::Duration;

/// How long a machine may take to answer at all.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Every scenario.
#[must_use]
pub fn all() -> Vec<Trial> {
    [
        doors::all(),
        suites::all(),
        outside::all(),
        isolation::all(),
        fuzz::all(),
        load::all(),
        crowd::all(),
        kills::all(),
        owned::all(),
        plans::all(),
        rescue::all(),
        early::all(),
        founding::all(),
        first_lives::all(),
        failing::all(),
        console::all(),
        criers::all(),
        changes::all(),
        resting::all(),
        altered::all(),
        mutated::all(),
        corpse::all(),
        crash::all(),
        machines::all(),
        author::all(),
        screens::all(),
        service::all(),
        nodes::all(),
        ways::all(),
        upgrades::all(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Whether the long form of everything was asked for.
#[must_use]
pub fn campaign() -> bool {
    std::env::var_os("BULKHEAD_CAMPAIGN").is_some()
}

/// The machine that scenarios use where they do not want another: the usual one, or what `./bulkhead test` was told.
///
/// # Errors
/// The environment names no machine.
pub fn usual() -> Result<Options> {
    Options::of_environment()
}

/// A scenario by its name.
pub fn trial(name: impl Into<String>, run: impl FnOnce() -> Result<()> + Send + 'static) -> Trial {
    Trial::test(name, move || run().map_err(|error| format!("{error:#}").into()))
}

/// Starts a machine with the files of an image.
///
/// # Errors
/// The image was not built, or QEMU does not start.
pub fn start(artifacts: &Artifacts, options: &Options) -> Result<Session> {
    let image = artifacts.boot_image();
    ensure!(image.exists(), "there is no {}: ./bulkhead image {}", image.display(), artifacts.name);
    Session::start(options, artifacts, Debugger::None)
}

/// Types a command at the next prompt; gives what it printed.
///
/// # Errors
/// It failed, or the machine did not answer.
pub fn ask(session: &mut Session, command: &str) -> Result<String> {
    exec::ask(session, command, PATIENCE)
}
