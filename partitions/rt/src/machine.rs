//! The instructions a partition is made of beside plain Rust: system call, time stamp, start.

#![expect(unsafe_code, reason = "the assembly of the runtime, all of it")]

use core::arch::{asm, global_asm};

// The resource manager gives a stack and the context's index in rdi; a caller's frame of zero ends back traces.
global_asm!(
    ".pushsection .text._start, \"ax\", @progbits",
    ".global _start",
    "_start:",
    "xor ebp, ebp",  // no frame above this one
    "and rsp, -16",  // as the call convention wants it before a call
    "call {main}",   // rdi: index of the context
    "ud2",           // never comes back
    ".popsection",
    main = sym start,
);

unsafe extern "Rust" {
    safe fn __bulkhead_main(context: u64) -> !;
    safe fn __bulkhead_program() -> &'static str;
}

extern "C" fn start(context: u64) -> ! {
    __bulkhead_main(context)
}

/// Name of the program.
pub fn program() -> &'static str {
    __bulkhead_program()
}

/// Where the frame of the function starts that this is inlined into.
#[inline(always)]
pub fn frame_pointer() -> u64 {
    let frame;
    // SAFETY: reads a register.
    unsafe { asm!("mov {}, rbp", out(reg) frame, options(nostack, nomem, preserves_flags)) };
    frame
}

/// The word at `address`, if that lies in the part of the caller's stack that is in use.
pub fn stack_word(address: u64) -> Option<u64> {
    use abi::layout::{STACK_LIMIT, STACK_STRIDE, STACK_TOP};
    let used = frame_pointer();
    // Whose stack it is: that of context 0 ends at the top, each further one a stride below.
    let context = STACK_TOP.checked_sub(used)?.checked_div(STACK_STRIDE)?;
    let top = STACK_TOP.checked_sub(context.checked_mul(STACK_STRIDE)?)?;
    let last = top.checked_sub(8)?;
    if used < STACK_LIMIT || address < used || address > last || !address.is_multiple_of(8) {
        return None;
    }
    let place = core::ptr::with_exposed_provenance::<u64>(usize::try_from(address).ok()?);
    // SAFETY: aligned, and between a frame of this context and the end of its stack, all of which is mapped.
    Some(unsafe { place.read_volatile() })
}

/// Enters the kernel; returns the status and four values.
pub fn call(number: u64, arguments: [u64; 6]) -> (u64, [u64; 4]) {
    let [a, b, c, d, e, f] = arguments;
    let (status, v0, v1, v2, v3);
    // SAFETY: the kernel keeps all registers but those named and touches no memory of the partition; a call that
    // changes mappings is made by the resource manager for memory no reference points to.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number => status,
            inlateout("rdi") a => v2,
            inlateout("rsi") b => v1,
            inlateout("rdx") c => v0,
            inlateout("r10") d => _,
            inlateout("r8") e => v3,
            inlateout("r9") f => _,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    (status, [v0, v1, v2, v3])
}

/// As [`call`], for calls with at most three arguments and one value: what the others would be is left as it is.
#[inline]
pub fn quick(number: u64, arguments: [u64; 3]) -> (u64, u64) {
    let [a, b, c] = arguments;
    let (status, value);
    // SAFETY: as for `call`.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number => status,
            inlateout("rdi") a => _,
            inlateout("rsi") b => _,
            inlateout("rdx") c => value,
            lateout("r8") _,
            lateout("r9") _,
            lateout("r10") _,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    (status, value)
}

/// The `yield` call, which has no arguments and cannot fail.
#[inline]
pub fn give_up() {
    #[expect(clippy::as_conversions, reason = "the number of a call, declared repr(u64)")]
    let number = abi::call::Call::Yield as u64;
    // SAFETY: as for `call`.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number => _,
            lateout("rdi") _,
            lateout("rsi") _,
            lateout("rdx") _,
            lateout("r8") _,
            lateout("r9") _,
            lateout("r10") _,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
}

/// The `exit` call, which does not return.
pub fn exit(arguments: [u64; 6]) -> ! {
    #[expect(clippy::as_conversions, reason = "the number of a call, declared repr(u64)")]
    let _ = call(abi::call::Call::Exit as u64, arguments);
    // SAFETY: an invalid instruction stops the context; nothing runs after it.
    unsafe { asm!("ud2", options(noreturn, nostack)) }
}

/// The time stamp counter, read in program order.
#[must_use]
pub fn time_stamp() -> u64 {
    let (low, high): (u64, u64);
    // SAFETY: reads a counter.
    unsafe {
        asm!("lfence", "rdtsc", out("rax") low, out("rdx") high, options(nostack, nomem));
    }
    high.wrapping_shl(32) | low
}

/// Address of the information pages.
#[must_use]
pub const fn information() -> Option<u64> {
    Some(abi::layout::INFORMATION)
}

/// Address of the report page.
#[must_use]
pub const fn report() -> Option<u64> {
    Some(abi::layout::REPORT)
}

/// Address of the time page.
#[must_use]
pub const fn time_page() -> u64 {
    abi::layout::TIME_PAGE
}
