//! Capabilities in tables: pages of slots, and what is put into them.

use super::{Request, partition};
use crate::answer::{Answer, NOTHING, Refusal};
use crate::capability::{Capability, SlotWords, lookup, read, slot, write};
use crate::machine::Machine;
use abi::call::Error;
use abi::control::{FrameUse, SLOT_PAGES};
use abi::rights::{ANY_LINE, Kind, Rights};
use abi::types::EventBit;

pub fn add<M: Machine>(request: &Request<'_, M>, index: u64, frame: u64) -> Answer {
    let partition = partition::object(request);
    let frame = request.unused_frame(frame)?;
    if let Some(page) = partition.slot_page(index) {
        return Err(Refusal::with(Error::Occupied, page.raw()));
    }
    if index != partition.slot_pages.get() || index >= u64::from(SLOT_PAGES) {
        return Err(Refusal::argument(3));
    }
    request.take_frame(frame, FrameUse::SlotTable);
    partition.set_slot_page(index, Some(frame));
    partition.slot_pages.add(1);
    Ok(NOTHING)
}

pub fn remove<M: Machine>(request: &Request<'_, M>, index: u64) -> Answer {
    let partition = partition::object(request);
    let frame = partition.slot_page(index).ok_or(Refusal::argument(3))?;
    if index.wrapping_add(1) != partition.slot_pages.get() {
        return Err(Refusal::argument(3));
    }
    // Another processor may be reading the table for a context of the partition; the first page they have noted.
    if partition.lives_beyond(request.machine, (index != 0).then_some(request.processor.id())) {
        return Err(Error::WrongState.into());
    }
    partition.set_slot_page(index, None);
    partition.slot_pages.add(1_u64.wrapping_neg());
    request.free_frame(frame);
    Ok([frame.raw(), 0, 0, 0])
}

/// The slot of the partition that argument 3 names.
fn target<'a, M: Machine>(request: &Request<'a, M>, number: u64) -> Result<&'a SlotWords, Refusal> {
    if number == 0 {
        return Err(Refusal::argument(3));
    }
    slot(request.machine, request.frame(), number).ok_or_else(|| Error::NoCapability.into())
}

pub fn put<M: Machine>(request: &Request<'_, M>) -> Answer {
    let [number, source, rights, what] = request.arguments;
    let slot = target(request, number)?;
    let source = lookup(request.machine, request.caller, source)?;
    let rights =
        u8::try_from(rights).ok().and_then(Rights::from_bits).ok_or(Refusal::argument(5))?;
    let kind = Kind::from_number(what >> 32).ok_or(Refusal::argument(6))?;
    let parameter = u32::try_from(what & 0xffff_ffff).unwrap_or(0);
    let derived = derive(source, kind, parameter)?;
    write(slot, Capability { rights: derived.rights.intersection(rights), ..derived }.pack());
    Ok(NOTHING)
}

/// The capability of `kind` with `parameter` that may be derived from `source`.
fn derive(source: Capability, kind: Kind, parameter: u32) -> Result<Capability, Refusal> {
    let fits = match (source.kind, kind) {
        (Kind::Context, Kind::Doorbell) => {
            u8::try_from(parameter).ok().and_then(EventBit::new).is_some()
        }
        (Kind::Interrupt, Kind::Interrupt) => {
            source.parameter == ANY_LINE || parameter == source.parameter
        }
        (Kind::Ports, Kind::Ports) => covers(source.parameter, parameter),
        (from, to) if from == to => return Ok(source),
        _ => return Err(Error::WrongKind.into()),
    };
    // A doorbell can be rung, and nothing else.
    let most = if kind == Kind::Doorbell { Rights::USE } else { Rights::all() };
    let rights = source.rights.intersection(most);
    if fits {
        Ok(Capability { kind, parameter, rights, ..source })
    } else {
        Err(Refusal::argument(6))
    }
}

/// Whether the ports of one parameter contain those of another.
fn covers(outer: u32, inner: u32) -> bool {
    let ((start, end), (first, last)) = (ports(outer), ports(inner));
    start <= first && last <= end
}

/// First port of a parameter, and one past its last. A count of 0 stands for all ports from 0 on.
pub(crate) fn ports(parameter: u32) -> (u64, u64) {
    let (count, base) = (u64::from(parameter >> 16), u64::from(parameter & 0xffff));
    (base, base.saturating_add(if count == 0 { 0x1_0000 } else { count }))
}

pub fn clear<M: Machine>(request: &Request<'_, M>, number: u64) -> Answer {
    write(target(request, number)?, [0, 0]);
    Ok(NOTHING)
}

pub fn look<M: Machine>(request: &Request<'_, M>, number: u64) -> Answer {
    let [first, second] = read(target(request, number)?);
    Ok([first, second, 0, 0])
}
