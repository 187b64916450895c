//! What is left of partitions: looked at while they stand still, kept when they are started anew, and whole whenever the manager dies.

use super::deaths::{came_through, dies_in, look_after_all, runs};
use super::world::{TestManager, World, index};
use super::{BOOT, COMMAND};
use super::{ask, id, status, worker_faults};
use crate::areas::Area;
use crate::manager::Machine;
use crate::requests::{Asker, Reply};
use crate::snapshot::Sheet;
use abi::channel::ChannelKind;
use abi::control::PartitionOperation;
use abi::information::StartReason;
use abi::manifest::PartitionFlags;
use abi::message::core::{
    CORE_PAGE, CorePage, CoreQuery, CoreReply, CoreRun, CoreWhat, CorpseRecord,
};
use abi::message::database::TABLE_END;
use abi::message::resource::{Index, PartitionState, ResourceRequest, ResourceStatus};
use abi::types::{PAGE_SIZE, Slot};
use program_loader::Calls;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use zerocopy::{FromBytes, IntoBytes};

/// Bytes of the data area.
const ROOM: usize = 16_384;

/// Pages by their addresses: the sums that tell their contents apart.
type Pages = BTreeMap<u64, u64>;

/// What tells contents apart: a wrong word or a word in the wrong place changes it.
fn sum(bytes: &[u8]) -> u64 {
    let step = |sum: u64, byte: &u8| sum.wrapping_mul(0x100_0000_01b3).wrapping_add((*byte).into());
    bytes.iter().fold(1, step)
}

/// One question and its records.
fn piece(
    manager: &mut TestManager,
    query: CoreQuery,
) -> Result<(CoreReply, Vec<u8>), ResourceStatus> {
    let asker = Asker { partition: id(index::COMMAND), kind: ChannelKind::Command };
    let reply = manager.answer(asker, ResourceRequest::Core.code(), query.as_bytes());
    let Reply::Core(query) = reply else { return Err(status(&reply)) };
    let mut data = vec![0; ROOM];
    let mut write = |at: usize, bytes: &[u8]| data[at..at + bytes.len()].copy_from_slice(bytes);
    let reply = manager.core(&query, Sheet::new(ROOM, &mut write));
    let (status, bytes) = reply.parts();
    let reply = CoreReply::read_from_bytes(bytes).map_err(|_| status)?;
    data.truncate((reply.count * reply.size) as usize);
    Ok((reply, data))
}

fn query(partition: u32, last: u32, what: CoreWhat) -> CoreQuery {
    CoreQuery { partition, last, what: what.code().into(), reserved: 0, from: 0, stamp: 0 }
}

/// All records of one kind.
fn all<T: FromBytes>(
    manager: &mut TestManager,
    mut query: CoreQuery,
) -> Result<(CoreReply, Vec<T>), ResourceStatus> {
    let mut records = Vec::new();
    loop {
        let (reply, data) = piece(manager, query)?;
        records.extend(data.chunks(size_of::<T>()).map(|bytes| T::read_from_bytes(bytes).unwrap()));
        if reply.next == TABLE_END {
            return Ok((reply, records));
        }
        assert!(reply.next > query.from, "it gets on");
        (query.from, query.stamp) = (reply.next, reply.stamp);
    }
}

/// The pages with contents of a partition, and what the runs say of the others.
fn dump(manager: &mut TestManager, partition: u32, last: u32) -> Result<Pages, ResourceStatus> {
    let (_, runs) = all::<CoreRun>(manager, query(partition, last, CoreWhat::Runs))?;
    let (_, pages) = all::<CorePage>(manager, query(partition, last, CoreWhat::Pages))?;
    let told: Vec<_> = runs
        .iter()
        .filter(|run| run.filled == 1)
        .flat_map(|run| (0..u64::from(run.pages)).map(|page| run.address + page * PAGE_SIZE))
        .collect();
    assert_eq!(told, pages.iter().map(|page| page.address).collect::<Vec<_>>());
    Ok(pages.iter().map(|page| (page.address, sum(&page.bytes))).collect())
}

/// The memory that a partition can change, as the machine has it.
fn areas(manager: &TestManager, partition: u32) -> Vec<Area> {
    let row = manager.row(id(partition)).unwrap();
    manager.areas(&row, true).unwrap().iter().copied().collect()
}

/// What is not zero there, and what the program's file has contents for.
fn memory(world: &World, manager: &TestManager, partition: u32) -> Pages {
    let mut pages = Pages::new();
    for area in areas(manager, partition) {
        for page in 0..area.pages {
            let word =
                |at| world.shared.machine.word(area.frame + page, at).load(Ordering::Relaxed);
            let bytes: Vec<u8> = (0..CORE_PAGE / 8).flat_map(|at| word(at).to_le_bytes()).collect();
            if page < area.contents || bytes.iter().any(|byte| *byte != 0) {
                pages.insert(area.address + page * PAGE_SIZE, sum(&bytes));
            }
        }
    }
    pages
}

