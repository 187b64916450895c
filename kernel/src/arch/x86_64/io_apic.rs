//! The I/O APICs, which turn interrupt lines into vectors (Intel 82093AA).

use super::mmio::Registers;
use abi::boot::{IO_APICS, InterruptOverride, OVERRIDES};
use spin::mutex::TicketMutex;

/// Vector of line 0; those before it belong to exceptions and to the old controllers.
pub const FIRST_VECTOR: u8 = 0x30;
/// Lines that have a vector.
pub const LINES: u32 = 192;

const SELECT: usize = 0x00;
const WINDOW: usize = 0x10;
const VERSION: u32 = 1;
const TABLE: u32 = 0x10;
const MASKED: u32 = 1 << 16;
const LEVEL: u32 = 1 << 15;
const ACTIVE_LOW: u32 = 1 << 13;
/// ISA lines, edge-triggered and active high unless an override says otherwise.
const ISA_LINES: u32 = 16;

/// One I/O APIC.
#[derive(Clone, Copy)]
struct Chip {
    registers: Registers,
    base: u32,
    lines: u32,
}

impl Chip {
    fn read(self, register: u32) -> u32 {
        self.registers.write(SELECT, register);
        self.registers.read(WINDOW)
    }

    fn write(self, register: u32, value: u32) {
        self.registers.write(SELECT, register);
        self.registers.write(WINDOW, value);
    }

    /// Number of the first register of a line's entry, if the line is on this chip.
    fn entry(self, line: u32) -> Option<u32> {
        let index = line.checked_sub(self.base).filter(|index| *index < self.lines)?;
        Some(TABLE + 2 * index)
    }
}

/// Every I/O APIC of the machine. The lock keeps a choice of register and its access together.
pub struct Lines {
    chips: TicketMutex<[Option<Chip>; IO_APICS]>,
    overrides: [InterruptOverride; OVERRIDES],
    override_count: usize,
}

impl Lines {
    /// Masks every line of `chips`, given as registers and first line.
    pub fn new(
        chips: impl Iterator<Item = (Registers, u32)>,
        overrides: [InterruptOverride; OVERRIDES],
        override_count: usize,
    ) -> Self {
        let mut all = [None; IO_APICS];
        for (slot, (registers, base)) in all.iter_mut().zip(chips) {
            *slot = Some(start(registers, base));
        }
        Self { chips: TicketMutex::new(all), overrides, override_count }
    }

    /// Acts on the chip and entry of a line, if it exists and has a vector.
    fn with<T>(&self, line: u32, action: impl FnOnce(Chip, u32) -> T) -> Option<T> {
        if line >= LINES {
            return None;
        }
        let chips = self.chips.lock();
        let (chip, entry) = chips.iter().flatten().find_map(|c| Some((*c, c.entry(line)?)))?;
        Some(action(chip, entry))
    }

    /// Polarity and trigger of a line, as bits of its entry. Global lines without an override are
    /// level-triggered and active low, as PCI is; ISA lines the reverse (ACPI 6.5, 5.2.12.5).
    fn wiring(&self, line: u32) -> u32 {
        let found = self.overrides.iter().take(self.override_count).find(|o| o.line == line);
        let flags = found.map_or(0, |o| o.flags);
        let isa = line < ISA_LINES || found.is_some();
        let low = matches!((flags & 3, isa), (3, _) | (0, false));
        let level = matches!((flags >> 2 & 3, isa), (3, _) | (0, false));
        (u32::from(low) * ACTIVE_LOW) | (u32::from(level) * LEVEL)
    }

    /// Whether the line stays up until its device is served: it is masked meanwhile.
    pub fn is_level(&self, line: u32) -> bool {
        self.wiring(line) & LEVEL != 0
    }

    /// Lets the line interrupt the processor with this APIC id; false where there is no such line.
    pub fn unmask(&self, line: u32, apic: u8) -> bool {
        let low = |line| (u32::from(FIRST_VECTOR) + line) | self.wiring(line);
        let done = self.with(line, |chip, entry| {
            chip.write(entry, MASKED);
            chip.write(entry + 1, u32::from(apic) << 24);
            chip.write(entry, low(line));
        });
        done.is_some()
    }

    /// Silences the line.
    pub fn mask(&self, line: u32) {
        self.with(line, |chip, entry| chip.write(entry, chip.read(entry) | MASKED));
    }

    /// Lets a silenced line interrupt again as before.
    pub fn release(&self, line: u32) {
        self.with(line, |chip, entry| chip.write(entry, chip.read(entry) & !MASKED));
    }
}

fn start(registers: Registers, base: u32) -> Chip {
    let mut chip = Chip { registers, base, lines: 0 };
    chip.lines = (chip.read(VERSION) >> 16 & 0xff) + 1;
    for line in 0..chip.lines {
        chip.write(TABLE + 2 * line, MASKED);
    }
    chip
}
