//! Where the entries of the kernel arrive in Rust, and choose who of core is to act.
#![expect(unsafe_code, reason = "follows pointers that the entry code passes")]

use super::area::Area;
use super::control_register;
use super::crash;
use super::hardware::Hardware;
use super::io_apic;
use super::legacy;
use super::local_apic::vector;
use abi::fault::Reason;
use core::fmt;
use core::ptr::{from_ref, null};
use kernel_core::context::Context;
use kernel_core::{FaultRecord, Next};

const NMI: u64 = 2;
const PAGE_FAULT: u64 = 14;
/// First vector that is no exception.
const FIRST_INTERRUPT: u64 = 32;

/// Registers at an exception in ring 0, as `interrupt::critical` leaves them, by [`Frame::NAMES`].
#[repr(transparent)]
pub struct Frame([u64; Frame::NAMES.len()]);

impl Frame {
    /// Names of the words.
    const NAMES: [&str; 22] = [
        "r15", "r14", "r13", "r12", "r11", "r10", "r9", "r8", "rdi", "rsi", "rbp", "rbx", "rdx",
        "rcx", "rax", "vector", "code", "rip", "cs", "rflags", "rsp", "ss",
    ];

    /// Vector of the exception.
    pub fn vector(&self) -> u64 {
        self.0[15]
    }
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, value)) in Self::NAMES.iter().zip(self.0).enumerate() {
            let end = if index % 4 == 3 { '\n' } else { ' ' };
            write!(f, "{name:>6} {value:016x}{end}")?;
        }
        Ok(())
    }
}

/// What `resume` wants: the context, or null to halt.
fn leave(next: Next<'_>) -> *const Context {
    match next {
        Next::Run(context) => from_ref(context),
        Next::Halt => null(),
    }
}

/// The processor runs its plan for the first time.
pub extern "C" fn begin(area: &'static Area) -> *const Context {
    let hardware = Hardware::get();
    hardware.clock.keep_ticking(hardware.apic);
    leave(kernel_core::nudge(hardware, &area.processor))
}

/// A partition made a call.
pub extern "C" fn system_call(area: &'static Area) -> *const Context {
    // SAFETY: entered from a partition.
    let context = unsafe { area.context() };
    leave(kernel_core::system_call(Hardware::known(), &area.processor, context))
}

/// A partition made the call `call`: mask, deadline and slot of the doorbell are as they were in its registers.
pub extern "C" fn call(area: &'static Area, mask: u64, deadline: u64, slot: u64) -> *const Context {
    // SAFETY: entered from a partition.
    let context = unsafe { area.context() };
    let arguments = [slot, mask, deadline];
    leave(kernel_core::call(Hardware::known(), &area.processor, context, arguments))
}

/// A partition was interrupted or caused an exception.
pub extern "C" fn from_partition(area: &'static Area, vector: u64, code: u64) -> *const Context {
    if vector >= FIRST_INTERRUPT {
        return interrupt(area, vector);
    }
    let address = if vector == PAGE_FAULT { control_register::fault_address() } else { 0 };
    let record = FaultRecord { reason: vector, code, address };
    leave(kernel_core::fault(Hardware::get(), &area.processor, record))
}

/// An interrupt ended the halt of a processor; or the running context could not be restored: it is stopped, and nobody else
/// notices.
pub extern "C" fn from_kernel(area: &'static Area, vector: u64, code: u64) -> *const Context {
    if vector >= FIRST_INTERRUPT {
        return interrupt(area, vector);
    }
    let record = FaultRecord { reason: Reason::Evicted as u64, code, address: vector };
    leave(kernel_core::fault(Hardware::get(), &area.processor, record))
}

fn interrupt(area: &'static Area, number: u64) -> *const Context {
    let (hardware, processor) = (Hardware::get(), &area.processor);
    let apic = hardware.apic;
    leave(match number as u8 {
        vector::TIMER => {
            apic.end();
            hardware.time.tick(&hardware.clock);
            hardware.clock.keep_ticking(apic);
            kernel_core::timer(hardware, processor)
        }
        vector::NUDGE => {
            apic.end();
            kernel_core::nudge(hardware, processor)
        }
        // An interrupt that went away is not ended; core only looks again at what is to run.
        vector::SPURIOUS | legacy::FIRST_VECTOR..io_apic::FIRST_VECTOR => {
            kernel_core::nudge(hardware, processor)
        }
        line => {
            kernel_core::interrupt(hardware, processor, u32::from(line - io_apic::FIRST_VECTOR))
        }
    })
}

/// An exception in ring 0, or one of the three that may strike anywhere. Returns only from an NMI that nobody sent.
pub extern "C" fn critical(frame: &Frame) {
    if frame.vector() != NMI {
        crash::exception(frame);
    }
    if crash::is_stopping() {
        crash::halt();
    }
    super::debug_port::write_urgently(b"kernel: the machine raised an NMI\r\n");
}
