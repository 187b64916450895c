//! The way out of the kernel: into a context, or into the halt of a processor with nothing to do.
//!
//! Every register is loaded from the context's save area or zeroed, so nothing of the kernel or of another partition is ever
//! left in one. The last instructions are mapped where nothing else of the kernel is, see [`super::isolation`].
#![expect(unsafe_code, reason = "says where the last instructions lie")]

use super::registers::load;
use super::segments::{USER_CODE, USER_DATA};
use core::arch::naked_asm;
use kernel_core::context::{Context, restore};

/// Restores `context` as it says itself; its call, if it is in one that succeeded, came to these values. `second` and `third`
/// are zero: here that costs nothing. After that it is nothing special: see [`restore`].
#[unsafe(naked)]
pub extern "C" fn resume(third: u64, second: u64, first: u64, context: &Context) -> ! {
    naked_asm!(
        "cmp qword ptr [rcx + CONTEXT_RESTORE], {full}",
        "jb {resume_call}",
        "mov qword ptr [rcx + CONTEXT_RESTORE], {call}",
        "je {full_return}",
        load!("rcx", "rax, rdx, rsi, rdi, r8"),
        "jmp kernel_return_from_call",
        call = const restore::CALL,
        full = const restore::FULL,
        resume_call = sym resume_call,
        full_return = sym full_return,
    )
}

const _: () = assert!(restore::CALL < restore::FULL && restore::FULL < restore::ANSWER);

/// As [`resume`], for a context that is known to be in a call that succeeded.
#[unsafe(naked)]
#[unsafe(link_section = ".text.entry")]
pub extern "C" fn resume_call(third: u64, second: u64, first: u64, context: &Context) -> ! {
    naked_asm!(
        "xor eax, eax",                      // 1. status, and value 3
        "xor r8d, r8d",
        ".global kernel_return_from_call",
        "kernel_return_from_call:",
        "inc qword ptr gs:[AREA_ENTRIES]",   // 2. as `Processor::leave`
        "mov gs:[AREA_CONTEXT], rcx",        // 3. whose registers the next entry saves
        "mov r11, [rcx + CONTEXT_rflags]",   // 4. where `sysret` wants the flags
        load!("rcx", "rbx, rbp, r12, r13, r14, r15"), // 5. what the call keeps
        "mov rsp, [rcx + CONTEXT_rsp]",
        "mov rcx, [rcx + CONTEXT_rip]",      // 6. `sysret` faults in ring 0 on an address that is not canonical:
        "mov r9, rcx",                       //    only the lower half will do; r9 becomes 0
        "shr r9, 47",
        "or r9, gs:[AREA_ROOT]",             //    nor where page tables are isolated
        "jnz 2f",
        "xor r10d, r10d",                    // 7. the rest
        "swapgs",
        "mov gs, r10d",                      //    of the partition's, whose base is 0 with it
        "sysretq",
        "2:",
        "mov r9, rcx",
        "shr r9, 47",
        "jnz 3f",
        "mov r10, gs:[AREA_CONTEXT]",
        "mov r10, [r10 + CONTEXT_OUTSIDE]",
        "mov cr3, r10",                      // from here on this page is all there is of the kernel
        "xor r10d, r10d",
        "swapgs",
        "mov gs, r10d",
        "sysretq",
        "3:",                                // `iretq` will fault, as the partition's
        "mov rcx, gs:[AREA_CONTEXT]",
        "dec qword ptr gs:[AREA_ENTRIES]",
        "jmp {full_return}",
        full_return = sym full_return,
    )
}

/// `rcx` = the context, whose registers are all restored.
///
/// Stack for `iretq`, from the top: ss, rsp, rflags, cs, rip. If `iretq` itself faults, the state it was
/// given cannot be restored: `interrupt::from_kernel` knows the address and evicts the context.
#[unsafe(naked)]
#[unsafe(link_section = ".text.entry")]
extern "C" fn full_return() {
    naked_asm!(
        "inc qword ptr gs:[AREA_ENTRIES]",
        "mov gs:[AREA_CONTEXT], rcx",
        "mov rsp, gs:[AREA_TRAP]",           // 1. build the frame, where it is mapped to the end
        "push {data}",
        "push qword ptr [rcx + CONTEXT_rsp]",
        "push qword ptr [rcx + CONTEXT_rflags]",
        "push {code}",
        "push qword ptr [rcx + CONTEXT_rip]",
        "push qword ptr [rcx + CONTEXT_rcx]",
        "xor eax, eax",
        "cmp rax, gs:[AREA_ROOT]",           // 2. are page tables isolated? Nothing else changes flags
        "swapgs",
        "mov gs, eax",
        // 3. all registers, rcx last
        load!("rcx", "rax, rbx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15"),
        "je 2f",
        "mov rcx, [rcx + CONTEXT_OUTSIDE]",
        "mov cr3, rcx",
        "2:",
        "pop rcx",
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
pub extern "C" fn halt() -> ! {
    naked_asm!(
        "inc qword ptr gs:[AREA_ENTRIES]",
        "mov rsp, gs:[AREA_STACK]",
        "2:",
        "sti", // takes effect after the next instruction: no interrupt is missed
        "hlt",
        "jmp 2b",
    )
}
