//! Idle states on the kernel's logic: who waits deeply leaves the plan, and whatever comes for it brings it back, whenever the manager dies.

use super::changes::places;
use super::deaths::{dies_in, state};
use super::wards::pass;
use super::world::{TestManager, World, index};
use super::{contexts, id};
use crate::manager::{Machine, SCRATCH};
use abi::call::Call;
use abi::control::{ContextState, first_slot};
use abi::information::Report;
use abi::manifest::PartitionFlags;
use abi::rights::{Kind, Rights};
use abi::types::{EventBit, Frame};
use program_loader::Calls;
use resource_db::Owner;
use std::mem::offset_of;
use std::sync::atomic::Ordering;

const FRAME: u64 = 16_000_000;
const NEVER: u64 = u64::MAX;
const RESTING: u64 = ContextState::Resting as u64;

/// A world in which the worker waits as deep as it says.
fn waiting(flags: PartitionFlags, depth: u64, until: u64) -> (World, TestManager) {
    let (world, mut manager) = World::with(|index, definition| {
        if index == index::WORKER {
            definition.flags |= flags.bits();
        }
    });
    assert_eq!(places(&mut manager), 2);
    waits(&world, &manager, depth, until);
    (world, manager)
}

/// Whether the worker runs.
fn runs(world: &World, manager: &TestManager) -> bool {
    let running = world.shared.machine.running(1);
    let owner = running.map(|frame| manager.books.owner(Frame::new(frame)));
    owner == Some(Owner::Partition(id(index::WORKER)))
}

/// The worker begins to wait as soon as it runs.
fn waits(world: &World, manager: &TestManager, depth: u64, until: u64) {
    let machine = &world.shared.machine;
    while !runs(world, manager) {
        machine.run_until(machine.time() + 100_000);
    }
    say(world, manager, depth, until);
    machine.begin(1, Call::Wait as u64, [NEVER, until, 0, 0, 0, 0]);
}

fn say(world: &World, manager: &TestManager, depth: u64, until: u64) {
    let page = manager.row(id(index::WORKER)).unwrap().information.start.raw();
    let words = [(offset_of!(Report, depths), depth), (offset_of!(Report, wait_until), until)];
    for (offset, value) in words {
        world.shared.machine.word(page, offset / 8).store(value, Ordering::Relaxed);
    }
}

/// Somebody rings the worker.
fn ring(world: &World, manager: &mut TestManager) {
    let row = manager.row(id(index::WORKER)).unwrap();
    let context = contexts(&row).next().unwrap();
    let (own, bit) = (first_slot::PARTITION, u32::from(EventBit::PEER.index()));
    manager.machine.put(own, SCRATCH, context, Rights::USE, Kind::Doorbell, bit).unwrap();
    let slot = SCRATCH.raw().into();
    world.shared.machine.call(0, Call::Ring, [slot, 0, 0, 0, 0, 0]).unwrap();
    world.shared.machine.settle();
}

/// Whether the kernel rang the manager for one that rests.
fn is_rung(world: &World) -> bool {
    let bit = EventBit::PROCESSOR.mask();
    world.shared.machine.call(0, Call::Wait, [bit, 0, 0, 0, 0, 0]) == Ok([bit, 0, 0, 0])
}

/// covers: SCH-3
#[test]
fn who_waits_deeply_leaves_the_plan_and_comes_back_when_it_is_wanted() {
    let (world, mut manager) = waiting(PartitionFlags::RESTS, 3, NEVER);
    pass(&mut manager, 3 * FRAME);
    assert_eq!((state(&mut manager, index::WORKER), places(&mut manager)), (RESTING, 0));
    pass(&mut manager, 10 * FRAME);
    assert_eq!(state(&mut manager, index::WORKER), RESTING);
    ring(&world, &mut manager);
    assert!(is_rung(&world));
    let now = manager.machine.now();
    manager.rung(EventBit::PROCESSOR.mask());
    while !runs(&world, &manager) {
        pass(&mut manager, 1_000_000);
    }
    assert!(manager.machine.now() - now <= 3 * FRAME, "{} ns", manager.machine.now() - now);
    assert_eq!(places(&mut manager), 2);
    world.check(&manager);
}

