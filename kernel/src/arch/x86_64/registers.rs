//! Offsets that the entry code uses, as symbols of the assembler, and its loops over registers.
#![expect(unsafe_code, reason = "defines symbols of the assembler")]

use super::area::{Area, Head};
use core::arch::global_asm;
use core::mem::offset_of;
use kernel_core::context::{Context, register};
use kernel_core::processor::ENTRIES;

// AREA_*: in the area of the processor, which GS leads to. CONTEXT_*: in the save area of a context.
global_asm!(
    ".set AREA_THIS, {head} + {this}",       // address of the area itself
    ".set AREA_STACK, {head} + {stack}",     // top of the stack
    ".set AREA_CONTEXT, {head} + {context}", // the context that runs
    ".set AREA_ENTRIES, {processor} + {entries}", // odd while the processor is in the kernel
    ".set AREA_SMAP, {head} + {smap}",       // not 0 where SMAP is in force
    ".set AREA_ROOT, {head} + {root}",       // root of the kernel where page tables are isolated, else 0
    ".set AREA_TRAP, {head} + {task} + 4",   // top of the stack on which interrupts push
    ".set AREA_SCRATCH, {head} + {scratch}", // a word for the entry of a call
    ".set CONTEXT_RESTORE, {restore}",       // how it is restored
    ".set CONTEXT_OUTSIDE, {outside}",       // root outside the kernel, where page tables are isolated
    ".set at, {registers}",
    ".irp name, rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp, r8, r9, r10, r11, r12, r13, r14, r15, rip, rflags",
    ".set CONTEXT_\\name, at",
    ".set at, at + 8",
    ".endr",
    ".if at - {registers} - 8 * {count} || CONTEXT_rip - 8 * {rip}",
    ".error \"the registers of a context are others\"",
    ".endif",
    head = const offset_of!(Area, head),
    this = const offset_of!(Head, this),
    stack = const offset_of!(Head, stack),
    context = const offset_of!(Head, context),
    scratch = const offset_of!(Head, scratch),
    smap = const offset_of!(Head, smap),
    processor = const offset_of!(Area, processor),
    entries = const ENTRIES,
    root = const offset_of!(Head, root),
    task = const offset_of!(Head, task),
    outside = const offset_of!(Context, outside),
    restore = const offset_of!(Context, restore),
    registers = const offset_of!(Context, registers),
    count = const register::COUNT,
    rip = const register::RIP,
);

/// Stores the registers into the context at `base`.
macro_rules! save {
    ($base:literal, $names:literal) => {
        concat!(".irp name, ", $names, "\nmov [", $base, " + CONTEXT_\\name], \\name\n.endr")
    };
}

/// Loads the registers from the context at `base`.
macro_rules! load {
    ($base:literal, $names:literal) => {
        concat!(".irp name, ", $names, "\nmov \\name, [", $base, " + CONTEXT_\\name]\n.endr")
    };
}

/// Enters the kernel's own page tables by way of `rax`, where they are isolated. Else each switch leaves nothing of one
/// partition's selectors to the next, here each entry does.
macro_rules! inside {
    () => {
        "cmp qword ptr gs:[AREA_ROOT], 0\nje 9f\nxor eax, eax\n.irp selector, ds, es, fs\nmov \\selector, eax\n.endr\nmov rax, gs:[AREA_ROOT]\nmov cr3, rax\n9:"
    };
}

pub(super) use {inside, load, save};
