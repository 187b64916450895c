//! Infrastructure that dies: alone, together with its rescuer, and beside a rescuer that does nothing.

use super::world::{TestManager, World, index};
use super::{BOOT, COMMAND, WORKER, ask, id, status};
use crate::manager::Machine;
use crate::shutdown::Shutdown;
use abi::control::{FrameUse, MemoryOperation, first_slot};
use abi::information::StartReason;
use abi::message::resource::{PartitionState, ResourceRequest, ResourceStatus, StoppedRecord};
use abi::types::EventBit;
use kernel_core::FaultRecord;
use program_loader::Calls;
use std::sync::atomic::Ordering;
use zerocopy::FromBytes;

/// Longer than any back-off, and shorter than the time that a rescuer is given beyond it.
const SOON: u64 = 100_000_000;

/// Frame of a partition's first context.
pub fn context_frame(manager: &mut TestManager, partition: u32) -> u64 {
    let kernel = manager.row(id(partition)).unwrap().kernel;
    let query = MemoryOperation::Query as u64;
    let mut is_context = |frame: &u64| {
        let [kind, ..] =
            manager.machine.patient(first_slot::MEMORY, query, [*frame, 0, 0, 0]).unwrap();
        kind == FrameUse::ContextObject as u64
    };
    let start = kernel.start.raw();
    (start..start + kernel.count).find(|frame| is_context(frame)).unwrap()
}

/// Lets partitions of processor 0 divide by zero, one after the other before the manager runs again.
pub fn fault(world: &World, manager: &mut TestManager, partitions: &[u32]) {
    let mut left: Vec<u64> = partitions.iter().map(|one| context_frame(manager, *one)).collect();
    let machine = &world.shared.machine;
    // The manager sleeps, so that it does not take the others' turns.
    machine.begin(0, abi::call::Call::Wait as u64, [0, machine.time() + SOON / 2, 0, 0, 0, 0]);
    for _ in 0..1000 {
        if let Some(at) = left.iter().position(|frame| machine.running(0) == Some(*frame)) {
            machine.fault_on(0, FaultRecord { reason: 0, code: 0, address: 0 });
            machine.settle();
            left.remove(at);
        }
        if left.is_empty() {
            manager.wait_for_own_turn();
            return manager.rung(EventBit::FAULT.mask());
        }
        machine.run_until(machine.time() + 100_000);
    }
    panic!("they never run");
}

/// Lets time pass, and the manager look after what is due.
pub fn pass(manager: &mut TestManager, time: u64) {
    let end = manager.machine.now() + time;
    // One that is to leave does, on the machine.
    while manager.machine.now() < end && !manager.is_to_leave() {
        let due = manager.watch();
        manager.machine.sleep_until(due.min(end));
    }
    manager.watch();
}

fn restarts(manager: &TestManager, partition: u32) -> u32 {
    let row = manager.row(id(partition)).unwrap();
    assert!(manager.runs(&row) || row.state == PartitionState::Faulted as u32);
    row.restarts
}

/// The stop that a rescuer is told of.
pub fn told(manager: &mut TestManager, rescuer: (u32, abi::channel::ChannelKind)) -> Option<u32> {
    let reply = ask(manager, rescuer, ResourceRequest::Stopped, 0);
    let (state, body) = reply.parts();
    (state == ResourceStatus::Ok).then(|| StoppedRecord::read_from_bytes(body).unwrap().id)
}

/// covers: REC-1
#[test]
fn the_command_partition_rescues_boot_at_the_cost_of_its_budget() {
    let (world, mut manager) = World::new();
    pass(&mut manager, SOON);
    fault(&world, &mut manager, &[index::BOOT]);
    world.shared.rung.borrow_mut().clear();
    manager.watch();
    assert_eq!(world.shared.rung.borrow().len(), 1, "its rescuer is rung");
    assert_eq!(told(&mut manager, BOOT), None);
    assert_eq!(told(&mut manager, COMMAND), Some(index::BOOT));
    for (who, expected) in [
        (WORKER, ResourceStatus::NotAllowed),
        (BOOT, ResourceStatus::NotAllowed),
        (COMMAND, ResourceStatus::Ok),
        // It runs: whoever comes late does not restart it again.
        (COMMAND, ResourceStatus::WrongState),
    ] {
        assert_eq!(status(&ask(&mut manager, who, ResourceRequest::Rescue, index::BOOT)), expected);
    }
    let row = manager.row(id(index::BOOT)).unwrap();
    assert_eq!((row.restarts, row.budget, row.restart_at), (1, 2, 0));
    // Whom it does not rescue it does not rescue.
    let other = ask(&mut manager, COMMAND, ResourceRequest::Rescue, index::WORKER);
    assert_eq!(status(&other), ResourceStatus::NotAllowed);
    world.check(&manager);
}

