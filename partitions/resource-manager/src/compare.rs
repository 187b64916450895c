//! Kernel against books against manifest: is everything there that was given, and nothing else?

use crate::given::{Given, given};
use crate::manager::{Machine, Manager, SELF};
use crate::manifest::{channel_pages, role};
use crate::snapshot::Sheet;
use crate::space::slot_pages;
use abi::channel::Role;
use abi::control::{ChannelOperation, PartitionOperation, first_slot};
use abi::manifest::{ManifestPartition, PartitionRole};
use abi::message::database::{Difference, DifferenceRecord};
use abi::rights::{Kind, Rights};
use abi::types::{ChannelId, PartitionId, ProcessorId, Slot};
use arrayvec::ArrayVec;
use program_loader::{Calls, Window};
use resource_db::{ChannelRow, Link, PartitionRow, Stage};

/// Partitions that are looked at for one answer.
const PARTITIONS: usize = 16;
/// Differences of a partition that are told.
const TOLD: usize = 8;
/// Bits of the first word of a capability that say what it is: kind and rights.
const WHAT: u64 = 0xffff;
/// The same with the parameter.
const WHAT_AND_WHICH: u64 = 0xffff_ffff_0000_ffff;

/// What was looked at and what was found.
pub struct Findings {
    partition: u32,
    all: ArrayVec<DifferenceRecord, TOLD>,
    channels: u64,
    capabilities: u64,
}

impl Findings {
    /// Nothing yet, about a partition, or a processor where it is about plans.
    #[must_use]
    pub fn of(partition: u32) -> Self {
        Self { partition, all: ArrayVec::new(), channels: 0, capabilities: 0 }
    }

    /// Adds a difference.
    pub fn add(&mut self, kind: Difference, index: u32, [expected, found]: [u64; 2]) {
        let (kind, partition) = (kind.code().into(), self.partition);
        let record = DifferenceRecord { kind, partition, index, reserved: 0, expected, found };
        // More than are told say nothing new.
        let _ = self.all.try_push(record);
    }

    /// Adds what is not equal.
    pub fn equal(&mut self, kind: Difference, index: u32, values: [u64; 2]) {
        if values[0] != values[1] {
            self.add(kind, index, values);
        }
    }
}

