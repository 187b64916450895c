//! Whether this computer's hardware virtualisation works: not whether it is there, but whether code runs.

use crate::machine;
use std::fs;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// `mov al, 0x31; out 0xf4, al; jmp $`: what the processor finds when it starts.
const CODE: [u8; 6] = [0xb0, 0x31, 0xe6, 0xf4, 0xeb, 0xfe];
/// Exit status of QEMU when [`CODE`] has run: its exit device makes `(value << 1) | 1`.
const RAN: i32 = 0x31 << 1 | 1;
/// Size of the firmware that holds nothing but [`CODE`], and where the processor starts in it.
const FIRMWARE: usize = 64 << 10;
const START: usize = FIRMWARE - 16;
/// Code that did not run by then does not run.
const PATIENCE: Duration = Duration::from_secs(3);

/// Whether KVM runs code here. Tried once.
pub fn works() -> bool {
    static WORKS: OnceLock<bool> = OnceLock::new();
    *WORKS.get_or_init(|| {
        let device = fs::OpenOptions::new().read(true).write(true).open("/dev/kvm");
        device.is_ok() && probe().unwrap_or(false)
    })
}

fn probe() -> io::Result<bool> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("firmware");
    let mut firmware = vec![0; FIRMWARE];
    firmware[START..START + CODE.len()].copy_from_slice(&CODE);
    fs::write(&path, firmware)?;
    run(&path)
}

fn run(firmware: &Path) -> io::Result<bool> {
    let mut child = machine::probe(firmware)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        if let Some(status) = child.try_wait()? {
            return Ok(status.code() == Some(RAN));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill()?;
    child.wait()?;
    Ok(false)
}
