//! Says how the cases went: on the debug port, then with the exit device.

use crate::outcome::Verdict;
use core::fmt::{self, Write};
use rt::capability::{Capability, object};

/// Values that the exit device understands.
const PASSED: u8 = 0x10;
const FAILED: u8 = 0x11;

/// Where lines go, and how many cases there were.
pub struct Report {
    debug: Capability<object::Debug>,
    passed: u32,
    failed: u32,
}

impl Write for Report {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.debug.write(text.as_bytes()).map_err(|_| fmt::Error)
    }
}

impl Report {
    /// Nothing yet.
    pub const fn new(debug: Capability<object::Debug>) -> Self {
        Self { debug, passed: 0, failed: 0 }
    }

    /// A line of its own; the debug port cannot refuse.
    pub fn line(&mut self, text: fmt::Arguments<'_>) {
        let _ = writeln!(self, "{text}");
    }

    /// Counts a case and says how it went.
    pub fn case(&mut self, area: &str, name: &str, verdict: &Verdict) {
        let space = if area.is_empty() { "" } else { ": " };
        match verdict {
            Ok(()) => {
                self.passed += 1;
                self.line(format_args!("ok {area}{space}{name}"));
            }
            Err(trouble) => {
                self.failed += 1;
                self.line(format_args!("FAIL {area}{space}{name}: {}", trouble.text()));
            }
        }
    }

    /// The last line, and the end of the machine.
    pub fn end(&mut self, exit: Capability<object::Ports>, port: u16) {
        let (passed, failed) = (self.passed, self.failed);
        self.line(format_args!("suite: {passed} passed, {failed} failed"));
        let value = if failed == 0 && passed > 0 { PASSED } else { FAILED };
        if let Err(failure) = exit.write(port, value) {
            self.line(format_args!("suite: no exit device: {failure:?}"));
        }
    }
}
