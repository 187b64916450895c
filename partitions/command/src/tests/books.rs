//! What the resource manager tells in bulk.

use abi::image::name_from;
use abi::manifest::ManifestZone;
use abi::message::database::{
    DefinitionRecord, DeviceRecord, DifferenceRecord, MemoryOwner, NodeRecord, Pages,
    ProcessorRecord, RowRecord, TABLE_END, Table,
};
use abi::message::resource::{
    ChannelRecord, PartitionRecord, ResourceRequest, RunRecord, TableQuery, TableReply,
};
use zerocopy::{Immutable, IntoBytes};

/// The books of two processors and 16 MiB.
pub struct Books {
    /// Free slots of each processor.
    pub free_slots: [u32; 2],
    pub runs: Vec<RunRecord>,
    /// Memory by nodes; processor 1 is of the last one.
    pub nodes: Vec<NodeRecord>,
    /// What the manager finds different, with what it looked at.
    pub differences: Vec<DifferenceRecord>,
    pub devices: Vec<DeviceRecord>,
    pub zones: Vec<ManifestZone>,
    /// The data area of the channel.
    pub area: Vec<u8>,
}

fn run(start: u64, count: u64, owner: MemoryOwner, id: u32) -> RunRecord {
    RunRecord { start, count, owner: owner.code().into(), id }
}

/// Memory of a node.
pub fn node(node: u32, start: u64, count: u64) -> NodeRecord {
    let mut distances = [20; 32];
    distances[node as usize] = 10;
    NodeRecord { start, count, node, source: 0, distances }
}

/// One more like a partition takes 20 pages and a heap of 10.
fn definition(index: u32) -> DefinitionRecord {
    DefinitionRecord {
        name: name_from("web").expect("short"),
        index,
        flags: 0,
        pages: 30,
        heap: 10,
        role: [1, 4, 5, 0][index as usize],
        processor: 0,
        share: 3,
        contexts: 1,
    }
}

fn row(record: &PartitionRecord) -> RowRecord {
    RowRecord {
        id: record.id,
        definition: record.id,
        stage: 2,
        state: 0,
        processor: 0,
        share: 1,
        contexts: 1,
        starts: 0,
        memory: [Pages::default(); 6],
    }
}

/// A difference of a kind, of a partition and one of its things: what should be and what is.
pub fn difference(
    kind: u32,
    partition: u32,
    index: u32,
    [expected, found]: [u64; 2],
) -> DifferenceRecord {
    DifferenceRecord { kind, partition, index, reserved: 0, expected, found }
}

impl Books {
    pub fn new() -> Self {
        let runs = vec![
            run(0, 256, MemoryOwner::Reserved, 0),
            run(256, 100, MemoryOwner::Available, 0),
            run(356, 700, MemoryOwner::Partition, 3),
            run(1056, 3000, MemoryOwner::Available, 0),
            run(4056, 40, MemoryOwner::Channel, 7),
        ];
        let looked = difference(0, 4, 0, [1, 12]);
        let nodes = vec![node(0, 0, 4096)];
        let (differences, devices) = (vec![looked], devices().to_vec());
        let (zones, area) = (Vec::new(), Vec::new());
        Self { free_slots: [3, 5], runs, nodes, differences, devices, zones, area }
    }

    /// Fills the data area.
    pub fn read(
        &mut self,
        request: ResourceRequest,
        query: TableQuery,
        partitions: &[PartitionRecord],
        channels: &[ChannelRecord],
    ) -> Option<Vec<u8>> {
        let table = Table::from_code(query.table as u16);
        let free = |run: &&RunRecord| run.owner == u32::from(MemoryOwner::Available.code());
        Some(match (request, table) {
            (ResourceRequest::Map, _) => self.put(query, &self.runs.clone()),
            (ResourceRequest::Changes, _) => self.put::<RowRecord>(query, &[]),
            (_, Some(Table::Definitions)) => {
                let all: Vec<_> = (0..4).map(definition).collect();
                self.put(query, all.get(query.from as usize..).unwrap_or_default())
            }
            (_, Some(Table::Partitions)) => {
                let there = partitions.iter().filter(|one| u64::from(one.id) >= query.from);
                let rows: Vec<_> = there.map(row).collect();
                self.put(query, &rows)
            }
            (_, Some(Table::Processors)) => {
                let one = |(free, processor)| ProcessorRecord {
                    processor,
                    free,
                    takers: 0,
                    node: processor as u16 * self.nodes.last().map_or(0, |one| one.node as u16),
                    online: 1,
                };
                let all: Vec<_> = self.free_slots.into_iter().zip(0..).map(one).collect();
                self.put(query, &all)
            }
            (_, Some(Table::Listed)) => self.put(query, partitions),
            (_, Some(Table::Ends)) => self.put(query, channels),
            (_, Some(Table::Zones)) => self.put(query, &self.zones.clone()),
            (_, Some(Table::Devices)) => self.put(query, &self.devices.clone()),
            (_, Some(Table::Nodes)) => self.put(query, &self.nodes.clone()),
            (_, Some(Table::Differences)) => self.put(query, &self.differences.clone()),
            (_, Some(Table::Free)) => {
                let all: Vec<_> = self.runs.iter().filter(free).copied().collect();
                self.put(query, &all)
            }
            _ => return None,
        })
    }

    fn put<T: IntoBytes + Immutable>(&mut self, query: TableQuery, records: &[T]) -> Vec<u8> {
        let most = if query.most == 0 { usize::MAX } else { query.most as usize };
        self.area = records.iter().take(most).flat_map(|one| one.as_bytes().to_vec()).collect();
        let count = records.len().min(most) as u32;
        let size = size_of::<T>() as u32;
        TableReply { generation: 3, next: TABLE_END, count, size }.as_bytes().to_vec()
    }
}

/// A line of the command partition, ports of nobody, a bridge.
fn devices() -> [DeviceRecord; 3] {
    let one = |id, kind, first, count, owner, owner_id| DeviceRecord {
        first,
        count,
        id,
        kind,
        owner,
        owner_id,
        bound: u32::from(kind == 2),
    };
    [one(0, 2, 4, 1, 4, 1), one(1, 1, 0x60, 5, 1, 0), one(2, 5, 0xfa, 1, 2, 0)]
}
