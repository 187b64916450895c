//! Where the entries of the kernel arrive in Rust, and choose who of core is to act.

use super::area::Area;
use super::control_register;
use super::crash;
use super::hardware::Hardware;
use super::io_apic;
use super::local_apic::vector;
use super::resume::{halt, resume, resume_call};
use abi::fault::Reason;
use core::fmt;
use kernel_core::context::Context;
use kernel_core::{FaultRecord, Here, Next};

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

/// Leaves the kernel.
#[inline(always)]
fn leave(next: Next<'_>) -> ! {
    match next {
        Next::Run(context, value) => resume(0, 0, value, context),
        Next::Halt => halt(),
    }
}

fn here(area: &'static Area) -> Here<'static, Hardware> {
    Here { machine: Hardware::get(), processor: &area.processor }
}

/// The processor runs its plan for the first time.
pub extern "C" fn begin(area: &'static Area) -> ! {
    let hardware = Hardware::get();
    area.processor.enter();
    hardware.clock.keep_ticking(hardware.apic);
    leave(here(area).nudge())
}

/// Where a call arrives: its first three arguments in their registers, and what the entry code adds.
type Caller = &'static Context;
type Place = &'static Area;

/// Defines where a call with its arguments in registers arrives.
macro_rules! quick {
    ($name:ident, $call:ident) => {
        /// A partition made this call.
        #[inline(never)]
        pub extern "C" fn $name(a: u64, b: u64, c: u64, _: u64, caller: Caller, at: Place) -> ! {
            leave(here(at).$call(caller, [a, b, c]))
        }
    };
}

quick!(wait, wait);
quick!(ring, ring_call);
quick!(slow_call, call);
quick!(give_up, give_up);
quick!(acknowledge, acknowledge);

/// A partition made the call `call`.
pub extern "C" fn call(a: u64, b: u64, c: u64, d: u64, caller: Caller, at: Place) -> ! {
    match here(at).call_straight(caller, [a, b, c]) {
        Some((callee, value)) => resume_call(0, 0, value, callee),
        None => slow_call(a, b, c, d, caller, at),
    }
}

/// A partition made any other call; arguments are in the save area.
pub extern "C" fn system_call(_: u64, _: u64, _: u64, _: u64, caller: Caller, at: Place) -> ! {
    leave(here(at).system_call(caller))
}

/// A partition was interrupted or caused an exception.
pub extern "C" fn from_partition(area: &'static Area, vector: u64, code: u64) -> ! {
    if vector >= FIRST_INTERRUPT {
        interrupt(area, vector)
    }
    let address = if vector == PAGE_FAULT { control_register::fault_address() } else { 0 };
    leave(here(area).fault(FaultRecord { reason: vector, code, address }))
}

/// An interrupt ended the halt of a processor; or the running context could not be restored: it is stopped, and nobody else
/// notices.
pub extern "C" fn from_kernel(area: &'static Area, vector: u64, code: u64) -> ! {
    if vector >= FIRST_INTERRUPT {
        interrupt(area, vector)
    }
    leave(here(area).fault(FaultRecord { reason: Reason::Evicted as u64, code, address: vector }))
}

fn interrupt(area: &'static Area, number: u64) -> ! {
    let here = here(area);
    let apic = here.machine.apic;
    leave(match number as u8 {
        line @ io_apic::FIRST_VECTOR..vector::TIMER => {
            here.interrupt(u32::from(line - io_apic::FIRST_VECTOR))
        }
        vector::TIMER => {
            apic.end();
            here.machine.time.tick(&here.machine.clock);
            here.machine.clock.keep_ticking(apic);
            here.timer()
        }
        vector::NUDGE => {
            apic.end();
            here.nudge()
        }
        // An interrupt that went away is not ended; core only looks again at what is to run.
        _ => here.nudge(),
    })
}

/// An exception in ring 0, or one of the three that may strike anywhere. Returns only from an NMI that nobody sent: one that was sent
/// to a processor which failed waits there for its return.
pub extern "C" fn critical(frame: &Frame) {
    if frame.vector() != NMI {
        crash::exception(frame);
    }
    if crash::is_stopping() || Area::has_failed() {
        crash::halt();
    }
    super::debug_port::write_urgently(b"kernel: the machine raised an NMI\r\n");
}
