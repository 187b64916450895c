//! The founding of the machine: boot partition, command partition and manager may die at each step of it.

use super::compare::equal;
use super::deaths::{came_through, dies_in, runs};
use super::wards::context_frame;
use super::world::{TestManager, World, index, make_rest};
use super::{BOOT, COMMAND, id, status};
use crate::manager::SELF;
use crate::owned::granted;
use crate::requests::Asker;
use abi::channel::ChannelKind;
use abi::information::StartReason;
use abi::manifest::PartitionFlags;
use abi::message::resource::{Index, Maker, ResourceRequest as R, ResourceStatus as S};
use resource_db::{Owner, Problem, Stage};
use zerocopy::IntoBytes;

fn ask(manager: &mut TestManager, (who, kind): (u32, ChannelKind), request: R, about: u32) -> S {
    let body = Index { index: about };
    let body = if request == R::HandOver { &[] } else { body.as_bytes() };
    status(&manager.answer(Asker { partition: id(who), kind }, request as u16, body))
}

/// What books and kernel have of everything that was made.
fn made(world: &World, manager: &TestManager) -> (u64, u32, Vec<(u32, u32, u32)>) {
    let rows = manager.books.partitions().map(|(id, row)| (id.raw(), row.stage, row.starts.min(1)));
    (world.free(), manager.books.slots_taken(), rows.collect())
}

/// covers: BOOT-3
#[test]
fn each_makes_what_is_its_to_make() {
    let (world, mut manager) = World::unmade();
    manager.create_all().unwrap();
    let stage = |manager: &TestManager, which| manager.row(id(which)).unwrap().stage();
    for there in [index::BOOT, index::IDLE] {
        runs(&mut manager, there);
    }
    for missing in [index::COMMAND, index::WORKER] {
        assert_eq!(stage(&manager, missing), Stage::Making);
        assert_eq!(manager.row(id(missing)).unwrap().frames(), 0);
    }
    equal(&mut manager);
    let making = [R::MakeDefined, R::StartDefined, R::HandOver];
    assert_eq!(manager.maker(), Maker::Boot);
    for request in making {
        assert_ne!(ask(&mut manager, COMMAND, request, index::WORKER), S::Ok, "{request:?}");
    }
    assert_eq!(ask(&mut manager, BOOT, R::MakeDefined, index::COMMAND), S::Ok);
    assert_eq!(ask(&mut manager, BOOT, R::MakeDefined, index::COMMAND), S::Ok, "once more");
    assert_eq!(ask(&mut manager, BOOT, R::MakeDefined, 5), S::NoSuch);
    equal(&mut manager);
    assert_eq!(ask(&mut manager, BOOT, R::StartDefined, index::WORKER), S::WrongState);
    assert_eq!(ask(&mut manager, BOOT, R::StartDefined, index::COMMAND), S::Ok);
    assert_eq!(ask(&mut manager, BOOT, R::StartDefined, index::COMMAND), S::WrongState);
    assert_eq!(ask(&mut manager, BOOT, R::HandOver, 0), S::Ok);
    assert_eq!(manager.maker(), Maker::Command);
    world.said();
    for request in making {
        manager.next_refusal = 0;
        assert_eq!(ask(&mut manager, BOOT, request, index::WORKER), S::NotAllowed, "{request:?}");
        let said = world.said();
        assert_eq!(said, format!("resource-manager: boot may not ask for {request:?}\n"));
    }
    assert_eq!(ask(&mut manager, COMMAND, R::MakeDefined, index::WORKER), S::Ok);
    // The channel joins a server that runs: its record is there now.
    assert!(manager.books.channels().all(|(_, row)| row.stage() == Stage::Made));
    equal(&mut manager);
    assert_eq!(ask(&mut manager, COMMAND, R::HandOver, 0), S::Ok);
    for request in making {
        assert_eq!(ask(&mut manager, COMMAND, request, index::WORKER), S::WrongState);
    }
    assert_eq!(manager.row(SELF).unwrap().unfinished, 0);
    world.check(&manager);
}

/// Whoever made what is asked again what it asked when the manager died: nothing is there twice, nothing is missing.
///
/// covers: BOOT-3, REC-2
#[test]
fn the_manager_may_die_at_any_call_of_the_founding() {
    let (world, mut manager) = World::unmade();
    let life = |manager: &mut TestManager| {
        manager.create_all().expect("founded");
        make_rest(manager);
    };
    assert!(!dies_in(&world, u32::MAX, || life(&mut manager)));
    let all = u32::MAX - world.shared.dies_after.get().expect("counted");
    world.shared.dies_after.set(None);
    let reference = made(&world, &manager);
    let mut recovered = 0_usize;
    let step = if std::env::var_os("BULKHEAD_CAMPAIGN").is_some() { 1 } else { 7 };
    for calls in (0..=all).rev().step_by(step) {
        let (mut world, mut manager) = World::unmade();
        let died = dies_in(&world, calls, || life(&mut manager));
        assert_eq!(died, calls < all);
        if manager.is_founding() {
            assert!(world.ends_with_its_manager(), "death at call {calls}");
            continue;
        }
        let mut manager = world.recovered();
        equal(&mut manager);
        make_rest(&mut manager);
        for partition in 1..5 {
            runs(&mut manager, partition);
        }
        assert!(manager.books.channels().all(|(_, row)| row.stage() == Stage::Made));
        let said = world.said();
        assert!(!said.contains("cannot"), "death at call {calls}: {said}");
        world.check(&manager);
        equal(&mut manager);
        assert_eq!(made(&world, &manager), reference, "death at call {calls}");
        recovered += 1;
    }
    // While it is founding the machine ends with it.
    assert!(recovered * step * 5 > all as usize * 2, "{recovered} of {all} calls");
}

