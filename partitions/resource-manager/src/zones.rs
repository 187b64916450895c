//! Zones of what is made: a partition goes where one of the zones is that its definition names, or nowhere.

use crate::manager::{Machine, Manager};
use crate::trouble::Trouble;
use abi::channel::ChannelKind;
use abi::image::name_text;
use abi::manifest::{ALL_NODES, EVERY_PROCESSOR, ManifestZone};
use abi::message::database::NodeRecord;
use abi::message::resource::{Placement, ResourceStatus};
use abi::types::Frame;
use program_loader::Window;
use resource_db::{Extent, Owner, PartitionRow};
use zone::{Wanted, offers, wanted};

/// Kinds of zones.
const KINDS: [(ChannelKind, &str); 3] = [
    (ChannelKind::Power, "power"),
    (ChannelKind::Memory, "memory"),
    (ChannelKind::Processor, "processor"),
];

impl<M: Machine, W: Window> Manager<'_, M, W> {
    /// Whether a placement is in zones that its definition names.
    #[must_use]
    pub fn in_zones(&self, placement: &Placement) -> bool {
        let definition = placement.definition;
        let made = self.manifest.partitions.get(definition as usize);
        let contexts = made.map_or(1, |made| made.contexts);
        self.missing_zone(definition).is_none()
            && self.processors_in_zone(definition, placement.processor, contexts.into())
            && self.any_zone(definition, ChannelKind::Memory, |node| {
                self.node_memory(node).any(|(start, end)| {
                    let last = placement.start.saturating_add(placement.count);
                    start <= placement.start && last <= end
                })
            })
    }

    /// Room in the zone of memory that a partition wants most and that has some; `None` where it wants none, or one of all memory comes
    /// first.
    fn zone_for(&self, row: &PartitionRow, pages: u64) -> Option<Frame> {
        for zone in self.offers(row.definition, ChannelKind::Memory) {
            if zone.node == ALL_NODES {
                return None;
            }
            let room = self.node_memory(zone.node).find_map(|range| self.room(range, pages));
            if room.is_some() {
                return room.map(Frame::new);
            }
        }
        None
    }

    /// Where memory of a partition goes if nobody decided it: in the zone that it wants most and that has room; if it wants none on the
    /// node nearest to its processor that has room; `None` for wherever there is some.
    ///
    /// # Errors
    /// `NoMemory` where none of its zones has room.
    pub fn place_near(&self, row: &PartitionRow, pages: u64) -> Result<Option<Frame>, Trouble> {
        let mut zones = self.offers(row.definition, ChannelKind::Memory).peekable();
        if zones.peek().is_none() {
            return Ok(self.nearest_room(row, pages));
        }
        let anywhere = zones.any(|zone| zone.node == ALL_NODES);
        let place = self.zone_for(row, pages);
        if place.is_some() || anywhere { Ok(place) } else { Err(ResourceStatus::NoMemory.into()) }
    }

    /// Room on the node nearest to a partition's processor that has some, where there are several nodes.
    fn nearest_room(&self, row: &PartitionRow, pages: u64) -> Option<Frame> {
        if self.facts.nodes() < 2 || row.processor == EVERY_PROCESSOR {
            return None;
        }
        let processor = row.processor.checked_rem(self.facts.processors)?;
        let home = usize::from(self.facts.node_of_processor(processor.into()));
        let distance = |one: &NodeRecord| one.distances.get(home).copied().unwrap_or(u8::MAX);
        let room = |one: NodeRecord| {
            let start = self.room((one.start, one.start.saturating_add(one.count)), pages)?;
            Some((distance(&one), one.node, start))
        };
        let rooms = self.node_records().filter_map(room);
        rooms.min().map(|(.., start)| Frame::new(start))
    }

    /// Refuses to start a partition for the first time that is not in its zones, in words.
    ///
    /// # Errors
    /// `NotAllowed`.
    pub fn check_zones(&mut self, row: &PartitionRow) -> Result<(), Trouble> {
        let asks = row.starts == 0
            && self.manifest.zones.iter().any(|zone| zone.partition == row.definition);
        let outside = if asks { self.outside(row) } else { None };
        let Some(kind) = outside else { return Ok(()) };
        let name = name_text(&row.name);
        self.say(format_args!(
            "{name} stays down: what it has is in none of the zones of {kind} that it names"
        ));
        Err(ResourceStatus::NotAllowed.into())
    }

    /// The kind of zones that a partition names and is in none of.
    fn outside(&self, row: &PartitionRow) -> Option<&'static str> {
        let definition = row.definition;
        if let Some(kind) = self.missing_zone(definition) {
            return Some(kind);
        }
        if !self.processors_in_zone(definition, row.processor, row.contexts) {
            return Some("processor");
        }
        let inside = |extent: Extent| {
            let start = extent.start.raw();
            let end = start.saturating_add(extent.count);
            let holds = |(low, high): (u64, u64)| low <= start && end <= high;
            self.any_zone(definition, ChannelKind::Memory, |node| {
                extent.count == 0 || self.node_memory(node).any(holds)
            })
        };
        if row.extents().into_iter().all(inside) { None } else { Some("memory") }
    }

    /// A kind of which a definition names zones, none of which this machine has.
    fn missing_zone(&self, definition: u32) -> Option<&'static str> {
        let (zones, nodes) = (self.manifest.zones, self.facts.nodes());
        let missing = |kind| wanted(zones, definition, kind, nodes) == Wanted::Missing;
        KINDS.iter().find(|(kind, _)| missing(*kind)).map(|(_, word)| *word)
    }

    fn offers(
        &self,
        definition: u32,
        kind: ChannelKind,
    ) -> impl Iterator<Item = ManifestZone> + Clone {
        offers(self.manifest.zones, definition, kind, self.facts.nodes())
    }

    /// Whether a definition names no zone of a kind, one of the whole machine, or one of a node that will do.
    fn any_zone(&self, definition: u32, kind: ChannelKind, fits: impl Fn(u32) -> bool) -> bool {
        let mut zones = self.offers(definition, kind).peekable();
        zones.peek().is_none() || zones.any(|zone| zone.node == ALL_NODES || fits(zone.node))
    }

    /// Whether so many contexts, the first on a processor and the others on those that follow it, are all in one of the zones that a
    /// definition names, if it names some.
    #[must_use]
    pub fn processors_in_zone(&self, definition: u32, first: u16, contexts: u32) -> bool {
        let all = u32::from(self.facts.processors);
        let follows = |context| u32::from(first).wrapping_add(context).checked_rem(all);
        self.any_zone(definition, ChannelKind::Processor, |node| {
            let inside = |one: u32| u32::from(self.facts.node_of_processor(one)) == node;
            // Those that come behind as many as there are processors are where others are.
            let mut used = (0..contexts.min(all)).map(follows);
            first < self.facts.processors && used.all(|one| one.is_some_and(inside))
        })
    }

    /// First and last frame of the pieces of a node's memory.
    fn node_memory(&self, node: u32) -> impl Iterator<Item = (u64, u64)> {
        let all = self.node_records().filter(move |one| one.node == node);
        all.map(|one| (one.start, one.start.saturating_add(one.count)))
    }

    /// The first free frames in a row in a piece of memory.
    fn room(&self, (start, end): (u64, u64), pages: u64) -> Option<u64> {
        let (mut at, mut free) = (start, start);
        while at < end {
            let (owner, count) = self.books.run(Frame::new(at))?;
            at = at.saturating_add(count);
            if owner != Owner::Available {
                free = at;
            } else if at.min(end).saturating_sub(free) >= pages {
                return Some(free);
            }
        }
        None
    }
}
