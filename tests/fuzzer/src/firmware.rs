//! What the person asks for.

use rt::System;

/// Name of the file of the firmware's configuration: three numbers, the seed, how many calls, the first round.
const FILE: &str = "opt/bulkhead/fuzz";

/// What a run is to be.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// What everything follows from.
    pub seed: u64,
    /// How many calls.
    pub calls: u64,
    /// The first round.
    pub first: u64,
}

/// Without any wish.
const DEFAULT: Wanted = Wanted { seed: 1, calls: 50_000, first: 0 };

/// What is wanted; a number that is missing is the usual one.
pub fn wanted(system: &System) -> Wanted {
    let [seed, calls, first, _] = assist::firmware::numbers(system, FILE);
    Wanted {
        seed: seed.unwrap_or(DEFAULT.seed),
        calls: calls.unwrap_or(DEFAULT.calls),
        first: first.unwrap_or(DEFAULT.first),
    }
}
