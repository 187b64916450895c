//! The x86-64 machine. Nearly all unsafe code of the kernel is here, in small modules.

mod area;
mod boot;
mod calibration;
mod clock;
mod control_register;
mod crash;
mod debug_port;
mod dispatch;
mod entry;
mod features;
mod hardware;
mod interrupt;
mod io_apic;
mod isolation;
mod local_apic;
mod memory;
mod mmio;
mod msr;
mod port;
mod processor_state;
mod processors;
mod reference;
mod registers;
mod reset;
mod resume;
mod segments;
mod system_call;
mod tables;
mod time_page;
mod trampoline;
mod vectors;

use core::panic::PanicInfo;

/// The kernel found a mistake of its own.
#[panic_handler]
fn panic(information: &PanicInfo<'_>) -> ! {
    crash::crash(format_args!("{information}"))
}
