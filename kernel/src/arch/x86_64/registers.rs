//! Offsets that the entry code uses, and loops of the assembler over registers that lie side by side in a context.

use super::area::{Area, Head};
use core::mem::offset_of;

/// In the area of the processor, which GS leads to.
pub mod area {
    use super::{Area, Head, offset_of};
    /// Address of the area itself.
    pub const THIS: usize = offset_of!(Area, head) + offset_of!(Head, this);
    /// Top of the stack.
    pub const STACK: usize = offset_of!(Area, head) + offset_of!(Head, stack);
    /// The context that runs.
    pub const CONTEXT: usize = offset_of!(Area, head) + offset_of!(Head, context);
    /// A word for the entry of a call.
    pub const SCRATCH: usize = offset_of!(Area, head) + offset_of!(Head, scratch);
    /// Not 0 where SMAP is in force.
    pub const SMAP: usize = offset_of!(Area, head) + offset_of!(Head, smap);
}

/// In the save area of a context, in this order: rax rbx rcx rdx rsi rdi rbp rsp r8 to r15 rip rflags.
pub mod context {
    use kernel_core::context::offset::{self, REGISTERS};
    use kernel_core::context::register;

    /// Of rax and what follows.
    pub const RAX: usize = REGISTERS + 8 * register::RAX;
    /// Of rbx.
    pub const RBX: usize = REGISTERS + 8 * register::RBX;
    /// Of rdx.
    pub const RDX: usize = REGISTERS + 8 * register::RDX;
    /// Of rbp.
    pub const RBP: usize = REGISTERS + 8 * register::RBP;
    /// Of rsp.
    pub const RSP: usize = REGISTERS + 8 * register::RSP;
    /// Of r8.
    pub const R8: usize = REGISTERS + 8 * register::R8;
    /// Of r12.
    pub const R12: usize = REGISTERS + 8 * (register::R8 + 4);
    /// Of rip.
    pub const RIP: usize = REGISTERS + 8 * register::RIP;
    /// Of rflags.
    pub const RFLAGS: usize = REGISTERS + 8 * register::RFLAGS;
    /// Of the word that says how to return.
    pub const FULL: usize = offset::FULL;
}

/// Stores registers from the one on whose offset is the operand `first`, at `base`.
macro_rules! save {
    ($base:literal, $first:literal, $registers:literal) => {
        concat!(
            ".set at, {",
            $first,
            "}\n.irp register, ",
            $registers,
            "\nmov [",
            $base,
            " + at], \\register\n.set at, at + 8\n.endr"
        )
    };
}

/// Loads registers, as [`save`] stores them.
macro_rules! load {
    ($base:literal, $first:literal, $registers:literal) => {
        concat!(
            ".set at, {",
            $first,
            "}\n.irp register, ",
            $registers,
            "\nmov \\register, [",
            $base,
            " + at]\n.set at, at + 8\n.endr"
        )
    };
}

pub(super) use {load, save};