#[test]
fn it_leaves_one_slot_or_none_or_nothing_as_the_manifest_allows() {
    for (flags, depth, expected) in [
        (PartitionFlags::empty(), 3, 2),
        (PartitionFlags::RESTS, 0, 2),
        (PartitionFlags::RESTS, 1, 2),
        (PartitionFlags::RESTS, 2, 1),
        (PartitionFlags::RESTS, 3, 0),
        (PartitionFlags::RESTS, 15, 0),
        (PartitionFlags::RESTS, 0x30, 2),
    ] {
        let (_world, mut manager) = waiting(flags, depth, NEVER);
        pass(&mut manager, 6 * FRAME);
        assert_eq!(places(&mut manager), expected, "{flags:?} {depth:#x}");
    }
}

#[test]
fn who_says_so_and_computes_keeps_its_places() {
    let (world, mut manager) = waiting(PartitionFlags::RESTS, 0, NEVER);
    ring(&world, &mut manager);
    for depth in [2, 3] {
        say(&world, &manager, depth, NEVER);
        pass(&mut manager, 6 * FRAME);
        assert_eq!(places(&mut manager), 2, "depth {depth}");
    }
}

#[test]
fn one_that_waits_for_a_time_is_back_before_it() {
    let until = 40 * FRAME;
    let (world, mut manager) = waiting(PartitionFlags::RESTS, 3, until);
    pass(&mut manager, 6 * FRAME);
    assert_eq!(places(&mut manager), 0);
    while manager.machine.now() < until {
        pass(&mut manager, 1_000_000);
    }
    while !runs(&world, &manager) {
        pass(&mut manager, 1_000_000);
    }
    let late = manager.machine.now() - until;
    assert!(late <= FRAME, "its next slot, not {late} ns");
}

/// covers: SCH-3, RES-2
#[test]
fn nothing_is_lost_whenever_the_manager_dies() {
    for calls in 0.. {
        let (mut world, mut manager) = waiting(PartitionFlags::RESTS, 3, NEVER);
        let died = dies_in(&world, calls, || pass(&mut manager, 4 * FRAME));
        world.shared.dies_after.set(None);
        let mut dead = world.successor();
        ring(&world, &mut dead);
        manager = world.recovered();
        // Not even rung: whoever comes looks.
        for _ in 0..5 {
            pass(&mut manager, FRAME);
        }
        assert!(runs(&world, &manager) || places(&mut manager) == 2, "death at call {calls}");
        let again = dies_in(&world, calls, || {
            say(&world, &manager, 0, NEVER);
            pass(&mut manager, 4 * FRAME);
        });
        manager = world.recovered();
        pass(&mut manager, 4 * FRAME);
        assert_eq!(places(&mut manager), 2);
        world.check(&manager);
        if !died && !again {
            assert!(calls > 8, "a look takes more than {calls} calls");
            return;
        }
    }
}

#[test]
fn who_is_gone_rests_no_more_and_leaves_its_room_to_others() {
    let (world, mut manager) = World::new();
    let mut last = None;
    for _ in 0..70 {
        let copy = manager.create_again(id(index::WORKER)).unwrap();
        assert!(manager.resting.note(copy, 3), "there is room");
        if !manager.destroy(copy).unwrap() {
            world.let_go(&mut manager);
        }
        assert_eq!(manager.resting.depths(copy), 0, "its number is the next one's");
        last = Some(copy);
    }
    for other in 0..64 {
        assert!(manager.resting.note(id(100 + other), 3));
    }
    let late = last.unwrap();
    assert!(!manager.resting.note(late, 3), "no plan changes for one without room");
    assert_eq!(manager.resting.depths(late), 0);
}
