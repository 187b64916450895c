//! Zones: what the machine offers, what partitions ask for, and whether they can be had together.

use crate::check::{Checked, name, repeated, word};
use crate::diagnostic::{Diagnostic, nearest};
use crate::fields::{Fields, Read};
use crate::manifest::{Located, Manifest, Partition};
use abi::channel::ChannelKind;
use abi::manifest::{ALL_NODES, ManifestZone, NO_PARTITION, ZONES};
use abi::nodes::NODES;
use zone::Rule;

/// Keys of a `[[zone]]`.
pub(crate) const ZONE: [&str; 3] = ["name", "kind", "node"];
/// Keys of a partition that name zones, with their kinds.
pub(crate) const WISHES: [(ChannelKind, &str); 3] = [
    (ChannelKind::Power, "power-zones"),
    (ChannelKind::Memory, "memory-zones"),
    (ChannelKind::Processor, "processor-zones"),
];

/// A zone that the machine offers.
#[derive(Clone, Debug)]
pub struct Zone {
    /// Its name.
    pub name: Located<String>,
    /// Of what: power, memory, processors.
    pub kind: Located<ChannelKind>,
    /// The node whose memory or processors it is; everything where none is said.
    pub node: Option<Located<u32>>,
}

/// A zone that a partition would do with.
#[derive(Clone, Debug)]
pub struct Wish {
    /// Of what.
    pub kind: ChannelKind,
    /// Its name.
    pub name: Located<String>,
}

/// Reads a `[[zone]]`.
pub(crate) fn read(fields: &Fields<'_>) -> Read<Zone> {
    let logical: Vec<_> =
        ChannelKind::ALL.into_iter().filter(|(kind, _)| !Rule::of(*kind).memory).collect();
    let name = fields.required_text("name")?;
    let kind = fields.word("kind", &logical)?.ok_or_else(|| fields.lacks("kind"))?;
    let last = u64::try_from(NODES).unwrap_or(0).saturating_sub(1);
    let node = fields.number("node", 0..=last)?;
    let node = node.map(|node| Located::new(u32::try_from(node.value).unwrap_or(0), node.span));
    Ok(Zone { name, kind, node })
}

/// Reads the zones that a partition asks for.
pub(crate) fn wishes(fields: &Fields<'_>) -> Read<Vec<Wish>> {
    let mut all = Vec::new();
    for (kind, key) in WISHES {
        all.extend(fields.texts(key)?.into_iter().map(|name| Wish { kind, name }));
    }
    Ok(all)
}

/// The rules of zones. Of several that a partition names of a kind one must be offered.
pub(crate) fn check(manifest: &Manifest) -> Checked {
    for zone in &manifest.zones {
        name(&zone.name)?;
        if let (ChannelKind::Power, Some(node)) = (zone.kind.value, &zone.node) {
            return Err(Diagnostic::new(&node.span, "a zone of power is of no node"));
        }
    }
    if let Some((_, second)) =
        repeated(&manifest.zones, |zone| (zone.kind.value, zone.name.value.clone()))
    {
        let kind = word(&ChannelKind::ALL, second.kind.value);
        let message = format!("a second zone of {kind} is named '{}'", second.name.value);
        return Err(Diagnostic::new(&second.name.span, message));
    }
    manifest.partitions.iter().try_for_each(|partition| wished(manifest, partition))?;
    let wishes = manifest.partitions.iter().flat_map(|partition| &partition.wishes);
    match wishes
        .map(|wish| &wish.name)
        .chain(manifest.zones.iter().map(|zone| &zone.name))
        .nth(ZONES)
    {
        None => Ok(()),
        Some(over) => {
            Err(Diagnostic::new(&over.span, format!("zones are named more than {ZONES} times")))
        }
    }
}

fn wished(manifest: &Manifest, partition: &Partition) -> Checked {
    if let Some((_, second)) =
        repeated(&partition.wishes, |wish| (wish.kind, wish.name.value.clone()))
    {
        return Err(Diagnostic::new(&second.name.span, "this zone is named before"));
    }
    for (kind, _) in WISHES {
        let mut wishes = partition.wishes.iter().filter(|wish| wish.kind == kind);
        let offered = || manifest.zones.iter().filter(|zone| zone.kind.value == kind);
        let has = |wish: &Wish| offered().any(|zone| zone.name.value == wish.name.value);
        let Some(first) = wishes.clone().next() else { continue };
        if !wishes.any(has) {
            let kind = word(&ChannelKind::ALL, kind);
            let message =
                format!("no zone of {kind} that '{}' names is offered", partition.name.value);
            let diagnostic = Diagnostic::new(&first.name.span, message);
            let near = nearest(&first.name.value, offered().map(|zone| zone.name.value.as_str()));
            return Err(match near {
                Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
                None => diagnostic.help(format!(
                    "offer it: [[zone]] with `name = \"{}\"`, `kind = \"{kind}\"`",
                    first.name.value
                )),
            });
        }
    }
    Ok(())
}

/// The records of all zones: those offered, then those asked for, of each partition the most wanted first.
pub(crate) fn records(manifest: &Manifest) -> Vec<ManifestZone> {
    let offered = manifest.zones.iter().map(|zone| {
        let node = zone.node.as_ref().map_or(ALL_NODES, |node| node.value);
        record(NO_PARTITION, zone.kind.value, &zone.name.value, node)
    });
    let wished = (0..).zip(&manifest.partitions).flat_map(|(index, partition)| {
        let wishes = partition.wishes.iter();
        wishes.map(move |wish| record(index, wish.kind, &wish.name.value, ALL_NODES))
    });
    offered.chain(wished).collect()
}

#[expect(clippy::as_conversions, reason = "the number of an enum's variant")]
fn record(partition: u32, kind: ChannelKind, name: &str, node: u32) -> ManifestZone {
    let name = abi::image::name_from(name).unwrap_or_default();
    ManifestZone { name, partition, kind: kind as u16, reserved: 0, node }
}
