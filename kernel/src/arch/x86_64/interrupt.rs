//! From an exception or interrupt to [`dispatch`], which does not come back.
//!
//! Each of the 256 stubs leaves, from the top of the stack down: ss, rsp, rflags, cs, rip (by the processor), an error code
//! (by the processor, or 0; of an interrupt nothing that matters), the vector (of an interrupt its low byte). NMI, double fault and machine check may strike anywhere in the
//! kernel, before `swapgs` too: they have stacks of their own, do not touch gs, and keep every register.
#![expect(unsafe_code, reason = "the stubs are placed by the assembler")]

use super::dispatch;
use super::registers::{inside, save};
use super::vectors::{self, Shown};
use core::arch::{global_asm, naked_asm};
use core::mem::offset_of;
use kernel_core::context::restore;

/// Bytes of the stub of an interrupt; that of an exception, of which there are [`EXCEPTIONS`], is twice as long.
const STUB_SIZE: usize = 8;
const EXCEPTIONS: u8 = 32;

global_asm!(
    ".section .text.entry, \"ax\"",
    ".balign {size}",
    ".global interrupt_stubs",
    "interrupt_stubs:",
    ".set vector, 0",
    ".rept {exceptions}",
    ".balign 2 * {size}",
    // These push an error code of their own (AMD64 APM 2, 8.2).
    ".if vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 || vector == 30",
    ".else",
    "push 0",
    ".endif",
    "push vector",
    ".if vector == 2 || vector == 8 || vector == 18",
    "jmp {critical}",
    ".else",
    "jmp kernel_exception",
    ".endif",
    ".set vector, vector + 1",
    ".endr",
    ".rept 256 - {exceptions}",
    ".balign {size}",
    ".byte 0x6a, vector & 0xff", // `push`, shortest form: extended by its sign, it is no exception's
    "jmp {entry}",
    ".set vector, vector + 1",
    ".endr",
    ".previous",
    exceptions = const EXCEPTIONS,
    size = const STUB_SIZE,
    critical = sym critical,
    entry = sym entry,
);

unsafe extern "C" {
    /// First of the stubs above.
    safe static interrupt_stubs: [[u8; STUB_SIZE]; 256 + EXCEPTIONS as usize];
}

/// Address of the stub of `vector`.
pub fn stub(vector: u8) -> u64 {
    let index = usize::from(vector) + usize::from(vector.min(EXCEPTIONS));
    (&raw const interrupt_stubs[index]).addr() as u64
}

/// Everything but NMI, double fault and machine check.
#[unsafe(naked)]
#[unsafe(link_section = ".text.entry")]
extern "C" fn entry() {
    naked_asm!(
        "push qword ptr [rsp]",              // 0. an interrupt has no error code: its vector in place of one
        ".global kernel_exception",
        "kernel_exception:",
        "test byte ptr [rsp + 24], 3",       // 1. from a partition? (cs: vector, error, rip, cs)
        "jz {from_kernel}",
        "swapgs",                            // 2. gs: the area of this processor
        "push rax",
        inside!(),
        "lock inc qword ptr gs:[AREA_ENTRIES]",
        "mov rax, gs:[AREA_CONTEXT]",        // 3. rax: save area of the context that ran
        save!("rax", "rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15"),
        "pop qword ptr [rax + CONTEXT_rax]",
        "pop rsi",                           // 4. vector
        "pop rdx",                           // 5. error code
        "pop qword ptr [rax + CONTEXT_rip]", // 6. what the processor pushed
        "pop rcx",                           //    (cs)
        "pop qword ptr [rax + CONTEXT_rflags]",
        "pop qword ptr [rax + CONTEXT_rsp]",
        "mov qword ptr [rax + CONTEXT_RESTORE], {full}", // 7. every register has to be restored
        "cmp qword ptr gs:[AREA_SMAP], 0",   // 8. the gate clears neither AC, which would lift SMAP, nor DF
        "je 2f",
        "clac",
        "2:",
        "cld",
        "mov rsp, gs:[AREA_STACK]",          // 9. the kernel's stack, from its top
        "xor ebp, ebp",
        "mov rdi, gs:[AREA_THIS]",
        "call {dispatch}",                   // 10. area, vector, error code
        from_kernel = sym from_kernel,
        full = const restore::FULL,
        dispatch = sym dispatch::from_partition,
    )
}

/// In ring 0. An interrupt can only have come while the processor halted: nothing needs to be kept. An exception at the
/// kernel's last instruction says that a context cannot be restored; any other is the kernel's own fault.
#[unsafe(naked)]
#[unsafe(link_section = ".text.entry")]
extern "C" fn from_kernel() {
    naked_asm!(
        "cmp qword ptr [rsp], 32",           // 1. an exception?
        "jae 2f",
        "push rax",
        "lea rax, [rip + kernel_return_to_context]",
        "cmp [rsp + 24], rax",               // 2. at the `iretq`? (rip: rax, vector, error, rip)
        "pop rax",
        "jne {critical}",
        "swapgs",                            // 3. it had been the partition's already
        "2:",
        "pop rsi",                           // 4. vector
        "pop rdx",                           // 5. error code
        inside!(),
        "lock inc qword ptr gs:[AREA_ENTRIES]",
        "mov rsp, gs:[AREA_STACK]",
        "mov rdi, gs:[AREA_THIS]",
        "call {dispatch}",
        dispatch = sym dispatch::from_kernel,
        critical = sym critical,
    )
}

/// Hands all registers to [`dispatch::critical`], as `dispatch::Frame` lays them out; that comes back only from an NMI.
/// By what page tables it came nobody knows; it goes back by the same.
#[unsafe(naked)]
#[unsafe(link_section = ".text.entry")]
extern "C" fn critical() {
    naked_asm!(
        ".irp register, rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15",
        "push \\register",
        ".endr",
        "cld",
        "mov rdi, rsp",
        "mov rbx, rsp",                      // kept by the call
        "and rsp, -16",
        "mov rbp, cr3",
        "mov rax, [rip + {shown} + {root}]",
        "mov cr3, rax",
        "call {dispatch}",
        "mov cr3, rbp",
        "mov rsp, rbx",
        ".irp register, r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax",
        "pop \\register",
        ".endr",
        "add rsp, 16",                       // vector and error code
        "iretq",
        dispatch = sym dispatch::critical,
        shown = sym vectors::SHOWN,
        root = const offset_of!(Shown, root),
    )
}
