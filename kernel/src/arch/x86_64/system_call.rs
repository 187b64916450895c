//! From `syscall` in a partition to [`dispatch::system_call`], and from there to [`super::resume`].
//!
//! On arrival (AMD64 APM 3, SYSCALL): `rcx` = return address, `r11` = flags, `rsp` still the partition's, interrupts off,
//! DF, TF, NT, AC clear by FMASK. No stack is used: registers go straight into the context's save area. What a call does not keep is not saved: a context
//! that waits shows old values there.

use super::dispatch;
use super::registers::save;
use super::resume;
use abi::call::Call;
use core::arch::naked_asm;

/// Target of LSTAR.
#[unsafe(naked)]
pub extern "C" fn entry() {
    naked_asm!(
        "swapgs",                            // 1. gs: the area of this processor
        "mov gs:[AREA_SCRATCH], rsp",        // 2. keep the partition's stack pointer
        "mov rsp, gs:[AREA_CONTEXT]",        // 3. rsp: save area of the context that runs
        save!("rsp", "rbx, rbp, r12, r13, r14, r15"), // 4. what every call keeps
        "mov [rsp + CONTEXT_rip], rcx",      // 5. where to return to
        "mov [rsp + CONTEXT_rflags], r11",
        "mov rcx, gs:[AREA_SCRATCH]",
        "mov [rsp + CONTEXT_rsp], rcx",
        "cmp rax, {call}",                   // 6. `call` takes its arguments in registers
        "jne 2f",
        "mov rcx, rdi",                      //    slot of the doorbell; rsi: mask, rdx: deadline
        "mov rdi, gs:[AREA_THIS]",
        "mov rsp, gs:[AREA_STACK]",          // 7. the kernel's stack, from its top
        "xor ebp, ebp",                      // 8. end of the chain of frames
        "call {dispatch_call}",              // 9. rax: what to run next
        "jmp {resume}",
        "2:",
        save!("rsp", "rax, rdx, rsi, rdi, r8, r9, r10"), // 10. any other: its number and arguments too
        "mov rdi, gs:[AREA_THIS]",
        "mov rsp, gs:[AREA_STACK]",
        "xor ebp, ebp",
        "call {dispatch}",
        "jmp {resume}",
        call = const Call::Call as i32,
        dispatch_call = sym dispatch::call,
        dispatch = sym dispatch::system_call,
        resume = sym resume::resume,
    )
}
