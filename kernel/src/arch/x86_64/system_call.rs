//! From `syscall` in a partition to [`dispatch::system_call`], and from there to [`super::resume`].
//!
//! On arrival (AMD64 APM 3, SYSCALL): `rcx` = return address, `r11` = flags, `rsp` still the partition's, interrupts off,
//! DF, TF, NT, AC clear by FMASK. No stack is used: registers go straight into the context's save area.

use super::area::offset;
use super::area::register;
use super::dispatch;
use super::resume;
use core::arch::naked_asm;

/// Target of LSTAR.
#[unsafe(naked)]
pub extern "C" fn entry() {
    naked_asm!(
        "swapgs",                            // 1. gs: the area of this processor
        "mov gs:[{scratch}], rsp",           // 2. keep the partition's stack pointer
        "mov rsp, gs:[{context}]",           // 3. rsp: save area of the context that runs
        "mov [rsp + {rax}], rax",            // 4. number and arguments of the call
        "mov [rsp + {rdi}], rdi",
        "mov [rsp + {rsi}], rsi",
        "mov [rsp + {rdx}], rdx",
        "mov [rsp + {r10}], r10",
        "mov [rsp + {r8}], r8",
        "mov [rsp + {r9}], r9",
        "mov [rsp + {rbx}], rbx",            // 5. what the call keeps
        "mov [rsp + {rbp}], rbp",
        "mov [rsp + {r12}], r12",
        "mov [rsp + {r13}], r13",
        "mov [rsp + {r14}], r14",
        "mov [rsp + {r15}], r15",
        "mov [rsp + {rip}], rcx",            // 6. where to return to
        "mov [rsp + {rflags}], r11",
        "mov rcx, gs:[{scratch}]",
        "mov [rsp + {rsp}], rcx",
        "mov qword ptr [rsp + {full}], 0",   // 7. a short return will do
        "mov rsp, gs:[{stack}]",             // 8. the kernel's stack, from its top
        "xor ebp, ebp",                      // 9. end of the chain of frames
        "mov rdi, gs:[{area}]",
        "call {dispatch}",                   // 10. rax: what to run next
        "jmp {resume}",
        scratch = const offset::SCRATCH,
        context = const offset::CONTEXT,
        stack = const offset::STACK,
        area = const offset::AREA,
        rax = const register::RAX,
        rdi = const register::RDI,
        rsi = const register::RSI,
        rdx = const register::RDX,
        r10 = const register::R10,
        r8 = const register::R8,
        r9 = const register::R9,
        rbx = const register::RBX,
        rbp = const register::RBP,
        r12 = const register::R12,
        r13 = const register::R13,
        r14 = const register::R14,
        r15 = const register::R15,
        rip = const register::RIP,
        rflags = const register::RFLAGS,
        rsp = const register::RSP,
        full = const register::FULL,
        dispatch = sym dispatch::system_call,
        resume = sym resume::resume,
    )
}
