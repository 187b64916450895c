//! Zones: what machines offer by name, of which partitions name those that will do, the most wanted first.

use abi::channel::ChannelKind;
use abi::manifest::{ALL_NODES, ManifestZone, NO_PARTITION};

/// What is asked of a machine in one respect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// Nothing.
    Nothing,
    /// One of several zones, of which the machine has this one, and prefers it.
    Zone(ManifestZone),
    /// One of several zones, of which the machine has none.
    Missing,
}

/// The zones that a definition names and a machine with so many nodes has, the most wanted first. A zone of a node that there is not is
/// none.
pub fn offers(
    zones: &[ManifestZone],
    definition: u32,
    kind: ChannelKind,
    nodes: u32,
) -> impl Iterator<Item = ManifestZone> + Clone {
    let of = move |who: u32| zones.iter().filter(move |one| one.partition == who && is(one, kind));
    let there = move |one: &&ManifestZone| one.node == ALL_NODES || one.node < nodes;
    of(definition).filter_map(move |wish| {
        of(NO_PARTITION).find(|one| one.name == wish.name).filter(|one| there(one)).copied()
    })
}

/// Which zone of a kind a definition is in on a machine with so many nodes.
#[must_use]
pub fn wanted(zones: &[ManifestZone], definition: u32, kind: ChannelKind, nodes: u32) -> Wanted {
    if !zones.iter().any(|one| one.partition == definition && is(one, kind)) {
        return Wanted::Nothing;
    }
    offers(zones, definition, kind, nodes).next().map_or(Wanted::Missing, Wanted::Zone)
}

fn is(zone: &ManifestZone, kind: ChannelKind) -> bool {
    ChannelKind::ALL.get(usize::from(zone.kind)).is_some_and(|(one, _)| *one == kind)
}
