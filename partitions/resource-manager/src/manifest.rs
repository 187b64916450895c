//! The compiled manifest, every number of which is checked again.

use abi::channel::{ChannelKind, ENTRY_SIZE, MAX_RING_SHIFT};
use abi::image::{Name, name_text};
use abi::information::Resource;
use abi::layout;
use abi::manifest::{
    GrantKind, Isolation, MANIFEST_MAGIC, MANIFEST_VERSION, ManifestChannel, ManifestGrant,
    ManifestHeader, ManifestPartition, ManifestZone, NO_PARTITION, PartitionFlags, PartitionRole,
};
use abi::types::{MAX_PROCESSORS, PAGE_SIZE};
use core::fmt;
use zerocopy::FromBytes;
use zone::{Already, Breach, Ends, Rule};

/// Fewest nanoseconds between two looks of the processors at each other.
const SHORTEST_WATCH: u64 = 1_000_000;

/// A manifest whose indices and sizes are all in range.
#[derive(Clone, Copy, Debug)]
pub struct Manifest<'a> {
    /// Nanoseconds of a slot.
    pub slot: u64,
    /// Nanoseconds between two looks of the processors at each other, 0: what fits the machine.
    pub watch: u64,
    /// The partitions; the first is the resource manager.
    pub partitions: &'a [ManifestPartition],
    /// The channels.
    pub channels: &'a [ManifestChannel],
    /// The grants.
    pub grants: &'a [ManifestGrant],
    /// What this machine offers, and what partitions ask for.
    pub zones: &'a [ManifestZone],
}

/// What is wrong with a manifest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BadManifest {
    /// Not a manifest, of another version, or cut off.
    Header,
    /// The partition at this index.
    Partition(usize),
    /// The channel at this index.
    Channel(usize),
    /// The grant at this index.
    Grant(usize),
    /// The zone at this index.
    Zone(usize),
}

impl fmt::Display for BadManifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header => write!(f, "the manifest is cut off or of another version"),
            Self::Partition(index) => {
                write!(f, "partition {index} of the manifest is out of range")
            }
            Self::Channel(index) => write!(f, "channel {index} of the manifest is out of range"),
            Self::Grant(index) => write!(f, "grant {index} of the manifest is out of range"),
            Self::Zone(index) => write!(f, "zone {index} of the manifest is out of range"),
        }
    }
}

impl<'a> Manifest<'a> {
    /// Reads and checks a manifest.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, BadManifest> {
        let (header, rest) =
            ManifestHeader::ref_from_prefix(bytes).map_err(|_| BadManifest::Header)?;
        let isolation = Isolation::ALL.iter().any(|(wish, _)| *wish as u64 == header.isolation);
        if (header.magic, header.version) != (MANIFEST_MAGIC, MANIFEST_VERSION) || !isolation {
            return Err(BadManifest::Header);
        }
        let (partitions, rest) = table(rest, header.partitions)?;
        let (channels, rest) = table(rest, header.channels)?;
        let (grants, rest) = table(rest, header.grants)?;
        let (zones, _) = table(rest, header.zones)?;
        let (slot, watch) = (header.slot, header.watch);
        let manifest = Self { slot, watch, partitions, channels, grants, zones };
        manifest.check().map(|()| manifest)
    }

    /// The grants of the partition at this index.
    pub fn grants_of(&self, partition: u32) -> impl Iterator<Item = &'a ManifestGrant> + use<'a> {
        self.grants.iter().filter(move |grant| grant.partition == partition)
    }

    /// Whether there may be the channel at this index, beside those before it.
    fn check_kind(&self, index: usize) -> Result<(), Breach> {
        let (earlier, rest) = self.channels.split_at(index);
        let Some(channel) = rest.first() else { return Ok(()) };
        let role_of =
            |at: u32| self.partitions.get(at as usize).map_or(PartitionRole::Ordinary, role);
        let ends = Ends { client: role_of(channel.client), server: role_of(channel.server) };
        let mut already = Already::default();
        for other in earlier.iter().filter(|other| other.kind == channel.kind) {
            already.of_machine += 1;
            already.of_client += u32::from(other.client == channel.client);
        }
        zone::may_add(kind(channel), ends, already)
    }

    fn check(&self) -> Result<(), BadManifest> {
        let count = self.partitions.len();
        if self.slot == 0 || (1..SHORTEST_WATCH).contains(&self.watch) {
            return Err(BadManifest::Header);
        }
        find(
            self.partitions,
            |partition| partition_fits(partition, count),
            BadManifest::Partition,
        )?;
        find(self.channels, |channel| channel_fits(channel, count), BadManifest::Channel)?;
        find(self.grants, |grant| grant_fits(grant, count), BadManifest::Grant)?;
        find(self.zones, |zone| zone_fits(zone, count), BadManifest::Zone)?;
        match self.partitions.first() {
            Some(first) if first.role == PartitionRole::ResourceManager as u16 => {}
            _ => return Err(BadManifest::Partition(0)),
        }
        let broken = (0..self.channels.len()).find(|index| self.check_kind(*index).is_err());
        broken.map_or(Ok(()), |index| Err(BadManifest::Channel(index)))
    }
}

