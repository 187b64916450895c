//! Clocks of known frequency, against which the others are measured: HPET, ACPI timer, PIT.

use super::mmio::Registers;
use super::port;

/// Ticks per second of the ACPI power-management timer (ACPI 6.5, 4.8.2.1).
const PM_FREQUENCY: u64 = 3_579_545;
/// Ticks per second of the PIT.
const PIT_FREQUENCY: u64 = 1_193_182;
/// Femtoseconds in a second, the unit of the HPET's period.
const FEMTOSECONDS: u64 = 1_000_000_000_000_000;
/// Longest period an HPET may have, in femtoseconds (IA-PC HPET 1.0a, 2.3.4).
const LONGEST_PERIOD: u64 = 100_000_000;

const HPET_PERIOD: usize = 0x04;
const HPET_CONFIGURATION: usize = 0x10;
const HPET_COUNTER: usize = 0xf0;
const HPET_ENABLE: u32 = 1;

const PIT_CHANNEL_2: u16 = 0x42;
const PIT_COMMAND: u16 = 0x43;
const SPEAKER: u16 = 0x61;
/// Channel 2, low then high byte, rate generator.
const PIT_COUNT: u8 = 0b1011_0100;
/// Channel 2, hold the count for reading.
const PIT_LATCH: u8 = 0b1000_0000;

/// Where a count is read.
#[derive(Clone, Copy)]
enum Source {
    Hpet(Registers),
    Pm(u16),
    Pit,
}

/// A counter that runs at a known rate.
#[derive(Clone, Copy)]
pub struct Reference {
    source: Source,
    /// Its name for people.
    pub name: &'static str,
    /// Its number in `KernelOperation::Fact(1)`, where 1 is the time stamp counter.
    pub number: u64,
    /// Ticks per second.
    pub frequency: u64,
    /// The bits that it counts in.
    pub mask: u64,
}

impl Reference {
    /// The HPET behind these registers, running; `None` where its period makes no sense.
    pub fn hpet(registers: Registers) -> Option<Self> {
        let period = u64::from(registers.read(HPET_PERIOD));
        if period == 0 || period > LONGEST_PERIOD {
            return None;
        }
        registers.write(HPET_CONFIGURATION, registers.read(HPET_CONFIGURATION) | HPET_ENABLE);
        let (source, frequency) = (Source::Hpet(registers), FEMTOSECONDS / period);
        Some(Self { source, name: "HPET", number: 2, frequency, mask: 0xffff_ffff })
    }

    /// The ACPI timer at `port`, 0 for none, with 32 bits or 24.
    pub fn pm(port: u32, wide: bool) -> Option<Self> {
        let source = Source::Pm(u16::try_from(port).ok().filter(|port| *port != 0)?);
        let mask = if wide { 0xffff_ffff } else { 0x00ff_ffff };
        Some(Self { source, name: "ACPI timer", number: 3, frequency: PM_FREQUENCY, mask })
    }

    /// The interval timer, its second channel counting without sound.
    pub fn pit() -> Self {
        port::write8(SPEAKER, port::read8(SPEAKER) & !0b10 | 0b01);
        port::write8(PIT_COMMAND, PIT_COUNT);
        port::write8(PIT_CHANNEL_2, 0);
        port::write8(PIT_CHANNEL_2, 0);
        let (source, frequency) = (Source::Pit, PIT_FREQUENCY);
        Self { source, name: "PIT", number: 4, frequency, mask: 0xffff }
    }

    /// The count now, growing, modulo [`Self::mask`] plus one.
    pub fn read(self) -> u64 {
        let count = match self.source {
            Source::Hpet(registers) => registers.read(HPET_COUNTER),
            Source::Pm(port) => port::read32(port),
            Source::Pit => u32::from(u16::MAX - read_pit()),
        };
        u64::from(count) & self.mask
    }

    /// Ticks from the count `start` to the count `end`.
    pub fn between(self, start: u64, end: u64) -> u64 {
        end.wrapping_sub(start) & self.mask
    }

    /// Whether it wraps too soon to tell the time.
    pub fn is_short(self) -> bool {
        matches!(self.source, Source::Pit)
    }
}

fn read_pit() -> u16 {
    port::write8(PIT_COMMAND, PIT_LATCH);
    u16::from_le_bytes([port::read8(PIT_CHANNEL_2), port::read8(PIT_CHANNEL_2)])
}
