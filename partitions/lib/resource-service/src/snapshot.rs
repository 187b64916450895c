//! The copy of the books, and how it follows them.

use crate::authority::{Authority, Failure, read_table};
use crate::memory::Run;
use abi::manifest::{ManifestZone, ZONES};
use abi::message::database::{NodeRecord, ProcessorRecord, RowRecord, Stage, Table};
use abi::message::resource::{ResourceRequest, ResourceStatus, RunRecord, TableQuery};
use alloc::vec::Vec;

/// How often a table that changes while it is read is read again.
const TRIES: u32 = 8;
/// Most records that are kept of a table.
const MOST: usize = 8192;

/// Partitions, processors and free memory as they were after one transaction each.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The transaction after which the partitions were so; `None` while nothing is known.
    generation: Option<u64>,
    /// Up to which transaction processors and free memory are known too.
    resources: Option<u64>,
    partitions: Vec<RowRecord>,
    processors: Vec<ProcessorRecord>,
    nodes: Vec<NodeRecord>,
    zones: Option<Vec<ManifestZone>>,
    free: Vec<Run>,
}

impl Snapshot {
    /// Nothing is known yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            generation: None,
            resources: None,
            partitions: Vec::new(),
            processors: Vec::new(),
            nodes: Vec::new(),
            zones: None,
            free: Vec::new(),
        }
    }

    /// The last transaction that it knows of all of.
    #[must_use]
    pub const fn generation(&self) -> Option<u64> {
        self.generation
    }

    /// The partitions in the order of their ids.
    #[must_use]
    pub fn partitions(&self) -> &[RowRecord] {
        &self.partitions
    }

    /// The partition with this id.
    #[must_use]
    pub fn partition(&self, id: u32) -> Option<&RowRecord> {
        let place = self.partitions.binary_search_by_key(&id, |row| row.id).ok()?;
        self.partitions.get(place)
    }

    /// The processors.
    #[must_use]
    pub fn processors(&self) -> &[ProcessorRecord] {
        &self.processors
    }

    /// Memory by nodes.
    #[must_use]
    pub fn nodes(&self) -> &[NodeRecord] {
        &self.nodes
    }

    /// What the machine offers, and what definitions name.
    #[must_use]
    pub fn zones(&self) -> &[ManifestZone] {
        self.zones.as_deref().unwrap_or_default()
    }

    /// Memory that nobody has, in the order of addresses.
    #[must_use]
    pub fn free(&self) -> &[Run] {
        &self.free
    }

    /// Nothing is known any more.
    pub fn forget(&mut self) {
        *self = Self::new();
    }

    /// Brings it up to date: by what changed where that is known, else by reading all anew.
    ///
    /// # Errors
    /// What the authority answers; `Disagrees` where the books change faster than they can be read.
    pub fn follow(&mut self, authority: &mut impl Authority) -> Result<(), Failure> {
        for _ in 0..TRIES {
            let Some(since) = self.generation else {
                match self.read_partitions(authority) {
                    Ok(()) | Err(Failure::Restarted) => continue,
                    Err(failure) => return Err(failure),
                }
            };
            let read = self.read_changes(authority, since).and_then(|now| {
                if self.resources == Some(now) { Ok(()) } else { self.read_resources(authority) }
            });
            match read {
                Ok(()) => return Ok(()),
                // It knows no more what was then, or is a new one.
                Err(Failure::Refused(ResourceStatus::Disagrees, _) | Failure::Restarted) => {
                    self.forget();
                }
                Err(failure) => {
                    self.forget();
                    return Err(failure);
                }
            }
        }
        Err(Failure::Refused(ResourceStatus::Disagrees, None))
    }

    /// Reads all partitions. What changes meanwhile is what changed since the first answer.
    fn read_partitions(&mut self, authority: &mut impl Authority) -> Result<(), Failure> {
        let mut rows = Vec::new();
        let (request, query) = (ResourceRequest::Snapshot, query(Table::Partitions));
        let (first, _) = read_table(authority, request, query, |row| add(&mut rows, row))?;
        (self.partitions, self.generation) = (rows, Some(first));
        Ok(())
    }

    /// Reads the partitions that changed.
    fn read_changes(&mut self, authority: &mut impl Authority, since: u64) -> Result<u64, Failure> {
        let query = TableQuery { since, ..query(Table::Partitions) };
        let all = &mut self.partitions;
        let request = ResourceRequest::Changes;
        let (now, _) = read_table(authority, request, query, |row| update(all, row))?;
        // Of several answers the first: what changed after it may be missing in the others.
        self.generation = Some(now);
        Ok(now)
    }

    /// Reads processors and free memory, which are small.
    fn read_resources(&mut self, authority: &mut impl Authority) -> Result<(), Failure> {
        let processors = read_whole(authority, Table::Processors, add)?;
        if self.nodes.is_empty() {
            self.nodes = read_whole(authority, Table::Nodes, add)?;
        }
        if self.zones.is_none() {
            let mut zones: Vec<ManifestZone> = read_whole(authority, Table::Zones, add)?;
            zones.truncate(ZONES);
            self.zones = Some(zones);
        }
        let free = read_whole(authority, Table::Free, |all: &mut Vec<Run>, one: RunRecord| {
            let run = Run { start: one.start, count: one.count };
            match all.last_mut().filter(|last| last.end() == run.start) {
                Some(last) => last.count = last.count.saturating_add(run.count),
                None => add(all, run),
            }
        })?;
        (self.processors, self.free) = (processors, free);
        self.resources = self.generation;
        Ok(())
    }
}

/// The whole of a table.
pub fn query(table: Table) -> TableQuery {
    TableQuery { table: table.code().into(), most: 0, from: 0, since: 0 }
}

/// Adds to a list that no manager, whatever it says, makes too long for the memory here.
fn add<T>(all: &mut Vec<T>, one: T) {
    if all.len() < MOST {
        all.push(one);
    }
}

/// Reads a table of which all answers belong to one state.
fn read_whole<T: zerocopy::FromBytes, All: Default>(
    authority: &mut impl Authority,
    table: Table,
    mut each: impl FnMut(&mut All, T),
) -> Result<All, Failure> {
    for _ in 0..TRIES {
        let mut all = All::default();
        let (first, last) =
            read_table(authority, ResourceRequest::Snapshot, query(table), |one| {
                each(&mut all, one);
            })?;
        if first == last {
            return Ok(all);
        }
    }
    Err(Failure::Refused(ResourceStatus::Disagrees, None))
}

/// Puts a row in its place, or takes out one that is gone.
fn update(all: &mut Vec<RowRecord>, row: RowRecord) {
    match all.binary_search_by_key(&row.id, |row| row.id) {
        Ok(place) if row.stage == Stage::Unused.code() => drop(all.remove(place)),
        Ok(place) => {
            if let Some(known) = all.get_mut(place) {
                *known = row;
            }
        }
        Err(_) if row.stage == Stage::Unused.code() => {}
        Err(place) if all.len() < MOST => all.insert(place, row),
        Err(_) => {}
    }
}
