//! What the loader needs of the processor.
#![expect(unsafe_code, reason = "registers of the processor")]

use core::arch::asm;
use raw_cpuid::{CpuId, ExtendedProcessorFeatureIdentifiers};

/// Extended features: bit 11 enables no-execute (Intel SDM 4, IA32_EFER).
const EFER: u32 = 0xc000_0080;
const NO_EXECUTE: u64 = 1 << 11;
/// Bit of CR4: page tables have five levels.
const FIVE_LEVELS: u64 = 1 << 12;

/// What of the processor matters for page tables and processor lists.
#[derive(Clone, Copy, Debug)]
pub struct Features {
    /// Pages of 1 GiB.
    pub gigabyte_pages: bool,
    /// APIC id of this processor.
    pub apic_id: u32,
}

/// Asks the processor.
#[must_use]
pub fn features() -> Features {
    let id = CpuId::new();
    let extended = id.get_extended_processor_and_feature_identifiers();
    let initial = id.get_feature_info().map_or(0, |info| u32::from(info.initial_local_apic_id()));
    let x2apic = id.get_extended_topology_info().and_then(|mut levels| levels.next());
    Features {
        gigabyte_pages: extended.as_ref().is_some_and(|it| it.has_1gib_pages()),
        apic_id: x2apic.map_or(initial, |level| level.x2apic_id()),
    }
}

/// What the kernel cannot do without, by name, where this processor lacks it: said here, where there is a screen to say it on.
#[must_use]
pub fn missing() -> Option<&'static str> {
    let id = CpuId::new();
    let extended = id.get_extended_processor_and_feature_identifiers();
    let has = |which: fn(&ExtendedProcessorFeatureIdentifiers) -> bool| {
        extended.as_ref().is_some_and(which)
    };
    let needed = [
        (has(|it| it.has_execute_disable()), "no-execute protection (NX)"),
        (has(|it| it.has_syscall_sysret()), "system calls in long mode (SYSCALL)"),
        (id.get_feature_info().is_some_and(|it| it.has_apic()), "local APIC"),
    ];
    needed.into_iter().find(|(present, _)| !present).map(|(_, name)| name)
}

/// Makes the no-execute bit of page tables mean what it says.
pub fn enable_no_execute() {
    // SAFETY: the register exists in long mode.
    let value = unsafe { x86::msr::rdmsr(EFER) };
    // SAFETY: that no-execute exists was checked at the door; tables in force do not use the bit otherwise.
    unsafe { x86::msr::wrmsr(EFER, value | NO_EXECUTE) };
}

/// Whether page tables have five levels, which can only be changed outside long mode.
#[must_use]
pub fn has_five_levels() -> bool {
    let value: u64;
    // SAFETY: reads a control register, which is allowed in ring 0.
    unsafe { asm!("mov {}, cr4", out(reg) value, options(nomem, nostack, preserves_flags)) };
    value & FIVE_LEVELS != 0
}

/// Stops for good.
pub fn halt() -> ! {
    loop {
        // SAFETY: interrupts stay off and nothing is left to do.
        unsafe { asm!("cli", "hlt", options(nomem, nostack)) };
    }
}
