//! From `syscall` in a partition to [`dispatch::system_call`], and from there to [`super::resume`].
//!
//! On arrival (AMD64 APM 3, SYSCALL): `rcx` = return address, `r11` = flags, `rsp` still the partition's, interrupts off,
//! DF, TF, NT, AC clear by FMASK. No stack is used: registers go straight into the context's save area. What a call does not keep is not saved: a context
//! that waits shows old values there.

use super::dispatch;
use super::registers::{area, context, save};
use super::resume;
use abi::call::Call;
use core::arch::naked_asm;

/// Target of LSTAR.
#[unsafe(naked)]
pub extern "C" fn entry() {
    naked_asm!(
        "swapgs",                            // 1. gs: the area of this processor
        "mov gs:[{scratch}], rsp",           // 2. keep the partition's stack pointer
        "mov rsp, gs:[{context}]",           // 3. rsp: save area of the context that runs
        "mov [rsp + {rbx}], rbx",            // 4. what every call keeps
        "mov [rsp + {rbp}], rbp",
        save!("rsp", "r12", "r12, r13, r14, r15"),
        "mov [rsp + {rip}], rcx",            // 5. where to return to
        "mov [rsp + {rflags}], r11",
        "mov rcx, gs:[{scratch}]",
        "mov [rsp + {rsp}], rcx",
        "cmp rax, {call}",                   // 6. `call` takes its arguments in registers
        "jne 2f",
        "mov rcx, rdi",                      //    slot of the doorbell; rsi: mask, rdx: deadline
        "mov rdi, gs:[{area}]",
        "mov rsp, gs:[{stack}]",             // 7. the kernel's stack, from its top
        "xor ebp, ebp",                      // 8. end of the chain of frames
        "call {dispatch_call}",              // 9. rax: what to run next
        "jmp {resume}",
        "2:",
        "mov [rsp + {rax}], rax",            // 10. any other: its number and arguments too
        save!("rsp", "rdx", "rdx, rsi, rdi"),
        save!("rsp", "r8", "r8, r9, r10"),
        "mov rdi, gs:[{area}]",
        "mov rsp, gs:[{stack}]",
        "xor ebp, ebp",
        "call {dispatch}",
        "jmp {resume}",
        scratch = const area::SCRATCH,
        context = const area::CONTEXT,
        stack = const area::STACK,
        area = const area::THIS,
        rax = const context::RAX,
        rbx = const context::RBX,
        rbp = const context::RBP,
        rdx = const context::RDX,
        rsp = const context::RSP,
        r8 = const context::R8,
        r12 = const context::R12,
        rip = const context::RIP,
        rflags = const context::RFLAGS,
        call = const Call::Call as i32,
        dispatch_call = sym dispatch::call,
        dispatch = sym dispatch::system_call,
        resume = sym resume::resume,
    )
}
