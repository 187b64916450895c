//! From a checked manifest to the records that the resource manager reads.

use crate::manifest::{Channel, Grant, Manifest, Partition};
use crate::zones;
use abi::image::{Name, name_from};
use abi::manifest::{
    EVERY_PROCESSOR, MANAGER_CHANNELS, MANIFEST_MAGIC, MANIFEST_VERSION, ManifestChannel,
    ManifestGrant, ManifestHeader, ManifestPartition, NO_PARTITION, PartitionFlags, PartitionRole,
};
use zerocopy::{Immutable, IntoBytes};

/// Clients that may join a server of which nothing is said.
const DEFAULT_CLIENTS: u32 = 64;

/// The compiled manifest: header, partitions, channels, grants, zones.
#[must_use]
pub fn compile(manifest: &Manifest) -> Vec<u8> {
    let partitions: Vec<_> = manifest.partitions.iter().map(|p| partition(manifest, p)).collect();
    let channels: Vec<_> = manifest.channels.iter().map(|c| channel(manifest, c)).collect();
    let owned = |(owner, partition): (u32, &Partition)| {
        partition.grants.iter().map(|entry| grant(owner, entry)).collect::<Vec<_>>()
    };
    let grants: Vec<_> = (0..).zip(&manifest.partitions).flat_map(owned).collect();
    let zones = zones::records(manifest);
    let header = ManifestHeader {
        magic: MANIFEST_MAGIC,
        version: MANIFEST_VERSION,
        partitions: count(&partitions),
        channels: count(&channels),
        grants: count(&grants),
        slot: manifest.slot,
        isolation: manifest.isolation as u64,
        watch: manifest.watch,
        zones: count(&zones),
        reserved: 0,
    };
    let tables = [&bytes(&partitions), &bytes(&channels), &bytes(&grants), &bytes(&zones)];
    [header.as_bytes(), &tables.map(Vec::as_slice).concat()].concat()
}

fn bytes<T: IntoBytes + Immutable>(records: &[T]) -> Vec<u8> {
    records.iter().flat_map(|record| record.as_bytes().to_vec()).collect()
}

fn count<T>(records: &[T]) -> u32 {
    u32::try_from(records.len()).unwrap_or(u32::MAX)
}

/// A name whose length was checked.
fn name(text: &str) -> Name {
    name_from(text).unwrap_or_default()
}

/// The number of a partition whose existence was checked.
fn index(manifest: &Manifest, name: &str) -> u32 {
    let index = manifest.index_of(name).and_then(|index| u32::try_from(index).ok());
    index.unwrap_or(NO_PARTITION)
}

#[expect(clippy::as_conversions, reason = "the number of an enum's variant")]
fn partition(manifest: &Manifest, partition: &Partition) -> ManifestPartition {
    ManifestPartition {
        name: name(&partition.name.value),
        program: name(&partition.program.value),
        role: partition.role.value as u16,
        processor: partition.processor.unwrap_or(EVERY_PROCESSOR),
        share: partition.share.value,
        contexts: partition.contexts,
        flags: partition.flags.bits(),
        rescuer: partition.rescuer.as_ref().map_or(NO_PARTITION, |r| index(manifest, &r.value)),
        restarts: partition.restarts,
        backoff: partition.backoff,
        proof: partition.proof,
        stack: partition.stack,
        heap: partition.heap,
        lasting: partition.lasting,
        watchdog: partition.watchdog,
        doorbells: partition.doorbells,
        group: group(manifest, partition),
        clients: clients(manifest, partition),
        version: partition.version,
        up_within: partition.up_within,
    }
}

/// Clients that may join a partition: as many as is said; else some, where the image can make partitions that would.
pub(crate) fn clients(manifest: &Manifest, partition: &Partition) -> u32 {
    if let Some(clients) = &partition.clients {
        return clients.value;
    }
    let name = &partition.name.value;
    let creates =
        manifest.partitions.iter().any(|other| other.flags.contains(PartitionFlags::CREATOR));
    if !creates || !manifest.joining(name).any(|_| true) {
        return 0;
    }
    match partition.role.value {
        PartitionRole::ResourceManager => {
            let there = manifest.channels.iter().filter(|channel| channel.server.value == *name);
            count(&[(); MANAGER_CHANNELS]).saturating_sub(count(&there.collect::<Vec<_>>()))
        }
        _ => DEFAULT_CLIENTS,
    }
}

/// A group is numbered by its first member, from 1; 0 stands for none.
fn group(manifest: &Manifest, partition: &Partition) -> u32 {
    let name = |partition: &Partition| Some(partition.group.as_ref()?.value.clone());
    let Some(own) = name(partition) else { return 0 };
    let first = manifest.partitions.iter().position(|other| name(other).as_ref() == Some(&own));
    first.and_then(|first| u32::try_from(first).ok()?.checked_add(1)).unwrap_or(0)
}

#[expect(clippy::as_conversions, reason = "the number of an enum's variant")]
fn channel(manifest: &Manifest, channel: &Channel) -> ManifestChannel {
    ManifestChannel {
        client_name: name(&channel.client_name.value),
        server_name: name(&channel.server_name.value),
        client: index(manifest, &channel.client.value),
        server: index(manifest, &channel.server.value),
        kind: channel.kind.value as u16,
        ring_shift: channel.ring_shift,
        data: channel.data,
        speaks: [0, 1].map(|end: usize| channel.speaks[end].value.bits()),
    }
}

#[expect(clippy::as_conversions, reason = "the number of an enum's variant")]
fn grant(owner: u32, grant: &Grant) -> ManifestGrant {
    ManifestGrant {
        name: name(&grant.name.value),
        partition: owner,
        kind: grant.kind as u32,
        base: grant.base.value,
        count: grant.count,
    }
}