/// Writes something into every other page that the worker can change.
fn scribble(world: &World, manager: &TestManager) {
    for area in areas(manager, index::WORKER) {
        for page in (0..area.pages).step_by(2) {
            let word = world.shared.machine.word(area.frame + page, (page % 512) as usize);
            word.store(area.address + page, Ordering::Relaxed);
        }
    }
}

/// Every page is the partition's and mapped where it belongs.
fn whole(manager: &mut TestManager, partition: u32) {
    let slot = Slot::new(manager.row(id(partition)).unwrap().partition_slot);
    for area in areas(manager, partition) {
        for page in 0..area.pages {
            let address = [area.address + page * PAGE_SIZE, 0, 0, 0];
            let there = manager.machine.partition(slot, PartitionOperation::Translate, address);
            assert_eq!(there.expect("mapped")[0], area.frame + page, "{:#x}", address[0]);
        }
    }
}

/// covers: REC-1
#[test]
fn one_that_stands_still_is_told_to_the_byte_and_goes_on() {
    let (world, mut manager) = World::new();
    scribble(&world, &manager);
    assert_eq!(dump(&mut manager, index::WORKER, 0), Err(ResourceStatus::WrongState));
    manager.pause(id(index::WORKER)).unwrap();
    let (free, expected) = (world.free(), memory(&world, &manager, index::WORKER));
    assert!(expected.len() > 3, "there is something to be told");
    assert_eq!(dump(&mut manager, index::WORKER, 0), Ok(expected.clone()));
    assert_eq!(
        dump(&mut manager, index::WORKER, 0),
        Ok(expected.clone()),
        "looking changes nothing"
    );
    let (_, contexts) =
        all::<[u64; 18]>(&mut manager, query(index::WORKER, 0, CoreWhat::Registers)).unwrap();
    assert_eq!(contexts.len(), 1);
    assert!(contexts[0][7] > 0 && contexts[0][16] > 0, "stack and instruction pointer");
    whole(&mut manager, index::WORKER);
    manager.resume(id(index::WORKER)).unwrap();
    assert_eq!(memory(&world, &manager, index::WORKER), expected);
    world.check(&manager);
    assert_eq!(world.free(), free);
}

/// covers: RES-9
#[test]
fn what_may_not_be_looked_at_is_not() {
    let (world, mut manager) = World::new();
    let refused = |manager: &mut TestManager, query| piece(manager, query).err();
    let known = query(index::WORKER, 0, CoreWhat::Pages);
    for (wrong, expected) in [
        (CoreQuery { partition: 0, ..known }, ResourceStatus::NotAllowed),
        (CoreQuery { partition: 77, ..known }, ResourceStatus::NoSuch),
        (CoreQuery { what: 3, ..known }, ResourceStatus::Malformed),
        (CoreQuery { last: 2, ..known }, ResourceStatus::Malformed),
        (CoreQuery { last: 1, ..known }, ResourceStatus::NoSuch),
        (CoreQuery { partition: index::COMMAND, ..known }, ResourceStatus::WrongState),
    ] {
        assert_eq!(refused(&mut manager, wrong), Some(expected), "{wrong:?}");
    }
    for who in [BOOT, (index::WORKER, ChannelKind::Control), (index::COMMAND, ChannelKind::Control)]
    {
        let asker = Asker { partition: id(who.0), kind: who.1 };
        let reply = manager.answer(asker, ResourceRequest::Core.code(), known.as_bytes());
        assert_eq!(status(&reply), ResourceStatus::NotAllowed);
    }
    manager.kill(id(index::WORKER)).unwrap();
    for from in [1 << 20, u64::from(u32::MAX) << 12, TABLE_END - 1, TABLE_END] {
        let answer = piece(&mut manager, CoreQuery { from, ..known });
        assert!(answer.is_err() || answer.is_ok_and(|(reply, _)| reply.count == 0), "{from:#x}");
    }
    whole(&mut manager, index::WORKER);
    world.check(&manager);
}

