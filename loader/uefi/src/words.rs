//! Refusals while the firmware still serves.

use core::fmt::Write;
use loader_core::Refusal;
use loader_machine::console::{Console, Screen, Serial};
use loader_machine::start;

/// Says why on the firmware's console and on the serial port, and halts.
pub fn refuse(refusal: &Refusal) -> ! {
    // A machine whose firmware has no console still has the serial port, or nothing.
    let _ =
        uefi::system::with_stdout(|screen| writeln!(screen, "bulkhead: cannot start: {refusal}\r"));
    start::refuse(&mut Console::new(Serial::find(), Screen::None), refusal)
}
