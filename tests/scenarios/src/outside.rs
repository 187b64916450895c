//! Isolated page tables: what is mapped while a partition runs, as the emulator finds it in the tables, and that the machine
//! works so and its kernel still tells how it ended.

use crate::{PATIENCE, crash, start, trial, usual};
use anyhow::{Context as _, Result, bail, ensure};
use libtest_mimic::Trial;
use qemu_runner::images::{self, Artifacts};
use qemu_runner::machine::Options;
use qemu_runner::session::Session;
use std::thread::sleep;
use std::time::Duration;

/// Where the kernel's half begins.
const KERNEL: u64 = 0xffff_8000_0000_0000;
/// Most bytes of it that may be mapped beside a page, and three of stacks, for each processor: first and last instructions, and
/// the table of interrupts.
const COMMON: u64 = 4 * PAGE;
const PER_PROCESSOR: u64 = 4 * PAGE;
const PAGE: u64 = 4096;
/// Times that the machine is stopped in the hope to find a partition running.
const TRIES: u32 = 500;

/// With and without, so that what is looked for is seen to be there.
#[must_use]
pub fn all() -> Vec<Trial> {
    let shown = |smp: u16| trial(format!("isolated_tables_{smp}"), move || hidden(smp));
    let mut trials: Vec<Trial> = [1, 4].into_iter().map(shown).collect();
    trials.push(trial("isolated_tables_off", mapped));
    trials.push(trial("isolated_tables_crash", crashes));
    trials
}

// covers: KRN-2
fn hidden(smp: u16) -> Result<()> {
    let options = Options { smp, ..usual()? };
    let mut session = start(&images::isolated(&Artifacts::of("suite"))?, &options)?;
    session.wait_text(0, "kernel: page tables are isolated", PATIENCE)?;
    session.wait_text(0, "ok ", PATIENCE)?;
    let kernel = kernel_half(&mut session)?;
    let size: u64 = kernel.iter().map(|range| range.1 - range.0).sum();
    let allowed = COMMON + PER_PROCESSOR * u64::from(smp);
    ensure!(size > 0 && size <= allowed, "{size} bytes of the kernel are mapped: {kernel:x?}");
    Ok(())
}

/// Where page tables are not isolated all memory is mapped, out of the partition's reach.
fn mapped() -> Result<()> {
    let mut session = start(&Artifacts::of("suite"), &Options { smp: 1, ..usual()? })?;
    session.wait_text(0, "ok ", PATIENCE)?;
    let size: u64 = kernel_half(&mut session)?.iter().map(|range| range.1 - range.0).sum();
    ensure!(size > 64 << 20, "only {size} bytes of the kernel are mapped");
    ensure!(!session.transcript().contains("page tables are isolated"), "they are isolated");
    Ok(())
}

/// A machine check strikes while a partition runs on tables in which the kernel that must report it is not mapped.
fn crashes() -> Result<()> {
    let node = images::isolated(&Artifacts::of("node"))?;
    let mut session = start(&node, &Options { reboot: true, ..Options::default() })?;
    session.wait_text(0, "kernel: page tables are isolated", PATIENCE)?;
    crash::twice(&mut session).with_context(|| session.tail())
}

/// What is mapped of the kernel's half on processor 0 while it runs a partition.
fn kernel_half(session: &mut Session) -> Result<Vec<(u64, u64)>> {
    for _ in 0..TRIES {
        session.control().monitor("stop")?;
        if session.control().monitor("info registers")?.contains("CPL=3") {
            let ranges = session.control().monitor("info mem")?;
            return Ok(ranges
                .lines()
                .filter_map(range)
                .filter(|range| range.0 >= KERNEL)
                .collect());
        }
        session.control().monitor("cont")?;
        sleep(Duration::from_millis(3));
    }
    bail!("no partition was ever seen to run")
}

/// `start-end size rights`, in hexadecimal digits.
fn range(line: &str) -> Option<(u64, u64)> {
    let (start, end) = line.split_whitespace().next()?.split_once('-')?;
    let number = |digits| u64::from_str_radix(digits, 16).ok();
    Some((number(start)?, number(end)?))
}
