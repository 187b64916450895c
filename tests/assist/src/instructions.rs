//! Instructions that a partition must not be able to use, and other ways to die.

#![expect(unsafe_code, reason = "misbehaving is what this file is for")]

use abi::call::Call;
use abi::layout;
use assist::{HOLE, KERNEL_SEGMENTS, LOCAL, LOW};
use core::arch::asm;
use core::hint::black_box;

/// Runs instructions that must stop this context, or must do nothing.
macro_rules! dare {
    ($($line:literal),+ $(, $name:ident = $value:expr)*) => {
        // SAFETY: the kernel stops the context at the first instruction that does harm; that it does is what is tested.
        unsafe { asm!($($line),+, $($name = in(reg) $value,)* out("rax") _, out("rcx") _, out("rdx") _) }
    };
}

/// Reads a byte wherever it is.
pub fn read(address: u64) {
    dare!("mov al, byte ptr [{address}]", address = address);
}

/// Writes a byte wherever it is.
pub fn write(address: u64) {
    dare!("mov byte ptr [{address}], 1", address = address);
}

/// Jumps wherever it is.
pub fn run(address: u64) {
    dare!("call {address}", address = address);
}

pub fn read_null() {
    read(LOW);
}

pub fn read_kernel() {
    read(layout::DIRECT_MAP);
}

pub fn read_hole() {
    read(HOLE);
}

pub fn write_code() {
    write(write_code as *const () as u64);
}

pub fn write_kernel() {
    write(layout::KERNEL_BASE);
}

pub fn write_time() {
    write(layout::TIME_PAGE);
}

pub fn write_information() {
    write(layout::INFORMATION);
}

pub fn run_stack() {
    let code = [0x90_u8; 16];
    run(code.as_ptr() as u64);
}

pub fn run_hole() {
    run(HOLE);
}

pub fn run_kernel() {
    run(layout::KERNEL_BASE);
}

#[expect(unconditional_recursion, reason = "it ends where the stack does")]
pub fn overflow() {
    let room = [0_u8; 512];
    black_box(&room);
    overflow();
    black_box(&room);
}

pub fn divide() {
    dare!("xor edx, edx", "xor ecx, ecx", "mov eax, 1", "div ecx");
}

pub fn invalid() {
    dare!("ud2");
}

pub fn breakpoint() {
    dare!("int3");
}

pub fn software_interrupt() {
    dare!("int 14");
}

pub fn clear_interrupts() {
    dare!("cli");
}

pub fn halt() {
    dare!("hlt");
}

pub fn read_control() {
    dare!("mov rax, cr0");
}

pub fn write_control() {
    dare!("xor eax, eax", "mov cr3, rax");
}

pub fn read_model() {
    dare!("mov ecx, 0xc0000082", "rdmsr");
}

pub fn write_model() {
    dare!("mov ecx, 0xc0000082", "xor eax, eax", "xor edx, edx", "wrmsr");
}

pub fn load_table() {
    let table = [0_u64; 2];
    dare!("lidt [{table}]", table = table.as_ptr());
}

pub fn read_port() {
    dare!("in al, 0x60");
}

pub fn write_port() {
    // SAFETY: as above; the registers that the instruction moves are named.
    unsafe {
        asm!("outsb", in("rsi") layout::PROGRAM_BASE, in("dx") 0x3f8_u16, lateout("rsi") _);
    }
}

pub fn vector() {
    dare!("xorps xmm0, xmm0");
}

pub fn float() {
    dare!("fld1");
}

pub fn trap() {
    dare!("pushfq", "or qword ptr [rsp], 0x100", "popfq", "nop");
}

pub fn fast_call() {
    dare!("sysenter");
}

pub fn segment() {
    dare!("mov eax, 0x10", "mov ss, eax");
}

pub fn read_debug() {
    dare!("mov rax, dr7");
}

pub fn counter() {
    dare!("xor ecx, ecx", "rdpmc");
}

pub fn read_base() {
    dare!("rdgsbase rax");
}

