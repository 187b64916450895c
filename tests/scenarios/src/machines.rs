//! Other machines: chipsets, numbers of processors, sizes of memory, processor models, and Bochs.
//!
//! A handful always; every two properties together where `BULKHEAD_CAMPAIGN` is set. A machine starts and ends in
//! order, or the loader or the kernel names what it lacks.

use crate::pairs::cover;
use crate::screens::{Shown, sentence};
use crate::{campaign, start, table, trial};
use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use qemu_runner::bochs;
use qemu_runner::exec;
use qemu_runner::images::Artifacts;
use qemu_runner::machine::{Chipset, Firmware, Options};
use qemu_runner::session::Session;
use std::time::Duration;

/// How long a machine may take here: eight emulated processors on two busy ones are slow, and firmware with them.
const LONG_PATIENCE: Duration = Duration::from_secs(240);
/// How long Bochs may take for everything: it is some twenty times slower.
const BOCHS_PATIENCE: Duration = Duration::from_secs(400);

/// Who starts the loader.
const FIRMWARES: [(&str, Firmware); 4] = [
    ("direct", Firmware::Direct),
    ("bios", Firmware::Bios),
    ("uefi", Firmware::Uefi),
    ("uefi-disc", Firmware::UefiDisc),
];
/// Chipsets.
const CHIPSETS: [(&str, Chipset); 3] =
    [("q35", Chipset::Q35), ("pc", Chipset::Pc), ("microvm", Chipset::Microvm)];
/// Numbers of processors.
const PROCESSORS: [u16; 4] = [2, 1, 4, 8];
/// Sizes of memory, MiB.
const MEMORY: [u32; 9] = [512, 64, 128, 1024, 2560, 4096, 16384, 16, HUGE];
/// More than the computer has that emulates it: what is not touched is not there.
const HUGE: u32 = 65536;
/// Processor models, then what is missing one by one and can be done without.
const MODELS: [&str; 12] = [
    "max",
    "qemu64",
    "EPYC",
    "Nehalem",
    "max,-x2apic",
    "max,-smep",
    "max,-smap",
    "max,-umip",
    "max,-pge",
    "max,-pdpe1gb",
    "max,-mce,-mca",
    "max,-x2apic,-smep,-smap,-umip,-pge,-pdpe1gb,-mce,-mca,-pat,-xsave,-rdtscp,-fsgsbase",
];
/// What else may be different, in QEMU's words.
const ODD: [(&str, &[&str]); 9] = [
    ("", &[]),
    ("no HPET", &["-machine", "hpet=off"]),
    ("no PIT", &["-machine", "pit=off"]),
    ("no PIT, no HPET", &["-machine", "pit=off,hpet=off"]),
    ("no 8259", &["-machine", "pic=off"]),
    ("no keyboard controller", &["-machine", "i8042=off"]),
    ("no ACPI", &["-machine", "acpi=off"]),
    ("low 1 GiB alone below 4 GiB", &["-machine", "max-ram-below-4g=1G"]),
    (NODES, &[]),
];
/// Its memory is in two parts, which takes more words than [`ODD`] can hold.
const NODES: &str = "two memory nodes";

/// The handful, or all.
#[must_use]
pub fn all() -> Vec<Trial> {
    let mut trials = refusals();
    trials.extend(processors());
    trials.extend(if campaign() { matrix() } else { handful() });
    let models: &[&str] = if campaign() {
        &["corei7_skylake_x", "corei7_icelake_u", "ryzen"]
    } else {
        &["corei7_skylake_x"]
    };
    let counts: &[u16] = if campaign() { &[1, 4] } else { &[1] };
    for model in models {
        trials.extend(counts.iter().map(|&count| in_bochs(model, count)));
    }
    trials
}

