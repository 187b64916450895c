//! The books in bulk: whole, of one state, and never past the room there is.

use super::world::{TestManager, World, index};
use super::{COMMAND, ask, id, status};
use crate::requests::{Asker, Reply};
use crate::snapshot::{Bulk, Sheet};
use abi::information::StartReason;
use abi::message::database::{
    DefinitionRecord, JointRecord, MemoryOwner, Placement, ProcessorRecord, RowRecord, TABLE_END,
    Table,
};
use abi::message::resource::{ResourceRequest, ResourceStatus, RunRecord, TableQuery, TableReply};
use abi::types::{Frame, PartitionId};
use boot_image::damage::Chance;
use resource_db::Owner;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Fills a data area of so many bytes; the answer, and what is in it.
pub fn bulk(manager: &mut TestManager, bulk: Bulk, room: usize) -> (Reply, Vec<u8>) {
    let mut area = vec![0xee; room];
    let mut write = |offset: usize, bytes: &[u8]| {
        area[offset..offset + bytes.len()].copy_from_slice(bytes);
    };
    let reply = manager.bulk(bulk, Sheet::new(room, &mut write));
    (reply, area)
}

/// Bodies of the requests in bulk and of placements, most of them nearly right; `None` for other codes.
pub fn body(code: u16, chance: &mut Chance) -> Option<Vec<u8>> {
    let table = chance.below(12) as u32;
    let most = if chance.one_in(2) { 0 } else { chance.near(4, 32) as u32 };
    let (from, since) = (chance.near(16, 64), chance.near(400, 64));
    let query = TableQuery { table, most, from, since };
    match ResourceRequest::from_code(code)? {
        ResourceRequest::Snapshot | ResourceRequest::Changes | ResourceRequest::Map => {
            Some(query.as_bytes().to_vec())
        }
        ResourceRequest::CreatePlaced => {
            let often = |chance: &mut Chance, usual: u64, bits: u32| {
                if chance.one_in(8) { chance.near(usual, bits) } else { usual }
            };
            let start = chance.below(super::machine::FRAMES as usize) as u64;
            Some(
                Placement {
                    definition: often(chance, index::WORKER.into(), 32) as u32,
                    heap: often(chance, 2, 32) as u32,
                    processor: often(chance, 1, 16) as u16,
                    share: often(chance, 1, 16) as u16,
                    reserved: often(chance, 0, 32) as u32,
                    start: often(chance, start, 64),
                    count: often(chance, 40, 64),
                    generation: often(chance, 1, 64),
                }
                .as_bytes()
                .to_vec(),
            )
        }
        _ => None,
    }
}

fn command() -> Asker {
    Asker { partition: id(COMMAND.0), kind: COMMAND.1 }
}

/// Reads a table in pieces of so many bytes; with the generation of the last answer.
fn read<T: FromBytes + Immutable + KnownLayout>(
    manager: &mut TestManager,
    request: ResourceRequest,
    mut query: TableQuery,
    room: usize,
) -> Result<(Vec<T>, u64), ResourceStatus> {
    let mut all = Vec::new();
    loop {
        let Reply::Bulk(wanted) = manager.answer(command(), request.code(), query.as_bytes())
        else {
            panic!("an answer in bulk")
        };
        let (reply, area) = bulk(manager, wanted, room);
        if status(&reply) != ResourceStatus::Ok {
            return Err(status(&reply));
        }
        let reply = TableReply::read_from_bytes(reply.parts().1).unwrap();
        let size = size_of::<T>();
        assert!(reply.count == 0 || reply.size as usize == size);
        let (records, rest) = area.split_at(reply.count as usize * size);
        all.extend(records.chunks(size).map(|bytes| T::read_from_bytes(bytes).unwrap()));
        assert!(rest.iter().all(|byte| *byte == 0xee), "nothing beyond the records");
        if reply.next == TABLE_END {
            return Ok((all, reply.generation));
        }
        assert!(reply.next > query.from);
        query.from = reply.next;
    }
}