pub fn extensions() {
    dare!("xor ecx, ecx", "xgetbv");
}

pub fn watch() {
    dare!("mov rax, rsp", "xor ecx, ecx", "xor edx, edx", "monitor");
}

pub fn swap_base() {
    dare!("swapgs");
}

pub fn return_from_call() {
    dare!("lea rcx, [rip]", "sysretq");
}

pub fn return_inside() {
    dare!("push {code}", "lea rax, [rip]", "push rax", "retfq", code = KERNEL_SEGMENTS[0]);
}

pub fn local_segment() {
    dare!("mov eax, {selector:e}", "mov ds, eax", selector = LOCAL | 3);
}

pub fn task_call() {
    let target = [0x40_0000, KERNEL_SEGMENTS[1] as u32];
    dare!("call fword ptr [{target}]", target = target.as_ptr());
}

pub fn timer_interrupt() {
    dare!("int 0xf0");
}

pub fn debug_trap() {
    // `int1`, which not every assembler knows.
    dare!(".byte 0xf1");
}

/// Null in its four forms, and the one segment there is, in each register that takes them, each followed by a call.
pub fn segments() {
    for selector in [0_u32, 1, 2, 3, 0x1b] {
        // SAFETY: segments mean nothing to a program in long mode; that the kernel thinks so too is what is tested.
        unsafe {
            asm!(
                "mov ds, {0:e}", "mov es, {0:e}", "mov fs, {0:e}", "mov gs, {0:e}", "syscall",
                in(reg) selector,
                inout("rax") Call::Yield as u64 => _,
                out("rdi") _, out("rsi") _, out("rdx") _, out("r8") _, out("r9") _,
                out("r10") _, out("rcx") _, out("r11") _,
            );
        }
        // Through an interrupt as well: a timer's comes while this computes.
        for number in 0..100_000_u32 {
            black_box(number);
        }
    }
}

/// Flags of privilege level and interrupts are what they were.
pub fn privilege() {
    let flags: u64;
    // SAFETY: the flags are put back.
    unsafe {
        asm!(
            "pushfq",
            "mov rax, [rsp]",
            "or rax, 0x3000",
            "and rax, ~0x200",
            "push rax",
            "popfq",
            "pushfq",
            "pop {flags}",
            "popfq",
            flags = out(reg) flags, out("rax") _,
        );
    }
    assert_eq!(flags & 0x3200, 0x200, "a partition has the kernel's privileges");
}

/// A call with a stack pointer that is none, and one with the trap, alignment and direction flags set beforehand.
pub fn odd_call() {
    let number = Call::Yield as u64;
    for stack in [0, HOLE, layout::DIRECT_MAP, layout::KERNEL_BASE, u64::MAX] {
        // SAFETY: the stack pointer is put back before anything uses it; the kernel must not.
        unsafe {
            asm!(
                "mov r15, rsp",
                "mov rsp, {stack}",
                "syscall",
                "mov rsp, r15",
                stack = in(reg) stack,
                inout("rax") number => _,
                out("rdi") _, out("rsi") _, out("rdx") _, out("r8") _, out("r9") _,
                out("r10") _, out("rcx") _, out("r11") _, out("r15") _,
            );
        }
    }
    // SAFETY: direction and alignment flags are put back; nested task and privilege level cannot be changed from here.
    unsafe {
        asm!(
            "pushfq",
            "pushfq",
            "or qword ptr [rsp], 0x47400",
            "popfq",
            "syscall",
            "popfq",
            inout("rax") number => _,
            out("rdi") _, out("rsi") _, out("rdx") _, out("r8") _, out("r9") _,
            out("r10") _, out("rcx") _, out("r11") _,
        );
    }
}

/// Writes a byte of the channel's memory, whatever it means to the other side.
pub fn scribble(address: u64, value: u8) {
    // SAFETY: the address is within the channel's memory, which no reference points to.
    unsafe { core::ptr::with_exposed_provenance_mut::<u8>(address as usize).write_volatile(value) }
}
