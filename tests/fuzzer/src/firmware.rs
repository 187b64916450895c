//! What the person asks for, as QEMU's firmware configuration tells it (QEMU, docs/specs/fw_cfg.rst).

use abi::call::PortOperation;
use rt::System;
use rt::capability::{Capability, object};

/// Name of the file: three numbers, the seed, how many calls, the first round.
const FILE: &[u8] = b"opt/bulkhead/fuzz";
/// Selector of the directory.
const DIRECTORY: u32 = 0x19;
/// Bytes of a name in the directory.
const NAME: usize = 56;
/// Longest text that is read.
const LONGEST: usize = 64;

/// What a run is to be.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// What everything follows from.
    pub seed: u64,
    /// How many calls.
    pub calls: u64,
    /// The first round.
    pub first: u64,
}

/// Without any wish.
const DEFAULT: Wanted = Wanted { seed: 1, calls: 50_000, first: 0 };

struct Firmware {
    ports: Capability<object::Ports>,
    first: u16,
}

/// What is wanted; a number that is missing is the usual one.
pub fn wanted(system: &System) -> Wanted {
    let mut text = [0; LONGEST];
    let length = system.ports("firmware").and_then(|(ports, first)| {
        let firmware = Firmware { ports, first };
        firmware.read(&mut text)
    });
    let text = text.get(..length.unwrap_or(0)).unwrap_or_default();
    let mut numbers = text.split(|byte| *byte == b' ').map(number);
    let mut or = |usual| numbers.next().flatten().unwrap_or(usual);
    Wanted { seed: or(DEFAULT.seed), calls: or(DEFAULT.calls), first: or(DEFAULT.first) }
}

fn number(digits: &[u8]) -> Option<u64> {
    core::str::from_utf8(digits).ok()?.trim().parse().ok()
}

impl Firmware {
    /// Copies the file; its length.
    fn read(&self, to: &mut [u8]) -> Option<usize> {
        self.select(DIRECTORY)?;
        let count = u32::from_be_bytes(self.bytes()?);
        for _ in 0..count.min(1000) {
            let length = u32::from_be_bytes(self.bytes()?);
            let [high, low, _, _] = self.bytes()?;
            let name: [u8; NAME] = self.bytes()?;
            if name.split(|byte| *byte == 0).next() == Some(FILE) {
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
