//! Model-specific registers: the few that the kernel uses, by name.
#![expect(unsafe_code, reason = "rdmsr and wrmsr")]

use x86::msr;

/// A register that exists on every processor the kernel accepts, or whose user has checked that it exists.
#[derive(Clone, Copy)]
#[repr(u32)]
pub enum Register {
    /// Base and mode of the local APIC.
    ApicBase = msr::IA32_APIC_BASE,
    /// What the processor is not open to; where CPUID says that it exists.
    Architecture = 0x10a,
    /// Extended features: long mode, no-execute, `syscall`.
    Efer = msr::IA32_EFER,
    /// Selectors of `syscall` and `sysret`.
    Star = msr::IA32_STAR,
    /// Entry of `syscall`.
    Lstar = msr::IA32_LSTAR,
    /// Flags that `syscall` clears.
    Fmask = msr::IA32_FMASK,
    /// Code selector of `sysenter`, which has no way in here: 0 makes it fault.
    SysenterCs = msr::IA32_SYSENTER_CS,
    /// Kinds of memory that pages can ask for.
    Pat = msr::IA32_PAT,
    /// Base of FS.
    FsBase = msr::IA32_FS_BASE,
    /// Base of GS in force.
    GsBase = msr::IA32_GS_BASE,
    /// Base of GS that `swapgs` brings.
    KernelGsBase = msr::IA32_KERNEL_GSBASE,
    /// Deadline of the local APIC timer.
    TscDeadline = msr::IA32_TSC_DEADLINE,
    /// First of the x2APIC's registers; see [`read_x2apic`].
    X2Apic = 0x800,
}

/// Reads a register.
pub fn read(register: Register) -> u64 {
    // SAFETY: the register exists, see `Register`; reading has no effect on memory.
    unsafe { msr::rdmsr(register as u32) }
}

/// Writes a register.
///
/// # Safety
/// The value must leave the kernel's own code, stacks and tables in force.
pub unsafe fn write(register: Register, value: u64) {
    // SAFETY: the caller vouches for the value.
    unsafe { msr::wrmsr(register as u32, value) }
}

/// Reads the x2APIC register that the memory-mapped APIC has at `offset`.
pub fn read_x2apic(offset: u32) -> u64 {
    // SAFETY: used in x2APIC mode only, where these registers exist.
    unsafe { msr::rdmsr(Register::X2Apic as u32 + (offset >> 4)) }
}

/// Writes the x2APIC register that the memory-mapped APIC has at `offset`.
pub fn write_x2apic(offset: u32, value: u64) {
    // SAFETY: used in x2APIC mode only; the APIC delivers interrupts and touches no memory.
    unsafe { msr::wrmsr(Register::X2Apic as u32 + (offset >> 4), value) }
}