/// covers: REC-1
#[test]
fn two_who_rescue_each_other_and_die_together_both_come_back() {
    let (world, mut manager) = World::new();
    pass(&mut manager, SOON);
    fault(&world, &mut manager, &[index::COMMAND, index::BOOT]);
    manager.watch();
    pass(&mut manager, SOON);
    assert_eq!(restarts(&manager, index::BOOT), 1);
    assert_eq!(restarts(&manager, index::COMMAND), 1);
    world.check(&manager);
}

/// covers: REC-1
#[test]
fn a_rescuer_that_does_nothing_is_passed_over() {
    let (world, mut manager) = World::new();
    pass(&mut manager, SOON);
    fault(&world, &mut manager, &[index::COMMAND]);
    pass(&mut manager, SOON);
    assert_eq!(restarts(&manager, index::COMMAND), 0, "boot has time to act");
    assert_eq!(told(&mut manager, BOOT), Some(index::COMMAND));
    pass(&mut manager, 6 * SOON);
    assert_eq!(restarts(&manager, index::COMMAND), 1);
    let late = ask(&mut manager, BOOT, ResourceRequest::Rescue, index::COMMAND);
    assert_eq!(status(&late), ResourceStatus::WrongState);
}

/// covers: REC-1, REC-2
#[test]
fn who_stops_while_the_manager_is_dead_is_found_when_it_is_back() {
    let (mut world, mut manager) = World::new();
    pass(&mut manager, SOON);
    fault(&world, &mut manager, &[index::COMMAND, index::BOOT]);
    // It dies before it looked at anything.
    let mut manager = world.recovered();
    pass(&mut manager, SOON);
    assert_eq!(restarts(&manager, index::BOOT), 1);
    assert_eq!(restarts(&manager, index::COMMAND), 1);
}

/// covers: REC-1
#[test]
fn an_end_for_good_is_announced_and_nobody_tries_again() {
    let (world, mut manager) = World::new();
    for round in 0..=3 {
        assert_eq!(restarts(&manager, index::BOOT), round);
        pass(&mut manager, SOON);
        fault(&world, &mut manager, &[index::BOOT]);
        manager.watch();
        let _ = ask(&mut manager, COMMAND, ResourceRequest::Rescue, index::BOOT);
    }
    pass(&mut manager, 20 * SOON);
    let row = manager.row(id(index::BOOT)).unwrap();
    assert_eq!((row.state, row.restarts), (PartitionState::Failed as u32, 3));
    assert!(world.said().contains("boot ends for good: no restarts are left"));
}

/// Boot has stopped and its rescuer was told; then that one stops as well, for which boot alone is rung: idle's reminder is enough.
///
/// covers: REC-1
#[test]
fn who_is_about_to_rescue_may_stop_as_well() {
    let (world, mut manager) = World::new();
    fault(&world, &mut manager, &[index::BOOT]);
    manager.watch();
    assert_eq!(told(&mut manager, COMMAND), Some(index::BOOT));
    fault(&world, &mut manager, &[index::COMMAND]);
    pass(&mut manager, SOON);
    assert_eq!((restarts(&manager, index::COMMAND), restarts(&manager, index::BOOT)), (1, 0));
    assert_eq!(told(&mut manager, COMMAND), Some(index::BOOT), "the new life is told again");
    world.check(&manager);
}

/// A world in which boot, command and worker go together, and boot has no restarts.
fn grouped() -> (World, TestManager) {
    World::with(|index, definition| {
        let members = [index::BOOT, index::COMMAND, index::WORKER];
        definition.group = u32::from(members.contains(&index));
        definition.restarts = if index == index::BOOT { 0 } else { 3 };
    })
}