/// From the end of the founding on the manager's death is boot's to mend, which has time to do so.
///
/// covers: REC-1, BOOT-3
#[test]
fn boot_runs_as_soon_as_it_is_the_rescuer() {
    let (world, mut manager) = World::unmade();
    manager.create_all().expect("founded");
    let boot = context_frame(&mut manager, index::BOOT);
    assert!(!world.ends_with_its_manager());
    let machine = &world.shared.machine;
    // The frame in which the machine started goes to its end first.
    let runs = (0..200).any(|_| {
        machine.run_until(machine.time() + 100_000);
        machine.running(0) == Some(boot)
    });
    assert!(runs, "it has no time");
}

/// covers: REC-2
#[test]
fn a_recovery_of_the_founding_may_be_cut_short_too() {
    for calls in (0..).step_by(9) {
        let (mut world, mut manager) = World::unmade();
        manager.create_all().expect("founded");
        assert!(dies_in(&world, 60, || make_rest(&mut manager)));
        let mut next = world.successor();
        let died = dies_in(&world, calls, || next.recover().expect("recovered"));
        let mut manager = world.recovered();
        make_rest(&mut manager);
        for partition in 1..5 {
            runs(&mut manager, partition);
        }
        assert!(!world.said().contains("cannot"), "death at call {calls}");
        world.check(&manager);
        equal(&mut manager);
        if came_through(died, calls, 20) {
            return;
        }
    }
}

/// What cannot be made leaves nothing behind, and the rest is made.
#[test]
fn what_there_is_no_memory_for_is_left_out() {
    let (world, mut manager) = World::with(|which, one| {
        if which == index::WORKER {
            one.heap = 5_000;
        }
    });
    let said = world.said();
    assert!(said.contains("worker cannot be made"), "{said}");
    assert_eq!(manager.row(id(index::WORKER)).unwrap().frames(), 0);
    assert_eq!(manager.maker(), Maker::Nobody);
    runs(&mut manager, index::COMMAND);
    world.check(&manager);
    equal(&mut manager);
}

/// The machine's hardware is boot's until who it is for is made; the books give it in one step, and boot cannot take it back.
///
/// covers: BOOT-4
#[test]
fn hardware_goes_from_boot_to_whom_it_was_meant_for() {
    let (world, mut manager) = World::unmade();
    manager.create_all().unwrap();
    let devices: Vec<u32> =
        granted(&manager.manifest, index::WORKER).map(|(device, _)| device).collect();
    assert!(!devices.is_empty());
    let owners = |manager: &TestManager| -> Vec<Owner> {
        let rows = devices.iter().map(|device| manager.books.device(*device).unwrap());
        rows.map(|row| manager.books.device_owner(row)).collect()
    };
    let [boot, worker] = [index::BOOT, index::WORKER].map(|one| Owner::Partition(id(one)));
    assert!(owners(&manager).iter().all(|owner| *owner == boot));
    equal(&mut manager);
    make_rest(&mut manager);
    assert!(owners(&manager).iter().all(|owner| *owner == worker));
    // Whoever dies, boot included, it stays where it is.
    for partition in [index::WORKER, index::BOOT] {
        manager.restart(id(partition), StartReason::Recovered).unwrap();
        assert!(owners(&manager).iter().all(|owner| *owner == worker));
    }
    manager.books.begin();
    let taken = manager.books.give_device(devices[0], boot, boot);
    assert_eq!(taken, Err(Problem::Rule), "no more boot's");
    world.check(&manager);
    equal(&mut manager);
}

/// Who makes the rest follows from the manifest: the command partition where that decides, else boot, which then has nothing more to make.
///
/// covers: BOOT-7
#[test]
fn the_manifest_says_who_makes_the_rest() {
    let policy = PartitionFlags::POLICY.bits();
    for decides in [true, false] {
        let (world, mut manager) = World::unmade_with(|which, one| {
            if which == index::COMMAND && !decides {
                one.flags &= !policy;
            }
        });
        manager.create_all().unwrap();
        for infrastructure in [R::MakeDefined, R::StartDefined] {
            assert_eq!(ask(&mut manager, BOOT, infrastructure, index::COMMAND), S::Ok);
        }
        if decides {
            assert_eq!(ask(&mut manager, BOOT, R::HandOver, 0), S::Ok);
        }
        let (maker, other) = if decides { (COMMAND, BOOT) } else { (BOOT, COMMAND) };
        assert_ne!(ask(&mut manager, other, R::MakeDefined, index::WORKER), S::Ok);
        for rest in [R::MakeDefined, R::StartDefined] {
            assert_eq!(ask(&mut manager, maker, rest, index::WORKER), S::Ok, "{decides} {rest:?}");
        }
        assert_eq!(ask(&mut manager, maker, R::HandOver, 0), S::Ok);
        assert_eq!(manager.maker(), Maker::Nobody);
        runs(&mut manager, index::WORKER);
        world.check(&manager);
        equal(&mut manager);
    }
}
