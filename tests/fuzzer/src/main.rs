//! The call fuzz. One program, two roles: where the manifest gives it the channel "fuzz-none" to ask over it leads, else it
//! makes calls.

#![no_std]
#![no_main]

extern crate alloc;

mod firmware;
mod foreign;
mod lead;
mod work;

use fuzzer::Fuzzing;
use lead::Leader;
use rt::{Client, Partition, Signal, Start, System, Timer};
use work::Fuzzer;

rt::entry!(Main);

/// The partition.
enum Main {
    Leads(Leader),
    Works(Fuzzer),
}

impl Partition for Main {
    fn started(system: &mut System, start: &Start) -> Self {
        let leads: Option<Client<Fuzzing>> = system.client("fuzz-none");
        if leads.is_some() {
            return Self::Leads(Leader::new(system, start));
        }
        let fuzzer = Fuzzer::new(system);
        fuzzer.alone(system);
        Self::Works(fuzzer)
    }

    fn signal(&mut self, system: &mut System, _: Signal) {
        match self {
            Self::Leads(leader) => leader.go_on(system),
            Self::Works(fuzzer) => fuzzer.serve(system),
        }
    }

    fn peer_restarted(&mut self, system: &mut System, _: Signal) {
        if let Self::Leads(leader) = self {
            leader.go_on(system);
        }
    }

    fn deadline(&mut self, system: &mut System, _: Timer) {
        if let Self::Leads(leader) = self {
            leader.look(system);
        }
    }

    fn rescue(&mut self, system: &mut System) {
        if let Self::Leads(leader) = self {
            leader.rescue(system);
        }
    }
}
