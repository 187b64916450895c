//! `test`: every step that must pass before a change lands, in one list.

use crate::paths;
use crate::verbs::image;
use anyhow::{Context as _, Result, bail};
use std::process::Command;
use std::time::Instant;

/// What a step does.
enum Action {
    /// A cargo command.
    Cargo(&'static [&'static str]),
    /// A cargo command with extra compiler flags.
    Flagged(&'static str, &'static [&'static str]),
    /// Builds every image in every form.
    Images,
}

/// A step: its name, what it is for, what it does.
struct Step {
    name: &'static str,
    action: Action,
}

/// Every step, in its order: cheap ones first.
const STEPS: [Step; 8] = [
    Step { name: "format", action: Action::Cargo(&["fmt", "--all", "--check"]) },
    Step {
        name: "lint-host",
        action: Action::Cargo(&["clippy", "--all-targets", "--", "-D", "warnings"]),
    },
    Step {
        name: "lint-bare",
        action: Action::Cargo(&[
            "clippy",
            "--release",
            "--target",
            "x86_64-unknown-none",
            "-p",
            "kernel",
            "-p",
            "loader",
            "-p",
            "resource-manager",
            "-p",
            "boot",
            "-p",
            "idle",
            "-p",
            "command",
            "-p",
            "io-console",
            "-p",
            "example-echo",
            "-p",
            "example-stream",
            "-p",
            "example-survivor",
            "-p",
            "suite",
            "-p",
            "assist",
            "-p",
            "supervisor",
            "--",
            "-D",
            "warnings",
        ]),
    },
    Step {
        name: "lint-uefi",
        action: Action::Cargo(&[
            "clippy",
            "--release",
            "--target",
            "x86_64-unknown-uefi",
            "-p",
            "loader-uefi",
            "--",
            "-D",
            "warnings",
        ]),
    },
    Step { name: "host", action: Action::Cargo(&["test"]) },
    Step {
        name: "loom",
        action: Action::Flagged(
            "--cfg loom",
            &["test", "--release", "-p", "ring", "-p", "kernel-core", "loom"],
        ),
    },
    Step { name: "images", action: Action::Images },
    Step {
        name: "scenarios",
        action: Action::Cargo(&["test", "-p", "scenarios", "--", "--test-threads", "1"]),
    },
];

/// Runs the steps named, or all.
///
/// # Errors
/// The first step that fails, by its name.
pub fn run(names: &[String]) -> Result<()> {
    check(names)?;
    let start = Instant::now();
    let wanted = |step: &&Step| names.is_empty() || names.iter().any(|name| name == step.name);
    let mut done = 0;
    for step in STEPS.iter().filter(wanted) {
        let begin = Instant::now();
        println!("── {}", step.name);
        perform(&step.action)
            .with_context(|| format!("step '{0}' failed; again: ./bulkhead test {0}", step.name))?;
        println!("── {} passed in {} s", step.name, begin.elapsed().as_secs());
        done += 1;
    }
    println!("bulkhead: all {done} steps passed in {} s", start.elapsed().as_secs());
    Ok(())
}

fn check(names: &[String]) -> Result<()> {
    match names.iter().find(|name| STEPS.iter().all(|step| step.name != **name)) {
        None => Ok(()),
        Some(name) => {
            let known: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
            bail!("there is no step '{name}'; there are: {}", known.join(", "))
        }
    }
}

fn perform(action: &Action) -> Result<()> {
    match action {
        Action::Cargo(arguments) => cargo(arguments, None),
        Action::Flagged(flags, arguments) => cargo(arguments, Some(flags)),
        Action::Images => {
            paths::manifests().iter().try_for_each(|name| image::write(name).map(|_| ()))
        }
    }
}

/// Other flags rebuild everything, so they have a target folder of their own.
fn cargo(arguments: &[&str], flags: Option<&str>) -> Result<()> {
    let mut command = Command::new("cargo");
    command.current_dir(paths::root()).args(arguments);
    if let Some(flags) = flags {
        command.env("RUSTFLAGS", flags).env("CARGO_TARGET_DIR", paths::target().join("flagged"));
    }
    if command.status().context("cargo could not be started")?.success() {
        return Ok(());
    }
    bail!("cargo {} failed", arguments.join(" "))
}