fn whole(table: Table) -> TableQuery {
    TableQuery { table: table.code().into(), most: 0, from: 0, since: 0 }
}

pub fn snapshot<T: FromBytes + Immutable + KnownLayout>(
    manager: &mut TestManager,
    table: Table,
    room: usize,
) -> (Vec<T>, u64) {
    read(manager, ResourceRequest::Snapshot, whole(table), room).unwrap()
}

// covers: RES-10
#[test]
fn a_snapshot_is_the_books_however_small_the_pieces() {
    let (_world, mut manager) = World::new();
    manager.create_again(id(index::WORKER)).unwrap();
    for room in [72, 100, 500, 16_384] {
        let (rows, generation) = snapshot::<RowRecord>(&mut manager, Table::Partitions, room);
        assert_eq!(generation, manager.books.generation());
        assert_eq!(rows.len(), manager.books.partitions().count());
        for (record, (id, row)) in rows.iter().zip(manager.books.partitions()) {
            let extents = row.extents().map(|e| (e.start.raw() as u32, e.count as u32));
            assert_eq!(record.memory.map(|m| (m.start, m.count)), extents);
            assert_eq!((record.id, record.definition), (id.raw(), row.definition));
            assert_eq!((record.stage, record.share), (2, row.share));
        }
        let (channels, _) = snapshot::<JointRecord>(&mut manager, Table::Channels, room);
        assert_eq!(channels.len(), 4);
        assert_eq!((channels[2].client, channels[2].server), (index::WORKER, index::COMMAND));
        let (free, _) = snapshot::<RunRecord>(&mut manager, Table::Free, room);
        let query = TableQuery { table: 0, most: 0, from: 0, since: 0 };
        let (runs, _) = read::<RunRecord>(&mut manager, ResourceRequest::Map, query, room).unwrap();
        check_runs(&manager, &runs);
        check_free(&manager, &free);
    }
    let narrow =
        read::<RowRecord>(&mut manager, ResourceRequest::Snapshot, whole(Table::Partitions), 71);
    assert_eq!(narrow.err(), Some(ResourceStatus::Limit));
}

/// The runs tell every free frame, once, and no other.
fn check_free(manager: &TestManager, free: &[RunRecord]) {
    let told = free.iter().flat_map(|run| run.start..run.start + run.count);
    let there = (0..super::machine::FRAMES)
        .filter(|frame| manager.books.owner(Frame::new(*frame)) == Owner::Available);
    assert!(told.eq(there));
}

/// The runs tell the owner of every frame, once.
fn check_runs(manager: &TestManager, runs: &[RunRecord]) {
    let mut next = 0;
    for run in runs {
        assert_eq!(run.start, next);
        for frame in run.start..run.start + run.count {
            let owner = match manager.books.owner(Frame::new(frame)) {
                Owner::Missing => (MemoryOwner::Missing, 0),
                Owner::Available => (MemoryOwner::Available, 0),
                Owner::Reserved => (MemoryOwner::Reserved, 0),
                Owner::Broken => (MemoryOwner::Broken, 0),
                Owner::Partition(id) => (MemoryOwner::Partition, id.raw()),
                Owner::Channel(id) => (MemoryOwner::Channel, id.raw()),
                Owner::Database => (MemoryOwner::Database, 0),
            };
            assert_eq!((run.owner, run.id), (owner.0.code().into(), owner.1), "{frame:#x}");
        }
        next += run.count;
    }
    assert_eq!(next, super::machine::FRAMES);
}

