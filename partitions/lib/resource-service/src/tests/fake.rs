//! A resource manager that keeps its books in plain lists.

use crate::{Answer, Authority, Failure};
use abi::image::name_from;
use abi::manifest::ManifestZone;
use abi::message::database::{
    DefinitionRecord, NodeRecord, Pages, Placement, ProcessorRecord, RowRecord, TABLE_END, Table,
};
use abi::message::resource::{
    Index, ResourceRequest, ResourceStatus, RunRecord, TableQuery, TableReply,
};
use std::collections::BTreeMap;
use std::vec::Vec;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Frames of the machine.
pub const FRAMES: u64 = 4096;

/// What a partition like a definition takes beside its heap.
pub const FIXED: u32 = 20;

/// Something that happens.
type Before = Box<dyn FnMut(&mut Fake, ResourceRequest)>;

pub struct Fake {
    pub rows: BTreeMap<u32, RowRecord>,
    pub definitions: Vec<DefinitionRecord>,
    pub processors: u32,
    /// Memory by nodes; processors are of node 0 and 1 in turn where there is a node 1.
    pub nodes: Vec<NodeRecord>,
    pub zones: Vec<ManifestZone>,
    /// Of each frame, whether it is free.
    pub free: Vec<bool>,
    pub generation: u64,
    /// When each partition was last changed.
    pub changed: BTreeMap<u32, u64>,
    /// Changes before this one are forgotten.
    pub known_since: u64,
    /// Bytes of the data area.
    pub room: usize,
    area: Vec<u8>,
    /// What happens before each question.
    pub before: Option<Before>,
    /// Answers so many creations by dying: before the deed, or after it.
    pub deaths: Vec<bool>,
    pub asked: Vec<ResourceRequest>,
}

pub fn definition(index: u32, share: u16) -> DefinitionRecord {
    DefinitionRecord {
        name: name_from("web").expect("short"),
        index,
        flags: 0,
        pages: FIXED + 10,
        heap: 10,
        role: 0,
        processor: 0,
        share,
        contexts: 1,
    }
}

/// Memory of a node, 10 times as far from others as their numbers are.
pub fn node(node: u32, start: u64, count: u64) -> NodeRecord {
    let mut distances = [0; 32];
    for (distance, from) in distances.iter_mut().zip(0_u32..) {
        *distance = 10 + u8::try_from(from.abs_diff(node)).expect("32 nodes") * 5;
    }
    NodeRecord { start, count, node, source: 1, distances }
}

pub fn row(id: u32, definition: u32, start: u32, count: u32) -> RowRecord {
    let mut memory = [Pages::default(); 6];
    memory[0] = Pages { start, count };
    RowRecord {
        id,
        definition,
        stage: 2,
        state: 0,
        processor: 0,
        share: 1,
        contexts: 1,
        starts: 0,
        memory,
    }
}

impl Fake {
    pub fn new() -> Self {
        let mut fake = Self {
            rows: BTreeMap::new(),
            definitions: vec![definition(0, 2), definition(1, 1)],
            processors: 2,
            nodes: vec![node(0, 0, FRAMES)],
            zones: Vec::new(),
            free: vec![true; FRAMES as usize],
            generation: 5,
            changed: BTreeMap::new(),
            known_since: 5,
            room: 16_384,
            area: Vec::new(),
            before: None,
            deaths: Vec::new(),
            asked: Vec::new(),
        };
        fake.put(row(0, 0, 1, 50));
        fake.put(row(1, 1, 60, 4));
        fake
    }

    /// Puts a partition into the books.
    pub fn put(&mut self, row: RowRecord) {
        self.generation += 1;
        for area in row.memory {
            self.set_free(area.start.into(), area.count.into(), false);
        }
        self.changed.insert(row.id, self.generation);
        self.rows.insert(row.id, row);
    }

    /// Takes one out.
    pub fn remove(&mut self, id: u32) {
        let Some(row) = self.rows.remove(&id) else { return };
        self.generation += 1;
        for area in row.memory {
            self.set_free(area.start.into(), area.count.into(), true);
        }
        self.changed.insert(id, self.generation);
    }

    fn set_free(&mut self, start: u64, count: u64, free: bool) {
        self.free[start as usize..(start + count) as usize].fill(free);
    }

    pub fn processors(&self) -> Vec<ProcessorRecord> {
        let taken = |processor: u32| {
            let here = self.rows.values().filter(|row| u32::from(row.processor) == processor);
            here.map(|row| u32::from(row.share)).sum::<u32>()
        };
        let record = |processor| ProcessorRecord {
            processor,
            free: 16_u32.saturating_sub(taken(processor)),
            takers: 0,
            node: (processor % 2 * u32::from(self.nodes.len() > 1)) as u16,
            online: 1,
        };
        (0..self.processors).map(record).collect()
    }