/// A few rows of what [`matrix`] makes all of: numbers of values, by columns.
fn handful() -> Vec<Trial> {
    [
        // Memory above 4 GiB, which further processors cannot reach while they start.
        [2, 1, 0, 5, 0, 0],
        [1, 1, 2, 0, 3, 0],
        [1, 0, 1, 1, 1, 3],
        [0, 2, 3, 0, 2, 0],
        [0, 0, 0, 6, 11, 6],
        [0, 0, 0, 7, 0, 0],
        [0, 0, 2, 8, 0, 0],
    ]
    .iter()
    .map(|row| machine(row))
    .collect()
}

/// Every two values of different columns that can meet do so once.
fn matrix() -> Vec<Trial> {
    let sizes =
        [FIRMWARES.len(), CHIPSETS.len(), PROCESSORS.len(), MEMORY.len(), MODELS.len(), ODD.len()];
    cover(&sizes, exists).iter().map(|row| machine(row)).collect()
}

/// Whether QEMU has such a machine.
fn exists(row: &[Option<usize>]) -> bool {
    let of = |column: usize| row.get(column).copied().flatten();
    let uefi = matches!(of(0), Some(2 | 3));
    let micro = of(1) == Some(2);
    let odd = of(5).and_then(|odd| ODD.get(odd)).map_or("", |odd| odd.0);
    // It has neither disc nor firmware, none of what can be left out, and no more than some memory.
    let direct = of(0).is_none_or(|door| door == 0);
    let plain = direct && ["", "no ACPI"].contains(&odd) && !matches!(of(3), Some(6 | 8));
    // The firmware itself needs more than the smallest, and ACPI; GRUB more than the very smallest.
    let fits = !uefi || of(3) != Some(1) && odd != "no ACPI";
    let small = of(3) != Some(7) || direct && odd != NODES;
    (!micro || plain) && fits && small
}

