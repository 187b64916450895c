//! Numbers of a context's saved registers, as [`crate::control::ContextOperation::Register`] counts them: 8 bytes each, in this order.

/// Status of a call.
pub const RAX: usize = 0;
/// Kept by calls.
pub const RBX: usize = 1;
/// Return address of a call for the processor.
pub const RCX: usize = 2;
/// Argument 3, value 0.
pub const RDX: usize = 3;
/// Argument 2, value 1.
pub const RSI: usize = 4;
/// Argument 1, value 2.
pub const RDI: usize = 5;
/// Kept by calls.
pub const RBP: usize = 6;
/// Stack pointer.
pub const RSP: usize = 7;
/// Argument 5, value 3.
pub const R8: usize = 8;
/// Argument 6.
pub const R9: usize = 9;
/// Argument 4.
pub const R10: usize = 10;
/// Instruction pointer.
pub const RIP: usize = 16;
/// Flags.
pub const RFLAGS: usize = 17;
/// Number of saved registers.
pub const COUNT: usize = 18;