#[test]
fn pieces_of_two_moments_are_never_mixed() {
    let (world, mut manager) = World::new();
    manager.pause(id(index::WORKER)).unwrap();
    let runs = query(index::WORKER, 0, CoreWhat::Runs);
    let stamp = piece(&mut manager, runs).unwrap().0.stamp;
    let later = CoreQuery { stamp, ..query(index::WORKER, 0, CoreWhat::Pages) };
    assert!(piece(&mut manager, later).is_ok());
    // It ran in between, if only for a moment.
    stop_idle(&mut manager);
    manager.resume(id(index::WORKER)).unwrap();
    while manager.replan() || world.shared.machine.running(1).is_none() {
        let next = manager.machine.now() + 1_000_000;
        manager.machine.sleep_until(next);
    }
    let next = manager.machine.now() + 16_000_000;
    manager.machine.sleep_until(next);
    manager.pause(id(index::WORKER)).unwrap();
    assert_eq!(piece(&mut manager, later).err(), Some(ResourceStatus::Disagrees));
    let stamp = piece(&mut manager, runs).unwrap().0.stamp;
    manager.restart(id(index::WORKER), StartReason::Restarted).unwrap();
    manager.kill(id(index::WORKER)).unwrap();
    let later = CoreQuery { stamp, ..later };
    assert_eq!(piece(&mut manager, later).err(), Some(ResourceStatus::Disagrees));
}

/// Lets the worker fault and be restarted by its rescuer; its memory at that moment, but for what lasts.
pub fn dies(world: &World, manager: &mut TestManager) -> Pages {
    stop_idle(manager);
    scribble(world, manager);
    worker_faults(world);
    manager.wait_for_own_turn();
    let mut left = memory(world, manager, index::WORKER);
    left.retain(|address, _| !(abi::layout::LASTING..abi::layout::LASTING_END).contains(address));
    left
}

/// The worker is the only one that runs on processor 1.
fn stop_idle(manager: &mut TestManager) {
    let idle = manager.row(id(index::IDLE)).unwrap();
    let context = super::contexts(&idle).nth(1).unwrap();
    manager.machine_stop(context);
}

/// covers: REC-1
#[test]
fn of_one_that_fell_what_there_is_room_for_is_kept() {
    let (world, mut manager) = World::with(|number, definition| {
        definition.heap = if number == index::WORKER { 40 } else { definition.heap };
    });
    let before = world.free();
    let left = dies(&world, &mut manager);
    let restarted = ask(&mut manager, BOOT, ResourceRequest::Restart, index::WORKER);
    assert_eq!(status(&restarted), ResourceStatus::Ok, "{}", world.said());
    let kept = dump(&mut manager, index::WORKER, 1).expect("kept");
    assert!(kept.len() > 2 && kept.len() < left.len(), "{} of {}", kept.len(), left.len());
    for (address, bytes) in &kept {
        assert_eq!(left.get(address), Some(bytes), "{address:#x}");
    }
    let (reply, contexts) =
        all::<[u64; 18]>(&mut manager, query(index::WORKER, 1, CoreWhat::Registers)).unwrap();
    assert_eq!((reply.life, reply.stopped, reply.reason, contexts.len()), (1, 1, 0, 1));
    assert_eq!(reply.missing as usize, left.len() - kept.len());
    world.check(&manager);
    assert_eq!(world.free() + kept.len() as u64 + 1, before);
    // A creator finds there what the audit misses.
    let creator = (index::COMMAND, ChannelKind::Control);
    let told = ask(&mut manager, creator, ResourceRequest::Corpse, 0);
    let (record, _) = CorpseRecord::read_from_prefix(told.parts().1).unwrap();
    assert_eq!(world.free() + u64::from(record.pages), before);
    // A person's restart of one that runs keeps what is kept.
    manager.restart(id(index::WORKER), StartReason::Restarted).unwrap();
    assert_eq!(dump(&mut manager, index::WORKER, 1), Ok(kept));
    let forgotten = ask(&mut manager, COMMAND, ResourceRequest::Forget, index::WORKER);
    assert_eq!(status(&forgotten), ResourceStatus::Ok);
    assert_eq!(dump(&mut manager, index::WORKER, 1), Err(ResourceStatus::NoSuch));
    world.check(&manager);
    assert_eq!(world.free(), before);
}

#[test]
fn of_one_that_could_alter_it_nothing_is_kept() {
    let (world, mut manager) = World::with(|number, definition| {
        let own =
            if number == index::WORKER { PartitionFlags::SELF } else { PartitionFlags::empty() };
        definition.flags |= own.bits();
    });
    let before = world.free();
    dies(&world, &mut manager);
    let restarted = ask(&mut manager, BOOT, ResourceRequest::Restart, index::WORKER);
    assert_eq!(status(&restarted), ResourceStatus::Ok, "{}", world.said());
    assert_eq!(dump(&mut manager, index::WORKER, 1), Err(ResourceStatus::NoSuch));
    assert_eq!(world.free(), before);
    // To ask what there is not is no refusal that the log remembers.
    let number = manager.books.last_number();
    let none = ask(&mut manager, COMMAND, ResourceRequest::Corpse, 0);
    assert_eq!(status(&none), ResourceStatus::NoSuch);
    assert_eq!(manager.books.last_number(), number);
}

