//! The books in bulk: tables of records through the data area of the channel that asks, all of a state that has a number.

use crate::manager::{Machine, Manager};
use crate::manifest::{flags, role};
use crate::place::has_slots;
use crate::requests::Reply;
use crate::trouble::Trouble;
use abi::control::PLAN_SLOTS;
use abi::manifest::{ManifestPartition, NO_PARTITION};
use abi::message::database::{
    DefinitionRecord, JointRecord, Pages, ProcessorRecord, RowRecord, TABLE_END, Table,
};
use abi::message::resource::{ResourceRequest, ResourceStatus, RunRecord, TableQuery, TableReply};
use abi::types::{ChannelId, Frame, MAX_PROCESSORS, PartitionId};
use arrayvec::ArrayVec;
use program_loader::Window;
use resource_db::{ChannelRow, Extent, Owner, PartitionRow, Touched};
use zerocopy::{Immutable, IntoBytes};

/// Runs of frames that are looked at for one answer, each of a bounded length, so that others wait for no map.
const LOOKS: u32 = 2048;
/// Partitions or channels that the kernel is asked about for one answer.
const LISTED: u32 = 64;
/// Rows that changed in one answer; more are read anew.
const CHANGED: usize = 64;

/// A request that is answered in bulk.
#[derive(Clone, Copy, Debug)]
pub struct Bulk {
    /// `Snapshot`, `Changes` or `Map`.
    pub request: ResourceRequest,
    /// What is wanted.
    pub query: TableQuery,
}

/// The data area of a channel, filled from its start, as far as it goes.
pub struct Sheet<'a> {
    write: &'a mut dyn FnMut(usize, &[u8]),
    room: usize,
    used: usize,
    most: u32,
    count: u32,
    size: usize,
}

impl<'a> Sheet<'a> {
    /// A data area of so many bytes; `write` puts bytes at an offset inside it.
    pub fn new(room: usize, write: &'a mut dyn FnMut(usize, &[u8])) -> Self {
        Self { write, room, used: 0, most: u32::MAX, count: 0, size: 0 }
    }

    /// Adds a record; false where it does not fit.
    pub fn put<T: IntoBytes + Immutable>(&mut self, record: &T) -> bool {
        let bytes = record.as_bytes();
        let end = self.used.saturating_add(bytes.len());
        let fits = end <= self.room && self.count < self.most;
        if fits {
            (self.write)(self.used, bytes);
            (self.used, self.count, self.size) = (end, self.count + 1, bytes.len());
        }
        fits
    }

    /// Records so far, and bytes of the last.
    #[must_use]
    pub fn written(&self) -> (u32, u32) {
        (self.count, u32::try_from(self.size).unwrap_or(0))
    }

    /// Records of so many bytes that still fit.
    #[must_use]
    pub fn room(&self, size: usize) -> usize {
        let room = self.room.saturating_sub(self.used).checked_div(size).unwrap_or(0);
        room.min(self.most.saturating_sub(self.count) as usize)
    }

    /// Adds records until one does not fit; the key of that one.
    fn put_all<T: IntoBytes + Immutable>(
        &mut self,
        records: impl Iterator<Item = (u64, T)>,
    ) -> Option<u64> {
        for (key, record) in records {
            if !self.put(&record) {
                return Some(key);
            }
        }
        None
    }
}

