//! Channels of partitions that are made at run time: servers that let go, that do not, that lie, that are dead.

use super::deaths::{came_through, dies_in};
use super::world::{TestManager, World, index};
use crate::manager::Machine;
use abi::channel::{PARTED, Role, SERVER_AREA};
use abi::control::PartitionOperation;
use abi::information::{INFORMATION_HEADER, Resource, ResourceKind, StartReason};
use abi::message::resource::{PartitionState, ResourceStatus};
use abi::types::{PAGE_SIZE, PartitionId, ProcessorId, Slot};
use program_loader::Calls;
use resource_db::{ChannelRow, Link, Stage};
use std::sync::atomic::Ordering;
use zerocopy::{FromBytes, IntoBytes};

impl World {
    /// Ends a partition that was made at run time.
    pub fn destroy(&self, manager: &mut TestManager, id: PartitionId) {
        if !manager.destroy(id).expect("destroyed") {
            self.let_go(manager);
        }
    }

    /// Servers let go of what they are told to, as the runtime does.
    pub fn let_go(&self, manager: &mut TestManager) {
        for (_, row) in manager.books.channels().filter(|(_, row)| row.link() == Link::Leaving) {
            let word = self.shared.machine.word(row.memory().start.raw(), SERVER_AREA / 8);
            word.store(PARTED.into(), Ordering::Relaxed);
        }
        manager.watch();
        assert!(!manager.ending, "{}", self.said());
    }
}

/// The one channel that a copy of the worker has, if it is there.
fn channel_of(manager: &TestManager, copy: PartitionId) -> Option<ChannelRow> {
    let (_, role, row) = manager.next_channel(copy, None)?;
    assert_eq!(role, Role::Client);
    Some(row)
}

/// Whether a frame is mapped in the command partition, which serves the worker, at the address of a channel.
fn is_mapped(manager: &mut TestManager, row: &ChannelRow) -> bool {
    let server = Slot::new(manager.row(PartitionId::new(index::COMMAND)).unwrap().partition_slot);
    let translate = [row.server.address, 0, 0, 0];
    manager.machine.partition(server, PartitionOperation::Translate, translate).is_ok()
}

/// The record of a server's channel in its information pages.
fn record(manager: &mut TestManager, world: &World, place: u32) -> Resource {
    let row = manager.row(PartitionId::new(index::COMMAND)).unwrap();
    let offset = INFORMATION_HEADER as u64 + u64::from(place) * size_of::<Resource>() as u64;
    let frame = row.information.start.raw() + 1 + offset / PAGE_SIZE;
    let words: Vec<u64> = (0..size_of::<Resource>() / 8)
        .map(|word| world.shared.machine.word(frame, (offset % PAGE_SIZE / 8) as usize + word))
        .map(|word| word.load(Ordering::Relaxed))
        .collect();
    Resource::read_from_bytes(words.as_bytes()).unwrap()
}

fn made() -> (World, TestManager, PartitionId, ChannelRow) {
    let (world, mut manager) = World::new();
    let copy = manager.create_again(PartitionId::new(index::WORKER)).unwrap();
    let row = channel_of(&manager, copy).unwrap();
    (world, manager, copy, row)
}

// covers: CHN-1
#[test]
fn a_server_is_told_of_a_client_by_one_record() {
    let (world, mut manager, copy, row) = made();
    assert_eq!((row.link(), row.stage()), (Link::Connected, Stage::Made));
    assert!(is_mapped(&mut manager, &row));
    // The command partition is an end of two channels of the manifest.
    assert_eq!(row.server.place, 2);
    let told = record(&mut manager, &world, row.server.place);
    assert_eq!((told.peer, told.epoch, told.address), (copy.raw(), row.epoch, row.server.address));
    manager.destroy(copy).unwrap();
    assert_eq!(record(&mut manager, &world, row.server.place).epoch, 0, "it is to let go");
    assert!(is_mapped(&mut manager, &row), "nothing is taken from who uses it");
    world.let_go(&mut manager);
    assert_eq!(record(&mut manager, &world, row.server.place).kind, ResourceKind::Vacant as u8);
    assert!(!is_mapped(&mut manager, &row));
    world.check(&manager);
}

