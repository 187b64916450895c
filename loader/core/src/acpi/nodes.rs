//! Which memory is near to which processors (ACPI 6.5, 5.2.16 and 5.2.17).
//!
//! All of the table of affinities is believed or nothing: half of it would send memory to the wrong side of the machine.

use super::root::Root;
use super::table::{HEADER, Table};
use crate::map::MemoryMap;
use crate::offer::PhysicalMemory;
use abi::boot::{Machine, PROCESSORS};
use abi::nodes::{FAR, NEAR, NODE_RANGES, NODES, NodeRange, NodeSource, Nodes};
use abi::types::{Frame, PAGE_SIZE};
use arrayvec::ArrayVec;

/// Where the records begin: behind a number that is always 1, and 8 reserved bytes.
const RECORDS: u32 = HEADER.saturating_add(12);
/// Where the distances begin, behind the number of domains.
const DISTANCES: u32 = HEADER.saturating_add(8);
/// First revision of the table in which the upper three bytes of a domain mean anything.
const WIDE: u8 = 2;
/// The record holds.
const ENABLED: u32 = 1;
/// Frames of memory that may be of no node: firmware keeps some for itself here and there.
const UNTOLD_FRAMES: u64 = 256;
/// Longest run of records, so that a table of many empty ones costs no time.
const MOST_RECORDS: usize = 4096;

/// Types of records.
mod record {
    pub const LOCAL_APIC: u8 = 0;
    pub const MEMORY: u8 = 1;
    pub const LOCAL_X2APIC: u8 = 2;
}

/// Frames of a domain, which is the firmware's number for a node.
#[derive(Clone, Copy)]
struct Memory {
    start: u64,
    end: u64,
    domain: u32,
}

/// What the records say.
struct Affinity {
    memory: ArrayVec<Memory, NODE_RANGES>,
    /// APIC id and domain of the machine's processors, at their places.
    processors: [Option<u32>; PROCESSORS],
}

/// Reads the nodes of a machine whose processors and memory are known.
pub(super) fn read<M: PhysicalMemory>(
    memory: &M,
    root: Option<&Root>,
    machine: &Machine,
    map: &MemoryMap,
) -> Nodes {
    let table = root.and_then(|root| root.table(memory, *b"SRAT"));
    let Some(table) = table else { return Nodes::one(NodeSource::Untold) };
    match Affinity::read(memory, &table, machine).and_then(|all| all.nodes(machine, map)) {
        Ok((mut nodes, domains)) => {
            if let Some(table) = root.and_then(|root| root.table(memory, *b"SLIT")) {
                distances(memory, &table, &domains, &mut nodes);
            }
            nodes
        }
        Err(why) => Nodes::one(why),
    }
}

impl Affinity {
    fn read<M: PhysicalMemory>(
        memory: &M,
        table: &Table,
        machine: &Machine,
    ) -> Result<Self, NodeSource> {
        let mut all = Self { memory: ArrayVec::new(), processors: [None; PROCESSORS] };
        let [revision] = table.bytes(memory, 8).ok_or(NodeSource::Broken)?;
        let mask = if revision < WIDE { 0xff } else { u32::MAX };
        let mut offset = RECORDS;
        for _ in 0..MOST_RECORDS {
            if offset == table.length() {
                return Ok(all);
            }
            let [kind, length] = table.bytes(memory, offset).ok_or(NodeSource::Broken)?;
            let next = offset.saturating_add(u32::from(length));
            if length < 2 || next > table.length() {
                return Err(NodeSource::Broken);
            }
            let record = Record { table, offset, length };
            match kind {
                record::LOCAL_APIC => all.processor(machine, record.local_apic(memory), mask)?,
                record::LOCAL_X2APIC => all.processor(machine, record.x2apic(memory), mask)?,
                record::MEMORY => all.memory(record.memory(memory)?, mask)?,
                _ => {}
            }
            offset = next;
        }
        Err(NodeSource::Broken)
    }

