//! Prints figures on the debug port, one in each line, for `./bulkhead bench` to read.

use core::fmt::{self, Write};
use rt::System;
use rt::capability::{Capability, object};

/// The debug port.
#[derive(Clone, Copy)]
pub struct Report(Option<Capability<object::Debug>>);

impl Write for Report {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let debug = self.0.ok_or(fmt::Error)?;
        debug.write(text.as_bytes()).map_err(|_| fmt::Error)
    }
}

impl Report {
    /// That of this partition.
    pub fn new(system: &System) -> Self {
        Self(system.debug())
    }

    /// `ticks` for `count` of them, rounded.
    pub fn figure(&mut self, name: &str, ticks: u64, count: u64) {
        let value = (ticks + count / 2).checked_div(count).unwrap_or(0);
        self.line(format_args!("{name} {value} instructions"));
    }

    /// So many of something that is not counted in instructions.
    pub fn counted(&mut self, name: &str, value: u64, unit: &str) {
        self.line(format_args!("{name} {value} {unit}"));
    }

    /// A line of its own. Whoever waits for it notices if there is nobody to print it.
    pub fn line(&mut self, text: fmt::Arguments<'_>) {
        let _ = writeln!(self, "bench: {text}");
    }
}
