//! The kernel's first instructions.
//!
//! In: long mode on the loader's page tables, interrupts off, `rdi` = boot information through the direct map.
//! The loader's stack is left at once for one in the kernel's image, which processor 0 leaves for its own.
#![expect(unsafe_code, reason = "the loader looks for this symbol")]

use super::boot;
use core::arch::naked_asm;

const STACK_SIZE: usize = 16 * 1024;

/// The stack until processor 0 has its own.
#[repr(C, align(16))]
struct Stack(core::cell::UnsafeCell<[u8; STACK_SIZE]>);

// SAFETY: one processor uses it, as a stack.
unsafe impl Sync for Stack {}

static STACK: Stack = Stack(core::cell::UnsafeCell::new([0; STACK_SIZE]));

/// Entry of the kernel's image.
// SAFETY: no other symbol has this name.
#[unsafe(no_mangle)]
#[unsafe(naked)]
extern "C" fn _start() -> ! {
    naked_asm!(
        "cld",
        "lea rsp, [rip + {stack} + {size}]", // 1. a stack of the kernel's own
        "xor ebp, ebp",                      // 2. end of the chain of frames
        "call {start}",                      // 3. rdi: boot information
        "ud2",
        stack = sym STACK,
        size = const STACK_SIZE,
        start = sym boot::start,
    )
}