/// A server that was busy, or paused, looks only when another has come in the place of one that is gone.
#[test]
fn who_comes_in_the_same_place_comes_in_another_epoch() {
    let (world, mut manager, copy, row) = made();
    let mut last = row;
    for _ in 0..3 {
        manager.start(copy, StartReason::Started).unwrap();
        manager.restart(copy, StartReason::Started).unwrap();
        last = channel_of(&manager, copy).unwrap_or(last);
        world.destroy(&mut manager, copy);
        assert_eq!(manager.create_again(PartitionId::new(index::WORKER)).unwrap(), copy);
        let next = channel_of(&manager, copy).unwrap();
        assert_eq!(
            (next.server.place, next.server.address),
            (row.server.place, row.server.address)
        );
        assert!(next.epoch > last.epoch, "{} after {}", next.epoch, last.epoch);
    }
}

/// Memory serves for nothing else until the server has let go of it; processors are free at once.
///
/// covers: RES-12
#[test]
fn a_server_that_keeps_a_channel_is_cut_off_in_time() {
    let (world, mut manager, copy, row) = made();
    manager.start(copy, StartReason::Started).unwrap();
    let before = world.free();
    world.said();
    assert!(!manager.destroy(copy).unwrap());
    let processor = ProcessorId::new(1);
    let placed = |manager: &TestManager| {
        let mut plan = plan::Plan::empty();
        manager.plan(processor, &mut plan);
        plan.slots.iter().flatten().chain(&plan.takers).any(|place| place.partition == copy)
    };
    assert!(!placed(&manager));
    let asked = manager.machine.now();
    let mut next = manager.watch();
    while manager.ending {
        assert_eq!(world.free(), before, "memory was taken from a server that uses it");
        assert!(manager.machine.now() < asked + 60_000_000);
        manager.machine.sleep_until(next);
        next = manager.watch();
    }
    assert!(manager.machine.now() >= asked + crate::parting::CUT_TIME);
    assert!(world.said().contains("command did not let go of a channel of worker: cut off"));
    assert!(!is_mapped(&mut manager, &row) && manager.row(copy).is_err());
    world.check(&manager);
}

/// A server that is dead, or dies meanwhile, or comes back without a word, keeps nobody waiting longer than one that lives.
///
/// covers: RES-12
#[test]
fn a_dead_server_holds_nothing() {
    let command = PartitionId::new(index::COMMAND);
    for dies in [false, true] {
        let (world, mut manager, copy, row) = made();
        if !dies {
            manager.kill(command).unwrap();
            assert!(manager.destroy(copy).unwrap(), "at once");
        } else {
            assert!(!manager.destroy(copy).unwrap());
            manager.kill(command).unwrap();
            manager.watch();
        }
        assert!(!is_mapped(&mut manager, &row) && manager.row(copy).is_err());
        assert!(!world.said().contains("cut off"));
        manager.start(command, StartReason::Started).unwrap();
        assert_eq!(record(&mut manager, &world, row.server.place).kind, ResourceKind::Vacant as u8);
        world.check(&manager);
    }
    let (world, mut manager, copy, row) = made();
    assert!(!manager.destroy(copy).unwrap());
    manager.restart(command, StartReason::Restarted).unwrap();
    assert_eq!(record(&mut manager, &world, row.server.place).epoch, 0, "it does not begin anew");
    world.let_go(&mut manager);
    world.check(&manager);
}

