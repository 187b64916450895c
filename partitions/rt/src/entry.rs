//! How a program starts: macros that name its main type, and the panic handler.

use crate::end::End;
use crate::run::{Partition, Sleep};
use crate::system::System;

pub use crate::cell::Room;

/// Room for the ends of `N` channels.
pub type Ends<const N: usize> = Room<End, N>;

/// Runs a partition for ever. Called by [`crate::entry!`].
pub fn run<P: Partition>(ends: &'static mut [Option<End>]) -> ! {
    let mut system = System::new(ends);
    #[cfg(target_os = "none")]
    crate::heap::start(system.information().map_or(0, |information| information.heap));
    let start = system.start();
    let mut partition = P::started(&mut system, &start);
    system.open_others();
    loop {
        system.turn(&mut partition, Sleep::Allowed);
    }
}

/// What further contexts of a partition do unless they are given something else: nothing, for ever.
pub fn rest(_context: u64) -> ! {
    loop {
        // Nothing can come on an empty mask; a refusal would change nothing.
        let _ = crate::sys::wait(0, crate::Nanoseconds::NEVER);
    }
}

/// The program's start for a [`Partition`]: `entry!(Main)`, or `entry!(Main, channels = 128)` for more than 16 channels.
/// Events and channels are the first context's; further ones run `others`, a `fn(context: u64) -> !`, if it is named.
#[macro_export]
macro_rules! entry {
    ($main:ty) => {
        $crate::entry!($main, channels = 16);
    };
    ($main:ty, channels = $channels:expr) => {
        $crate::entry!($main, channels = $channels, others = $crate::entry::rest);
    };
    ($main:ty, channels = $channels:expr, others = $others:path) => {
        $crate::bare_entry!(__bulkhead_run);

        fn __bulkhead_run(context: u64) -> ! {
            static ENDS: $crate::entry::Ends<{ $channels }> = $crate::entry::Ends::new();
            if context != 0 {
                $others(context);
            }
            $crate::entry::run::<$main>(ENDS.give())
        }
    };
}

/// The program's start for a bare function `fn(context: u64) -> !`, run by every context with its index.
#[cfg(target_os = "none")]
#[macro_export]
macro_rules! bare_entry {
    ($main:path) => {
        #[unsafe(no_mangle)]
        fn __bulkhead_main(context: u64) -> ! {
            $main(context)
        }

        #[unsafe(no_mangle)]
        fn __bulkhead_program() -> &'static str {
            ::core::env!("CARGO_PKG_NAME")
        }
    };
}

/// On the host nothing is started; the type is checked all the same.
#[cfg(not(target_os = "none"))]
#[macro_export]
macro_rules! bare_entry {
    ($main:path) => {
        const _: fn(u64) -> ! = $main;
    };
}

/// A panic ends the partition; its rescuer reads "panic" and the line in the fault record, people the message and who
/// called whom.
#[cfg(target_os = "none")]
#[panic_handler]
fn panicked(information: &core::panic::PanicInfo<'_>) -> ! {
    let callers = crate::backtrace::Here::new();
    crate::log::last_words(format_args!("{information}\n{callers}"));
    let line = information.location().map_or(0, |location| location.line().into());
    crate::sys::exit(abi::fault::Reason::Panic, line, [0; 2])
}
