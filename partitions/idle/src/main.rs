//! Idle: a context on every processor that waits for ever, so that every processor has somebody to halt for. The first one looks up
//! now and then: see the library.

#![cfg_attr(target_os = "none", no_std, no_main)]

use abi::types::Nanoseconds;
use idle::{Guard, LOOK};

rt::bare_entry!(rest);

fn rest(context: u64) -> ! {
    let guard = Guard::find().filter(|_| context == 0);
    loop {
        let until = guard.map_or(Nanoseconds::NEVER, |_| rt::time::after(LOOK));
        // Nothing rings it: the kernel halts the processor until somebody else has work there.
        let _ = rt::sys::wait(0, until);
        if let Some(guard) = guard {
            guard.look(rt::sys::control);
        }
    }
}

/// On the host it is only compiled.
#[cfg(not(target_os = "none"))]
fn main() {}
