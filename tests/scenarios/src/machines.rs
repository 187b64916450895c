//! Other machines: chipsets, numbers of processors, sizes of memory, processor models, and Bochs.
//!
//! A handful always; all combinations where `BULKHEAD_CAMPAIGN` is set. A machine starts and ends in
//! order, or the loader or the kernel names what it lacks.

use crate::{PATIENCE, campaign, start, trial};
use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use qemu_runner::bochs;
use qemu_runner::exec;
use qemu_runner::images::Artifacts;
use qemu_runner::machine::{Chipset, Firmware, Options};
use std::time::Duration;

/// How long Bochs may take for everything: it is some twenty times slower.
const BOCHS_PATIENCE: Duration = Duration::from_secs(150);

const FIRMWARES: [(&str, Firmware); 3] =
    [("direct", Firmware::Direct), ("bios", Firmware::Bios), ("uefi", Firmware::Uefi)];
const CHIPSETS: [(&str, Chipset); 2] = [("pc", Chipset::Pc), ("q35", Chipset::Q35)];

/// The handful, or all.
#[must_use]
pub fn all() -> Vec<Trial> {
    let campaign = campaign();
    let mut trials = refusals();
    trials.extend(if campaign { matrix() } else { handful() });
    let models: &[&str] = if campaign {
        &["corei7_skylake_x", "corei7_icelake_u", "ryzen"]
    } else {
        &["corei7_skylake_x"]
    };
    let counts: &[u16] = if campaign { &[1, 4] } else { &[1] };
    for model in models {
        trials.extend(counts.iter().map(|&count| in_bochs(model, count)));
    }
    trials
}

fn handful() -> Vec<Trial> {
    vec![
        machine(Chipset::Pc, Firmware::Uefi, 2, 256, "EPYC"),
        // Memory above 4 GiB, which further processors cannot reach while they start.
        machine(Chipset::Pc, Firmware::Uefi, 2, 4096, "max"),
        machine(Chipset::Pc, Firmware::Bios, 4, 512, "Nehalem"),
        machine(Chipset::Q35, Firmware::Bios, 1, 64, "qemu64"),
        machine(Chipset::Q35, Firmware::Direct, 8, 6144, "EPYC"),
    ]
}

/// Each door, chipset, model and number of processors; sizes of memory go around.
fn matrix() -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut sizes = [64, 128, 1024, 2560, 4096, 8192].into_iter().cycle();
    for (_, firmware) in FIRMWARES {
        for (_, chipset) in CHIPSETS {
            for cpu in ["max", "qemu64", "EPYC", "Nehalem"] {
                for smp in [1, 2, 4, 8] {
                    // UEFI firmware itself needs more than the smallest.
                    let memory = sizes.find(|&size| firmware != Firmware::Uefi || size > 64);
                    trials.push(machine(chipset, firmware, smp, memory.unwrap_or(512), cpu));
                }
            }
        }
    }
    trials
}

// covers: BOOT-1, BOOT-6
fn machine(chipset: Chipset, firmware: Firmware, smp: u16, memory: u32, cpu: &str) -> Trial {
    let chipset_name = CHIPSETS.iter().find(|(_, other)| *other == chipset).map_or("", |c| c.0);
    let door = FIRMWARES.iter().find(|(_, other)| *other == firmware).map_or("", |f| f.0);
    let name = format!("machine_{chipset_name}_{door}_{smp}_{memory}M_{}", cpu.to_lowercase());
    let cpu = Some(cpu.to_owned());
    let options = Options { smp, memory, firmware, machine: chipset, cpu, ..Options::default() };
    trial(name, move || boot(&options))
}

fn boot(options: &Options) -> Result<()> {
    let mut session = start(&Artifacts::of("minimal"), options)?;
    let mut machine = String::new();
    exec::run(&mut session, "machine; audit; shutdown", PATIENCE, |answer| {
        if answer.command == "machine" {
            machine.clone_from(&answer.output);
        }
    })?;
    check_processors(&machine, options.smp)
}

fn check_processors(machine: &str, wanted: u16) -> Result<()> {
    let line = machine.lines().find(|line| line.contains("processors")).unwrap_or_default();
    let counted = line.split_whitespace().any(|word| word == wanted.to_string());
    ensure!(counted, "not {wanted} processors:\n{machine}");
    Ok(())
}

/// Features without which nothing works, and the word for each that the refusal must hold.
const NEEDED: [(&str, &str); 4] = [
    ("max,-nx", "NX"),
    ("max,-syscall", "system calls"),
    ("max,-apic", "APIC"),
    ("max,-lm", "long mode"),
];

/// Machines that lack something are refused, by its name.
fn refusals() -> Vec<Trial> {
    let refused = |cpu: &'static str, word: &'static str| {
        trial(format!("machine_refused_{}", word.to_lowercase().replace(' ', "_")), move || {
            let options = Options { smp: 1, cpu: Some(cpu.to_owned()), ..Options::default() };
            let mut session = start(&Artifacts::of("minimal"), &options)?;
            session.wait_text(0, word, PATIENCE).map(drop)
        })
    };
    NEEDED.into_iter().map(|(cpu, word)| refused(cpu, word)).collect()
}

fn in_bochs(model: &'static str, processors: u16) -> Trial {
    trial(format!("bochs_{model}_{processors}"), move || {
        if let Some(package) = bochs::missing() {
            println!(
                "skipped: Bochs is not installed (Debian: {package}, bochsbios, vgabios, bochs-term)"
            );
            return Ok(());
        }
        let mut machine = bochs::Machine::start(&Artifacts::of("minimal"), model, processors)?;
        let listed = machine.command("ps", BOCHS_PATIENCE)?;
        ensure!(listed.output.contains("io-console"), "ps says:\n{}", listed.output);
        let counted = machine.command("machine", BOCHS_PATIENCE)?;
        check_processors(&counted.output, processors)?;
        machine.command("shutdown", BOCHS_PATIENCE)?;
        machine.finish(BOCHS_PATIENCE)?;
        let log = machine.log();
        ensure!(!log.contains(">>PANIC<<") && !log.contains("triple fault"), "{log}");
        Ok(())
    })
}