    pub fn free_runs(&self) -> Vec<RunRecord> {
        let mut runs: Vec<RunRecord> = Vec::new();
        for (frame, _) in (0..).zip(&self.free).filter(|(_, free)| **free) {
            match runs.last_mut().filter(|run| run.start + run.count == frame) {
                Some(run) => run.count += 1,
                None => runs.push(RunRecord { start: frame, count: 1, owner: 1, id: 0 }),
            }
        }
        runs
    }

    /// Puts records into the data area, as many as there is room for.
    fn reply<T: IntoBytes + Immutable>(
        &mut self,
        query: TableQuery,
        records: impl Iterator<Item = (u64, T)>,
    ) -> Answer {
        self.area.clear();
        let (mut count, mut next) = (0, TABLE_END);
        for (key, record) in records.filter(|(key, _)| *key >= query.from) {
            let full = self.area.len() + size_of::<T>() > self.room;
            if full || query.most > 0 && count == query.most {
                next = key;
                break;
            }
            self.area.extend_from_slice(record.as_bytes());
            count += 1;
        }
        let size = size_of::<T>() as u32;
        Answer::new(TableReply { generation: self.generation, next, count, size }.as_bytes())
    }

    fn table(&mut self, query: TableQuery) -> Result<Answer, Failure> {
        let table = Table::from_code(query.table as u16);
        match table.expect("a table") {
            Table::Definitions => {
                let all = self.definitions.clone();
                Ok(self.reply(query, (0..).zip(all)))
            }
            Table::Partitions => {
                let all: Vec<_> = self.rows.values().map(|row| (row.id.into(), *row)).collect();
                Ok(self.reply(query, all.into_iter()))
            }
            Table::Processors => {
                let all = self.processors();
                Ok(self.reply(query, (0..).zip(all)))
            }
            Table::Free => {
                let all = self.free_runs();
                Ok(self.reply(query, all.into_iter().map(|run| (run.start, run))))
            }
            Table::Nodes => {
                let all = self.nodes.clone();
                Ok(self.reply(query, (0..).zip(all)))
            }
            Table::Zones => {
                let all = self.zones.clone();
                Ok(self.reply(query, (0..).zip(all)))
            }
            _ => Err(Failure::Nonsense),
        }
    }

    fn changes(&mut self, query: TableQuery) -> Result<Answer, Failure> {
        let known = self.known_since..=self.generation;
        if !known.contains(&query.since) {
            return Err(Failure::Refused(ResourceStatus::Disagrees, None));
        }
        let changed = self.changed.iter().filter(|(_, when)| **when > query.since);
        let gone = |id| RowRecord { stage: 0, ..row(id, 0, 0, 0) };
        let rows = changed.map(|(id, _)| self.rows.get(id).copied().unwrap_or(gone(*id)));
        let rows: Vec<_> = rows.map(|row| (row.id.into(), row)).collect();
        Ok(self.reply(query, rows.into_iter()))
    }

    fn create(&mut self, placement: Placement) -> Result<Answer, Failure> {
        let death = self.deaths.pop();
        if death == Some(false) {
            self.known_since = self.generation;
            return Err(Failure::Restarted);
        }
        let Placement { mut start, count, processor, share, definition, .. } = placement;
        if start == Placement::ANYWHERE {
            let room = self.free_runs().into_iter().find(|run| run.count >= count);
            let room = room.ok_or(Failure::Refused(ResourceStatus::NoMemory, None))?;
            start = room.start;
        }
        let frames = self.free.get(start as usize..(start + count) as usize);
        let here = self.processors()[usize::from(processor)];
        if !frames.is_some_and(|frames| frames.iter().all(|free| *free))
            || here.free < share.into()
            || placement.generation > self.generation
        {
            return Err(Failure::Refused(ResourceStatus::Disagrees, None));
        }
        let id = (0..).find(|id| !self.rows.contains_key(id)).expect("a number");
        let new = row(id, definition, start as u32, FIXED + placement.heap);
        self.put(RowRecord { processor, share, ..new });
        if death.is_some() {
            self.known_since = self.generation;
            return Err(Failure::Restarted);
        }
        Ok(Answer::new(Index { index: id }.as_bytes()))
    }
}

impl Authority for Fake {
    fn ask(&mut self, request: ResourceRequest, body: &[u8]) -> Result<Answer, Failure> {
        self.asked.push(request);
        if let Some(mut before) = self.before.take() {
            before(self, request);
            self.before = Some(before);
        }
        let query = || TableQuery::read_from_bytes(body).expect("a query");
        match request {
            ResourceRequest::Snapshot => self.table(query()),
            ResourceRequest::Changes => self.changes(query()),
            ResourceRequest::CreatePlaced => {
                self.create(Placement::read_from_bytes(body).expect("a placement"))
            }
            _ => Err(Failure::Nonsense),
        }
    }

    fn read_data(&mut self, offset: usize, to: &mut [u8]) -> bool {
        let from = self.area.get(offset..offset + to.len());
        from.map(|from| to.copy_from_slice(from)).is_some()
    }
}
