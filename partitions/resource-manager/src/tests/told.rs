//! What each partition reads of itself: a view of its own rows, of nobody else's, and not to be written.

use super::changes::{act, change, settle};
use super::deaths::{came_through, dies_in};
use super::world::{TestManager, World, index};
use super::{id, status};
use crate::information::report_pages;
use crate::manager::SELF;
use abi::channel::Role;
use abi::control::{Access, PartitionOperation};
use abi::information::{
    INFORMATION_HEADER, INFORMATION_MAGIC, Information, Resource, ResourceKind,
};
use abi::layout;
use abi::message::resource::{ResourceRequest as R, ResourceStatus as S};
use abi::types::{PAGE_SIZE, PartitionId, Slot};
use program_loader::Calls;
use resource_db::{ChannelRow, Link, Owner, PartitionRow, Stage};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use zerocopy::FromBytes;

/// The information pages of a partition, without the report, byte for byte.
fn pages(world: &World, row: &PartitionRow) -> Vec<u8> {
    let frames = report_pages(row)..row.information.count;
    let words = frames.flat_map(|page| (0..512).map(move |word| (page, word)));
    let word = |(page, word)| world.shared.machine.word(row.information.start.raw() + page, word);
    words.flat_map(|at| word(at).load(Ordering::Relaxed).to_le_bytes()).collect()
}

/// What the books have of a channel that an end is to know of: number, peer, epoch, address.
fn expected(role: Role, row: &ChannelRow) -> Option<[u64; 3]> {
    let (here, peer) = match role {
        Role::Client => (&row.client, &row.server),
        Role::Server => (&row.server, &row.client),
    };
    let leaving = role == Role::Server && row.link() == Link::Leaving;
    let epoch = if leaving { 0 } else { row.epoch };
    (leaving || row.stage() == Stage::Made)
        .then(|| [peer.partition.into(), epoch.into(), here.address])
}

/// Asserts that every partition that was made reads what its rows say, and all of it.
pub fn told_as_in_the_books(world: &World, manager: &TestManager) {
    let made = |row: &PartitionRow| row.stage() == Stage::Made;
    for (own, row) in
        manager.books.partitions().filter(|(own, row)| *own != SELF && made(row) && row.starts > 0)
    {
        let bytes = pages(world, row);
        let (head, _) = Information::read_from_prefix(&bytes).unwrap();
        let name = abi::image::name_text(&row.name);
        assert_eq!((head.magic, head.sequence % 2), (INFORMATION_MAGIC, 0), "{name}");
        assert_eq!((head.partition, head.name), (own.raw(), row.name));
        assert_eq!(head.contexts, row.contexts, "{name}");
        assert_eq!((head.starts, head.reason), (row.starts, row.start_reason), "{name}");
        assert_eq!(head.heap, u64::from(row.heap_mapped) * PAGE_SIZE, "{name}");
        assert_eq!(head.heap_wanted, u64::from(row.heap_pages) * PAGE_SIZE, "{name}");
        assert_eq!(head.lasting, row.lasting.count * PAGE_SIZE, "{name}");
        assert_eq!(head.share, u32::from(row.share) * row.contexts, "{name}");
        let records = bytes[INFORMATION_HEADER..].chunks(size_of::<Resource>());
        let records = records.take(head.resources as usize);
        let records = records.map(|record| Resource::read_from_bytes(record).unwrap());
        let channels = records.filter(|one| one.kind == ResourceKind::Channel as u8);
        let told = channels.map(|one| (one.id, [one.peer.into(), one.epoch.into(), one.address]));
        let mut told: BTreeMap<_, _> = told.collect();
        let ends = manager.books.ends_of(own, None);
        let known = ends.filter_map(|(id, role, row)| Some((id.raw(), expected(role, row)?)));
        let known: BTreeMap<_, _> = known.collect();
        // What is to be let go of may be told so for longer than it is in the books: until its place is another's.
        told.retain(|id, [_, epoch, _]| *epoch != 0 || known.contains_key(id));
        assert_eq!(told, known, "{name}");
    }
}

/// Who else can read a partition's information pages: nobody has them mapped but itself, and it cannot write them.
fn only_its_own(manager: &mut TestManager) {
    let all: Vec<(PartitionId, PartitionRow)> =
        manager.books.partitions().map(|(id, row)| (id, *row)).collect();
    for (own, row) in all.iter().filter(|(own, _)| *own != SELF) {
        let slot = Slot::new(row.partition_slot);
        let first = row.information.start.raw() + report_pages(row);
        for page in 0..row.information.count - report_pages(row) {
            let address = layout::INFORMATION + page * PAGE_SIZE;
            let translate = PartitionOperation::Translate;
            let [frame, access, ..] =
                manager.machine.partition(slot, translate, [address, 0, 0, 0]).unwrap();
            assert_eq!(frame, first + page, "{}", own.raw());
            assert!(!Access::from_bits_truncate(access).contains(Access::WRITE));
            let owner = manager.books.owner(abi::types::Frame::new(frame));
            assert_eq!(owner, Owner::Partition(*own));
        }
    }
}

/// covers: RES-8
#[test]
fn everybody_reads_what_the_books_say_of_it_and_of_nobody_else() {
    let (world, mut manager) = World::new();
    only_its_own(&mut manager);
    let mut steps = 0;
    let mut step = |manager: &mut TestManager| {
        settle(manager);
        told_as_in_the_books(&world, manager);
        only_its_own(manager);
        steps += 1;
    };
    step(&mut manager);
    let copy = manager.create_again(id(index::WORKER)).unwrap();
    step(&mut manager);
    for request in [R::Start, R::Pause, R::Resume, R::Restart, R::Kill] {
        assert_eq!(act(&mut manager, request, copy.raw()), S::Ok, "{request:?}");
        step(&mut manager);
    }
    assert_eq!(status(&change(&mut manager, R::SetShare, [index::WORKER, 2, 5])), S::Ok);
    step(&mut manager);
    let heap = manager.row(id(index::WORKER)).unwrap().heap_pages;
    assert_eq!(status(&change(&mut manager, R::SetMemory, [index::WORKER, heap, heap + 6])), S::Ok);
    step(&mut manager);
    assert_eq!(act(&mut manager, R::Restart, index::COMMAND), S::Ok);
    step(&mut manager);
    assert_eq!(act(&mut manager, R::Destroy, copy.raw()), S::Ok);
    step(&mut manager);
    assert_eq!(steps, 11);
}

/// Whatever change the manager dies in, the view that is there afterwards is whole, and that of the books.
///
/// covers: RES-8
#[test]
fn a_view_is_never_left_half_written() {
    for calls in 0.. {
        let (mut world, mut manager) = World::new();
        let died = dies_in(&world, calls, || {
            let _ = change(&mut manager, R::SetShare, [index::WORKER, 2, 5]);
            let copy = manager.create_again(id(index::WORKER)).expect("created");
            manager.destroy(copy).expect("destroyed");
            let _ = act(&mut manager, R::Restart, index::WORKER);
        });
        let mut manager = world.recovered();
        settle(&mut manager);
        told_as_in_the_books(&world, &manager);
        only_its_own(&mut manager);
        if came_through(died, calls, 60) {
            return;
        }
    }
}