impl<M: Machine, W: Window> Manager<'_, M, W> {
    /// Answers in bulk.
    pub fn bulk(&mut self, bulk: Bulk, mut sheet: Sheet<'_>) -> Reply {
        if bulk.query.most > 0 {
            sheet.most = bulk.query.most;
        }
        let next = match (bulk.request, table(bulk.query)) {
            (ResourceRequest::Map, None) => {
                let look = |at| self.books.run(at).map(|(owner, count)| (Some(owner), count));
                Ok(runs(bulk.query.from, &mut sheet, look))
            }
            (ResourceRequest::Snapshot, Some(table)) => {
                Ok(self.table(table, bulk.query.from, &mut sheet))
            }
            (ResourceRequest::Changes, Some(table)) => self.changes(table, bulk.query, &mut sheet),
            _ => Err(ResourceStatus::Malformed),
        };
        match next {
            // Without room for a single record nobody would ever come to the end.
            Ok(Some(next))
                if sheet.count == 0
                    && sheet.most > 0
                    && (sheet.room < LARGEST || next == bulk.query.from) =>
            {
                Reply::status(ResourceStatus::Limit)
            }
            Ok(next) => Reply::record(&TableReply {
                generation: self.books.generation(),
                next: next.unwrap_or(TABLE_END),
                count: sheet.count,
                size: u32::try_from(sheet.size).unwrap_or(0),
            }),
            Err(status) => Reply::status(status),
        }
    }

    /// Fills in a table from a key on; from where on there is more.
    fn table(&mut self, table: Table, from: u64, sheet: &mut Sheet<'_>) -> Option<u64> {
        let skipped = usize::try_from(from).unwrap_or(usize::MAX);
        match table {
            Table::Definitions => {
                let all = (0..).zip(self.manifest.partitions).skip(skipped);
                sheet.put_all(all.map(|(at, one)| (u64::from(at), self.definition_record(at, one))))
            }
            Table::Partitions => {
                let first = PartitionId::new(u32::try_from(from).unwrap_or(u32::MAX));
                let rows = self.books.partitions_from(first);
                let rows = rows.map(|(id, row)| (u64::from(id.raw()), row));
                sheet.put_all(rows.map(|(id, row)| (id, row_record(id, row))))
            }
            Table::Processors => {
                let all = self.processor_records();
                sheet.put_all((0..).zip(all).skip(skipped))
            }
            Table::Channels => {
                let first = ChannelId::new(u32::try_from(from).unwrap_or(u32::MAX));
                let rows = self.books.channels_from(first);
                let rows = rows.map(|(id, row)| (u64::from(id.raw()), row));
                sheet.put_all(rows.map(|(id, row)| (id, joint_record(id, row))))
            }
            Table::Differences => self.compare(skipped, sheet),
            Table::Listed => listed(sheet, from, |from| {
                let record = self.listed_partition(PartitionId::new(from)).ok()?;
                Some((record.id, record))
            }),
            Table::Ends => listed(sheet, from, |from| {
                let record = self.listed_channel(ChannelId::new(from)).ok()?;
                Some((record.id, record))
            }),
            Table::Zones => {
                let all = self.manifest.zones.iter().copied();
                sheet.put_all((0..).zip(all).skip(skipped))
            }
            Table::Devices => {
                let rows = self.books.devices().filter(|(id, _)| u64::from(*id) >= from);
                sheet.put_all(rows.map(|(id, row)| (id.into(), self.device_record(id, row))))
            }
            Table::Nodes => sheet.put_all((0..).zip(self.node_records()).skip(skipped)),
            Table::Free => runs(from, sheet, |at| {
                let (available, count) = self.books.available_run(at)?;
                Some((available.then_some(Owner::Available), count))
            }),
        }
    }

    /// Fills in the rows that changed after a transaction; those that are gone have the stage 0.
    fn changes(
        &self,
        table: Table,
        query: TableQuery,
        sheet: &mut Sheet<'_>,
    ) -> Result<Option<u64>, ResourceStatus> {
        let touched = self.books.changed_since(query.since).ok_or(ResourceStatus::Disagrees)?;
        let ids = touched.filter_map(|touched| match (table, touched) {
            (Table::Partitions, Touched::Partition(id)) => Some(id.raw()),
            (Table::Channels, Touched::Channel(id)) => Some(id.raw()),
            _ => None,
        });
        let mut all = ArrayVec::<u32, CHANGED>::new();
        for id in ids {
            if !all.contains(&id) {
                all.try_push(id).map_err(|_| ResourceStatus::Disagrees)?;
            }
        }
        let all = all.into_iter().map(u64::from);
        let left = match table {
            Table::Partitions => sheet.put_all(all.map(|id| {
                let row = u32::try_from(id).map(PartitionId::new);
                let row = row.ok().and_then(|id| self.books.partition(id)).copied();
                (id, row_record(id, &row.unwrap_or_default()))
            })),
            Table::Channels => sheet.put_all(all.map(|id| {
                let row = u32::try_from(id).map(ChannelId::new);
                let row = row.ok().and_then(|id| self.books.channel(id)).copied();
                (id, joint_record(id, &row.unwrap_or_default()))
            })),
            _ => return Err(ResourceStatus::Malformed),
        };
        if left.is_some() { Err(ResourceStatus::Disagrees) } else { Ok(None) }
    }

    /// What one more like a definition would be.
    fn definition_record(&self, index: u32, definition: &ManifestPartition) -> DefinitionRecord {
        let pages = self.pages_like(index, definition).unwrap_or(0);
        DefinitionRecord {
            name: definition.name,
            index,
            flags: flags(definition).bits(),
            pages: u32::try_from(pages).unwrap_or(0),
            heap: definition.heap,
            role: role(definition) as u16,
            processor: definition.processor,
            share: definition.share,
            contexts: definition.contexts,
        }
    }

    /// Pages of one more like a definition, its channels included.
    fn pages_like(&self, index: u32, definition: &ManifestPartition) -> Result<u64, Trouble> {
        let program = self.program(definition)?;
        let row = self.fresh_row(index, NO_PARTITION, definition)?;
        let needs = self.needs(&self.with_channels(row), &program)?;
        Ok(needs.pages(&row, definition) + self.channel_frames(index))
    }

    fn processor_records(&self) -> impl Iterator<Item = ProcessorRecord> {
        let taken = self.slots_taken();
        let slots = u32::try_from(PLAN_SLOTS).unwrap_or(0);
        let failed = self.failed;
        let all = taken.into_iter().take(self.facts.processors.into()).zip(0..);
        all.map(move |(taken, processor)| {
            let [taken, takers] = taken;
            let free = slots.saturating_sub(taken);
            let failed = failed >> processor & 1 != 0;
            let node = self.facts.node_of_processor(processor);
            ProcessorRecord { processor, free, takers, node, online: u16::from(!failed) }
        })
    }

    /// Of each processor the slots that all partitions have, and the contexts that take what is left over.
    fn slots_taken(&self) -> [[u32; 2]; MAX_PROCESSORS as usize] {
        let mut all = [[0_u32; 2]; MAX_PROCESSORS as usize];
        let processors = self.facts.processors;
        for (id, row) in self.books.partitions().filter(|(_, row)| has_slots(row)) {
            let Ok(definition) = self.definition(row) else { continue };
            let want = self.want(id, row, definition);
            for context in 0..want.contexts_on(processors) {
                let processor = want.processor_of(context, processors);
                if let Some([slots, takers]) = all.get_mut(usize::from(processor.raw())) {
                    *slots = slots.saturating_add(want.share.into());
                    *takers = takers.saturating_add(want.slack.into());
                }
            }
        }
        all
    }
}

