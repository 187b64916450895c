//! Says as many numbered lines as fast as it can, each time it is started: where it has no console, on the debug port.

#![no_std]
#![no_main]

use abi::image::name_text;
use rt::{Partition, Signal, Start, System};

rt::entry!(Crier);

/// Lines of a life.
const LINES: u32 = 1_500;
/// What makes them longer than the port's buffer, more than once.
const TEXT: &str = "hear ye, hear ye, all is well";

struct Crier;

impl Partition for Crier {
    fn started(system: &mut System, _: &Start) -> Self {
        let name = system.information().map(|information| information.name).unwrap_or_default();
        for number in 1..=LINES {
            rt::log!("<{} {number} {TEXT}>", name_text(&name));
        }
        Self
    }

    fn signal(&mut self, _: &mut System, _: Signal) {}
}
