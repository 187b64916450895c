//! The first instructions of a further processor: from real mode to the kernel, in a page below 1 MiB.
//!
//! The code is copied there, and a table of what it needs written behind it. Steps: real mode at `page:0`, protected mode
//! through a descriptor table in the page, long mode on the kernel's page tables (which map the page to itself),
//! then the kernel's entry on the processor's own stack.
#![expect(unsafe_code, reason = "copies the code into its page")]

use super::area::Area;
use super::memory;
use super::processors::arrive;
use abi::types::Frame;
use core::arch::global_asm;
use core::sync::atomic::Ordering;

global_asm!(
    ".section .rodata.trampoline, \"a\"",
    ".code16",
    "trampoline_start:",
    "cli",
    "cld",
    "movw %cs, %ax", // 1. data in this page
    "movw %ax, %ds",
    "xorl %ebx, %ebx", // 2. ebx: its address
    "movw %ax, %bx",
    "shll $4, %ebx",
    "lgdtl gdt_pointer", // 3. protected mode
    "movl %cr0, %eax",
    "orl $1, %eax",
    "movl %eax, %cr0",
    "ljmpl *protected",
    ".code32",
    "trampoline_protected:",
    "movw $0x10, %ax",
    "movw %ax, %ds",
    "movw %ax, %es",
    "movw %ax, %ss",
    "movl %cr4, %eax", // 4. physical address extension
    "orl $0x20, %eax",
    "movl %eax, %cr4",
    "movl root(%ebx), %eax", // 5. the kernel's page tables
    "movl %eax, %cr3",
    "movl $0xc0000080, %ecx", // 6. EFER: syscall, long mode, no-execute
    "rdmsr",
    "orl $0x901, %eax",
    "wrmsr",
    "movl %cr0, %eax", // 7. paging and write protection
    "orl $0x80010001, %eax",
    "movl %eax, %cr0",
    "ljmpl *long(%ebx)",
    ".code64",
    "trampoline_long:",
    "movl %ebx, %ebp",
    "movq stack(%rbp), %rsp", // 8. its own stack and area
    "movq area(%rbp), %rdi",
    "movq entry(%rbp), %rsi",
    "movl $1, %eax", // 9. who comes late finds them to be another's, and goes no further
    "cpuid",
    "shrl $24, %ebx",
    "cmpb apic(%rbp), %bl",
    "jne trampoline_late",
    "xorl %ebp, %ebp",
    "callq *%rsi", // 10. does not return
    "trampoline_late: hlt",
    "jmp trampoline_late",
    ".balign 8",
    "trampoline_gdt:",
    ".quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00af9b000000ffff",
    "trampoline_table:", // words that `write` fills in, by their places in the page
    ".set gdt_pointer, trampoline_table - trampoline_start",
    ".set protected, gdt_pointer + 8",
    ".set long, gdt_pointer + 16",
    ".set apic, gdt_pointer + 24", // before the words that it guards
    ".set root, gdt_pointer + 32",
    ".set stack, gdt_pointer + 40",
    ".set area, gdt_pointer + 48",
    ".set entry, gdt_pointer + 56",
    ".previous",
    options(att_syntax)
);

/// Selectors of code in the page's own descriptor table: 32 bits, 64 bits. Data lies between them.
const CODE: [u64; 2] = [0x08, 0x18];

unsafe extern "C" {
    safe static trampoline_start: u8;
    safe static trampoline_protected: u8;
    safe static trampoline_long: u8;
    safe static trampoline_gdt: [u64; 4];
    safe static trampoline_table: u8;
}

/// Distance of a label from the start of the code.
fn distance(label: *const u8) -> u64 {
    (label.addr() - (&raw const trampoline_start).addr()) as u64
}

/// Writes the page for one processor: its APIC id, of which the low byte is compared, the kernel's page tables, which lie below 4 GiB, its
/// stack, its area and the entry that takes it.
pub fn write(page: Frame, root: Frame, area: &'static Area) {
    let length = distance(&raw const trampoline_table);
    // SAFETY: the loader keeps the page for this; the code is shorter than it, and a processor that
    // comes late finds the very bytes that were there.
    unsafe {
        (&raw const trampoline_start).copy_to_nonoverlapping(memory::pointer(page), length as usize)
    };
    let base = page.address().raw();
    let far = |label, selector| (base + distance(label)) | selector << 32;
    let gdt = base + distance((&raw const trampoline_gdt).cast());
    let table = [
        gdt << 16 | (size_of_val(&trampoline_gdt) as u64 - 1),
        far(&raw const trampoline_protected, CODE[0]),
        far(&raw const trampoline_long, CODE[1]),
        area.head.apic.into(),
        root.address().raw(),
        area.head.stack,
        area.head.this.addr() as u64,
        arrive as extern "C" fn(&'static Area) -> ! as *const () as u64,
    ];
    for (place, word) in memory::words(page)[length as usize / 8..].iter().zip(table) {
        place.store(word, Ordering::Release);
    }
}
