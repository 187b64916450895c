//! Zones: a partition that names some goes to the one that it names first of those that the machine has and that have room.

use crate::near::parts;
use crate::place::{Placed, View, Wish, place_in};
use crate::refusal::{Refusal, ZoneKind};
use abi::channel::ChannelKind;
use abi::manifest::{ALL_NODES, ManifestZone};
use abi::message::database::ProcessorRecord;
use alloc::vec::Vec;
use zone::{Wanted, offers, wanted};

/// Decides where a partition goes, within its zones.
pub(crate) fn in_zones(view: View<'_>, wish: &Wish) -> Result<Placed, Refusal> {
    let definition = wish.definition.index;
    let nodes = nodes(view);
    for kind in ZoneKind::ALL {
        if wanted(view.zones, definition, kind.channel(), nodes) == Wanted::Missing {
            return Err(missing(view, definition, kind));
        }
    }
    let zones = |kind| {
        // Nothing asked for is asked of the whole machine.
        let named = offers(view.zones, definition, kind, nodes).map(Some);
        let none = wanted(view.zones, definition, kind, nodes) == Wanted::Nothing;
        named.chain(none.then_some(None))
    };
    let mut first = None;
    for processors in zones(ChannelKind::Processor) {
        for memory in zones(ChannelKind::Memory) {
            match within(view, wish, processors, memory) {
                Ok(placed) => return Ok(placed),
                Err(refusal) => first = first.or(Some(refusal)),
            }
        }
    }
    Err(first.unwrap_or(Refusal::NoProgram))
}

fn nodes(view: View<'_>) -> u32 {
    view.nodes.iter().map(|one| one.node.saturating_add(1)).max().unwrap_or(1)
}

/// That a partition's contexts, the first on a processor and the others on those that follow, are all in none of the zones of
/// processors that a definition names, where it names some.
pub(crate) fn other_zone(
    view: View<'_>,
    definition: u32,
    (first, contexts): (u32, u32),
) -> Option<Refusal> {
    let mut zones = offers(view.zones, definition, ChannelKind::Processor, nodes(view));
    let named = zones.clone().next()?;
    let count = view.processors.len();
    let first = view.processors.iter().position(|one| one.processor == first)?;
    let used = view.processors.iter().cycle().skip(first);
    let used = used.take(usize::try_from(contexts).map_or(count, |all| all.min(count)));
    let outside = |zone: ManifestZone| {
        let mut used = used.clone();
        used.find(|one| zone.node != ALL_NODES && zone.node != one.node.into())
    };
    let processor = u16::try_from(outside(named)?.processor).ok()?;
    zones
        .all(|zone| outside(zone).is_some())
        .then_some(Refusal::OtherZone { zone: named.name, processor })
}

/// That none of the zones of memory that a definition names has so much room, where it names some and none is of all memory.
pub(crate) fn full(view: View<'_>, definition: u32, needed: u64) -> Option<Refusal> {
    let mut zones = offers(view.zones, definition, ChannelKind::Memory, nodes(view));
    let first = zones.clone().next()?;
    let longest = |node| parts(view.nodes, view.free, node).map(|run| run.count).max().unwrap_or(0);
    let (zone, largest) = (first.name, longest(first.node));
    (!zones.any(|zone| zone.node == ALL_NODES)).then_some(Refusal::ZoneFull {
        zone,
        needed,
        largest,
    })
}

/// That a machine has none of the zones of a kind that a definition names.
fn missing(view: View<'_>, definition: u32, kind: ZoneKind) -> Refusal {
    let mut named = view.zones.iter().filter(|one| {
        let number = ChannelKind::ALL.get(usize::from(one.kind)).map(|(kind, _)| *kind);
        one.partition == definition && number == Some(kind.channel())
    });
    Refusal::NoZone { kind, zone: named.next().map(|one| one.name).unwrap_or_default() }
}

/// Decides where a partition goes, its processor in one zone and its memory in another.
fn within(
    view: View<'_>,
    wish: &Wish,
    processors: Option<ManifestZone>,
    memory: Option<ManifestZone>,
) -> Result<Placed, Refusal> {
    let node =
        |zone: Option<ManifestZone>| zone.map(|zone| zone.node).filter(|node| *node != ALL_NODES);
    let (running, free): (Vec<_>, Vec<_>);
    let mut part = view;
    if let Some(node) = node(processors) {
        running = view.processors.iter().map(|one| only(*one, node)).collect();
        part.processors = &running;
    }
    if let Some(node) = node(memory) {
        free = parts(view.nodes, view.free, node).collect();
        part.free = &free;
    }
    let placed = place_in(part, wish);
    let zone = memory.map(|zone| zone.name);
    match placed {
        Ok(placed) if node(memory).is_some() => Ok(Placed { far: None, zone, ..placed }),
        Ok(placed) => Ok(Placed { zone, ..placed }),
        Err(refusal) => {
            Err(in_words(refusal, node(processors).and(processors), node(memory).and(memory)))
        }
    }
}

/// A processor as it looks from a zone of a node: another's runs nobody.
fn only(one: ProcessorRecord, node: u32) -> ProcessorRecord {
    if u32::from(one.node) == node { one } else { ProcessorRecord { online: 0, ..one } }
}

/// What cannot be had in a zone, as such.
fn in_words(
    refusal: Refusal,
    processors: Option<ManifestZone>,
    memory: Option<ManifestZone>,
) -> Refusal {
    match (refusal, processors, memory) {
        (Refusal::NoMemory { needed, largest, .. }, _, Some(zone)) => {
            Refusal::ZoneFull { zone: zone.name, needed, largest }
        }
        (Refusal::NoSlots { share, most, .. }, Some(zone), _) => {
            Refusal::ZoneBusy { zone: zone.name, share, most }
        }
        (Refusal::NoProcessor { processor, .. }, Some(zone), _) => {
            Refusal::OtherZone { zone: zone.name, processor }
        }
        (refusal, ..) => refusal,
    }
}
