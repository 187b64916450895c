//! The local interrupt controller of each processor, through its memory-mapped or its x2APIC interface
//! (Intel SDM 3A, chapter 11). Offsets are those of the memory-mapped one; the other's follow from them.
#![expect(unsafe_code, reason = "switches the APIC's mode")]

use super::mmio::Registers;
use super::msr::{self, Register};
use core::sync::atomic::{Ordering, fence};

/// Interrupt vectors of the kernel's own.
pub mod vector {
    /// The timer.
    pub const TIMER: u8 = 0xf0;
    /// Another processor has something to tell.
    pub const NUDGE: u8 = 0xf1;
    /// An interrupt that went away before it was taken.
    pub const SPURIOUS: u8 = 0xff;
}

const ID: u32 = 0x20;
const TASK_PRIORITY: u32 = 0x80;
const END_OF_INTERRUPT: u32 = 0xb0;
const SPURIOUS: u32 = 0xf0;
const COMMAND: u32 = 0x300;
const COMMAND_HIGH: u32 = 0x310;
const TIMER: u32 = 0x320;
const THERMAL: u32 = 0x330;
const PERFORMANCE: u32 = 0x340;
const LINT0: u32 = 0x350;
const LINT1: u32 = 0x360;
const ERROR: u32 = 0x370;
const INITIAL_COUNT: u32 = 0x380;
const CURRENT_COUNT: u32 = 0x390;
const DIVIDE: u32 = 0x3e0;

const BASE_ENABLE: u64 = 1 << 11;
const BASE_X2APIC: u64 = 1 << 10;
const SOFTWARE_ENABLE: u32 = 1 << 8;
const MASKED: u32 = 1 << 16;
const TIMER_DEADLINE: u32 = 2 << 17;
const DELIVER_NMI: u32 = 4 << 8;
const DELIVER_INIT: u32 = 5 << 8;
const DELIVER_STARTUP: u32 = 6 << 8;
const ASSERT: u32 = 1 << 14;
const TO_OTHERS: u32 = 3 << 18;
const PENDING: u32 = 1 << 12;
/// Divide the timer's clock by one.
const BY_ONE: u32 = 0b1011;
/// How often a pending command is looked at before the next one is sent all the same.
const PATIENCE: u32 = 100_000;

/// The interrupt controller of the processor that uses this value.
#[derive(Clone, Copy)]
pub struct LocalApic {
    /// `None` in x2APIC mode.
    registers: Option<Registers>,
}

impl LocalApic {
    /// Through x2APIC where there is one, else through `registers`; `None` where there is neither.
    pub fn choose(x2apic: bool, registers: Option<Registers>) -> Option<Self> {
        let registers = registers.filter(|_| !x2apic);
        (x2apic || registers.is_some()).then_some(Self { registers })
    }

    fn read(self, offset: u32) -> u32 {
        match self.registers {
            Some(registers) => registers.read(offset as usize),
            None => msr::read_x2apic(offset) as u32,
        }
    }

    fn write(self, offset: u32, value: u32) {
        match self.registers {
            Some(registers) => registers.write(offset as usize, value),
            None => msr::write_x2apic(offset, u64::from(value)),
        }
    }

    /// Whether this is the x2APIC interface.
    pub fn is_x2apic(self) -> bool {
        self.registers.is_none()
    }

    /// Switches the controller of this processor on: everything masked but NMI.
    pub fn enable(self) {
        let mode = if self.is_x2apic() { BASE_ENABLE | BASE_X2APIC } else { BASE_ENABLE };
        // SAFETY: changes how the APIC is reached, not where; memory stays as it is.
        unsafe { msr::write(Register::ApicBase, msr::read(Register::ApicBase) | mode) };
        self.write(SPURIOUS, SOFTWARE_ENABLE | u32::from(vector::SPURIOUS));
        for offset in [TIMER, THERMAL, PERFORMANCE, LINT0, ERROR] {
            self.write(offset, MASKED);
        }
        self.write(LINT1, DELIVER_NMI);
        self.write(TASK_PRIORITY, 0);
        self.write(DIVIDE, BY_ONE);
    }

    /// This processor's APIC id.
    pub fn id(self) -> u32 {
        let raw = self.read(ID);
        if self.is_x2apic() { raw } else { raw >> 24 }
    }

    /// The interrupt being served is over.
    pub fn end(self) {
        self.write(END_OF_INTERRUPT, 0);
    }

    /// Prepares the timer to interrupt once each time it is set.
    pub fn arm_timer(self, deadline: bool) {
        let mode = if deadline { TIMER_DEADLINE } else { 0 };
        self.write(TIMER, mode | u32::from(vector::TIMER));
        // The mode must be in force before a deadline is written (SDM 3A, 11.5.4.1).
        fence(Ordering::SeqCst);
    }

    /// Interrupts after `ticks` of the timer; 0 stops it.
    pub fn set_count(self, ticks: u32) {
        self.write(INITIAL_COUNT, ticks);
    }

    /// What is left of the count.
    pub fn count(self) -> u32 {
        self.read(CURRENT_COUNT)
    }

    /// Interrupts when the time stamp counter reaches `tsc`; 0 stops it.
    pub fn set_deadline(self, tsc: u64) {
        // SAFETY: the APIC interrupts; no memory is touched.
        unsafe { msr::write(Register::TscDeadline, tsc) }
    }

    fn command(self, target: u32, command: u32) {
        // What was stored before must be seen by the processor that is interrupted; an x2APIC write does not wait for stores.
        fence(Ordering::SeqCst);
        match self.registers {
            None => msr::write_x2apic(COMMAND, u64::from(target) << 32 | u64::from(command)),
            Some(registers) => {
                let _ = (0..PATIENCE).any(|_| self.read(COMMAND) & PENDING == 0);
                registers.write(COMMAND_HIGH as usize, target << 24);
                registers.write(COMMAND as usize, command);
            }
        }
    }

    /// Interrupts the processor with this APIC id.
    pub fn send(self, target: u32, vector: u8) {
        self.command(target, ASSERT | u32::from(vector));
    }

    /// Resets the processor with this APIC id; it waits for a start.
    pub fn send_init(self, target: u32) {
        self.command(target, ASSERT | DELIVER_INIT);
    }

    /// Starts the processor with this APIC id in the page `page` of the first MiB.
    pub fn send_startup(self, target: u32, page: u8) {
        self.command(target, ASSERT | DELIVER_STARTUP | u32::from(page));
    }

    /// Sends an NMI to the processor with this APIC id.
    pub fn send_nmi(self, target: u32) {
        self.command(target, ASSERT | DELIVER_NMI);
    }

    /// Stops all others with an NMI.
    pub fn send_nmi_to_others(self) {
        self.command(0, ASSERT | DELIVER_NMI | TO_OTHERS);
    }
}