// covers: BOOT-1, BOOT-6
fn machine(row: &[usize]) -> Trial {
    let &[door, chipset, processors, memory, model, odd] = row else { unreachable!("six columns") };
    let ((door, firmware), (chipset, kind)) = (FIRMWARES[door], CHIPSETS[chipset]);
    let (smp, memory, model, (odd, extra)) =
        (PROCESSORS[processors], MEMORY[memory], MODELS[model], ODD[odd]);
    let words: Vec<String> = [door, chipset, &format!("{smp}"), &format!("{memory}M"), model, odd]
        .iter()
        .map(|word| word.to_lowercase().replace([' ', ','], "_"))
        .filter(|word| !word.is_empty())
        .collect();
    let options = Options {
        smp: if odd == "no ACPI" { 1 } else { smp },
        memory,
        firmware,
        machine: kind,
        cpu: Some(model.to_owned()),
        qemu_args: match (odd, memory) {
            (NODES, _) => nodes(memory),
            (_, HUGE) => owned(extra).into_iter().chain(unreserved("all", memory)).collect(),
            _ => owned(extra),
        },
        ..Options::default()
    };
    let row = [door, chipset, &smp.to_string(), &memory.to_string(), model, odd].map(str::to_owned);
    trial(format!("machine_{}", words.join("_")), move || table::record(&row, || boot(&options)))
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

/// Half of memory in each of two nodes, the processors in the second.
fn nodes(memory: u32) -> Vec<String> {
    let node = |number: u32| {
        let name = format!("m{number}");
        let node = ["-numa".to_owned(), format!("node,memdev={name}")];
        backend(&name, memory / 2).into_iter().chain(node)
    };
    (0..2).flat_map(node).chain(owned(&["-numa", "cpu,node-id=1,socket-id=0"])).collect()
}

/// All of memory, of which nothing is reserved.
fn unreserved(name: &str, memory: u32) -> Vec<String> {
    let machine = ["-machine".to_owned(), format!("memory-backend={name}")];
    backend(name, memory).into_iter().chain(machine).collect()
}

/// Memory with a name, of which nothing is reserved.
fn backend(name: &str, memory: u32) -> [String; 2] {
    ["-object".to_owned(), format!("memory-backend-ram,id={name},size={memory}M,reserve=off")]
}

/// Boots, looks whether all is there, switches off. Gives what the machine says of its clock and of what it does without.
fn boot(options: &Options) -> Result<String> {
    let mut session = start(&Artifacts::of("minimal"), options)?;
    let machine = ask(&mut session, "machine")?;
    check_processors(&machine, options.smp)?;
    check_memory(&machine, options.memory)?;
    ask(&mut session, "audit")?;
    let hardware = ask(&mut session, "hardware")?;
    let pci = hardware.contains("\nPCI 00:00.0    8086:");
    ensure!(pci == (options.machine != Chipset::Microvm), "the host bridge:\n{hardware}");
    switch_off(&mut session, hardware.contains("power off      not known"))?;
    Ok(summary(&hardware))
}

/// What the machine does without, and by which clock.
fn summary(hardware: &str) -> String {
    let wanted =
        |line: &&str| ["time ", "done without"].iter().any(|start| line.starts_with(start));
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    hardware.lines().filter(wanted).map(words).collect::<Vec<_>>().join("; ")
}

fn ask(session: &mut Session, command: &str) -> Result<String> {
    exec::ask(session, command, LONG_PATIENCE)
}

/// A machine of which no table says how it is switched off says so.
fn switch_off(session: &mut Session, unknown: bool) -> Result<()> {
    let from = session.transcript().len();
    session.wait_prompt(LONG_PATIENCE)?;
    session.send(b"shutdown\r")?;
    if unknown {
        return session.wait_text(from, "do it by hand", LONG_PATIENCE).map(drop);
    }
    let end = session.finish(LONG_PATIENCE)?;
    ensure!(end.clean(), "{end}; {}", session.tail());
    Ok(())
}

fn check_processors(machine: &str, wanted: u16) -> Result<()> {
    let line = machine.lines().find(|line| line.contains("processors")).unwrap_or_default();
    let counted = line.split_whitespace().any(|word| word == wanted.to_string());
    ensure!(counted, "not {wanted} processors:\n{machine}");
    Ok(())
}

/// All of memory is seen, but for what firmware keeps of it.
fn check_memory(machine: &str, megabytes: u32) -> Result<()> {
    let line = machine.lines().find(|line| line.contains("in all")).unwrap_or_default();
    let words: Vec<&str> = line.split_whitespace().collect();
    let number = words.get(1).and_then(|word| word.parse::<f64>().ok()).unwrap_or(0.0);
    // Shown without a fraction, in the largest unit that fits.
    let unit = if words.get(2) == Some(&"GiB") { 1024.0 } else { 1.0 };
    let (least, most) = (number * unit, (number + 1.0) * unit);
    let wanted = f64::from(megabytes);
    ensure!(least <= wanted && wanted - 20.0 < most, "not {megabytes} MiB:\n{machine}");
    Ok(())
}

/// A processor that lacks what the first one has is left out, it alone: the last one has its number. And an APIC id that takes
/// more than a byte is reached.
// covers: BOOT-6
fn processors() -> Vec<Trial> {
    let with = |name: &str, words: &'static [&'static str], says: &'static str| {
        let options = Options { smp: 1, qemu_args: owned(words), ..Options::default() };
        trial(format!("machine_{name}"), move || {
            let mut session = start(&Artifacts::of("minimal"), &options)?;
            let machine = ask(&mut session, "machine")?;
            check_processors(&machine, 2)?;
            ensure!(session.transcript().contains(says), "not '{says}':\n{}", session.transcript());
            let (hardware, plan) = (ask(&mut session, "hardware")?, ask(&mut session, "plan")?);
            ensure!(hardware.contains("APIC id 2"), "{hardware}");
            ensure!(plan.contains("idle"), "{plan}");
            ask(&mut session, "audit")?;
            switch_off(&mut session, false)
        })
    };
    vec![
        with("where_one_processor_differs", DIFFERENT, "APIC id 1 differs from the first one"),
        with("with_a_large_apic_id", FAR, "2 of 2 processors"),
    ]
}

