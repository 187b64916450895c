//! Calls that must be refused, by the names they have in the matrix.

mod arguments;
mod capabilities;

use abi::call::Call;
use abi::rights::Kind;
use alloc::vec::Vec;
use assist::{Assistance, Tally};
use rt::sys::{self, Outcome};
use rt::{Client, System};

pub use capabilities::stale;

/// A slot of the attacker's table that holds nothing unless an attempt puts something there.
pub const SPARE: u64 = 250;
/// The next one.
pub const OTHER: u64 = 251;

type Attempt = fn(&mut Tally, &Own);

/// Makes the calls of this name; `None` where there are none.
pub fn make(name: &str) -> Option<Tally> {
    let mut lists = capabilities::ALL.iter().chain(arguments::ALL);
    let (_, attempt) = lists.find(|(own, _)| *own == name)?;
    let mut tally = Tally::default();
    attempt(&mut tally, &Own::find()?);
    Some(tally)
}

/// What the attacker holds.
pub struct Own {
    /// Slots, and the kind of what they hold.
    pub held: Vec<(u64, Kind)>,
    /// Slot of its partition.
    pub partition: u64,
    /// Slot of its context.
    pub context: u64,
}

impl Own {
    /// What the information pages name.
    pub fn find() -> Option<Self> {
        let pages = rt::information::Pages::find()?;
        let mut slots: Vec<u64> = pages.resources().map(|one| one.slot.into()).collect();
        slots.sort_unstable();
        slots.dedup();
        let kind = |slot: u64| {
            let [kind, ..] = call(Call::Inspect, [slot, 0, 0, 0, 0, 0]).ok()?;
            Some((slot, Kind::from_number(kind)?))
        };
        let held: Vec<_> = slots.into_iter().filter_map(kind).collect();
        let of =
            |wanted: Kind| held.iter().find(|(_, kind)| *kind == wanted).map(|(slot, _)| *slot);
        Some(Self { partition: of(Kind::Partition)?, context: of(Kind::Context)?, held })
    }

    /// Slot of the first capability of this kind, 0 for none.
    pub fn slot(&self, wanted: Kind) -> u64 {
        self.held.iter().find(|(_, kind)| *kind == wanted).map_or(0, |(slot, _)| *slot)
    }
}

/// A call by its arguments.
pub fn call(number: Call, arguments: [u64; 6]) -> Outcome {
    sys::raw(number as u64, arguments)
}

/// An operation on the object in a slot.
pub fn control(slot: u64, operation: u64, [a, b, c, d]: [u64; 4]) -> Outcome {
    call(Call::Control, [slot, operation, a, b, c, d])
}

/// Puts what is derived from `source` into a slot.
pub fn put(own: &Own, slot: u64, source: u64, rights: u64, kind: Kind, parameter: u64) -> Outcome {
    let arguments = [slot, source, rights, (kind as u64) << 32 | parameter];
    control(own.partition, abi::control::PartitionOperation::Put as u64, arguments)
}

/// Empties a slot.
pub fn clear(own: &Own, slot: u64) -> Outcome {
    control(own.partition, abi::control::PartitionOperation::Clear as u64, [slot, 0, 0, 0])
}

/// The slot of the doorbell to the victim.
fn doorbell(system: &mut System) -> Option<u64> {
    let victim: Client<Assistance> = system.client("victim")?;
    Some(victim.about(system)?.slot.into())
}
