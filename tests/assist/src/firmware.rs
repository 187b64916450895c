//! What the person asks a test for, as QEMU's firmware configuration tells it (QEMU, docs/specs/fw_cfg.rst).

use abi::call::PortOperation;
use rt::System;
use rt::capability::{Capability, object};

/// Selector of the directory.
const DIRECTORY: u32 = 0x19;
/// Bytes of a name in the directory.
const NAME: usize = 56;
/// Longest text that is read.
const LONGEST: usize = 64;
/// Most numbers of a wish.
pub const NUMBERS: usize = 4;

struct Firmware {
    ports: Capability<object::Ports>,
    first: u16,
}

/// The numbers in a file, apart by spaces, read over the ports "firmware"; `None` for one that is missing.
#[must_use]
pub fn numbers(system: &System, file: &str) -> [Option<u64>; NUMBERS] {
    let mut text = [0; LONGEST];
    let length = system.ports("firmware").and_then(|(ports, first)| {
        let firmware = Firmware { ports, first };
        firmware.read(file.as_bytes(), &mut text)
    });
    let text = text.get(..length.unwrap_or(0)).unwrap_or_default();
    let mut numbers = text.split(|byte| *byte == b' ').map(number);
    [(); NUMBERS].map(|()| numbers.next().flatten())
}

fn number(digits: &[u8]) -> Option<u64> {
    core::str::from_utf8(digits).ok()?.trim().parse().ok()
}

impl Firmware {
    /// Copies the file; its length.
    fn read(&self, file: &[u8], to: &mut [u8]) -> Option<usize> {
        self.select(DIRECTORY)?;
        let count = u32::from_be_bytes(self.bytes()?);
        for _ in 0..count.min(1000) {
            let length = u32::from_be_bytes(self.bytes()?);
            let [high, low, _, _] = self.bytes()?;
            let name: [u8; NAME] = self.bytes()?;
            if name.split(|byte| *byte == 0).next() == Some(file) {
                let length = usize::try_from(length).ok()?.min(to.len());
                self.select(u16::from_be_bytes([high, low]).into())?;
                for byte in to.iter_mut().take(length) {
                    *byte = self.byte()?;
                }
                return Some(length);
            }
        }
        None
    }

    fn select(&self, file: u32) -> Option<()> {
        self.ports.access(self.first, PortOperation::Out16, file).ok().map(drop)
    }

    fn byte(&self) -> Option<u8> {
        self.ports.read(self.first + 1).ok()
    }

    fn bytes<const N: usize>(&self) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        for byte in &mut bytes {
            *byte = self.byte()?;
        }
        Some(bytes)
    }
}
