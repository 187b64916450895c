//! Boots through every door on several machines, looks who runs, and switches off.

use crate::{PATIENCE, campaign, start, trial};
use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use qemu_runner::exec;
use qemu_runner::images::Artifacts;
use qemu_runner::iso;
use qemu_runner::machine::{Chipset, Firmware, Options};

/// Partitions without which no image is complete.
const INFRASTRUCTURE: [&str; 5] = ["resource-manager", "boot", "idle", "command", "io-console"];

/// All three doors with 1, 2 and 4 processors, then odd machines.
#[must_use]
pub fn all() -> Vec<Trial> {
    let mut trials = Vec::new();
    for (name, firmware) in
        [("direct", Firmware::Direct), ("bios", Firmware::Bios), ("uefi", Firmware::Uefi)]
    {
        for smp in [1, 2, 4] {
            let options = Options { smp, firmware, ..Options::default() };
            trials.push(door(&format!("{name}_{smp}"), options));
        }
    }
    trials.extend(odd().into_iter().map(|(name, options)| door(name, options)));
    if campaign() {
        for (name, firmware) in [("bios", Firmware::Network), ("uefi", Firmware::UefiNetwork)] {
            trials.push(trial(format!("door_network_{name}"), move || {
                iso::write_network(&Artifacts::of("node"))?;
                boot(&Options { firmware, ..Options::default() })
            }));
        }
    }
    trials.push(trial("door_repeats_to_the_byte", repeats));
    trials
}

fn odd() -> Vec<(&'static str, Options)> {
    let with = |change: fn(&mut Options)| {
        let mut options = Options::default();
        change(&mut options);
        options
    };
    vec![
        ("eight_processors", with(|options| options.smp = 8)),
        ("little_memory", with(|options| options.memory = 64)),
        ("much_memory", with(|options| options.memory = 3 * 1024)),
        ("old_chipset", with(|options| options.machine = Chipset::Pc)),
        ("plain_processor", with(|options| options.cpu = Some("qemu64".to_owned()))),
        ("without_x2apic", with(|options| options.cpu = Some("max,-x2apic".to_owned()))),
        ("counted_instructions", with(|options| options.deterministic = true)),
    ]
}

// covers: BOOT-1, BOOT-2, BOOT-6
fn door(name: &str, options: Options) -> Trial {
    trial(format!("door_{name}"), move || boot(&options))
}

fn boot(options: &Options) -> Result<()> {
    let mut session = start(&Artifacts::of("node"), options)?;
    let mut listed = String::new();
    let mut machine = String::new();
    exec::run(&mut session, "ps; machine; shutdown", PATIENCE, |answer| {
        match answer.command.as_str() {
            "ps" => listed.clone_from(&answer.output),
            "machine" => machine.clone_from(&answer.output),
            _ => {}
        }
    })?;
    for name in INFRASTRUCTURE {
        ensure!(listed.contains(name), "ps does not list {name}:\n{listed}");
    }
    for state in ["faulted", "failed"] {
        ensure!(!listed.contains(state), "ps says {state}:\n{listed}");
    }
    let smp = options.smp.to_string();
    let counted = machine
        .lines()
        .any(|line| line.contains("processor") && line.split_whitespace().any(|word| word == smp));
    ensure!(counted, "not {smp} processors:\n{machine}");
    Ok(())
}

/// Where time counts instructions, two boots print the same bytes, measured times included.
fn repeats() -> Result<()> {
    let options = Options { deterministic: true, ..Options::default() };
    let boot = || -> Result<String> {
        let mut session = start(&Artifacts::of("node"), &options)?;
        session.wait_prompt(PATIENCE)?;
        Ok(session.transcript().to_owned())
    };
    let (first, second) = (boot()?, boot()?);
    ensure!(first.contains("ticks"), "no measured times in\n{first}");
    ensure!(first == second, "two boots differ:\n{first}\n{second}");
    Ok(())
}
