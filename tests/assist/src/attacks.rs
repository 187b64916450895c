//! Makes the attacks of the matrix.

use crate::{attempts, instructions, misdeeds, privileged, race};
use assist::attack::{Attack, Deed, Touch};
use assist::{Assistance, Order, Tally};
use rt::{Server, System};

/// Makes an attack. Comes back only from what a partition survives; `None` for what it does not know how to do.
pub fn make(
    attack: &Attack,
    order: &Order,
    system: &mut System,
    suite: Server<Assistance>,
) -> Option<Tally> {
    let nothing = Some(Tally::default());
    match attack.deed {
        Deed::Misdeed(misdeed) => misdeeds::commit(misdeed, system, suite),
        Deed::Touch(Touch::Read, _) => instructions::read(order.target),
        Deed::Touch(Touch::Write, _) => instructions::write(order.target),
        Deed::Touch(Touch::Run, _) => instructions::run(order.target),
        Deed::Instructions => return privileged::instructions(attack.name).and(nothing),
        Deed::Interrupt => privileged::interrupt(order.parameter),
        Deed::Port(port) => privileged::port(port, order.parameter),
        Deed::Ports => privileged::port(port_of(order.parameter), order.parameter),
        Deed::Calls => return attempts::make(attack.name),
        Deed::Stale => return attempts::stale(system, order.target != 0),
        Deed::Race => return race::make(attack.name),
    }
    nothing
}

/// A port in the middle of this KiB, no two of them at the same place.
fn port_of(kib: u32) -> u16 {
    u16::try_from(kib * 1024 + 500 + kib).unwrap_or(u16::MAX)
}
