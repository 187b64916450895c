//! The way out of the kernel: into a context, or into the halt of a processor with nothing to do.
//!
//! `rax` = the context to run, 0 for none. Every register is loaded from the context's save area or
//! zeroed, so nothing of the kernel or of another partition is ever left in one.

use super::registers::load;
use super::segments::{USER_CODE, USER_DATA};
use core::arch::naked_asm;

/// Jumped to, never called.
#[unsafe(naked)]
pub extern "C" fn resume() {
    naked_asm!(
        "test rax, rax",                     // 1. nothing to run?
        "jz {halt}",
        "mov gs:[AREA_CONTEXT], rax",        // 2. whose registers the next entry saves
        "cmp qword ptr [rax + CONTEXT_FULL], 0", // 3. was it interrupted, not in a call?
        "jne {full_return}",
        "mov rcx, [rax + CONTEXT_rip]",      // 4. `sysret` faults in ring 0 on an address that is not canonical:
        "mov r9, rcx",                       //    only the lower half will do; r9 becomes 0
        "shr r9, 47",
        "jnz {full_return}",
        "mov r11, [rax + CONTEXT_rflags]",   // 5. where `sysret` wants the flags
        // 6. values, and what the call keeps
        load!("rax", "rdx, rsi, rdi, rbp, r8, rbx, r12, r13, r14, r15"),
        "xor r10d, r10d",                    // 7. the rest
        "mov rsp, [rax + CONTEXT_rsp]",
        "mov rax, [rax + CONTEXT_rax]",      // 8. status
        "swapgs",
        "sysretq",
        halt = sym halt,
        full_return = sym full_return,
    )
}

/// `rax` = the context, whose registers are all restored.
///
/// Stack for `iretq`, from the top: ss, rsp, rflags, cs, rip. If `iretq` itself faults, the state it was
/// given cannot be restored: `interrupt::from_kernel` knows the address and evicts the context.
#[unsafe(naked)]
extern "C" fn full_return() {
    naked_asm!(
        "mov rsp, gs:[AREA_STACK]",          // 1. build the frame
        "push {data}",
        "push qword ptr [rax + CONTEXT_rsp]",
        "push qword ptr [rax + CONTEXT_rflags]",
        "push {code}",
        "push qword ptr [rax + CONTEXT_rip]",
        // 2. all registers, rax last
        load!("rax", "rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15"),
        "mov rax, [rax + CONTEXT_rax]",
        "swapgs",
        ".global kernel_return_to_context",
        "kernel_return_to_context:",
        "iretq",
        data = const USER_DATA as i32,
        code = const USER_CODE as i32,
    )
}

/// Waits for an interrupt on an empty stack. Interrupts that come here do not return: what runs next is
/// chosen anew. Only an NMI comes back, and waits again.
#[unsafe(naked)]
extern "C" fn halt() {
    naked_asm!(
        "mov rsp, gs:[AREA_STACK]",
        "2:",
        "sti", // takes effect after the next instruction: no interrupt is missed
        "hlt",
        "jmp 2b",
    )
}
