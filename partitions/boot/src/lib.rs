//! The boot partition: brings infrastructure back when it stops, the resource manager included.

#![cfg_attr(not(test), no_std)]

pub mod choice;
mod founding;
mod images;
mod manager;
mod note;
mod rescuer;
mod trial;
mod watch;

use abi::fault::Reason;
use manager::ManagerRescue;
pub use rescuer::Rescuer;

/// Code with which an emergency life ends.
const EMERGENCY: u64 = 75;

/// A life that idle began because boot and resource manager were down at once. Nothing that the program ever wrote is looked at, for
/// nobody made it clean: there are the text, the information pages, the images, the note and a stack. It brings the resource manager
/// back, in a version that has proved itself, and ends; the resource manager then starts boot anew as after any other end.
pub fn emergency(_context: u64) -> ! {
    let manager = ManagerRescue::find();
    let mut words = [0; 2];
    if manager.is_down()
        && let Err(refusal) = manager.restart(true)
    {
        // What does not work now is tried again: idle sees both down still. The fault record says why it did not.
        words = [refusal.error as u64, refusal.value];
    }
    rt::sys::exit(Reason::Exit, EMERGENCY, words)
}

#[cfg(test)]
mod tests;
