//! Capabilities that are forged, of the wrong kind, taken away, outdated or too weak.

use super::{Attempt, OTHER, Own, SPARE, call, clear, control, doorbell, put};
use crate::tally::Count;
use abi::call::{Call, Error, PortOperation};
use abi::control::{ContextOperation, InterruptOperation, PartitionOperation, SLOTS_PER_PAGE};
use abi::rights::{Kind, Rights};
use assist::Tally;
use rt::System;

/// Bit of the attacker's own doorbells.
const BIT: u64 = 40;
const ALL_RIGHTS: u64 = Rights::all().bits() as u64;
const USE: u64 = Rights::USE.bits() as u64;
const INSPECT: u64 = Rights::INSPECT.bits() as u64;

/// Calls that take a slot, with arguments that harm nobody, and the kind they want.
const CALLS: [(Call, [u64; 3], Kind); 5] = [
    (Call::Ring, [0; 3], Kind::Doorbell),
    (Call::Call, [0; 3], Kind::Doorbell),
    (Call::Acknowledge, [0; 3], Kind::Interrupt),
    (Call::Port, [0x60, PortOperation::In8 as u64, 0], Kind::Ports),
    (Call::Debug, [1, 0x41, 0], Kind::Debug),
];

pub const ALL: &[(&str, Attempt)] = &[
    ("forged: every slot that holds nothing, with every call", forged),
    ("wrong kind: everything it holds, as everything else", wrong_kind),
    ("revoked: a doorbell that was taken away", revoked),
    ("weakened: a capability without the right", weakened),
    ("strengthened: more rights than the source has", strengthened),
    ("ports, with a capability to eight others", ports),
    ("a line that is not its own", line),
];

/// Every call on every slot of the first page and some behind; the rest of all slots by the call that tells most.
fn forged(tally: &mut Tally, own: &Own) {
    let held = |slot: u64| own.held.iter().any(|(other, _)| *other == slot);
    let beyond = [1 << 16, 1 << 31, 1 << 32 | 1, 1 << 63, u64::MAX];
    for slot in (0..1 << 16).chain(beyond).filter(|slot| !held(*slot)) {
        let none = &[Error::NoCapability];
        tally.refused(call(Call::Inspect, [slot, 0, 0, 0, 0, 0]), none);
        if slot < 2 * u64::from(SLOTS_PER_PAGE) || slot >= (1 << 16) - 16 {
            for (number, [a, b, c], _) in CALLS {
                tally.refused(call(number, [slot, a, b, c, 0, 0]), none);
            }
            for operation in [0, 5, u64::MAX] {
                tally.refused(control(slot, operation, [0; 4]), none);
            }
        }
    }
}

fn wrong_kind(tally: &mut Tally, own: &Own) {
    for &(slot, kind) in &own.held {
        for (number, [a, b, c], wanted) in CALLS {
            if kind != wanted {
                tally.refused(call(number, [slot, a, b, c, 0, 0]), &[Error::WrongKind]);
            }
        }
        for other in [Kind::Memory, Kind::Processor, Kind::Kernel, Kind::Channel, Kind::Partition] {
            if kind != other {
                tally.denied(put(own, SPARE, slot, ALL_RIGHTS, other, 0));
            }
        }
        if kind != Kind::Doorbell {
            let rescuer = PartitionOperation::SetRescuer as u64;
            tally.refused(control(own.partition, rescuer, [slot, 0, 0, 0]), &[Error::WrongKind]);
        }
    }
}

fn revoked(tally: &mut Tally, own: &Own) {
    tally.count(put(own, SPARE, own.context, USE, Kind::Doorbell, BIT).is_ok());
    tally.count(call(Call::Ring, [SPARE, 0, 0, 0, 0, 0]).is_ok());
    tally.count(clear(own, SPARE).is_ok());
    for number in [Call::Ring, Call::Inspect] {
        tally.refused(call(number, [SPARE, 0, 0, 0, 0, 0]), &[Error::NoCapability]);
    }
}