/// No record is larger.
const LARGEST: usize = size_of::<RowRecord>();
const _: () = assert!(LARGEST >= size_of::<DefinitionRecord>());

/// The table of a query; `None` where it names none.
fn table(query: TableQuery) -> Option<Table> {
    Table::from_code(u16::try_from(query.table).unwrap_or(0))
}

/// Fills in records with their numbers from a number on, as many as one answer looks at.
fn listed<T: IntoBytes + Immutable>(
    sheet: &mut Sheet<'_>,
    from: u64,
    mut record: impl FnMut(u32) -> Option<(u32, T)>,
) -> Option<u64> {
    let mut from = u32::try_from(from).ok()?;
    for _ in 0..LISTED {
        let (id, record) = record(from)?;
        if !sheet.put(&record) {
            return Some(id.into());
        }
        from = id.checked_add(1)?;
    }
    Some(from.into())
}

/// Fills in runs of frames from a frame on. `look` says whose one is, if that is to be told, and how many from it on surely are as well.
fn runs(
    from: u64,
    sheet: &mut Sheet<'_>,
    look: impl Fn(Frame) -> Option<(Option<Owner>, u64)>,
) -> Option<u64> {
    let (mut at, mut open) = (from, None::<(u64, u64, Owner)>);
    for _ in 0..LOOKS {
        let Some((owner, count)) = look(Frame::new(at)) else { return put_run(sheet, open) };
        open = match (open, owner) {
            (Some((start, length, same)), Some(owner)) if same == owner => {
                Some((start, length + count, same))
            }
            (before, owner) => {
                if let Some(unsaid) = put_run(sheet, before) {
                    return Some(unsaid);
                }
                owner.map(|owner| (at, count, owner))
            }
        };
        at = at.saturating_add(count);
    }
    put_run(sheet, open).or(Some(at))
}

/// Fills in a run, if there is one; its start where it does not fit.
fn put_run(sheet: &mut Sheet<'_>, run: Option<(u64, u64, Owner)>) -> Option<u64> {
    let (start, count, owner) = run?;
    let (owner, id) = crate::transactions::owner(owner);
    let record = RunRecord { start, count, owner: owner.into(), id };
    (!sheet.put(&record)).then_some(start)
}

fn pages(extent: Extent) -> Pages {
    let short = |number| u32::try_from(number).unwrap_or(u32::MAX);
    Pages { start: short(extent.start.raw()), count: short(extent.count) }
}

fn row_record(id: u64, row: &PartitionRow) -> RowRecord {
    RowRecord {
        id: u32::try_from(id).unwrap_or(NO_PARTITION),
        definition: row.definition,
        stage: low(row.stage),
        state: low(row.state),
        processor: row.processor,
        share: row.share,
        contexts: row.contexts,
        starts: row.starts,
        memory: row.extents().map(pages),
    }
}

fn joint_record(id: u64, row: &ChannelRow) -> JointRecord {
    JointRecord {
        id: u32::try_from(id).unwrap_or(u32::MAX),
        client: row.client.partition,
        server: row.server.partition,
        epoch: row.epoch,
        kind: row.kind,
        stage: low(row.stage),
        memory: pages(row.frames),
    }
}

/// A number that is small.
fn low(number: u32) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}
