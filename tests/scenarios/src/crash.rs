//! The kernel's own end: what it leaves behind outlives the reset and is shown when it starts again.

use crate::{PATIENCE, start, trial};
use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use qemu_runner::images::Artifacts;
use qemu_runner::machine::{Firmware, Options};
use qemu_runner::session::Session;

/// What the kernel says before it shows the record of the previous run.
const SHOWN: &str = "kernel: the previous run ended with:";
/// Where the record of a machine check starts.
const CAUSE: &str = "machine check on the processor";

/// Through doors that differ in how much of memory they write to as they start.
#[must_use]
pub fn all() -> Vec<Trial> {
    [("direct", Firmware::Direct), ("bios", Firmware::Bios), ("uefi", Firmware::Uefi)]
        .into_iter()
        .map(|(name, firmware)| {
            trial(format!("crash_{name}"), move || {
                let options = Options { firmware, reboot: true, ..Options::default() };
                let mut session = start(&Artifacts::of("node"), &options)?;
                twice(&mut session).with_context(|| session.tail())
            })
        })
        .collect()
}

/// A machine check ends the kernel. It starts again, shows the record and serves as before; hit once more at once, it
/// stays off instead of going round and round.
pub(crate) fn twice(session: &mut Session) -> Result<()> {
    session.wait_prompt(PATIENCE)?;
    let from = session.transcript().len();
    // While the kernel writes for the console: whoever has the port then never gives it back.
    session.send(b"trace 10000\r")?;
    let from = session.wait_text(from, " runs", PATIENCE)?;
    machine_check(session)?;
    let died = session.wait_text(from, CAUSE, PATIENCE)?;
    let again = session.wait_text(died, SHOWN, PATIENCE)?;
    session.wait_text(again, CAUSE, PATIENCE)?;
    session.wait_prompt(PATIENCE)?;
    let text = session.transcript().get(again..).unwrap_or_default();
    for word in ["kernel: stopped ", "cr3 0x", "rip ", "rflags "] {
        ensure!(text.contains(word), "the record does not tell '{word}'");
    }
    let from = session.transcript().len();
    machine_check(session)?;
    session.wait_text(from, "the machine stays off", PATIENCE).map(drop)
}

/// Hits the first processor with an uncorrected error of its first bank (Intel SDM 3B, 16.3.2: valid, uncorrected, enabled,
/// context corrupt).
fn machine_check(session: &mut Session) -> Result<()> {
    let said = session.control().monitor("mce 0 1 0xb200000000000000 0x0 0x0 0x0")?;
    ensure!(said.trim().is_empty(), "the emulator says: {said}");
    Ok(())
}
