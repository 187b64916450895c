//! `test`: every step that must pass before a change lands, in one list.

use crate::paths::{self, Program};
use crate::verbs::image;
use anyhow::{Context as _, Result, bail};
use std::process::Command;
use std::time::Instant;

/// What a step does.
enum Action {
    /// A cargo command, and arguments after its `--`.
    Cargo(&'static [&'static str], Packages, &'static [&'static str]),
    /// A cargo command with extra compiler flags.
    Flagged(&'static str, &'static [&'static str]),
    /// Makes the documentation of these packages, in which nothing may be missing and every link leads somewhere.
    Documentation(&'static [&'static str]),
    /// Builds every image in every form.
    Images,
}

/// Which packages a cargo command is about.
enum Packages {
    /// Those that run on the host.
    Host,
    /// Programs of the bare machine.
    Bare,
    /// Programs of the bare machine that the host can build, and so test.
    Portable,
    /// Those of the others that have a library for the host to test.
    Libraries,
    /// What the command says itself.
    Named,
}

/// A step: its name, and what it does.
struct Step {
    name: &'static str,
    action: Action,
}

const BARE: &str = "x86_64-unknown-none";
const UEFI: &str = "x86_64-unknown-uefi";
const STRICT: &[&str] = &["-D", "warnings"];

/// Every step, in its order: cheap ones first.
const STEPS: [Step; 14] = [
    step("format", Action::Cargo(&["fmt", "--all", "--check"], Packages::Named, &[])),
    step("lint-host", Action::Cargo(&["clippy", "--all-targets"], Packages::Host, STRICT)),
    step(
        "lint-scenarios",
        Action::Cargo(&["clippy", "--all-targets", "-p", "scenarios"], Packages::Named, STRICT),
    ),
    step("lint-portable", Action::Cargo(&["clippy", "--all-targets"], Packages::Portable, STRICT)),
    step(
        "lint-libraries",
        Action::Cargo(&["clippy", "--lib", "--profile", "test"], Packages::Libraries, STRICT),
    ),
    step(
        "lint-bare",
        Action::Cargo(&["clippy", "--release", "--target", BARE], Packages::Bare, STRICT),
    ),
    step(
        "lint-uefi",
        Action::Cargo(
            &["clippy", "--release", "--target", UEFI, "-p", "loader-uefi"],
            Packages::Named,
            STRICT,
        ),
    ),
    step("documentation", Action::Documentation(&["-p", "abi", "-p", "rt", "-p", "ring"])),
    step("host", Action::Cargo(&["test"], Packages::Host, &[])),
    step("portable", Action::Cargo(&["test"], Packages::Portable, &[])),
    step("libraries", Action::Cargo(&["test", "--lib"], Packages::Libraries, &[])),
    step(
        "loom",
        Action::Flagged(
            "--cfg loom",
            &[
                "test",
                "--config",
                "profile.dev.opt-level=1",
                "-p",
                "ring",
                "-p",
                "kernel-core",
                "--test",
                "loom",
            ],
        ),
    ),
    step("images", Action::Images),
    step("scenarios", Action::Cargo(&["test", "-p", "scenarios"], Packages::Named, &[])),
];

const fn step(name: &'static str, action: Action) -> Step {
    Step { name, action }
}

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
        Action::Cargo(arguments, packages, rest) => {
            let mut command = cargo(arguments);
            for package in packages.names() {
                command.args(["-p", &package]);
            }
            run_to_end(command.arg("--").args(*rest))
        }
        // Other flags rebuild everything, so they have a target folder of their own.
        Action::Flagged(flags, arguments) => {
            let folder = paths::target().join("flagged");
            run_to_end(cargo(arguments).env("RUSTFLAGS", flags).env("CARGO_TARGET_DIR", folder))
        }
        Action::Documentation(packages) => run_to_end(
            cargo(&["doc", "--no-deps"]).args(*packages).env("RUSTDOCFLAGS", "-D warnings"),
        ),
        Action::Images => {
            paths::manifests().iter().try_for_each(|name| image::write(name).map(drop))
        }
    }
}

impl Packages {
    /// Packages to name; none for cargo's own choice.
    fn names(&self) -> Vec<String> {
        match self {
            Self::Host | Self::Named => Vec::new(),
            Self::Bare => {
                let kernel = ["kernel", "loader"].map(str::to_owned);
                kernel.into_iter().chain(chosen(|_| true)).collect()
            }
            Self::Portable => chosen(Program::portable),
            Self::Libraries => chosen(|program| program.has_library() && !program.portable()),
        }
    }
}

fn chosen(choice: impl Fn(&Program) -> bool) -> Vec<String> {
    let programs = paths::programs().into_iter().filter(|program| choice(program));
    programs.map(|program| program.name).collect()
}

fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(paths::root()).args(arguments);
    command
}

fn run_to_end(command: &mut Command) -> Result<()> {
    if command.status().context("cargo could not be started")?.success() {
        return Ok(());
    }
    bail!("a command failed: {command:?}")
}
