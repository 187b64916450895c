//! The first instructions of a further processor: from real mode to the kernel, in a page below 1 MiB.
//!
//! The page is copied there with a table of what the code needs at its end. Steps: real mode at `page:0`, protected mode
//! through a descriptor table in the page, long mode on the kernel's page tables (which map the page to itself),
//! then the kernel's entry on the processor's own stack.
#![expect(unsafe_code, reason = "copies the code into its page")]

use super::memory;
use abi::boot::FrameRange;
use abi::types::Frame;
use core::arch::global_asm;
use core::sync::atomic::Ordering;

/// Where the table starts in the page: the words of [`Table`].
const TABLE: usize = 0xf00;
const GDT_POINTER: usize = TABLE;
const PROTECTED: usize = TABLE + 8;
const LONG: usize = TABLE + 16;
const ROOT: usize = TABLE + 24;
const STACK: usize = TABLE + 32;
const AREA: usize = TABLE + 40;
const ENTRY: usize = TABLE + 48;
const GDT: usize = TABLE + 56;

/// Selectors in the page's own descriptor table, and its descriptors.
const CODE32: u64 = 0x08;
const DATA: u64 = 0x10;
const CODE64: u64 = 0x18;
const DESCRIPTORS: [u64; 4] =
    [0, 0x00cf_9b00_0000_ffff, 0x00cf_9300_0000_ffff, 0x00af_9b00_0000_ffff];

global_asm!(
    ".section .rodata.trampoline, \"a\"",
    ".code16",
    "trampoline_start:",
    "cli",
    "cld",
    "movw %cs, %ax",                         // 1. data in this page
    "movw %ax, %ds",
    "xorl %ebx, %ebx",                       // 2. ebx: its address
    "movw %ax, %bx",
    "shll $4, %ebx",
    "lgdtl {gdt}",                           // 3. protected mode
    "movl %cr0, %eax",
    "orl $1, %eax",
    "movl %eax, %cr0",
    "ljmpl *{protected}",
    ".code32",
    "trampoline_protected:",
    "movw ${data}, %ax",
    "movw %ax, %ds",
    "movw %ax, %es",
    "movw %ax, %ss",
    "movl %cr4, %eax",                       // 4. physical address extension
    "orl $0x20, %eax",
    "movl %eax, %cr4",
    "movl {root}(%ebx), %eax",               // 5. the kernel's page tables
    "movl %eax, %cr3",
    "movl $0xc0000080, %ecx",                // 6. EFER: syscall, long mode, no-execute
    "rdmsr",
    "orl $0x901, %eax",
    "wrmsr",
    "movl %cr0, %eax",                       // 7. paging and write protection
    "orl $0x80010001, %eax",
    "movl %eax, %cr0",
    "ljmpl *{long}(%ebx)",
    ".code64",
    "trampoline_long:",
    "movl %ebx, %ebx",
    "movq {stack}(%rbx), %rsp",              // 8. its own stack and area
    "movq {area}(%rbx), %rdi",
    "xorl %ebp, %ebp",
    "callq *{entry}(%rbx)",                  // 9. does not return
    "trampoline_end:",
    ".previous",
    gdt = const GDT_POINTER,
    protected = const PROTECTED,
    data = const DATA,
    root = const ROOT,
    long = const LONG,
    stack = const STACK,
    area = const AREA,
    entry = const ENTRY,
    options(att_syntax)
);

unsafe extern "C" {
    safe static trampoline_start: u8;
    safe static trampoline_protected: u8;
    safe static trampoline_long: u8;
    safe static trampoline_end: u8;
}

/// Distance of a label from the start of the code.
fn distance(label: *const u8) -> u64 {
    (label.addr() - (&raw const trampoline_start).addr()) as u64
}

/// What a processor needs to get into the kernel.
pub struct Start {
    /// Root of the kernel's page tables, below 4 GiB.
    pub root: Frame,
    /// Top of its stack.
    pub stack: u64,
    /// First argument of the entry.
    pub area: u64,
    /// Where it enters.
    pub entry: u64,
}

/// Writes the page for one processor.
pub fn write(page: Frame, start: &Start) {
    let length = distance(&raw const trampoline_end) as usize;
    // SAFETY: the loader keeps the page for this; the code is shorter than it, and no processor runs it now.
    unsafe { (&raw const trampoline_start).copy_to_nonoverlapping(memory::pointer(page), length) };
    let base = page.address().raw();
    let far = |label, selector| (base + distance(label)) | selector << 32;
    let gdt = base + GDT as u64;
    let table = [
        gdt << 16 | (size_of_val(&DESCRIPTORS) as u64 - 1),
        far(&raw const trampoline_protected, CODE32),
        far(&raw const trampoline_long, CODE64),
        start.root.address().raw(),
        start.stack,
        start.area,
        start.entry,
    ];
    // SAFETY: the loader keeps the page for this.
    let words = unsafe { memory::words(FrameRange { start: page, count: 1 }) };
    for (place, word) in words[TABLE / 8..].iter().zip(table.into_iter().chain(DESCRIPTORS)) {
        place.store(word, Ordering::Release);
    }
}
