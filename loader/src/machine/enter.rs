//! The jump into the kernel.
//!
//! The kernel's page tables do not map the loader, but they do map the trampoline's frame at its own
//! address, as the loader's do. So the switch is a few instructions that are copied there.
#![expect(unsafe_code, reason = "leaves for another address space")]

use super::memory::Identity;
use core::arch::{asm, global_asm};
use loader_core::{Handover, PhysicalMemory};

global_asm!(
    ".text",
    "switch_start:",
    "mov cr3, rdi", // 1. the kernel's tables; this page is in both
    "mov rsp, rsi", // 2. its first stack
    "mov rdi, rdx", // 3. its argument: the boot information
    "xor ebp, ebp", // 4. no caller for those who walk stacks
    "jmp rcx",      // 5. its entry
    "switch_end:",
);

unsafe extern "C" {
    safe static switch_start: u8;
    safe static switch_end: u8;
}

/// Enters the kernel.
pub fn kernel(handover: &Handover, memory: &mut Identity) -> ! {
    let target = handover.trampoline.address();
    memory.write(target, switch_code());
    // SAFETY: the trampoline holds the switch, mapped executable by the tables in force and by those of the
    // handover, which were built for exactly this entry, stack and argument. Nothing of the loader is used after.
    unsafe {
        asm!(
            "cli",
            "cld",
            "jmp {target}",
            target = in(reg) target.raw(),
            in("rdi") handover.page_tables.address().raw(),
            in("rsi") handover.stack.raw(),
            in("rdx") handover.information.raw(),
            in("rcx") handover.entry.raw(),
            options(noreturn)
        )
    }
}

/// The instructions between the two labels.
fn switch_code() -> &'static [u8] {
    let start = &raw const switch_start;
    let length = (&raw const switch_end).addr() - start.addr();
    // SAFETY: the labels enclose that many bytes of constants.
    unsafe { core::slice::from_raw_parts(start, length) }
}
