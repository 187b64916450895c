//! Idle: a context on every processor that waits for ever, so that every processor has somebody to halt for. The first one looks up
//! now and then: see the library.

#![cfg_attr(target_os = "none", no_std, no_main)]

use abi::types::{EventBit, Nanoseconds};
use idle::stranded::Wards;
use idle::{Guard, LOOK, Neglect, Reminder};
use rt::{sys, time};

/// How long those are helped whose processor failed, and how long at a time.
const HELP: [Nanoseconds; 2] = [time::seconds(2), time::milliseconds(5)];

/// How long boot is looked after that has stopped, and how often.
const ATTEND: [Nanoseconds; 2] = [time::seconds(2), time::milliseconds(1)];

rt::bare_entry!(rest);

fn rest(context: u64) -> ! {
    rt::up();
    let wards = Wards::find();
    let (mut looks, mut neglect) = (context == 0, Neglect::default());
    loop {
        let until = if looks { time::after(LOOK) } else { Nanoseconds::NEVER };
        // Until somebody else has work there the kernel halts the processor. It rings where another one failed.
        let events = EventBit::PROCESSOR.mask() | EventBit::FAULT.mask();
        let events = sys::wait(events, until).unwrap_or(0);
        if events & EventBit::PROCESSOR.mask() != 0 {
            looks = true;
            help(context, wards);
        }
        if events & EventBit::FAULT.mask() != 0 {
            attend(context, wards);
        }
        if looks {
            look(context);
            if let Some(guard) = Guard::find() {
                // The kernel rings for the stop.
                let _ = neglect.look(&guard, time::now(), sys::control);
            }
        }
    }
}

/// Boot has stopped: the resource manager is told, and again, for whoever is about to bring boot back may stop as well and boot alone be rung
/// for it; or the manager is dead as well, or dies before it has acted.
fn attend(here: u64, wards: Option<Wards>) {
    let [long, short] = ATTEND;
    let (end, mut reminder) = (time::after(long), Reminder::new(short));
    while Guard::find().is_some_and(|guard| guard.boot_rests(sys::control)) && time::now() < end {
        if let (Some(wards), true) = (wards, reminder.is_due(time::now())) {
            // One that is dead hears nothing.
            let _ = sys::ring(wards.manager_bell());
        }
        if !look(here) {
            let _ = sys::wait(0, time::after(short));
        }
    }
}

/// Starts boot if it and the manager are down, where its program lies now: another version lies elsewhere. Whether it did.
fn look(here: u64) -> bool {
    Guard::find().is_some_and(|guard| guard.look(here, sys::control))
}

/// Brings those back who were on a processor that failed and look after all others.
fn help(here: u64, wards: Option<Wards>) {
    let [long, short] = HELP;
    let end = time::after(long);
    while time::now() < end {
        look(here);
        // Waiting in a call this lends its time.
        let _ = match wards.and_then(|wards| wards.look(here, sys::control)) {
            Some(bell) => sys::call(bell, 0, time::after(short)),
            None => sys::wait(0, time::after(short)),
        };
    }
}

/// On the host it is only compiled.
#[cfg(not(target_os = "none"))]
fn main() {}
