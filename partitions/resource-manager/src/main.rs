//! The resource manager's program: sets the manager up at the first start, then serves for ever.

#![no_std]
#![no_main]

mod native;
mod start;
mod views;

use abi::programs::Return;
use abi::types::Nanoseconds;
use native::Native;
use resource_manager::manager::Machine;
use resource_manager::serve::Desk;
use resource_manager::trouble::Line;
use ring::{Geometry, Words};
use start::TheManager;

rt::bare_entry!(main);

/// Rounds of requests that are served before what is due is looked at.
const ROUNDS: u32 = 16;

fn main(argument: u64) -> ! {
    rt::log::use_debug(abi::control::first_slot::DEBUG);
    let mut machine = Native::new();
    let mut place = None;
    let reason = match start::set_up(&mut machine, Return::from_argument(argument), &mut place) {
        Ok(manager) => serve(manager),
        Err(reason) => reason,
    };
    stop(&mut machine, format_args!("{reason}"))
}

/// Nothing works without the manager: it says why and stops.
fn stop(machine: &mut Native, reason: core::fmt::Arguments<'_>) -> ! {
    let line = Line::new(format_args!("resource-manager: {reason}\n"));
    machine.say(line.bytes());
    rt::sys::exit(abi::fault::Reason::Exit, 1, [0, 0])
}

fn serve(manager: &mut TheManager) -> ! {
    let memory = |address, geometry: Geometry| {
        Words::new(views::channel(address, geometry.length()), geometry)
    };
    let mut desk = Desk::new(manager, memory);
    loop {
        desk.disarm();
        if manager.desk_is_old {
            desk.update(manager, memory);
        }
        // A manager that is to leave takes no more requests: the next one returns them. However many come, what is due is done.
        let mut rounds = 0..ROUNDS;
        while !manager.is_leaving() && desk.serve(manager) && rounds.next().is_some() {}
        let next = manager.watch();
        if manager.is_to_leave() {
            manager.say(format_args!("ends, to be started anew"));
            rt::sys::exit(abi::fault::Reason::Exit, 0, [0, 0]);
        }
        desk.answer_waiting(manager);
        let busy = !manager.is_leaving() && desk.arm();
        let until = if busy { Nanoseconds::NOW } else { Nanoseconds::new(next) };
        manager.rung(rt::sys::wait(u64::MAX, until).unwrap_or(0));
    }
}
