//! Versions: gone over to, on trial, taken back, and whatever an image that comes later may ask for.

use super::deaths::{came_through, dies_in};
use super::image::{elf, image_with, index, manifest};
use super::wards::pass;
use super::world::{TestManager, World};
use super::{COMMAND, WORKER, ask, id, status};
use abi::information::Report;
use abi::manifest::PartitionFlags;
use abi::manifest::{ManifestChannel, ManifestGrant, ManifestHeader, ManifestPartition};
use abi::message::resource::{PartitionState, ResourceRequest as R, ResourceStatus};
use abi::message::upgrade::{Obstacle, UpgradeRecord};
use abi::types::PartitionId;
use std::sync::atomic::Ordering;
use zerocopy::FromBytes;

/// What an image says, to be changed.
pub struct Said<'a> {
    partitions: &'a mut [ManifestPartition],
    channels: &'a mut [ManifestChannel],
    grants: &'a mut [ManifestGrant],
}

/// The usual image in which the worker has this version, changed.
pub fn later(version: u32, program: Vec<u8>, change: impl FnOnce(Said<'_>)) -> Vec<u8> {
    let mut bytes = manifest();
    let (header, rest) = ManifestHeader::mut_from_prefix(&mut bytes).expect("a header");
    let counts = [header.partitions, header.channels, header.grants].map(|count| count as usize);
    let (partitions, rest) =
        <[ManifestPartition]>::mut_from_prefix_with_elems(rest, counts[0]).expect("partitions");
    let (channels, rest) =
        <[ManifestChannel]>::mut_from_prefix_with_elems(rest, counts[1]).expect("channels");
    let (grants, _) =
        <[ManifestGrant]>::mut_from_prefix_with_elems(rest, counts[2]).expect("grants");
    partitions[index::WORKER as usize].version = version;
    change(Said { partitions, channels, grants });
    image_with(bytes, program)
}

/// A program that differs from that of the boot image, and needs more room.
pub fn other() -> Vec<u8> {
    elf(0x77, 5)
}

/// A world with a second version of the worker beside it.
fn world() -> (World, TestManager) {
    let (mut world, mut manager) = World::new();
    world.add_later(&mut manager, later(2, other(), |_| ()));
    // The manager's own tables grow once.
    manager.restart(id(index::WORKER), abi::information::StartReason::Restarted).unwrap();
    (world, manager)
}

fn record(manager: &mut TestManager, request: R) -> (ResourceStatus, UpgradeRecord) {
    let reply = ask(manager, COMMAND, request, index::WORKER);
    let (status, body) = reply.parts();
    (status, UpgradeRecord::read_from_bytes(body).expect("a record"))
}

/// What is in the way of the version offered.
fn obstacle(manager: &mut TestManager) -> Obstacle {
    let (status, record) = record(manager, R::Upgrade);
    let obstacle = Obstacle::from_code(record.obstacle as u16).expect("an obstacle");
    assert_eq!(status == ResourceStatus::Ok, obstacle == Obstacle::None);
    obstacle
}

/// The first byte of the worker's text, as it is mapped.
fn text(world: &World, manager: &mut TestManager) -> u64 {
    let row = manager.row(id(index::WORKER)).unwrap();
    let translate = abi::control::PartitionOperation::Translate as u64;
    let address = [abi::layout::PROGRAM_BASE, 0, 0, 0];
    let [frame, ..] = world
        .shared
        .machine
        .control(row.partition_slot.into(), translate, address)
        .expect("mapped");
    world.shared.machine.word(frame, 0).load(Ordering::Relaxed) & 0xff
}

/// Gives the worker's sign of life.
fn come_up(world: &World, manager: &TestManager) {
    let report = manager.row(id(index::WORKER)).unwrap().information.start;
    let word = std::mem::offset_of!(Report, alive) / 8;
    world.shared.machine.word(report.raw(), word).store(1, Ordering::Relaxed);
}

fn restart(manager: &mut TestManager) {
    let restarted = ask(manager, COMMAND, R::Restart, index::WORKER);
    assert_eq!(status(&restarted), ResourceStatus::Ok);
}

const MILLISECOND: u64 = 1_000_000;
const OLD: u64 = 0x5a;
const NEW: u64 = 0x77;

/// covers: REC-4
#[test]
fn the_old_version_runs_until_its_restart_and_the_new_one_proves_itself() {
    let (world, mut manager) = world();
    let before = world.free();
    assert_eq!(obstacle(&mut manager), Obstacle::None);
    let (_, noted) = record(&mut manager, R::Versions);
    assert_eq!((noted.version, noted.waiting, noted.before), (1, 2, 0));
    assert_eq!(before - manager.books.available(), 6, "its program has its memory already");
    pass(&mut manager, 50 * MILLISECOND);
    assert_eq!(text(&world, &mut manager), OLD);
    restart(&mut manager);
    assert_eq!(text(&world, &mut manager), NEW);
    let (_, trial) = record(&mut manager, R::Versions);
    assert_eq!((trial.version, trial.waiting, trial.before), (2, 0, 1));
    come_up(&world, &manager);
    pass(&mut manager, 900 * MILLISECOND);
    assert_eq!(record(&mut manager, R::Versions).1.before, 1, "that it is up proves little");
    pass(&mut manager, 200 * MILLISECOND);
    let (_, proved) = record(&mut manager, R::Versions);
    assert_eq!((proved.version, proved.waiting, proved.before), (2, 0, 0));
    assert_eq!(world.free(), before - 3, "the old program's memory is free");
    world.check(&manager);
    // A restart stays with it.
    restart(&mut manager);
    assert_eq!(text(&world, &mut manager), NEW);
    assert_eq!(obstacle(&mut manager), Obstacle::NotNewer);
}

/// covers: REC-4
#[test]
fn a_version_that_is_not_up_in_its_time_is_taken_back() {
    let (world, mut manager) = world();
    let before = (world.free(), manager.row(id(index::WORKER)).unwrap().budget);
    assert_eq!(obstacle(&mut manager), Obstacle::None);
    restart(&mut manager);
    pass(&mut manager, 90 * MILLISECOND);
    assert_eq!(text(&world, &mut manager), NEW);
    pass(&mut manager, 20 * MILLISECOND);
    assert_eq!(text(&world, &mut manager), OLD);
    let row = manager.row(id(index::WORKER)).unwrap();
    assert!(manager.runs(&row) && row.restarts == 0);
    assert_eq!((world.free(), row.budget), before);
    assert!(world.said().contains("goes back from version 2 to version 1: it was not up in its"));
    assert_eq!(obstacle(&mut manager), Obstacle::Refused);
    world.check(&manager);
}

/// Lets the worker stop by a fault.
fn fall(world: &World, manager: &mut TestManager) {
    let idle = crate::run::contexts(&manager.row(id(index::IDLE)).unwrap()).nth(1).unwrap();
    let stop = abi::control::ContextOperation::Stop as u64;
    let _ = program_loader::Calls::patient(&mut manager.machine, idle, stop, [0; 4]);
    super::worker_faults(world);
    manager.wait_for_own_turn();
}

/// covers: REC-4
#[test]
fn one_that_stops_on_trial_goes_back_and_costs_no_restart() {
    for up in [false, true] {
        let (world, mut manager) = world();
        let budget = manager.row(id(index::WORKER)).unwrap().budget;
        assert_eq!(obstacle(&mut manager), Obstacle::None);
        restart(&mut manager);
        if up {
            come_up(&world, &manager);
            pass(&mut manager, 20 * MILLISECOND);
        }
        fall(&world, &mut manager);
        let told = super::wards::told(&mut manager, super::BOOT);
        assert_eq!(told, None, "it runs again already");
        let rescue = ask(&mut manager, super::BOOT, R::Rescue, index::WORKER);
        assert_eq!(status(&rescue), ResourceStatus::WrongState);
        let row = manager.row(id(index::WORKER)).unwrap();
        assert!(manager.runs(&row));
        assert_eq!((row.budget, row.restarts, row.image, row.before), (budget, 0, 0, 0));
        assert_eq!(text(&world, &mut manager), OLD);
        world.check(&manager);
    }
}

/// covers: REC-4
#[test]
fn the_next_version_above_is_offered_and_one_that_failed_is_passed_over() {
    let (mut world, mut manager) = world();
    world.add_later(&mut manager, later(4, other(), |_| ()));
    world.add_later(&mut manager, later(3, elf(0x33, 2), |_| ()));
    assert_eq!(record(&mut manager, R::Versions).1.offered, 2);
    assert_eq!(obstacle(&mut manager), Obstacle::None);
    restart(&mut manager);
    assert_eq!(obstacle(&mut manager), Obstacle::Trial);
    come_up(&world, &manager);
    pass(&mut manager, 1100 * MILLISECOND);
    assert_eq!(record(&mut manager, R::Versions).1.offered, 3);
    assert_eq!(obstacle(&mut manager), Obstacle::None);
    restart(&mut manager);
    assert_eq!(text(&world, &mut manager), 0x33);
    pass(&mut manager, 110 * MILLISECOND);
    let (_, back) = record(&mut manager, R::Versions);
    assert_eq!((back.version, back.offered), (2, 4), "3 failed");
    assert_eq!(text(&world, &mut manager), NEW);
    world.check(&manager);
}

/// covers: REC-4
#[test]
fn a_person_takes_back_a_note_a_trial_and_a_version() {
    let (world, mut manager) = world();
    let before = world.free();
    assert_eq!(record(&mut manager, R::Rollback).0, ResourceStatus::WrongState, "nothing is below");
    assert_eq!(obstacle(&mut manager), Obstacle::None);
    let (status, record_) = record(&mut manager, R::Rollback);
    assert_eq!((status, record_.waiting, world.free()), (ResourceStatus::Ok, 0, before));
    restart(&mut manager);
    assert_eq!(text(&world, &mut manager), OLD);
    assert_eq!(obstacle(&mut manager), Obstacle::None);
    restart(&mut manager);
    assert_eq!(record(&mut manager, R::Rollback).1.waiting, 1);
    assert_eq!(text(&world, &mut manager), NEW, "until its next start");
    restart(&mut manager);
    assert_eq!(text(&world, &mut manager), OLD);
    come_up(&world, &manager);
    pass(&mut manager, 1100 * MILLISECOND);
    assert_eq!(world.free(), before);
    // It failed in a person's eyes: it is not offered again.
    assert_eq!(obstacle(&mut manager), Obstacle::Refused);
    manager.change(id(index::WORKER), |row| row.refused = 0).unwrap();
    assert_eq!(obstacle(&mut manager), Obstacle::None);
    restart(&mut manager);
    come_up(&world, &manager);
    pass(&mut manager, 1100 * MILLISECOND);
    assert_eq!(record(&mut manager, R::Rollback).0, ResourceStatus::Ok);
    restart(&mut manager);
    let (_, back) = record(&mut manager, R::Versions);
    assert_eq!((back.version, back.before), (1, 2), "on trial as any other");
    assert_eq!(text(&world, &mut manager), OLD);
    come_up(&world, &manager);
    pass(&mut manager, 1100 * MILLISECOND);
    assert_eq!(world.free(), before);
    world.check(&manager);
}

/// covers: REC-4
#[test]
fn nobody_gets_more_by_an_image_that_comes_later() {
    const W: usize = index::WORKER as usize;
    type Change = fn(Said<'_>);
    let changes: [(Obstacle, Change); 14] = [
        (Obstacle::Role, |said| said.partitions[W].role = 5),
        (Obstacle::Authority, |said| said.partitions[W].flags |= PartitionFlags::TESTER.bits()),
        (Obstacle::Authority, |said| said.partitions[W].flags |= PartitionFlags::CREATOR.bits()),
        (Obstacle::Hardware, |said| said.grants[0].base = 5),
        (Obstacle::Hardware, |said| said.grants[0].kind = 1),
        (Obstacle::Room, |said| said.partitions[W].stack += 1),
        (Obstacle::Room, |said| said.partitions[W].heap += 1),
        (Obstacle::Room, |said| said.partitions[W].lasting += 1),
        (Obstacle::Room, |said| said.partitions[W].contexts += 1),
        (Obstacle::Channels, |said| said.channels[2].data += 1),
        (Obstacle::Channels, |said| said.channels[2].kind = 5),
        (Obstacle::Channels, |said| said.channels[2].server = index::BOOT),
        (Obstacle::Versions, |said| said.channels[2].speaks = [2, 3]),
        (Obstacle::NoImage, |said| said.partitions[W].name[0] = b'x'),
    ];
    let (mut world, mut manager) = World::new();
    let free = world.free();
    for (wanted, change) in changes {
        world.later = Default::default();
        world.add_later(&mut manager, later(2, other(), change));
        assert_eq!(obstacle(&mut manager), wanted);
        assert_eq!(manager.row(id(index::WORKER)).unwrap().waiting, 0);
    }
    for bad in [vec![0; 64], elf(1, 600), Vec::new()] {
        world.later = Default::default();
        world.add_later(&mut manager, later(2, bad, |_| ()));
        assert_eq!(obstacle(&mut manager), Obstacle::Program);
    }
    assert_eq!(world.free(), free);
    // Less is no obstacle, and takes nothing away.
    world.later = Default::default();
    world.add_later(&mut manager, later(2, other(), |said| said.partitions[W].flags = 0));
    assert_eq!(obstacle(&mut manager), Obstacle::None);
    let manager_itself = ask(&mut manager, COMMAND, R::Upgrade, 0);
    assert_eq!(status(&manager_itself), ResourceStatus::WrongState);
    for request in [R::Versions, R::Upgrade, R::Rollback] {
        let other = ask(&mut manager, WORKER, request, index::WORKER);
        assert_eq!(status(&other), ResourceStatus::NotAllowed);
    }
}

/// Peers are asked for what they run, what they wait for, and what they may go back to.
///
/// covers: REC-4
#[test]
fn a_version_that_no_peer_understands_is_not_taken() {
    let (mut world, mut manager) = World::new();
    let both = |version, worker, command| {
        later(version, other(), move |said| {
            said.partitions[index::COMMAND as usize].version = version;
            said.channels[2].speaks = [worker, command];
        })
    };
    world.add_later(&mut manager, both(2, 0b011, 0b110));
    // The command partition speaks 1 as it runs, and 2 and 3 as it will.
    assert_eq!(obstacle(&mut manager), Obstacle::None);
    let command = ask(&mut manager, COMMAND, R::Upgrade, index::COMMAND);
    let record_ = UpgradeRecord::read_from_bytes(command.parts().1).unwrap();
    assert_eq!(record_.obstacle, Obstacle::Versions as u32, "the worker still speaks 1 alone");
    assert_eq!(record_.about, index::WORKER);
    restart(&mut manager);
    let version = |manager: &TestManager| {
        manager.books.channels().find(|(id, _)| id.raw() == 2).map(|(_, row)| row.version)
    };
    assert_eq!(version(&manager), Some(1));
    let command = ask(&mut manager, COMMAND, R::Upgrade, index::COMMAND);
    let record_ = UpgradeRecord::read_from_bytes(command.parts().1).unwrap();
    assert_eq!(record_.obstacle, Obstacle::Versions as u32, "the worker may go back to 1");
    come_up(&world, &manager);
    pass(&mut manager, 1100 * MILLISECOND);
    let command = ask(&mut manager, COMMAND, R::Upgrade, index::COMMAND);
    assert_eq!(status(&command), ResourceStatus::Ok);
    // What is noted counts already.
    world.add_later(&mut manager, both(3, 0b001, 0b001));
    assert_eq!(obstacle(&mut manager), Obstacle::Versions);
    let reason = abi::information::StartReason::Restarted;
    manager.restart(id(index::COMMAND), reason).unwrap();
    assert_eq!(version(&manager), Some(2), "the highest that both speak");
    world.check(&manager);
}

/// Whatever the manager was doing when it died, the partition ends up in one version or the other, whole, and nothing is lost.
///
/// covers: REC-4, RES-2
#[test]
fn the_manager_may_die_at_every_step_of_an_upgrade() {
    let step = if std::env::var_os("BULKHEAD_CAMPAIGN").is_some() { 1 } else { 13 };
    for calls in (0..).step_by(step) {
        let (mut world, mut manager) = world();
        let before = world.free();
        let died = dies_in(&world, calls, || {
            assert_eq!(obstacle(&mut manager), Obstacle::None);
            restart(&mut manager);
            pass(&mut manager, 130 * MILLISECOND);
        });
        manager = world.recovered();
        let row = manager.row(id(index::WORKER)).unwrap();
        let expected = if row.image == 0 { OLD } else { NEW };
        assert_eq!(text(&world, &mut manager), expected, "death at call {calls}");
        assert_eq!((row.loaded, row.state), (row.image, PartitionState::Running as u32));
        world.check(&manager);
        pass(&mut manager, 250 * MILLISECOND);
        // A note, or what a person would do.
        let _ = record(&mut manager, R::Rollback);
        assert_eq!(text(&world, &mut manager), OLD, "death at call {calls}");
        assert_eq!(world.free(), before, "death at call {calls}");
        world.check(&manager);
        if came_through(died, calls, 60) {
            return;
        }
    }
}

/// covers: REC-4
#[test]
fn a_trial_stands_still_with_its_partition() {
    let (world, mut manager) = world();
    assert_eq!(obstacle(&mut manager), Obstacle::None);
    restart(&mut manager);
    let paused = ask(&mut manager, COMMAND, R::Pause, index::WORKER);
    assert_eq!(status(&paused), ResourceStatus::Ok);
    pass(&mut manager, 500 * MILLISECOND);
    let resumed = ask(&mut manager, COMMAND, R::Resume, index::WORKER);
    assert_eq!(status(&resumed), ResourceStatus::Ok);
    pass(&mut manager, 50 * MILLISECOND);
    assert_eq!(text(&world, &mut manager), NEW);
    pass(&mut manager, 100 * MILLISECOND);
    assert_eq!(text(&world, &mut manager), OLD, "it still is not up");
    world.check(&manager);
}

/// covers: REC-4
#[test]
fn a_copy_is_upgraded_and_ended_as_any_other() {
    let (world, mut manager) = world();
    let before = (world.free(), manager.books.slots_taken());
    for proved in [true, false] {
        let copy: PartitionId = manager.create_again(id(index::WORKER)).unwrap();
        let asked = ask(&mut manager, COMMAND, R::Upgrade, copy.raw());
        let record = UpgradeRecord::read_from_bytes(asked.parts().1).unwrap();
        assert_eq!((status(&asked), record.waiting), (ResourceStatus::Ok, 2));
        let started = ask(&mut manager, COMMAND, R::Start, copy.raw());
        assert_eq!(status(&started), ResourceStatus::Ok);
        if proved {
            let row = manager.row(copy).unwrap();
            assert_eq!((row.image, row.loaded), (1, 1), "its first start went over");
        }
        world.destroy(&mut manager, copy);
        assert_eq!((world.free(), manager.books.slots_taken()), before);
    }
    world.check(&manager);
}
