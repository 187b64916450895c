//! The way out of the kernel: into a context, or into the halt of a processor with nothing to do.
//!
//! `rax` = the context to run, 0 for none. Every register is loaded from the context's save area or
//! zeroed, so nothing of the kernel or of another partition is ever left in one.

use super::area::offset;
use super::area::register;
use super::segments::{USER_CODE, USER_DATA};
use core::arch::naked_asm;

/// Jumped to, never called.
#[unsafe(naked)]
pub extern "C" fn resume() {
    naked_asm!(
        "test rax, rax",                     // 1. nothing to run?
        "jz {halt}",
        "mov gs:[{context}], rax",           // 2. whose registers the next entry saves
        "cmp qword ptr [rax + {full}], 0",   // 3. was it interrupted, not in a call?
        "jne {full_return}",
        "mov rcx, [rax + {rip}]",            // 4. `sysret` faults in ring 0 on an address that is not canonical:
        "mov r9, rcx",                       //    only the lower half will do; r9 becomes 0
        "shr r9, 47",
        "jnz {full_return}",
        "mov r11, [rax + {rflags}]",         // 5. where `sysret` wants the flags
        "mov rdx, [rax + {rdx}]",            // 6. values
        "mov rsi, [rax + {rsi}]",
        "mov rdi, [rax + {rdi}]",
        "mov r8, [rax + {r8}]",
        "mov rbx, [rax + {rbx}]",            // 7. what the call keeps
        "mov rbp, [rax + {rbp}]",
        "mov r12, [rax + {r12}]",
        "mov r13, [rax + {r13}]",
        "mov r14, [rax + {r14}]",
        "mov r15, [rax + {r15}]",
        "xor r10d, r10d",                    // 8. the rest
        "mov rsp, [rax + {rsp}]",
        "mov rax, [rax + {rax}]",            // 9. status
        "swapgs",
        "sysretq",
        halt = sym halt,
        full_return = sym full_return,
        context = const offset::CONTEXT,
        full = const register::FULL,
        rip = const register::RIP,
        rflags = const register::RFLAGS,
        rdx = const register::RDX,
        rsi = const register::RSI,
        rdi = const register::RDI,
        r8 = const register::R8,
        rbx = const register::RBX,
        rbp = const register::RBP,
        r12 = const register::R12,
        r13 = const register::R13,
        r14 = const register::R14,
        r15 = const register::R15,
        rsp = const register::RSP,
        rax = const register::RAX,
    )
}

/// `rax` = the context, whose registers are all restored.
///
/// Stack for `iretq`, from the top: ss, rsp, rflags, cs, rip. If `iretq` itself faults, the state it was
/// given cannot be restored: `interrupt::from_kernel` knows the address and evicts the context.
#[unsafe(naked)]
extern "C" fn full_return() {
    naked_asm!(
        "mov rsp, gs:[{stack}]",             // 1. build the frame
        "push {data}",
        "push qword ptr [rax + {rsp}]",
        "push qword ptr [rax + {rflags}]",
        "push {code}",
        "push qword ptr [rax + {rip}]",
        "mov rbx, [rax + {rbx}]",            // 2. all registers, rax last
        "mov rcx, [rax + {rcx}]",
        "mov rdx, [rax + {rdx}]",
        "mov rsi, [rax + {rsi}]",
        "mov rdi, [rax + {rdi}]",
        "mov rbp, [rax + {rbp}]",
        "mov r8, [rax + {r8}]",
        "mov r9, [rax + {r9}]",
        "mov r10, [rax + {r10}]",
        "mov r11, [rax + {r11}]",
        "mov r12, [rax + {r12}]",
        "mov r13, [rax + {r13}]",
        "mov r14, [rax + {r14}]",
        "mov r15, [rax + {r15}]",
        "mov rax, [rax + {rax}]",
        "swapgs",
        ".global kernel_return_to_context",
        "kernel_return_to_context:",
        "iretq",
        stack = const offset::STACK,
        data = const USER_DATA as i32,
        code = const USER_CODE as i32,
        rsp = const register::RSP,
        rflags = const register::RFLAGS,
        rip = const register::RIP,
        rbx = const register::RBX,
        rcx = const register::RCX,
        rdx = const register::RDX,
        rsi = const register::RSI,
        rdi = const register::RDI,
        rbp = const register::RBP,
        r8 = const register::R8,
        r9 = const register::R9,
        r10 = const register::R10,
        r11 = const register::R11,
        r12 = const register::R12,
        r13 = const register::R13,
        r14 = const register::R14,
        r15 = const register::R15,
        rax = const register::RAX,
    )
}

/// Waits for an interrupt on an empty stack. Interrupts that come here do not return: what runs next is
/// chosen anew. Only an NMI comes back, and waits again.
#[unsafe(naked)]
extern "C" fn halt() {
    naked_asm!(
        "mov rsp, gs:[{stack}]",
        "2:",
        "sti",                               // takes effect after the next instruction: no interrupt is missed
        "hlt",
        "jmp 2b",
        stack = const offset::STACK,
    )
}
