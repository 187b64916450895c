//! From `syscall` in a partition to [`dispatch`], which does not come back.
//!
//! On arrival (AMD64 APM 3, SYSCALL): `rcx` = return address, `r11` = flags, `rsp` still the partition's, interrupts off,
//! DF, TF, NT, AC clear by FMASK. Registers go straight into the context's save area. What a call does not keep is not saved: a
//! context that waits shows old values there.
#![expect(unsafe_code, reason = "says where the first instructions lie")]

use super::dispatch;
use super::registers::{inside, save};
use abi::call::Call;
use core::arch::naked_asm;
use kernel_core::QUICK_CALLS;

/// What every call begins with. After it `r8` is the context, `r9` the area; the arguments `rdi, rsi, rdx` and `rax` are as they were.
macro_rules! keep {
    () => {
        concat!(
            "lock inc qword ptr gs:[AREA_ENTRIES]\n", // as `Processor::enter`
            "mov r8, gs:[AREA_CONTEXT]\n",            // save area of the context that runs
            "mov [r8 + CONTEXT_rsp], rsp\n",
            save!("r8", "rbx, rbp, r12, r13, r14, r15"), // what every call keeps
            "\nmov [r8 + CONTEXT_rip], rcx\n",           // where to return to
            "mov [r8 + CONTEXT_rflags], r11\n",
            "mov r9, gs:[AREA_THIS]\n",
            "mov rsp, gs:[AREA_STACK]", // the kernel's stack, from its top
        )
    };
}

/// Target of LSTAR where page tables are isolated.
#[unsafe(naked)]
#[unsafe(link_section = ".text.entry")]
pub extern "C" fn isolated() {
    naked_asm!(
        "swapgs",
        "mov gs:[AREA_SCRATCH], rax",
        inside!(),
        "mov rax, gs:[AREA_SCRATCH]",
        "jmp kernel_call_inside",
    )
}

/// Target of LSTAR.
#[unsafe(naked)]
pub extern "C" fn entry() {
    naked_asm!(
        "swapgs",                            // 1. gs: the area of this processor
        ".global kernel_call_inside",
        "kernel_call_inside:",
        "cmp rax, {call}",                   // 2. the one that has to be quickest
        "jne 2f",
        keep!(),
        "call {dispatch_call}",              // 3. slot, mask, deadline, -, context, area
        "2:",
        "cmp rax, {quick}",                  // 4. those with their arguments in registers
        "jae 3f",
        keep!(),
        "push 0",                            // 5. as a call would, with nowhere to return to
        "cmp eax, {ring}",
        "jb {dispatch_wait}",
        "je {dispatch_ring}",
        "cmp eax, {give_up}",
        "je {dispatch_yield}",
        "jmp {dispatch_acknowledge}",
        "3:",                                // 6. any other: its number and arguments go into the save area
        "mov gs:[AREA_SCRATCH], r8",
        "mov r8, gs:[AREA_CONTEXT]",
        "mov [r8 + CONTEXT_r9], r9",
        keep!(),
        save!("r8", "rax, rdx, rsi, rdi, r10"),
        "push gs:[AREA_SCRATCH]",
        "pop [r8 + CONTEXT_r8]",
        "call {dispatch}",
        call = const Call::Call as i32,
        ring = const Call::Ring as i32,
        give_up = const Call::Yield as i32,
        quick = const QUICK_CALLS,
        dispatch_call = sym dispatch::call,
        dispatch_wait = sym dispatch::wait,
        dispatch_ring = sym dispatch::ring,
        dispatch_yield = sym dispatch::give_up,
        dispatch_acknowledge = sym dispatch::acknowledge,
        dispatch = sym dispatch::system_call,
    )
}

const _: () = assert!(Call::Wait as u64 == 0 && Call::Ring as u64 == 1);
const _: () = assert!(Call::Acknowledge as u64 + 1 == QUICK_CALLS);
