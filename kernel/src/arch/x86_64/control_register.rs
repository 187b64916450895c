//! CR0, CR3 and CR4, whole: the accessors of the `x86` crate drop bits they have no name for.
#![expect(unsafe_code, reason = "moves to and from control registers")]

use super::features::Features;
use core::arch::asm;

/// CR0: protected mode, numeric errors as exceptions, write protection, paging.
const CR0_SET: u64 = 1 << 0 | 1 << 5 | 1 << 16 | 1 << 31;
/// CR0: task switched, monitor coprocessor. Every FPU instruction faults.
const CR0_NO_FPU: u64 = 1 << 3 | 1 << 1;
/// CR0: emulation, alignment checks, cache disable.
const CR0_CLEAR: u64 = 1 << 2 | 1 << 18 | 1 << 29 | 1 << 30;
/// CR4: page size extension and PAE, which long mode needs.
const CR4_PAGING: u64 = 1 << 4 | 1 << 5;
const CR4_MACHINE_CHECK: u64 = 1 << 6;
const CR4_GLOBAL_PAGES: u64 = 1 << 7;
const CR4_UMIP: u64 = 1 << 11;
const CR4_LA57: u64 = 1 << 12;
const CR4_SMEP: u64 = 1 << 20;
const CR4_SMAP: u64 = 1 << 21;

fn write_cr0(value: u64) {
    // SAFETY: only `protect` calls this, with paging and protection left on.
    unsafe { asm!("mov cr0, {}", in(reg) value, options(nostack, preserves_flags)) }
}

fn read_cr0() -> u64 {
    let value;
    // SAFETY: reads a register.
    unsafe { asm!("mov {}, cr0", out(reg) value, options(nomem, nostack, preserves_flags)) }
    value
}

fn write_cr4(value: u64) {
    // SAFETY: only `protect` calls this, with the paging mode kept.
    unsafe { asm!("mov cr4, {}", in(reg) value, options(nostack, preserves_flags)) }
}

fn read_cr4() -> u64 {
    let value;
    // SAFETY: reads a register.
    unsafe { asm!("mov {}, cr4", out(reg) value, options(nomem, nostack, preserves_flags)) }
    value
}

/// Address at which the last page fault happened.
pub fn fault_address() -> u64 {
    let value;
    // SAFETY: reads a register.
    unsafe { asm!("mov {}, cr2", out(reg) value, options(nomem, nostack, preserves_flags)) }
    value
}

/// Physical address of the root page table in force.
pub fn root() -> u64 {
    let value;
    // SAFETY: reads a register.
    unsafe { asm!("mov {}, cr3", out(reg) value, options(nomem, nostack, preserves_flags)) }
    value
}

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
pub fn protect(features: Features) {
    write_cr0((read_cr0() | CR0_SET | CR0_NO_FPU) & !CR0_CLEAR);
    let optional = [
        (features.machine_check, CR4_MACHINE_CHECK),
        (features.global_pages, CR4_GLOBAL_PAGES),
        (features.umip, CR4_UMIP),
        (features.smep, CR4_SMEP),
        (features.smap, CR4_SMAP),
    ];
    let chosen = optional.iter().filter(|(present, _)| *present).map(|(_, bit)| bit);
    write_cr4((read_cr4() & CR4_LA57) | CR4_PAGING | chosen.sum::<u64>());
}
