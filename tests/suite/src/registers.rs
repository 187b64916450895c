//! The registers around a system call, all of them.

#![expect(unsafe_code, reason = "a system call seen from outside needs its registers by name")]

use core::arch::asm;

/// What the registers held after a call, before which each held a mark of its own.
#[derive(Clone, Copy, Debug, Default)]
pub struct After {
    /// `rdx rsi rdi r8`.
    pub values: [u64; 4],
    /// `r9 r10`.
    pub scratch: [u64; 2],
    /// `rcx`: zero or the return address.
    pub rcx: u64,
    /// `r11`: zero or the flags.
    pub r11: u64,
    /// `rbx r12 r13 r14 r15`, which must come back as they were.
    pub kept: [u64; 5],
    /// The flags.
    pub flags: u64,
    /// The return address that `rcx` may hold.
    pub here: u64,
}

/// What the kept registers hold before the call.
pub const MARKS: [u64; 5] = [
    0x1111_2222_3333_4444,
    0x5555_6666_7777_8888,
    0x9999_aaaa_bbbb_cccc,
    0xdddd_eeee_ffff_0000,
    0x0123_4567_89ab_cdef,
];

/// Calls the kernel with the direction flag set and marks in every register, and looks at all of them afterwards.
#[expect(clippy::too_many_lines, reason = "a table of registers")]
pub fn around(number: u64, arguments: [u64; 3]) -> After {
    let mut frame = [0_u64; 20];
    let [a, b, c] = arguments;
    frame[..4].copy_from_slice(&[number, a, b, c]);
    frame[4..9].copy_from_slice(&MARKS);
    let place = frame.as_mut_ptr();
    // SAFETY: the block saves rbx and rbp, restores the direction flag, and writes only within `frame`,
    // whose address stays on the stack while all other registers are in use.
    unsafe {
        asm!(
            "push rbx",
            "push rbp",
            "push rdi",             // the frame, found again behind the call
            "mov rax, [rdi]",
            "mov rsi, [rdi + 16]",
            "mov rdx, [rdi + 24]",
            "mov rbx, [rdi + 32]",
            "mov r12, [rdi + 40]",
            "mov r13, [rdi + 48]",
            "mov r14, [rdi + 56]",
            "mov r15, [rdi + 64]",
            "mov rdi, [rdi + 8]",
            "mov r8, r12",
            "mov r9, r12",
            "mov r10, r12",
            "std",
            "syscall",
            "2:",
            "pushfq",
            "cld",
            "push rdi",
            "mov rdi, [rsp + 16]",  // behind flags and value 2
            "mov [rdi], rax",
            "mov [rdi + 8], rdx",
            "mov [rdi + 16], rsi",
            "pop rax",
            "mov [rdi + 24], rax",
            "mov [rdi + 32], r8",
            "mov [rdi + 40], r9",
            "mov [rdi + 48], r10",
            "mov [rdi + 56], rcx",
            "mov [rdi + 64], r11",
            "mov [rdi + 72], rbx",
            "mov [rdi + 80], r12",
            "mov [rdi + 88], r13",
            "mov [rdi + 96], r14",
            "mov [rdi + 104], r15",
            "pop rax",
            "mov [rdi + 112], rax",
            "lea rax, [rip + 2b]",
            "mov [rdi + 120], rax",
            "pop rdi",
            "pop rbp",
            "pop rbx",
            inout("rdi") place => _,
            out("rax") _, out("rcx") _, out("rdx") _, out("rsi") _,
            out("r8") _, out("r9") _, out("r10") _, out("r11") _,
            out("r12") _, out("r13") _, out("r14") _, out("r15") _,
        );
    }
    let [_, v0, v1, v2, v3, r9, r10, rcx, r11, k0, k1, k2, k3, k4, flags, here, ..] = frame;
    After {
        values: [v0, v1, v2, v3],
        scratch: [r9, r10],
        rcx,
        r11,
        kept: [k0, k1, k2, k3, k4],
        flags,
        here,
    }
}