/// covers: RES-2, REC-1
#[test]
fn a_look_cut_short_leaves_everything_where_it_was() {
    let (mut world, mut manager) = World::new();
    scribble(&world, &manager);
    manager.pause(id(index::WORKER)).unwrap();
    let (free, expected) = (world.free(), memory(&world, &manager, index::WORKER));
    for calls in 0.. {
        let died = dies_in(&world, calls, || {
            dump(&mut manager, index::WORKER, 0).expect("told");
        });
        manager = world.recovered();
        whole(&mut manager, index::WORKER);
        assert_eq!(memory(&world, &manager, index::WORKER), expected, "death at call {calls}");
        assert_eq!(manager.row(id(index::WORKER)).unwrap().state, PartitionState::Paused as u32);
        world.check(&manager);
        assert_eq!(world.free(), free, "death at call {calls}");
        if came_through(died, calls, 30) {
            return;
        }
    }
}

/// covers: RES-2, REC-1, REC-2
#[test]
fn a_burial_cut_short_is_finished_or_taken_back() {
    let mut kept = [0, 0];
    let step = if std::env::var_os("BULKHEAD_CAMPAIGN").is_some() { 1 } else { 3 };
    for calls in (0..).step_by(step) {
        let (mut world, mut manager) = World::new();
        let before = world.free();
        let left = dies(&world, &mut manager);
        let died = dies_in(&world, calls, || {
            manager.restart_within_budget(id(index::WORKER)).expect("restarted");
        });
        manager = world.recovered();
        look_after_all(&mut manager);
        let row = manager.row(id(index::WORKER)).unwrap();
        if manager.faulted_context(&row).is_some() {
            manager.restart_within_budget(id(index::WORKER)).expect("restarted");
        }
        runs(&mut manager, index::WORKER);
        whole(&mut manager, index::WORKER);
        world.check(&manager);
        let corpse = dump(&mut manager, index::WORKER, 1);
        for (address, bytes) in corpse.iter().flatten() {
            assert_eq!(left.get(address), Some(bytes), "{address:#x}, death at call {calls}");
        }
        kept[usize::from(corpse.is_ok())] += 1;
        manager.forget_corpse(id(index::WORKER)).unwrap();
        assert_eq!(world.free(), before, "death at call {calls}");
        if !died {
            assert!(calls > 60 && corpse.is_ok(), "a burial takes more than {calls} calls");
            assert_eq!(kept[0], 0, "whoever comes next keeps what is left, of {kept:?}");
            return;
        }
    }
}

#[test]
fn the_living_come_first() {
    let (world, mut manager) = World::new();
    dies(&world, &mut manager);
    manager.restart_within_budget(id(index::WORKER)).unwrap();
    assert!(dump(&mut manager, index::WORKER, 1).is_ok());
    let mut copies = 0;
    let last = loop {
        let reply = ask(&mut manager, COMMAND, ResourceRequest::Create, index::WORKER);
        match status(&reply) {
            ResourceStatus::Ok => copies += 1,
            last => break last,
        }
    };
    assert_eq!(last, ResourceStatus::NoMemory);
    assert!(copies > 5);
    assert_eq!(dump(&mut manager, index::WORKER, 1), Err(ResourceStatus::NoSuch));
    world.check(&manager);
    let listed = manager.answer(
        Asker { partition: id(index::COMMAND), kind: ChannelKind::Command },
        ResourceRequest::Corpse.code(),
        Index { index: 0 }.as_bytes(),
    );
    assert_eq!(status(&listed), ResourceStatus::NoSuch);
}

/// Whoever looks at boot while it is down takes nothing that its emergency life needs: the manager may die just then.
///
/// covers: REC-1
#[test]
fn what_brings_the_manager_back_is_never_lent() {
    let (mut world, mut manager) =
        World::with(|number, definition| definition.lasting = if number == 1 { 8 } else { 0 });
    for calls in 0.. {
        manager.kill(id(index::BOOT)).unwrap();
        let row = manager.row(id(index::BOOT)).unwrap();
        let died = dies_in(&world, calls, || drop(dump(&mut manager, index::BOOT, 0)));
        for page in 0..8 {
            let address = abi::layout::LASTING + page * PAGE_SIZE;
            let translate = PartitionOperation::Translate as u64;
            let machine = &world.shared.machine;
            let there = machine.control(row.partition_slot.into(), translate, [address, 0, 0, 0]);
            assert!(there.is_ok(), "page {page}, death at call {calls}");
        }
        if came_through(died, calls, 8) {
            return;
        }
        manager = world.recovered();
        manager.start(id(index::BOOT), StartReason::Started).unwrap();
    }
}
