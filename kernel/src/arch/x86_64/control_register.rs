//! CR0, CR3 and CR4, whole: the accessors of the `x86` crate drop bits they have no name for.
#![expect(unsafe_code, reason = "moves to and from control registers")]

use abi::control::Feature;
use core::arch::asm;

/// CR0: protected mode, numeric errors as exceptions, write protection, paging.
const CR0_SET: u64 = 1 << 0 | 1 << 5 | 1 << 16 | 1 << 31;
/// CR0: task switched, monitor coprocessor. Every FPU instruction faults.
const CR0_NO_FPU: u64 = 1 << 3 | 1 << 1;
/// CR0: emulation, alignment checks, cache disable.
const CR0_CLEAR: u64 = 1 << 2 | 1 << 18 | 1 << 29 | 1 << 30;
/// CR4: page size extension and PAE, which long mode needs.
const CR4_PAGING: u64 = 1 << 4 | 1 << 5;
/// CR4: five levels of page tables, which is the loader's choice.
const CR4_LA57: u64 = 1 << 12;
/// CR4: what is set where the processor has the feature.
const CR4_OPTIONAL: [(Feature, u64); 5] = [
    (Feature::MACHINE_CHECK, 1 << 6),
    (Feature::GLOBAL_PAGES, 1 << 7),
    (Feature::UMIP, 1 << 11),
    (Feature::SMEP, 1 << 20),
    (Feature::SMAP, 1 << 21),
];

/// Defines a function that reads a control register.
macro_rules! reader {
    ($(#[$doc:meta])* $name:ident, $register:literal) => {
        $(#[$doc])*
        pub fn $name() -> u64 {
            let value;
            // SAFETY: reads a register.
            unsafe {
                asm!(concat!("mov {}, ", $register), out(reg) value,
                    options(nomem, nostack, preserves_flags));
            }
            value
        }
    };
}

reader!(/** Modes of the processor. */ cr0, "cr0");
reader!(/** Address at which the last page fault happened. */ fault_address, "cr2");
reader!(/** Physical address of the root page table in force. */ root, "cr3");
reader!(/** Extensions in force. */ cr4, "cr4");

/// Puts another root page table in force.
///
/// # Safety
/// Its upper half must be the kernel's.
pub unsafe fn set_root(address: u64) {
    // SAFETY: the caller vouches that the kernel stays mapped.
    unsafe { asm!("mov cr3, {}", in(reg) address, options(nostack, preserves_flags)) }
}

/// Sets the bits that keep partitions in their place: no FPU or vector unit, no writes to
/// read-only pages, and whatever of SMEP, SMAP, UMIP and global pages there is. Bits nobody names are cleared.
pub fn protect(features: Feature) {
    let modes = (cr0() | CR0_SET | CR0_NO_FPU) & !CR0_CLEAR;
    let chosen = CR4_OPTIONAL.iter().filter(|(feature, _)| features.contains(*feature));
    let extensions = (cr4() & CR4_LA57) | CR4_PAGING | chosen.map(|(_, bit)| bit).sum::<u64>();
    // SAFETY: paging and protection stay on.
    unsafe { asm!("mov cr0, {}", in(reg) modes, options(nostack, preserves_flags)) }
    // SAFETY: the paging mode is kept.
    unsafe { asm!("mov cr4, {}", in(reg) extensions, options(nostack, preserves_flags)) }
}
