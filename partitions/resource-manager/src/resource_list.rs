//! The records of the information pages.

use crate::given::{Given, given};
use crate::guard::Emergency;
use crate::manager::Facts;
use crate::manifest::Manifest;
use crate::space::device_pages;
use abi::channel::Role;
use abi::information::{Resource, ResourceKind};
use abi::layout;
use abi::manifest::{ManifestGrant, ManifestPartition};
use abi::types::{ChannelId, PAGE_SIZE, PartitionId};
use resource_db::{Books, ChannelRow, Link, PartitionRow, Stage};
use zerocopy::FromZeros;

/// "No event" in a [`Resource`].
pub const NO_EVENT: u8 = 255;

/// Everything a partition was given: fixed things, then channels. `emergency` is told to whom may start the boot partition.
pub fn resources<'a>(
    books: &'a Books<'_>,
    manifest: &Manifest<'a>,
    facts: &'a Facts,
    emergency: Emergency,
    id: PartitionId,
    (row, definition): (&PartitionRow, &ManifestPartition),
) -> impl Iterator<Item = Resource> + use<'a> {
    fixed(manifest, facts, emergency, (row, definition)).chain(channels(books, id))
}

/// What a partition was given beside its channels.
pub fn fixed<'a>(
    manifest: &Manifest<'a>,
    facts: &'a Facts,
    emergency: Emergency,
    (row, definition): (&PartitionRow, &ManifestPartition),
) -> impl Iterator<Item = Resource> + use<'a> {
    let watchdog = manifest.partitions.first().map_or(0, |manager| manager.watchdog);
    let mut places = Places { slot: 0, event: 0, device: layout::DEVICES, emergency, watchdog };
    let fixed = given(manifest, row.hardware, definition);
    fixed.map(move |given| places.resource(&given, facts))
}

/// The channels of which a partition is an end.
fn channels<'a>(books: &'a Books<'_>, id: PartitionId) -> impl Iterator<Item = Resource> + use<'a> {
    let ends = books.ends_of(id, None);
    ends.map(|(channel, role, row)| channel_resource(channel, row, role))
        .filter(|resource| resource.kind != ResourceKind::Vacant as u8)
}

/// The record of a channel at one of its ends: that of nothing where it is not made, or the server has let go of it.
#[must_use]
pub fn channel_resource(id: ChannelId, row: &ChannelRow, role: Role) -> Resource {
    let (here, peer) = match role {
        Role::Client => (&row.client, &row.server),
        Role::Server => (&row.server, &row.client),
    };
    let leaving = row.link() == Link::Leaving;
    let gone = !leaving && row.stage() == Stage::Ending;
    if row.stage() == Stage::Making || role == Role::Server && gone {
        return Resource::new_zeroed();
    }
    Resource {
        name: here.name,
        kind: ResourceKind::Channel as u8,
        role: role as u8,
        event: u8::try_from(here.event).unwrap_or(NO_EVENT),
        ring_shift: u8::try_from(row.ring_shift).unwrap_or(0),
        slot: here.slot,
        channel_kind: row.kind,
        address: here.address,
        length: row.memory().count * PAGE_SIZE,
        epoch: if role == Role::Server && leaving { 0 } else { row.epoch },
        id: id.raw(),
        peer: peer.partition,
        version: row.version,
    }
}

/// The places that fixed things get one after the other.
struct Places {
    slot: u16,
    event: u8,
    device: u64,
    emergency: Emergency,
    watchdog: u32,
}

impl Places {
    fn resource(&mut self, given: &Given<'_>, facts: &Facts) -> Resource {
        self.slot += 1;
        let mut resource = Resource {
            name: given.name(),
            kind: given.resource_kind() as u8,
            role: 0,
            event: NO_EVENT,
            ring_shift: 0,
            slot: self.slot,
            channel_kind: 0,
            address: 0,
            length: 0,
            epoch: 0,
            id: 0,
            peer: 0,
            version: 0,
        };
        match given {
            Given::BootContext => {
                (resource.address, resource.length) = (self.emergency.entry, self.emergency.stack);
            }
            Given::ManagerContext => {
                resource.address = self.emergency.manager.word();
                resource.length = u64::from(self.watchdog) * 1_000_000;
            }
            _ => {}
        }
        if let Given::Grant(grant) = given {
            self.hardware(&mut resource, given.resource_kind(), grant, facts);
        }
        resource
    }

    fn hardware(
        &mut self,
        resource: &mut Resource,
        kind: ResourceKind,
        grant: &ManifestGrant,
        facts: &Facts,
    ) {
        (resource.address, resource.length) = (grant.base, grant.count);
        match kind {
            ResourceKind::Interrupt => {
                resource.address = facts.line(grant).into();
                resource.event = self.event;
                self.event += 1;
            }
            ResourceKind::Device | ResourceKind::Framebuffer => {
                let (base, bytes) = facts.registers(grant).unwrap_or_default();
                (resource.address, resource.length) = (self.device + base % PAGE_SIZE, bytes);
                self.device += (device_pages(base, bytes) + 1) * PAGE_SIZE;
                if kind == ResourceKind::Framebuffer {
                    let shown = facts.boot.machine.framebuffer;
                    (resource.epoch, resource.id) = (shown.width, shown.height);
                    (resource.peer, resource.version) = (shown.pitch, shown.depth);
                }
            }
            _ => {}
        }
    }
}
