//! Instructions that a partition must not be able to use. `rdi` points to memory of the attacker's own; whatever
//! follows the instruction ends the attacker in no other way. `NOTHING` stands where QEMU's emulation, other than a
//! processor, takes the instruction for one that does nothing.

/// Hands lists of `"name": ["assembly", …], [reasons];` to the macro named.
#[macro_export]
macro_rules! instructions {
    ($use:ident) => {
        $use! {
            /// Each instruction that belongs to the kernel.
            PRIVILEGED:
            "cli": ["cli"], [13];
            "sti": ["sti"], [13];
            "hlt": ["hlt"], [13];
            "mov from cr0": ["mov rax, cr0"], [13];
            "mov from cr2": ["mov rax, cr2"], [13];
            "mov from cr3": ["mov rax, cr3"], [13];
            "mov from cr4": ["mov rax, cr4"], [13];
            "mov from cr8": ["mov rax, cr8"], [13];
            "mov to cr0": ["mov cr0, rax"], [13];
            "mov to cr2": ["mov cr2, rax"], [13];
            "mov to cr3": ["mov cr3, rax"], [13];
            "mov to cr4": ["mov cr4, rax"], [13];
            "mov to cr8": ["mov cr8, rax"], [13];
            "clts": ["clts"], [13];
            "lmsw": ["lmsw ax"], [13];
            "smsw": ["smsw rax"], [13];
            "lgdt": ["lgdt [rdi]"], [13];
            "lidt": ["lidt [rdi]"], [13];
            "lldt": ["lldt ax"], [13];
            "ltr": ["ltr ax"], [13];
            "sgdt": ["sgdt [rdi]"], [13];
            "sidt": ["sidt [rdi]"], [13];
            "sldt": ["sldt rax"], [13];
            "str": ["str rax"], [13];
            "mov from dr0": ["mov rax, dr0"], [13];
            "mov from dr6": ["mov rax, dr6"], [13];
            "mov from dr7": ["mov rax, dr7"], [13];
            "mov to dr0": ["mov dr0, rdi"], [13];
            "mov to dr6": ["mov dr6, rax"], [13];
            "mov to dr7": ["mov eax, 0x3ff", "mov dr7, rax"], [13];
            "rdmsr of the features": ["mov ecx, 0xc0000080", "rdmsr"], [13];
            "rdmsr of the entry": ["mov ecx, 0xc0000082", "rdmsr"], [13];
            "wrmsr of the features": ["mov ecx, 0xc0000080", "wrmsr"], [13];
            "wrmsr of the entry": ["mov ecx, 0xc0000082", "wrmsr"], [13];
            "wrmsr of the kernel's gs": ["mov ecx, 0xc0000102", "wrmsr"], [13];
            "wrmsr of the local APIC": ["mov ecx, 0x1b", "wrmsr"], [13];
            "wrmsr of the APIC's interrupts": ["mov ecx, 0x830", "mov eax, 0xc4500", "wrmsr"], [13];
            "rdpmc": ["xor ecx, ecx", "rdpmc"], [13];
            "xgetbv": ["xor ecx, ecx", "xgetbv"], [6];
            "xsetbv": ["xor ecx, ecx", "mov eax, 7", "xsetbv"], [6, 13];
            "invlpg": ["invlpg [rdi]"], [13];
            "invpcid": ["mov eax, 2", "invpcid rax, [rdi]"], [6, 13];
            "invd": ["invd"], [13, NOTHING];
            "wbinvd": ["wbinvd"], [13, NOTHING];
            "swapgs": ["swapgs"], [13];
            "rdfsbase": ["rdfsbase rax"], [6];
            "rdgsbase": ["rdgsbase rax"], [6];
            "wrfsbase": ["wrfsbase rdi"], [6];
            "wrgsbase": ["wrgsbase rdi"], [6];
            "sysretq": ["lea rcx, [rip]", "sysretq"], [13];
            "sysexitq": ["sysexitq"], [6, 13];
            "sysenter": ["sysenter"], [6, 13];
            "rsm": ["rsm"], [6, 13];
            "monitor": ["mov rax, rdi", "xor ecx, ecx", "xor edx, edx", "monitor"], [6];
            "mwait": ["xor ecx, ecx", "xor eax, eax", "mwait"], [6];
            "clac": ["clac"], [6];
            "stac": ["stac"], [6];
            "rdpkru": ["xor ecx, ecx", "rdpkru"], [6];
            "wrpkru": ["xor ecx, ecx", "xor edx, edx", "xor eax, eax", "wrpkru"], [6];
            "vmxon": ["vmxon [rdi]"], [6, 13, NOTHING];
            "vmcall": ["vmcall"], [6, 13];
            "vmlaunch": ["vmlaunch"], [6, 13];
            "vmrun": ["mov rax, rdi", "vmrun"], [6, 13];
            "vmload": ["mov rax, rdi", "vmload"], [6, 13];
            "vmsave": ["mov rax, rdi", "vmsave"], [6, 13];
            "vmmcall": ["vmmcall"], [6, 13];
            "clgi": ["clgi"], [6, 13];
            "stgi": ["stgi"], [6, 13];
            "skinit": ["skinit"], [6, 13];
            "invlpga": ["mov rax, rdi", "xor ecx, ecx", "invlpga"], [6, 13];
            "getsec": ["xor eax, eax", "getsec"], [6, 13];
            "encls": ["xor eax, eax", "encls"], [6, 13];
            "fninit": ["fninit"], [7];
            "fwait": ["fwait"], [7];
            "fxsave": ["fxsave [rdi]"], [6, 7];
            "ldmxcsr": ["ldmxcsr [rdi]"], [6, 7];
            "an instruction of MMX": ["emms"], [6, 7, NOTHING];
            "an instruction of SSE": ["xorps xmm0, xmm0"], [6, 7];
            "an instruction of AVX": ["vxorps ymm0, ymm0, ymm0"], [6, 7];
            "an instruction of AVX-512": ["vpxord zmm0, zmm0, zmm0"], [6, 7];
            "xsave": ["xor edx, edx", "mov eax, 7", "xsave [rdi]"], [6, 7];
            "xrstor": ["xor edx, edx", "mov eax, 7", "xrstor [rdi]"], [6, 7];
            "xsaves": ["xsaves [rdi]"], [6, 7, NOTHING];
        }
        $use! {
            /// Flags, frames and segments that would lift a partition above itself.
            TRICKS:
            "the trap flag": ["pushfq", "or qword ptr [rsp], 0x100", "popfq", "nop"], [1];
            "the trap flag over a call of the kernel":
                ["mov eax, 3", "pushfq", "or qword ptr [rsp], 0x100", "popfq", "syscall", "nop"], [1];
            "the trap flag over a load of the stack segment and a call":
                ["mov edx, 0x1b", "mov eax, 3", "pushfq", "or qword ptr [rsp], 0x100", "popfq", "mov ss, edx", "syscall", "nop"], [1];
            "the trap flag over an interrupt that is refused":
                ["pushfq", "or qword ptr [rsp], 0x100", "popfq", "int 0x80"], [1, 13];
            "the trap flag from an iret frame":
                ["mov rdx, rsp", "push 0x1b", "push rdx", "push 0x102", "push 0x23", "lea rax, [rip + 2f]", "push rax", "iretq", "2:", "nop", "nop"], [1];
            "the one-byte debug trap": [".byte 0xf1"], [1];
            "an interrupt frame into the kernel's code":
                ["mov rdx, rsp", "push 0x10", "push rdx", "push 2", "push 0x08", "lea rax, [rip + 2f]", "push rax", "iretq", "2:", "ud2"], [13];
            "an interrupt frame with the kernel's stack segment":
                ["mov rdx, rsp", "push 0x10", "push rdx", "push 2", "push 0x23", "lea rax, [rip + 2f]", "push rax", "iretq", "2:", "ud2"], [13];
            "an interrupt frame to an address that is none":
                ["mov rdx, rsp", "push 0x1b", "push rdx", "push 2", "push 0x23", "mov rax, 0x800000000000", "push rax", "iretq"], [13];
            "an interrupt frame with the flag of nested tasks":
                ["pushfq", "or qword ptr [rsp], 0x4000", "popfq", "mov rdx, rsp", "push 0x1b", "push rdx", "push 2", "push 0x23", "lea rax, [rip + 2f]", "push rax", "iretq", "2:", "ud2"], [13];
            "a far return into the kernel's code": ["push 8", "lea rax, [rip]", "push rax", "retfq"], [13];
            "a far return to the task state": ["push 0x28", "lea rax, [rip]", "push rax", "retfq"], [13];
            "a far return to a segment that is none": ["push 0xfff8", "lea rax, [rip]", "push rax", "retfq"], [13];
            "the kernel's data as stack segment": ["mov eax, 0x10", "mov ss, eax"], [13];
            "code as stack segment": ["mov eax, 0x23", "mov ss, eax"], [13];
            "the task state as data segment": ["mov eax, 0x2b", "mov ds, eax"], [13];
            "a local table's segment": ["mov eax, 0x0f", "mov gs, eax"], [13];
            "a stack pointer that is no address": ["mov rsp, 0x800000001000", "push rax"], [12, 13];
            "the kernel's memory as stack": ["mov rsp, 0xffff800000100000", "push rax"], [14];
            "a fault with a stack pointer that is no address": ["mov rsp, 0x800000000000", "ud2"], [6];
            "a fault with the kernel's memory as stack": ["mov rsp, 0xffffffff80001000", "ud2"], [6];
            "a fault with every flag set": ["pushfq", "or qword ptr [rsp], 0x247cd5", "popfq", "ud2"], [6];
            "a jump to an address that is none": ["mov rax, 0x800000000000", "jmp rax"], [13];
            "a jump to the last byte a partition may map": ["mov rax, 0x7fffffffefff", "jmp rax"], [14];
            "a call at the end of the lower half": ["mov rax, 0x7ffffffffffe", "jmp rax"], [14];
        }
    };
}
