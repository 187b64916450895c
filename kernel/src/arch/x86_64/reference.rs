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

/// A counter that runs at a known rate.
#[derive(Clone, Copy)]
pub enum Reference {
    /// High precision event timer, with its period in femtoseconds.
    Hpet(Registers, u64),
    /// ACPI timer: its port, and whether it has 32 bits.
    Pm(u16, bool),
    /// Channel 2 of the interval timer.
    Pit,
}

impl Reference {
    /// The HPET behind these registers, running; `None` where its period makes no sense.
    pub fn hpet(registers: Registers) -> Option<Self> {
        let period = u64::from(registers.read(HPET_PERIOD));
        if period == 0 || period > LONGEST_PERIOD {
            return None;
        }
        registers.write(HPET_CONFIGURATION, registers.read(HPET_CONFIGURATION) | HPET_ENABLE);
        Some(Self::Hpet(registers, period))
    }

    /// The ACPI timer at `port`, 0 for none.
    pub fn pm(port: u32, wide: bool) -> Option<Self> {
        u16::try_from(port).ok().filter(|port| *port != 0).map(|port| Self::Pm(port, wide))
    }

    /// The interval timer, its second channel counting without sound.
    pub fn pit() -> Self {
        port::write8(SPEAKER, port::read8(SPEAKER) & !0b10 | 0b01);
        port::write8(PIT_COMMAND, PIT_COUNT);
        port::write8(PIT_CHANNEL_2, 0);
        port::write8(PIT_CHANNEL_2, 0);
        Self::Pit
    }

    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hpet(..) => "HPET",
            Self::Pm(..) => "ACPI timer",
            Self::Pit => "PIT",
        }
    }

    /// Its number in `KernelOperation::Fact(1)`, where 1 is the time stamp counter.
    pub fn number(self) -> u64 {
        match self {
            Self::Hpet(..) => 2,
            Self::Pm(..) => 3,
            Self::Pit => 4,
        }
    }

    /// Ticks per second.
    pub fn frequency(self) -> u64 {
        match self {
            Self::Hpet(_, period) => FEMTOSECONDS / period,
            Self::Pm(..) => PM_FREQUENCY,
            Self::Pit => PIT_FREQUENCY,
        }
    }

    /// The bits that it counts in.
    pub fn mask(self) -> u64 {
        match self {
            Self::Hpet(..) | Self::Pm(_, true) => 0xffff_ffff,
            Self::Pm(_, false) => 0x00ff_ffff,
            Self::Pit => 0xffff,
        }
    }

    /// The count now, growing, modulo [`Self::mask`] plus one.
    pub fn read(self) -> u64 {
        match self {
            Self::Hpet(registers, _) => u64::from(registers.read(HPET_COUNTER)),
            Self::Pm(port, _) => u64::from(port::read32(port)) & self.mask(),
            Self::Pit => u64::from(u16::MAX - read_pit()),
        }
    }
}

fn read_pit() -> u16 {
    port::write8(PIT_COMMAND, PIT_LATCH);
    u16::from_le_bytes([port::read8(PIT_CHANNEL_2), port::read8(PIT_CHANNEL_2)])
}