/// A client that writes its server's word has nothing taken from that before its time.
///
/// covers: RES-12, CHN-6
#[test]
fn a_client_cannot_say_that_its_server_has_let_go() {
    let (world, mut manager, copy, row) = made();
    let word = world.shared.machine.word(row.memory().start.raw(), SERVER_AREA / 8);
    word.store(PARTED.into(), Ordering::Relaxed);
    manager.watch();
    assert_eq!(channel_of(&manager, copy).unwrap().link(), Link::Connected);
    assert!(!manager.destroy(copy).unwrap(), "the server is told all the same");
    let asked = manager.machine.now();
    let mut next = manager.watch();
    while manager.ending {
        assert!(is_mapped(&mut manager, &row), "taken from a server that was not asked yet");
        manager.machine.sleep_until(next);
        next = manager.watch();
    }
    assert!(manager.machine.now() >= asked + crate::parting::CUT_TIME);
    assert!(world.said().contains("command could not say that it let go"));
    world.check(&manager);
}

/// A manager that dies while it tells a server tells it again; nobody is cut off who was not told.
///
/// covers: RES-12, RES-2
#[test]
fn a_server_is_told_whenever_the_manager_dies() {
    for calls in 0.. {
        let (mut world, mut manager, copy, row) = made();
        let died = dies_in(&world, calls, || {
            manager.destroy(copy).expect("begun");
        });
        manager = world.recovered();
        if came_through(died, calls, 3) {
            return;
        }
        let gone = manager.row(copy).is_err();
        let told = !gone && record(&mut manager, &world, row.server.place).epoch == 0;
        let whole = !gone && channel_of(&manager, copy).unwrap().link() == Link::Connected;
        assert!(told || whole, "death at call {calls}");
        assert!(is_mapped(&mut manager, &row), "death at call {calls}");
        assert!(!world.said().contains("cut off"), "death at call {calls}");
    }
}

/// A server that stands still and goes on later finds no channel in its information pages that was taken from it meanwhile, also where
/// the manager died just then.
#[test]
fn no_server_reads_of_what_was_taken_away() {
    for calls in 0.. {
        let (mut world, mut manager, copy, row) = made();
        let paused = PartitionState::Paused as u32;
        manager.change(PartitionId::new(index::COMMAND), |row| row.state = paused).unwrap();
        let died = dies_in(&world, calls, || {
            assert!(manager.destroy(copy).expect("begun"), "it needs no time");
        });
        manager = world.recovered();
        if !is_mapped(&mut manager, &row) {
            let told = record(&mut manager, &world, row.server.place).kind;
            assert_eq!(told, ResourceKind::Vacant as u8, "death at call {calls}");
        }
        if came_through(died, calls, 3) {
            return;
        }
    }
}

/// Whatever a server writes where it should say that it lets go, it harms nobody but its clients.
///
/// covers: RES-12, CHN-6
#[test]
fn a_server_that_lies_gains_nothing() {
    let (world, mut manager, copy, row) = made();
    let word = world.shared.machine.word(row.memory().start.raw(), SERVER_AREA / 8);
    assert!(!manager.destroy(copy).unwrap(), "it is told");
    for lie in [0, 1, PARTED - 1, PARTED >> 1] {
        word.store(u64::from(lie) | u64::from(PARTED) << 32, Ordering::Relaxed);
        manager.watch();
        assert!(manager.ending, "{lie:#x}");
    }
    world.let_go(&mut manager);
    world.check(&manager);
}

/// A server has room for so many clients and no more; who is refused leaves nothing behind.
#[test]
fn more_clients_than_there_is_room_for_are_refused() {
    let (world, mut manager) = World::new();
    let worker = PartitionId::new(index::WORKER);
    let first = manager.create_again(worker).unwrap();
    let left = (world.free(), manager.books.slots_taken());
    manager.change(PartitionId::new(index::COMMAND), |row| row.clients = 1).unwrap();
    let refused = manager.create_again(worker).unwrap_err();
    assert_eq!(refused.status(), ResourceStatus::Limit);
    assert!(world.said().contains("command has no room for more than 1 clients that join it"));
    assert_eq!((world.free(), manager.books.slots_taken()), left);
    world.destroy(&mut manager, first);
    let second = manager.create_again(worker).unwrap();
    assert_eq!(channel_of(&manager, second).unwrap().server.place, 2, "the same place again");
    world.destroy(&mut manager, second);
    world.check(&manager);
}
