//! Idle: a context on every processor that waits for ever, so that every processor has somebody to halt for.

#![no_std]
#![no_main]

use abi::types::Nanoseconds;

rt::bare_entry!(main);

fn main(_context: u64) -> ! {
    loop {
        // Nothing rings it: the kernel halts the processor until somebody else has work there.
        let _ = rt::sys::wait(0, Nanoseconds::NEVER);
    }
}
