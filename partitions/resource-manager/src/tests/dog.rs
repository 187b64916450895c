//! The watchdog on the kernel's logic: who computes without a sign of life is stopped, who waits or does not get to run is not.

use super::wards::{pass, told};
use super::world::{TestManager, World, index};
use super::{BOOT, id};
use crate::manager::Machine;
use abi::call::Call;
use abi::fault::{Reason, word};
use abi::manifest::PartitionFlags;
use abi::message::resource::PartitionState;
use abi::types::Slot;
use std::sync::atomic::Ordering;

const MILLISECOND: u64 = 1_000_000;

/// A world in which the worker, alone on processor 1, is watched.
fn watched(watchdog: u32, doorbells: u32) -> (World, TestManager) {
    let (world, mut manager) = World::with(|index, definition| {
        if index == index::WORKER {
            (definition.watchdog, definition.doorbells) = (watchdog, doorbells);
            definition.flags |= PartitionFlags::SLACK.bits();
        }
    });
    pass(&mut manager, MILLISECOND);
    (world, manager)
}

/// Why the worker was stopped.
fn reason(manager: &mut TestManager) -> Option<u64> {
    let row = manager.row(id(index::WORKER)).unwrap();
    let context = manager.faulted_context(&row)?;
    Some(manager.fault_word(context, word::REASON))
}

/// The worker's event loop turns.
fn turn(world: &World, manager: &TestManager) {
    let page = manager.row(id(index::WORKER)).unwrap().information.start;
    world.shared.machine.word(page.raw(), 0).fetch_add(1, Ordering::Relaxed);
}

/// covers: REC-1
#[test]
fn who_computes_without_a_sign_is_stopped_and_rescued() {
    let (world, mut manager) = watched(20, 0);
    pass(&mut manager, 15 * MILLISECOND);
    assert_eq!(reason(&mut manager), None, "it has some time");
    pass(&mut manager, 40 * MILLISECOND);
    assert_eq!(reason(&mut manager), Some(Reason::Hang as u64));
    assert!(world.said().contains("worker is stopped: hang"));
    assert_eq!(told(&mut manager, BOOT), Some(index::WORKER));
    let row = manager.row(id(index::WORKER)).unwrap();
    assert_eq!(row.state, PartitionState::Faulted as u32);
    // Its next life has its own time.
    manager.rescue(id(index::BOOT), id(index::WORKER)).unwrap();
    pass(&mut manager, 15 * MILLISECOND);
    assert_eq!(reason(&mut manager), None);
    world.check(&manager);
}

#[test]
fn who_turns_or_waits_is_left_alone() {
    let (world, mut manager) = watched(20, 0);
    for _ in 0..40 {
        turn(&world, &manager);
        pass(&mut manager, 5 * MILLISECOND);
    }
    assert_eq!(reason(&mut manager), None, "it gives signs");
    let machine = &world.shared.machine;
    machine.begin(1, Call::Wait as u64, [1, u64::MAX - 1, 0, 0, 0, 0]);
    pass(&mut manager, 200 * MILLISECOND);
    assert_eq!(reason(&mut manager), None, "it waits");
}

#[test]
fn who_does_not_get_to_run_is_not_hung() {
    let (world, mut manager) = World::with(|index, definition| {
        // Boot and command want the same processor, and boot has a sixteenth of it.
        definition.watchdog = if index == index::BOOT { 100 } else { 0 };
        if index == index::BOOT {
            definition.share = 1;
            definition.flags &= !PartitionFlags::SLACK.bits();
        }
    });
    pass(&mut manager, 300 * MILLISECOND);
    let row = manager.row(id(index::BOOT)).unwrap();
    assert!(manager.faulted_context(&row).is_none(), "it ran for some 20 ms of 300");
    drop(world);
}

/// covers: REC-1
#[test]
fn a_storm_of_doorbells_is_stopped_and_an_ordinary_rate_is_not() {
    let (world, mut manager) = watched(0, 1000);
    let slot = manager.books.channels().find(|(_, row)| row.client.partition == index::WORKER);
    let slot = Slot::new(slot.unwrap().1.client.slot);
    let machine = &world.shared.machine;
    let ring = |count: u64| {
        for _ in 0..count {
            while machine.running(1).is_none() {
                machine.run_until(machine.time() + 10_000);
            }
            let _ = machine.call(1, Call::Ring, [slot.raw().into(), 0, 0, 0, 0, 0]);
        }
    };
    for _ in 0..10 {
        // 900 in a second.
        ring(90);
        pass(&mut manager, 100 * MILLISECOND);
    }
    assert_eq!(reason(&mut manager), None);
    ring(130);
    pass(&mut manager, 100 * MILLISECOND);
    assert_eq!(reason(&mut manager), Some(Reason::Storm as u64));
    assert!(manager.machine.now() > 0);
}