/// Three processors of which the second has no SMAP.
const DIFFERENT: &[&str] = &[
    "-smp",
    "1,maxcpus=3,sockets=3",
    "-device",
    "max-x86_64-cpu,socket-id=1,core-id=0,thread-id=0,smap=off",
    "-device",
    "max-x86_64-cpu,socket-id=2,core-id=0,thread-id=0",
];
/// Two processors with the APIC ids 0 and 256, which takes an IOMMU that remaps interrupts.
const FAR: &[&str] = &[
    "-smp",
    "1,maxcpus=258,sockets=2,cores=129",
    "-device",
    "max-x86_64-cpu,socket-id=1,core-id=0,thread-id=0",
    "-machine",
    "kernel-irqchip=split",
    "-device",
    "intel-iommu,intremap=on,eim=on",
];

/// Features without which nothing works, and the word for each that the refusal must hold.
const NEEDED: [(&str, &str); 4] = [
    ("max,-nx", "no-execute protection (NX)"),
    ("max,-syscall", "system calls"),
    ("max,-apic", "local APIC"),
    ("max,-lm", "long mode"),
];

/// Machines that lack something are refused, by its name, on the serial line and on the screen; on UEFI's as well where UEFI starts
/// without it.
fn refusals() -> Vec<Trial> {
    let direct = NEEDED.map(|needed| (needed, Firmware::Direct, Shown::Text));
    let further = [
        (("max,-lm", "long mode"), Firmware::Bios, Shown::Text),
        (("max,-nx", "no-execute protection (NX)"), Firmware::UefiDisc, Shown::Loader),
        (("max,-syscall", "system calls"), Firmware::UefiDisc, Shown::Loader),
    ];
    let further = further.into_iter().filter(|_| campaign());
    direct
        .into_iter()
        .chain(further)
        .map(|(needed, door, shown)| refused(needed, door, shown))
        .collect()
}

fn refused((cpu, word): (&'static str, &'static str), firmware: Firmware, shown: Shown) -> Trial {
    let door = FIRMWARES.iter().find(|(_, door)| *door == firmware).map_or("", |(name, _)| name);
    let name = format!("machine_refused_{door}_{}", word.to_lowercase().replace(' ', "_"));
    trial(name, move || {
        let cpu = Some(cpu.to_owned());
        let options = Options { smp: 1, cpu, firmware, ..Options::default() };
        let mut session = start(&Artifacts::of("minimal"), &options)?;
        session.wait_text(0, &format!("has no {word}"), LONG_PATIENCE)?;
        sentence(
            &mut session,
            shown,
            &format!("bulkhead: cannot start: this processor has no {word}"),
        )
    })
}

fn in_bochs(model: &'static str, processors: u16) -> Trial {
    trial(format!("bochs_{model}_{processors}"), move || {
        if let Some(package) = bochs::missing() {
            println!(
                "skipped: Bochs is not installed (Debian: {package}, bochsbios, vgabios, bochs-term)"
            );
            return Ok(());
        }
        let row = ["bios", "Bochs", &processors.to_string(), "512", model, ""].map(str::to_owned);
        table::record(&row, || boot_bochs(model, processors))
    })
}

fn boot_bochs(model: &str, processors: u16) -> Result<String> {
    let mut machine = bochs::Machine::start(&Artifacts::of("minimal"), model, processors)?;
    let listed = machine.command("ps", BOCHS_PATIENCE)?;
    ensure!(listed.output.contains("io-console"), "ps says:\n{}", listed.output);
    let counted = machine.command("machine", BOCHS_PATIENCE)?;
    check_processors(&counted.output, processors)?;
    let hardware = machine.command("hardware", BOCHS_PATIENCE)?.output;
    // The consoles go down with the machine: nobody is sure to say how the command ended.
    machine.enter("shutdown", BOCHS_PATIENCE)?;
    // Its ACPI tables do not say how it is switched off.
    machine.wait_text("do it by hand", BOCHS_PATIENCE)?;
    let log = machine.log();
    ensure!(!log.contains(">>PANIC<<") && !log.contains("triple fault"), "{log}");
    Ok(summary(&hardware))
}