/// Kind of a channel; the reader has checked that there is one.
#[must_use]
pub fn kind(channel: &ManifestChannel) -> ChannelKind {
    let kind = ChannelKind::ALL.get(usize::from(channel.kind));
    kind.map_or(ChannelKind::Custom, |(kind, _)| *kind)
}

/// Role of a partition; the reader has checked that there is one.
#[must_use]
pub fn role(partition: &ManifestPartition) -> PartitionRole {
    let with = |(role, _): &&(PartitionRole, &str)| *role as u16 == partition.role;
    PartitionRole::ALL.iter().find(with).map_or(PartitionRole::Ordinary, |(role, _)| *role)
}

/// Properties of a partition.
#[must_use]
pub fn flags(partition: &ManifestPartition) -> PartitionFlags {
    PartitionFlags::from_bits_truncate(partition.flags)
}

/// Pages of a ring of a channel.
#[must_use]
pub fn ring_pages(ring_shift: u16) -> u64 {
    let bytes = (ENTRY_SIZE as u64) << u32::from(ring_shift).min(MAX_RING_SHIFT);
    bytes.div_ceil(PAGE_SIZE)
}

/// Pages of a channel: header, two rings, data.
#[must_use]
pub fn channel_pages(channel: &ManifestChannel) -> u64 {
    1 + 2 * ring_pages(channel.ring_shift) + u64::from(channel.data)
}

fn table<T: FromBytes + zerocopy::KnownLayout + zerocopy::Immutable>(
    bytes: &[u8],
    count: u32,
) -> Result<(&[T], &[u8]), BadManifest> {
    <[T]>::ref_from_prefix_with_elems(bytes, count as usize).map_err(|_| BadManifest::Header)
}

fn find<T>(
    items: &[T],
    fits: impl Fn(&T) -> bool,
    bad: impl Fn(usize) -> BadManifest,
) -> Result<(), BadManifest> {
    items.iter().position(|item| !fits(item)).map_or(Ok(()), |index| Err(bad(index)))
}

/// Names are said on the debug port: they must not say more there than letters do.
fn plain(name: &Name) -> bool {
    name_text(name).bytes().all(|letter| letter.is_ascii_graphic())
}

fn partition_fits(partition: &ManifestPartition, count: usize) -> bool {
    let stack = u64::from(partition.stack) * PAGE_SIZE;
    let stacks = u64::from(partition.contexts) * layout::STACK_STRIDE;
    let heap = u64::from(partition.heap) * PAGE_SIZE;
    let lasting = u64::from(partition.lasting) * PAGE_SIZE;
    plain(&partition.name)
        && PartitionRole::ALL.iter().any(|(role, _)| *role as u16 == partition.role)
        && (1..=MAX_PROCESSORS).contains(&partition.contexts)
        && (PAGE_SIZE..layout::STACK_STRIDE).contains(&stack)
        && stacks <= layout::STACK_TOP - layout::STACK_LIMIT
        && heap <= layout::HEAP_END - layout::HEAP
        && lasting <= layout::LASTING_END - layout::LASTING
        && u64::from(partition.clients)
            < layout::INFORMATION_PAGES * PAGE_SIZE / size_of::<Resource>() as u64
        && (partition.rescuer == NO_PARTITION || (partition.rescuer as usize) < count)
}

fn channel_fits(channel: &ManifestChannel, count: usize) -> bool {
    (channel.client as usize) < count
        && (channel.server as usize) < count
        && channel.client != channel.server
        && plain(&channel.client_name)
        && plain(&channel.server_name)
        && u32::from(channel.ring_shift) <= MAX_RING_SHIFT
        && ChannelKind::ALL.iter().any(|(kind, _)| *kind as u16 == channel.kind)
        && channel_pages(channel) * PAGE_SIZE < layout::CHANNELS_END - layout::CHANNELS
}

fn zone_fits(zone: &ManifestZone, count: usize) -> bool {
    let kind = ChannelKind::ALL.get(usize::from(zone.kind));
    kind.is_some_and(|(kind, _)| !Rule::of(*kind).memory)
        && (zone.partition == NO_PARTITION || (zone.partition as usize) < count)
        && plain(&zone.name)
}

fn grant_fits(grant: &ManifestGrant, count: usize) -> bool {
    use GrantKind as G;
    let kinds = [G::Ports, G::Interrupt, G::Device, G::Framebuffer];
    let end = grant.base.checked_add(grant.count);
    (grant.partition as usize) < count
        && kinds.iter().any(|kind| *kind as u32 == grant.kind)
        && end.is_some()
        && (grant.kind != G::Device as u32 || grant.count <= layout::DEVICES_END - layout::DEVICES)
        && (grant.kind != G::Ports as u32 || end <= Some(0x1_0000))
        && (grant.kind != G::Interrupt as u32 || grant.base < 1 << 24)
}
