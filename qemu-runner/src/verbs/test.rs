//! `test`: every step that must pass before a change lands, in one list.

use crate::machine::{MACHINE, Options};
use crate::paths::{self, Program};
use crate::programs::{self, Target};
use crate::verbs::image;
use anyhow::{Context as _, Result, bail};
use clap::Args;
use std::process::Command;
use std::time::Instant;

/// What a step does.
enum Action {
    /// A cargo command, and arguments after its `--`.
    Cargo(&'static [&'static str], Packages, &'static [&'static str]),
    /// A cargo command with extra compiler flags.
    Flagged(&'static str, &'static [&'static str]),
    /// Lints what only the bare machine can build.
    Lint(Target, Packages),
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
    /// The loader as a UEFI application.
    Uefi,
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

/// Set to anything, the tests take the long form of everything.
const CAMPAIGN: &str = "BULKHEAD_CAMPAIGN";
const STRICT: &[&str] = &["-D", "warnings"];

/// Steps that run whole machines.
const MACHINES: [&str; 2] = ["images", "scenarios"];

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
    step("lint-bare", Action::Lint(Target::Bare, Packages::Bare)),
    step("lint-uefi", Action::Lint(Target::Uefi, Packages::Uefi)),
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

/// Arguments of `test`.
#[derive(Debug, Args)]
#[command(after_help = steps())]
pub struct Arguments {
    /// Run the tests alone whose name contains this: without --only, those on whole machines.
    pub filter: Option<String>,
    /// Run this step alone; may be repeated.
    #[arg(long, value_name = "STEP", value_parser = STEPS.map(|step| step.name))]
    pub only: Vec<String>,
    /// The long form of everything: every machine, every campaign. Hours instead of minutes.
    #[arg(long)]
    pub campaign: bool,
    /// The machine, where a test does not want another.
    #[command(
        flatten,
        next_help_heading = "The machine, where a test does not want one of its own"
    )]
    pub machine: Options,
}

/// The end of the help: what there is.
fn steps() -> String {
    format!(
        "Steps: {}\n\nExamples:\n  ./bulkhead test --only scenarios suite_2\n  \
         ./bulkhead test --cpu EPYC --firmware uefi console_\n  \
         ./bulkhead test --campaign machine_        writes target/machines.md",
        STEPS.map(|step| step.name).join(", ")
    )
}

/// Runs the steps named, or all.
///
/// # Errors
/// The first step that fails, by its name.
pub fn run(arguments: &Arguments) -> Result<()> {
    let start = Instant::now();
    let mut done = 0;
    for step in STEPS.iter().filter(|step| arguments.wants(step)) {
        let begin = Instant::now();
        println!("── {}", step.name);
        arguments.perform(step).with_context(|| {
            format!("step '{0}' failed; again: ./bulkhead test --only {0}", step.name)
        })?;
        println!("── {} passed in {} s", step.name, begin.elapsed().as_secs());
        done += 1;
    }
    println!("bulkhead: all {done} steps passed in {} s", start.elapsed().as_secs());
    Ok(())
}

impl Arguments {
    fn wants(&self, step: &Step) -> bool {
        if !self.only.is_empty() {
            return self.only.iter().any(|name| name == step.name);
        }
        self.filter.is_none() || MACHINES.contains(&step.name)
    }

    fn perform(&self, step: &Step) -> Result<()> {
        match &step.action {
            Action::Cargo(arguments, packages, rest) => {
                let mut command = self.cargo(arguments);
                for package in packages.names() {
                    command.args(["-p", &package]);
                }
                let filter = self.filter.iter().filter(|_| arguments.contains(&"test"));
                run_to_end(command.arg("--").args(filter).args(*rest))
            }
            Action::Lint(target, packages) => {
                let mut command = programs::cargo_for(*target, "clippy");
                command.arg("--release");
                for package in packages.names() {
                    command.args(["-p", &package]);
                }
                run_to_end(command.arg("--").args(STRICT))
            }
            // Other flags rebuild everything, so they have a target folder of their own.
            Action::Flagged(flags, arguments) => {
                let folder = paths::target().join("flagged");
                let mut command = self.cargo(arguments);
                run_to_end(command.env("RUSTFLAGS", flags).env("CARGO_TARGET_DIR", folder))
            }
            Action::Documentation(packages) => run_to_end(
                self.cargo(&["doc", "--no-deps"])
                    .args(*packages)
                    .env("RUSTDOCFLAGS", "-D warnings"),
            ),
            Action::Images => {
                paths::manifests().iter().try_for_each(|name| image::write(name).map(drop))
            }
        }
    }

    fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("cargo");
        command.current_dir(paths::root()).args(arguments);
        command.env(MACHINE, self.machine.words().join("\n"));
        if self.campaign {
            command.env(CAMPAIGN, "1");
        }
        command
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
            Self::Uefi => vec!["loader-uefi".to_owned()],
            Self::Portable => chosen(Program::portable),
            Self::Libraries => chosen(|program| program.has_library() && !program.portable()),
        }
    }
}

fn chosen(choice: impl Fn(&Program) -> bool) -> Vec<String> {
    let programs = paths::programs().into_iter().filter(|program| choice(program));
    programs.map(|program| program.name).collect()
}

fn run_to_end(command: &mut Command) -> Result<()> {
    if command.status().context("cargo could not be started")?.success() {
        return Ok(());
    }
    bail!("a command failed: {command:?}")
}