fn weakened(tally: &mut Tally, own: &Own) {
    let kinds = [
        (own.partition, Kind::Partition, PartitionOperation::ALL.len()),
        (own.context, Kind::Context, ContextOperation::ALL.len()),
    ];
    for (source, kind, operations) in kinds {
        tally.count(put(own, SPARE, source, USE, kind, 0).is_ok());
        for operation in 0..operations as u64 {
            tally.refused(control(SPARE, operation, [0; 4]), &[Error::NoRight]);
        }
    }
    tally.count(put(own, SPARE, own.context, INSPECT, Kind::Doorbell, BIT).is_ok());
    for number in [Call::Ring, Call::Call] {
        tally.refused(call(number, [SPARE, 0, 0, 0, 0, 0]), &[Error::NoRight]);
    }
    tally.count(clear(own, SPARE).is_ok());
}

/// A copy of a weak copy is as weak, whatever rights it asks for.
fn strengthened(tally: &mut Tally, own: &Own) {
    for (source, kind) in [(own.partition, Kind::Partition), (own.context, Kind::Context)] {
        tally.count(put(own, SPARE, source, INSPECT, kind, 0).is_ok());
        let copied = put(own, OTHER, SPARE, ALL_RIGHTS, kind, 0);
        let found = call(Call::Inspect, [OTHER, 0, 0, 0, 0, 0]);
        tally.count(copied.is_err() || found.is_ok_and(|[_, rights, ..]| rights == INSPECT));
        tally.refused(control(OTHER, 0, [0; 4]), &[Error::NoRight]);
        for slot in [SPARE, OTHER] {
            tally.count(clear(own, slot).is_ok());
        }
    }
}

fn ports(tally: &mut Tally, own: &Own) {
    let slot = own.slot(Kind::Ports);
    let parameter = call(Call::Inspect, [slot, 0, 0, 0, 0, 0]).map_or(0, |values| values[3]);
    let (base, count) = (parameter & 0xffff, parameter >> 16);
    tally.count(count == 8);
    let ports = (0..1 << 12).chain((1 << 12..1 << 16).step_by(13));
    for port in ports.filter(|port| !(base..base + count).contains(port)) {
        let access = [slot, port, PortOperation::In8 as u64, 0, 0, 0];
        tally.refused(call(Call::Port, access), &[Error::BadArgument]);
    }
    let last = base + count - 1;
    for (port, operation) in [(last, PortOperation::In16), (last - 2, PortOperation::Out32)] {
        tally.refused(
            call(Call::Port, [slot, port, operation as u64, 0, 0, 0]),
            &[Error::BadArgument],
        );
    }
    for wider in [count << 16 | (base - 1), (count + 1) << 16 | base, 0, 1 << 16 | (base + count)] {
        tally.denied(put(own, SPARE, slot, ALL_RIGHTS, Kind::Ports, wider));
    }
}

fn line(tally: &mut Tally, own: &Own) {
    let slot = own.slot(Kind::Interrupt);
    let parameter = call(Call::Inspect, [slot, 0, 0, 0, 0, 0]).map_or(0, |values| values[3]);
    for other in [parameter + 1, 0, u64::from(u32::MAX)] {
        let copied = put(own, SPARE, slot, ALL_RIGHTS, Kind::Interrupt, other);
        let found = call(Call::Inspect, [SPARE, 0, 0, 0, 0, 0]);
        tally.count(copied.is_err() || found.is_ok_and(|values| values[3] == parameter));
        tally.count(clear(own, SPARE).is_ok());
    }
    for operation in [InterruptOperation::Bind, InterruptOperation::Unbind] {
        tally.refused(control(slot, operation as u64, [0; 4]), &[Error::NoRight]);
    }
}

/// Keeps a copy of the doorbell to the victim, or rings the one kept in the victim's last life.
pub fn stale(system: &mut System, ring: bool) -> Option<Tally> {
    let own = Own::find()?;
    let mut tally = Tally::default();
    if ring {
        for number in [Call::Ring, Call::Call, Call::Inspect] {
            tally.refused(call(number, [OTHER, 0, 0, 0, 0, 0]), &[Error::Stale]);
        }
        tally.denied(put(&own, SPARE, OTHER, USE, Kind::Doorbell, 0));
        tally.count(clear(&own, OTHER).is_ok());
    } else {
        let victim = doorbell(system)?;
        tally.count(put(&own, OTHER, victim, ALL_RIGHTS, Kind::Doorbell, 0).is_ok());
        tally.count(call(Call::Ring, [OTHER, 0, 0, 0, 0, 0]).is_ok());
    }
    Some(tally)
}