/// covers: REC-1
#[test]
fn a_group_goes_together_wherever_the_manager_dies() {
    for calls in 0.. {
        let (mut world, mut manager) = grouped();
        pass(&mut manager, SOON);
        fault(&world, &mut manager, &[index::BOOT]);
        let died = super::deaths::dies_in(&world, calls, || {
            let _ = manager.watch();
        });
        let mut manager = world.recovered();
        pass(&mut manager, SOON);
        let state = |partition| manager.row(id(partition)).unwrap().state;
        assert_eq!(state(index::BOOT), PartitionState::Failed as u32, "{calls}");
        for other in [index::COMMAND, index::WORKER] {
            assert_eq!(state(other), PartitionState::Stopped as u32, "{calls}");
        }
        assert_eq!(state(index::IDLE), PartitionState::Running as u32);
        world.check(&manager);
        if super::deaths::came_through(died, calls, 3) {
            return;
        }
    }
}

/// Who brings the manager back is there until the machine goes: a death on the way would be the end of neither else.
///
/// covers: REC-2
#[test]
fn the_rescuers_of_the_manager_go_with_the_machine() {
    let (_world, mut manager) = World::new();
    manager.begin_shutdown(Shutdown::Off);
    pass(&mut manager, 20 * SOON);
    for (partition, state) in [
        (index::BOOT, PartitionState::Running),
        (index::IDLE, PartitionState::Running),
        (index::COMMAND, PartitionState::Stopped),
        (index::WORKER, PartitionState::Stopped),
    ] {
        assert_eq!(manager.row(id(partition)).unwrap().state, state as u32, "{partition}");
    }
}

/// covers: REC-2
#[test]
fn a_machine_that_is_being_switched_off_goes_off_wherever_the_manager_dies() {
    let step = if std::env::var_os("BULKHEAD_CAMPAIGN").is_some() { 1 } else { 19 };
    for calls in (0..).step_by(step) {
        let (mut world, mut manager) = World::new();
        world.said();
        let died = super::deaths::dies_in(&world, calls, || {
            manager.begin_shutdown(Shutdown::Off);
            pass(&mut manager, 20 * SOON);
        });
        let before = world.said();
        if !died {
            assert!(before.contains("the machine is off"), "{before}");
            assert!(calls > 10, "the end takes more than {calls} calls");
            return;
        }
        let mut manager = world.recovered();
        pass(&mut manager, 35 * SOON);
        let said = before + &world.said();
        assert!(said.contains("the machine is off"), "death at call {calls}: {said}");
        let row = manager.row(id(0)).unwrap();
        assert_eq!((row.unfinished, manager.shutdown), (0, None), "nothing is left to be done");
    }
}

/// covers: REC-1
#[test]
fn a_new_life_finds_nothing_of_the_old_one_but_what_lasts() {
    const MARK: u64 = 0x5eed_5eed;
    let (world, mut manager) = World::new();
    let row = manager.row(id(index::WORKER)).unwrap();
    let words = |extent: resource_db::Extent| {
        let frames = extent.start.raw()..extent.start.raw() + extent.count;
        frames.flat_map(|frame| (0..512).map(move |word| (frame, word)))
    };
    let load = |(frame, word)| world.shared.machine.word(frame, word).load(Ordering::Relaxed);
    // The last two pages of the program are its data.
    let data = resource_db::Extent {
        start: row.program.start.checked_add(row.program.count - 2).unwrap(),
        count: 2,
    };
    let fresh: Vec<u64> = words(data).map(load).collect();
    for extent in [data, row.stack, row.heap, row.lasting] {
        assert!(extent.count > 0);
        for (frame, word) in words(extent) {
            world.shared.machine.word(frame, word).store(MARK, Ordering::Relaxed);
        }
    }
    manager.restart(id(index::WORKER), StartReason::Restarted).unwrap();
    assert!(words(row.stack).chain(words(row.heap)).all(|word| load(word) == 0));
    assert_eq!(words(data).map(load).collect::<Vec<_>>(), fresh);
    assert!(words(row.lasting).all(|word| load(word) == MARK));
}