impl<M: Machine, W: Window> Manager<'_, M, W> {
    /// Looks at some partitions from a number on, and behind the last of them at the processors; from where on there are more.
    pub fn compare(&mut self, from: usize, sheet: &mut Sheet<'_>) -> Option<u64> {
        let last = self.books.partitions().last().map_or(0, |(id, _)| id.raw() as usize);
        let partitions = self.manifest.partitions.len().max(last + 1);
        let end = partitions + usize::from(self.facts.processors);
        let room =
            (sheet.room(size_of::<DifferenceRecord>()).saturating_sub(1) / TOLD).min(PARTITIONS);
        if room == 0 {
            return Some(from as u64);
        }
        let until = from.saturating_add(room).min(end);
        let (mut channels, mut capabilities) = (0, 0);
        for id in from..until {
            let processor = id.checked_sub(partitions).and_then(|at| u16::try_from(at).ok());
            let findings = match processor {
                Some(processor) => self.compare_plan(ProcessorId::new(processor)),
                None => self.compare_one(PartitionId::new(u32::try_from(id).unwrap_or(u32::MAX))),
            };
            for record in &findings.all {
                sheet.put(record);
            }
            channels += findings.channels;
            capabilities += findings.capabilities;
        }
        let partition = until.min(partitions).saturating_sub(from) as u32;
        let kind = Difference::Checked.code().into();
        let (expected, found) = (channels, capabilities);
        sheet.put(&DifferenceRecord { kind, partition, index: 0, reserved: 0, expected, found });
        (until < end).then_some(until as u64)
    }

    fn compare_one(&mut self, id: PartitionId) -> Findings {
        let partition = id.raw();
        let mut found = Findings::of(partition);
        let of_the_manifest = !self.is_creation(id);
        let Some(row) = self.books.partition(id).copied() else {
            if of_the_manifest {
                found.add(Difference::NoPartition, 0, [0; 2]);
            }
            return found;
        };
        let Ok(definition) = self.definition(&row) else {
            found.add(Difference::Unaccounted, 0, [0; 2]);
            return found;
        };
        if of_the_manifest && (row.definition != id.raw() || row.name != definition.name) {
            found.add(Difference::OtherPartition, 0, [id.raw().into(), row.definition.into()]);
        }
        if !of_the_manifest && role(definition) != PartitionRole::Ordinary {
            found.add(Difference::Unaccounted, 0, [0; 2]);
        }
        // What is being made or taken down is as far as it is.
        if row.stage() == Stage::Made {
            self.compare_memory(&mut found, &row, definition);
            self.compare_objects(&mut found, id, &row);
            self.compare_capabilities(&mut found, id, &row, definition);
            self.compare_channels(&mut found, id);
            self.compare_devices(&mut found, id, &row);
        }
        found
    }

    /// The pages that its definition and its program say.
    fn compare_memory(
        &self,
        found: &mut Findings,
        row: &PartitionRow,
        definition: &ManifestPartition,
    ) {
        if found.partition == SELF.raw() {
            return;
        }
        let stack = u64::from(definition.stack) * u64::from(row.contexts);
        let program = self.program_of(row).map_or(0, |program| program.pages());
        let areas = [
            (1, program, row.program),
            (2, stack, row.stack),
            (4, definition.lasting.into(), row.lasting),
        ];
        for (index, expected, extent) in areas {
            found.equal(Difference::Memory, index, [expected, extent.count]);
        }
    }

    /// What the kernel counts of a partition.
    fn compare_objects(&mut self, found: &mut Findings, id: PartitionId, row: &PartitionRow) {
        let slot = Slot::new(row.partition_slot);
        let state = self.machine.partition(slot, PartitionOperation::State, [0; 4]);
        let Ok([_, _, contexts, pages]) = state else {
            return found.add(Difference::NoObject, 0, [0; 2]);
        };
        if id != SELF {
            found.equal(Difference::Contexts, 0, [row.contexts.into(), contexts]);
            found.equal(Difference::SlotPages, 0, [slot_pages(row), pages]);
        }
    }

    /// Every slot of a partition: what it was given, doorbells of its channels, nothing else.
    fn compare_capabilities(
        &mut self,
        found: &mut Findings,
        id: PartitionId,
        row: &PartitionRow,
        definition: &ManifestPartition,
    ) {
        let mut holds_itself = id == SELF;
        let mut slot = 0_u16;
        for given in given(&self.manifest, row.hardware, definition) {
            slot += 1;
            holds_itself |= matches!(given, Given::OwnPartition | Given::Memory);
            let Some((source, parameter)) = self.source(row, &given) else { continue };
            let what = what(given.kind(), given.rights(), parameter);
            self.compare_capability(found, row, slot, (source, what));
        }
        let fixed = slot;
        let mut after = None;
        while let Some((channel, role, joint)) = self.next_channel(id, after) {
            after = Some(channel);
            let (here, there) = match role {
                Role::Client => (joint.client, joint.server),
                Role::Server => (joint.server, joint.client),
            };
            let Some(peer) = self.books.partition(PartitionId::new(there.partition)) else {
                continue;
            };
            if joint.stage() != Stage::Made || joint.link() != Link::Connected {
                continue;
            }
            let source = Slot::new(peer.context_slot);
            let what = what(Kind::Doorbell, Rights::USE, there.event.into());
            self.compare_capability(found, row, here.slot, (source, what));
        }
        // Who holds itself, or all memory, puts there what it likes.
        if !holds_itself {
            self.find_surplus(found, id, row, fixed);
        }
    }

    fn compare_capability(
        &mut self,
        found: &mut Findings,
        row: &PartitionRow,
        slot: u16,
        (source, expected): (Slot, u64),
    ) {
        found.capabilities += 1;
        let [what, object] = self.look(Slot::new(row.partition_slot), slot);
        let kind = Kind::from_number(expected & 0xff);
        let numbered = matches!(kind, Some(Kind::Doorbell | Kind::Ports | Kind::Interrupt));
        let mask = if numbered { WHAT_AND_WHICH } else { WHAT };
        let values = [expected & mask, what & mask];
        found.equal(Difference::Capability, slot.into(), values);
        let leads = matches!(kind, Some(Kind::Doorbell | Kind::Partition | Kind::Context));
        if leads && values[0] == values[1] {
            let [_, own] = self.look(first_slot::PARTITION, source.raw());
            found.equal(Difference::Object, slot.into(), [own, object]);
        }
    }

    /// Slots behind the fixed ones that hold something and belong to no channel.
    fn find_surplus(
        &mut self,
        found: &mut Findings,
        id: PartitionId,
        row: &PartitionRow,
        fixed: u16,
    ) {
        let end = row.slots.saturating_add(row.clients as u16);
        for slot in fixed + 1..end {
            let [what, _] = self.look(Slot::new(row.partition_slot), slot);
            let own = |(_, role, joint): (ChannelId, Role, &ChannelRow)| {
                let here = if role == Role::Client { joint.client } else { joint.server };
                here.slot == slot
            };
            if what != 0 && !self.channels_of(id).any(own) {
                found.add(Difference::Surplus, slot.into(), [0, what]);
            }
        }
    }

    /// The channels of a client: of the manifest, and as the kernel has them.
    fn compare_channels(&mut self, found: &mut Findings, id: PartitionId) {
        for (index, channel) in (0..).zip(self.manifest.channels) {
            if channel.client != id.raw() {
                continue;
            }
            let Some(row) = self.books.channel(ChannelId::new(index)) else {
                found.add(Difference::NoChannel, index, [0; 2]);
                continue;
            };
            let same = row.client.partition == channel.client
                && row.server.partition == channel.server
                && row.kind == channel.kind
                && row.memory().count == channel_pages(channel);
            if !same {
                found.add(Difference::OtherChannel, index, [0; 2]);
            }
        }
        let mut after = None;
        while let Some((channel, role, row)) = self.next_channel(id, after) {
            after = Some(channel);
            if role == Role::Client && row.stage() == Stage::Made {
                found.channels += 1;
                let state = ChannelOperation::State as u64;
                let state = self.machine.control(Slot::new(row.slot), state, [0; 4]);
                let [_, _, first, count] = state.unwrap_or_default();
                let memory = row.memory();
                let there = if first == memory.start.raw() { count } else { 0 };
                found.equal(Difference::ChannelMemory, channel.raw(), [memory.count, there]);
            }
        }
    }

    /// The two words of a slot of a partition.
    pub fn look(&mut self, partition: Slot, slot: u16) -> [u64; 2] {
        let arguments = [slot.into(), 0, 0, 0];
        let words = self.machine.partition(partition, PartitionOperation::Look, arguments);
        words.map_or([0; 2], |[what, object, ..]| [what, object])
    }
}

/// The first word of a capability.
fn what(kind: Kind, rights: Rights, parameter: u32) -> u64 {
    u64::from(kind as u8) | u64::from(rights.bits()) << 8 | u64::from(parameter) << 32
}