#[test]
fn what_changed_since_is_what_differs() {
    let (mut world, mut manager) = World::new();
    let changes = |manager: &mut TestManager, since| {
        let query = TableQuery { since, ..whole(Table::Partitions) };
        read::<RowRecord>(manager, ResourceRequest::Changes, query, 16_384)
    };
    let (_, start) = snapshot::<RowRecord>(&mut manager, Table::Partitions, 16_384);
    assert_eq!(changes(&mut manager, start), Ok((Vec::new(), start)));
    let copy = manager.create_again(id(index::WORKER)).unwrap();
    let ids = |rows: &[RowRecord]| rows.iter().map(|row| (row.id, row.stage)).collect::<Vec<_>>();
    let (rows, made) = changes(&mut manager, start).unwrap();
    assert_eq!((ids(&rows), made > start), (vec![(copy.raw(), 2)], true));
    world.destroy(&mut manager, copy);
    let (rows, gone) = changes(&mut manager, made).unwrap();
    assert_eq!(ids(&rows), [(copy.raw(), 0)]);
    // The log outlives the manager: what it changed is known, and what the next one did.
    let mut manager = world.recovered();
    assert!(ids(&changes(&mut manager, made).unwrap().0).contains(&(copy.raw(), 0)));
    assert!(changes(&mut manager, gone).unwrap().1 > gone);
    let old = (0..start).find(|since| changes(&mut manager, *since).is_ok()).unwrap();
    (0..2000).for_each(|_| assert!(manager.change(id(0), |row| row.starts += 1).is_ok()));
    assert_eq!(changes(&mut manager, old).err(), Some(ResourceStatus::Disagrees), "forgotten");
    assert_eq!(changes(&mut manager, u64::MAX).err(), Some(ResourceStatus::Disagrees));
    let query = TableQuery { since: gone, ..whole(Table::Free) };
    let free = read::<RunRecord>(&mut manager, ResourceRequest::Changes, query, 16_384);
    assert!(free.is_err(), "only rows are followed");
}

#[test]
fn definitions_tell_what_one_more_would_take() {
    let (_world, mut manager) = World::new();
    let (definitions, _) = snapshot::<DefinitionRecord>(&mut manager, Table::Definitions, 16_384);
    let worker = definitions[index::WORKER as usize];
    let copy = manager.create_again(id(index::WORKER)).unwrap();
    let channels: u64 = manager.channels_of(copy).map(|(_, _, channel)| channel.frames.count).sum();
    assert_eq!(u64::from(worker.pages), manager.row(copy).unwrap().frames() + channels);
    assert_eq!((worker.share, worker.processor, worker.heap), (2, 1, 2));
    assert_eq!(definitions.len(), 5);
    let only = TableQuery { from: 4, most: 1, ..whole(Table::Definitions) };
    let (one, _) =
        read::<DefinitionRecord>(&mut manager, ResourceRequest::Snapshot, only, 16_384).unwrap();
    assert_eq!((one.len(), one[0].index), (1, 4));
}

#[test]
fn processors_tell_what_shares_leave() {
    let (world, mut manager) = World::new();
    let free = |manager: &mut TestManager| {
        let (all, _) = snapshot::<ProcessorRecord>(manager, Table::Processors, 16_384);
        all.iter().map(|one| (one.processor, one.free)).collect::<Vec<_>>()
    };
    // Manager, boot and command have two slots each of the first, the worker of the second.
    assert_eq!(free(&mut manager), [(0, 10), (1, 14)]);
    let copy = manager.create_again(id(index::WORKER)).unwrap();
    assert_eq!(free(&mut manager), [(0, 10), (1, 12)], "before it was ever started");
    manager.start(copy, StartReason::Started).unwrap();
    assert_eq!(free(&mut manager), [(0, 10), (1, 12)]);
    world.destroy(&mut manager, copy);
    assert_eq!(free(&mut manager), [(0, 10), (1, 14)]);
}

#[test]
fn only_the_command_partition_reads_in_bulk() {
    let (_world, mut manager) = World::new();
    for request in [ResourceRequest::Snapshot, ResourceRequest::Changes, ResourceRequest::Map] {
        for (who, kind) in [super::BOOT, super::WORKER] {
            let asker = Asker { partition: PartitionId::new(who), kind };
            let body = whole(Table::Partitions);
            let reply = manager.answer(asker, request.code(), body.as_bytes());
            assert_eq!(status(&reply), ResourceStatus::NotAllowed, "{who} {request:?}");
        }
        assert_eq!(status(&ask(&mut manager, COMMAND, request, 1)), ResourceStatus::Malformed);
    }
}
