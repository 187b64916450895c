//! A guest, of which there are many, or the host that makes them.

#![no_std]
#![no_main]

mod host;

use abi::types::Nanoseconds;
use hall::{Ask, Greeting};
use rt::protocol::Resources;
use rt::{Client, Partition, Signal, Start, System, Timer, time};

rt::entry!(Guest, channels = 8);

/// Servers.
pub const HALLS: [&str; 4] = ["hall-0", "hall-1", "hall-2", "hall-3"];
/// Time between two greetings.
const PAUSE: Nanoseconds = time::seconds(10);

/// The partition.
struct Guest {
    halls: [Client<Greeting>; HALLS.len()],
}

impl Guest {
    fn greet(&self, system: &mut System) {
        for hall in self.halls {
            // A hall that is not there, or has not answered yet, is greeted the next time.
            let _ = hall.send(system, Ask::Greet, &[]);
        }
        system.after(PAUSE);
    }
}

impl Partition for Guest {
    fn started(system: &mut System, start: &Start) -> Self {
        let halls = HALLS.map(|name| system.client(name).unwrap_or_default());
        let guest = Self { halls };
        let manager: Option<Client<Resources>> = system.client("resource");
        if manager.is_some() {
            host::invite(system, &guest.halls, start.starts);
        } else {
            guest.greet(system);
        }
        guest
    }

    fn signal(&mut self, system: &mut System, signal: Signal) {
        for hall in self.halls {
            while let Some(_answer) = signal.is(hall).then(|| hall.next(system)).flatten() {}
        }
    }

    fn deadline(&mut self, system: &mut System, _: Timer) {
        self.greet(system);
    }
}
