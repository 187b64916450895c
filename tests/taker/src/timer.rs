//! The interval timer (Intel 8254), channel 0: it counts down and begins anew, and can be asked how far it is.

use rt::System;
use rt::capability::{Capability, object};
use rt::sys::Failure;

/// Commands for channel 0: both bytes, rate generator; hold the count for reading.
const PERIODIC: u8 = 0x34;
const LATCH: u8 = 0x00;
/// Ticks from one interrupt to the next: 16.76 ms, a little more than a frame of 16 slots of 1 ms, so that each comes at another place of it.
const DIVISOR: u16 = 20_000;
/// The timer's frequency, in ticks of a second.
const FREQUENCY: u64 = 1_193_182;

/// The timer.
#[derive(Clone, Copy)]
pub struct IntervalTimer {
    ports: Capability<object::Ports>,
    first: u16,
}

impl IntervalTimer {
    /// That of the ports "timer".
    pub fn of(system: &System) -> Option<Self> {
        let (ports, first) = system.ports("timer")?;
        Some(Self { ports, first })
    }

    /// Lets it begin.
    pub fn start(self) -> Result<(), Failure> {
        self.ports.write(self.first + 3, PERIODIC)?;
        DIVISOR.to_le_bytes().into_iter().try_for_each(|byte| self.ports.write(self.first, byte))
    }

    /// Microseconds since the last interrupt.
    pub fn passed(self) -> u64 {
        let count = self.count().unwrap_or(0);
        u64::from(DIVISOR.saturating_sub(count)) * 1_000_000 / FREQUENCY
    }

    fn count(self) -> Result<u16, Failure> {
        self.ports.write(self.first + 3, LATCH)?;
        let low = self.ports.read(self.first)?;
        let high = self.ports.read(self.first)?;
        Ok(u16::from_le_bytes([low, high]))
    }
}