    /// Notes a processor's domain, where there is this processor.
    fn processor(
        &mut self,
        machine: &Machine,
        said: Option<(u32, u32, u32)>,
        mask: u32,
    ) -> Result<(), NodeSource> {
        let (id, domain, flags) = said.ok_or(NodeSource::Broken)?;
        let count = usize::try_from(machine.processor_count).unwrap_or(0);
        let place = machine.processors.iter().take(count).position(|&known| known == id);
        let place = place.and_then(|place| self.processors.get_mut(place));
        match place.filter(|_| flags & ENABLED != 0) {
            Some(Some(known)) if *known != domain & mask => Err(NodeSource::ProcessorLeftOut),
            Some(place) => {
                *place = Some(domain & mask);
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn memory(&mut self, said: Option<Memory>, mask: u32) -> Result<(), NodeSource> {
        let Some(memory) = said else { return Ok(()) };
        let place = self.memory.iter().take_while(|other| other.start < memory.start).count();
        let memory = Memory { domain: memory.domain & mask, ..memory };
        self.memory.try_insert(place, memory).map_err(|_| NodeSource::TooMany)
    }

    /// The nodes, and the domain of each.
    fn nodes(
        self,
        machine: &Machine,
        map: &MemoryMap,
    ) -> Result<(Nodes, ArrayVec<u32, NODES>), NodeSource> {
        let ranges = self.joined()?;
        if untold(&ranges, map) > UNTOLD_FRAMES {
            return Err(NodeSource::MemoryLeftOut);
        }
        let count = usize::try_from(machine.processor_count).unwrap_or(0);
        let processors = self.processors.get(..count).unwrap_or(&self.processors);
        let mut domains = ArrayVec::<u32, NODES>::new();
        for domain in
            ranges.iter().map(|range| Some(range.domain)).chain(processors.iter().copied())
        {
            add(&mut domains, domain.ok_or(NodeSource::ProcessorLeftOut)?)?;
        }
        let node = |domain| {
            let place = domains.iter().position(|&known| known == domain).unwrap_or(0);
            u8::try_from(place).unwrap_or(0)
        };
        let mut nodes = Nodes::one(NodeSource::Told);
        nodes.count = u32::try_from(domains.len().max(1)).unwrap_or(1);
        for (to, from) in nodes.processors.iter_mut().zip(processors) {
            *to = from.map_or(0, node);
        }
        for (to, from) in nodes.ranges.iter_mut().zip(&ranges) {
            let (start, count) = (Frame::new(from.start), from.end.saturating_sub(from.start));
            *to = NodeRange { start, count, node: node(from.domain).into(), reserved: 0 };
        }
        nodes.range_count = u32::try_from(ranges.len()).unwrap_or(0);
        usual_distances(&mut nodes);
        Ok((nodes, domains))
    }

    /// The memory in the order of addresses; what touches and is of one domain is joined.
    fn joined(&self) -> Result<ArrayVec<Memory, NODE_RANGES>, NodeSource> {
        let mut joined = ArrayVec::<Memory, NODE_RANGES>::new();
        for range in self.memory.iter().filter(|range| range.start < range.end) {
            match joined.last_mut() {
                Some(last) if range.start <= last.end && range.domain == last.domain => {
                    last.end = last.end.max(range.end);
                }
                Some(last) if range.start < last.end => return Err(NodeSource::Overlap),
                _ => joined.push(*range),
            }
        }
        Ok(joined)
    }
}

/// A record within its table.
struct Record<'t> {
    table: &'t Table,
    offset: u32,
    length: u8,
}

impl Record<'_> {
    /// APIC id, domain and flags; the domain's low byte stands apart.
    fn local_apic<M: PhysicalMemory>(&self, memory: &M) -> Option<(u32, u32, u32)> {
        let [low, id] = self.bytes(memory, 2)?;
        let flags = self.u32(memory, 4)?;
        let [first, second, third] = self.bytes(memory, 9)?;
        Some((id.into(), u32::from_le_bytes([low, first, second, third]), flags))
    }

    fn x2apic<M: PhysicalMemory>(&self, memory: &M) -> Option<(u32, u32, u32)> {
        Some((self.u32(memory, 8)?, self.u32(memory, 4)?, self.u32(memory, 12)?))
    }

    /// Whole frames of memory; `None` for a record that does not hold.
    fn memory<M: PhysicalMemory>(&self, memory: &M) -> Result<Option<Memory>, NodeSource> {
        let number = |offset| self.bytes(memory, offset).map(u64::from_le_bytes);
        let read = || Some((self.u32(memory, 2)?, number(8)?, number(16)?, self.u32(memory, 28)?));
        let (domain, start, length, flags) = read().ok_or(NodeSource::Broken)?;
        if flags & ENABLED == 0 || length == 0 {
            return Ok(None);
        }
        let end = start.checked_add(length).ok_or(NodeSource::Broken)?;
        Ok(Some(Memory { start: start.div_ceil(PAGE_SIZE), end: end / PAGE_SIZE, domain }))
    }

    fn bytes<const N: usize, M: PhysicalMemory>(&self, memory: &M, offset: u8) -> Option<[u8; N]> {
        let end = usize::from(offset).checked_add(N)?;
        let offset = self.offset.checked_add(u32::from(offset))?;
        if end <= usize::from(self.length) { self.table.bytes(memory, offset) } else { None }
    }

    fn u32<M: PhysicalMemory>(&self, memory: &M, offset: u8) -> Option<u32> {
        self.bytes(memory, offset).map(u32::from_le_bytes)
    }
}

/// Puts a domain into the list, which ascends.
fn add(domains: &mut ArrayVec<u32, NODES>, domain: u32) -> Result<(), NodeSource> {
    let place = domains.iter().take_while(|&&other| other < domain).count();
    if domains.get(place) == Some(&domain) {
        return Ok(());
    }
    domains.try_insert(place, domain).map_err(|_| NodeSource::TooMany)
}

/// Frames of memory that are of no domain.
fn untold(told: &[Memory], map: &MemoryMap) -> u64 {
    let memory = map.ranges().iter().filter(|range| range.usage.is_memory());
    let missing = memory.map(|range| {
        let covered = told
            .iter()
            .map(|one| one.end.min(range.end).saturating_sub(one.start.max(range.start)));
        let covered = covered.fold(0, u64::saturating_add);
        range.end.saturating_sub(range.start).saturating_sub(covered)
    });
    missing.fold(0, u64::saturating_add)
}

/// What holds where the firmware says nothing of distances.
fn usual_distances(nodes: &mut Nodes) {
    for (at, distance) in nodes.distances.iter_mut().enumerate() {
        let own = at.checked_div(NODES) == at.checked_rem(NODES);
        *distance = if own { NEAR } else { FAR };
    }
}

/// Reads the distances, all of them or none.
fn distances<M: PhysicalMemory>(memory: &M, table: &Table, domains: &[u32], nodes: &mut Nodes) {
    let distance = |from: u32, to: u32| {
        let count = table.u64(memory, HEADER).and_then(|count| u32::try_from(count).ok())?;
        let place =
            from.checked_mul(count)?.checked_add(to).filter(|_| from < count && to < count)?;
        let [distance] = table.bytes(memory, DISTANCES.checked_add(place)?)?;
        let sound = if from == to { distance == NEAR } else { distance > NEAR };
        sound.then_some(distance)
    };
    let mut all = nodes.distances;
    for (row, &from) in all.chunks_mut(NODES).zip(domains) {
        for (to, &domain) in row.iter_mut().zip(domains) {
            match distance(from, domain) {
                Some(distance) => *to = distance,
                None => return,
            }
        }
    }
    nodes.distances = all;
}
