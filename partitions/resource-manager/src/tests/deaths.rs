//! The manager dies at each of its calls to the kernel: the next one finishes or undoes what was under way.

use super::world::{DEATH, TestManager, World, index};
use super::{contexts, id};
use crate::manager::Machine;
use crate::plans::processor_slot;
use crate::run::unfinished;
use abi::control::{ContextOperation, ContextState, ProcessorOperation};
use abi::information::StartReason;
use abi::message::resource::PartitionState;
use abi::types::ProcessorId;
use program_loader::Calls;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Whether it dies when its call number `calls`, from 0, is the last.
pub fn dies_in(world: &World, calls: u32, life: impl FnOnce()) -> bool {
    world.shared.dies_after.set(Some(calls));
    let Err(end) = catch_unwind(AssertUnwindSafe(life)) else { return false };
    // Whatever else ends a life is a failure, not a death.
    if end.downcast_ref::<&str>() == Some(&DEATH) { true } else { resume_unwind(end) }
}

/// Whether the manager came to the end this time, which takes more than so many calls of the kernel.
pub fn came_through(died: bool, calls: u32, least: u32) -> bool {
    assert!(died || calls > least, "it takes more than {calls} calls");
    !died
}

/// State of a partition's first context, as the kernel says.
pub fn state(manager: &mut TestManager, partition: u32) -> u64 {
    let context = contexts(&manager.row(id(partition)).unwrap()).next().unwrap();
    manager.machine.patient(context, ContextOperation::State as u64, [0; 4]).unwrap()[0]
}

/// Lets a moment pass, and the manager do what is due.
pub fn look_after_all(manager: &mut TestManager) {
    let next = manager.machine.now() + 1_000_000;
    manager.machine.sleep_until(next);
    manager.watch();
}

/// Books and kernel say that a partition runs, and nothing is left to be done to it.
pub fn runs(manager: &mut TestManager, partition: u32) {
    let row = manager.row(id(partition)).unwrap();
    assert_eq!((row.state, row.unfinished), (PartitionState::Running as u32, 0), "{partition}");
    let alive = [ContextState::Ready as u64, ContextState::Waiting as u64];
    assert!(alive.contains(&state(manager, partition)), "{partition}");
}

/// covers: RES-2
#[test]
fn the_manager_may_die_at_any_call() {
    let (mut world, mut manager) = World::new();
    // The manager's own tables and slots grow once; what a copy takes is given back.
    let copy = manager.create_again(id(index::WORKER)).unwrap();
    world.destroy(&mut manager, copy);
    let before = (world.free(), manager.books.slots_taken());
    let mut calls = 0;
    loop {
        let died = dies_in(&world, calls, || {
            let copy = manager.create_again(id(index::WORKER)).expect("created");
            world.destroy(&mut manager, copy);
        });
        manager = world.recovered();
        world.let_go(&mut manager);
        let said = world.said();
        assert!(!said.contains("cannot"), "death at call {calls}: {said}");
        world.check(&manager);
        assert_eq!((world.free(), manager.books.slots_taken()), before, "death at call {calls}");
        if !died {
            break;
        }
        calls += 1;
    }
    assert!(calls > 40, "a life takes more than {calls} calls");
}

/// One that runs has a place in the kernel's plan, which the next manager must take away before it can end it.
///
/// covers: RES-2
#[test]
fn the_end_of_one_that_runs_is_finished() {
    for calls in 0.. {
        let (mut world, mut manager) = World::new();
        manager.kill(id(index::COMMAND)).unwrap();
        let before = world.free();
        let copy = manager.create_again(id(index::WORKER)).unwrap();
        manager.start(copy, StartReason::Started).unwrap();
        frames(&mut manager, 3);
        let died = dies_in(&world, calls, || {
            manager.destroy(copy).expect("destroyed");
        });
        manager = world.recovered();
        let said = world.said();
        assert!(!said.contains("cannot"), "death at call {calls}: {said}");
        if manager.row(copy).is_ok() {
            assert!(manager.destroy(copy).unwrap(), "death at call {calls}");
        }
        assert_eq!(world.free(), before, "death at call {calls}");
        if !died {
            return;
        }
    }
}

/// A manager that died when its table had grown and nothing said so yet finds the next slots all the same.
///
/// covers: RES-2
#[test]
fn growth_of_the_own_table_cut_short_is_taken_up() {
    for calls in 0.. {
        let (mut world, mut manager) = World::new();
        let (taken, count) = (manager.books.slots_taken(), manager.own_slots().unwrap());
        let died = dies_in(&world, calls, || {
            let slot = manager.take_slots(count).expect("slots");
            manager.books.give_slots(slot, count);
        });
        manager = world.recovered();
        assert_eq!(manager.books.slots_taken(), taken, "death at call {calls}");
        let slot = manager.take_slots(count).expect("slots");
        manager.books.give_slots(slot, count);
        if came_through(died, calls, 0) {
            return;
        }
    }
}

/// covers: RES-2, REC-2
#[test]
fn a_restart_cut_short_is_finished() {
    let (mut world, mut manager) = World::new();
    let before = world.free();
    for calls in 0.. {
        let starts = manager.row(id(index::WORKER)).unwrap().starts;
        let died = dies_in(&world, calls, || {
            manager.restart(id(index::WORKER), StartReason::Restarted).expect("restarted");
        });
        manager = world.recovered();
        runs(&mut manager, index::WORKER);
        let row = manager.row(id(index::WORKER)).unwrap();
        assert!(row.starts > starts && row.start_reason == StartReason::Restarted as u32);
        world.check(&manager);
        assert_eq!(world.free(), before, "death at call {calls}");
        if came_through(died, calls, 30) {
            return;
        }
    }
}

/// covers: REC-2
#[test]
fn a_recovery_cut_short_is_taken_up() {
    let (mut world, mut manager) = World::new();
    for calls in 0.. {
        assert!(dies_in(&world, 12, || {
            manager.restart(id(index::WORKER), StartReason::Recovered).expect("restarted");
        }));
        let mut next = world.successor();
        let died = dies_in(&world, calls, || next.recover().expect("recovered"));
        manager = world.recovered();
        runs(&mut manager, index::WORKER);
        world.check(&manager);
        if came_through(died, calls, 40) {
            return;
        }
    }
}

#[test]
fn a_stop_cut_short_is_finished() {
    let (mut world, mut manager) = World::new();
    for calls in 0.. {
        let died = dies_in(&world, calls, || manager.kill(id(index::COMMAND)).expect("killed"));
        manager = world.recovered();
        look_after_all(&mut manager);
        let row = manager.row(id(index::COMMAND)).unwrap();
        assert_eq!((row.state, row.stop_by), (PartitionState::Stopped as u32, 0), "{calls}");
        assert_eq!(state(&mut manager, index::COMMAND), ContextState::Stopped as u64);
        if !died {
            return;
        }
        manager.start(id(index::COMMAND), StartReason::Started).expect("started");
    }
}

#[test]
fn an_own_ward_is_not_forgotten() {
    let (mut world, mut manager) = World::new();
    // It wrote down that boot stopped, and died before it wrote down when to restart it.
    let faulted = PartitionState::Faulted as u32;
    manager.change(id(index::BOOT), |row| row.state = faulted).unwrap();
    let mut manager = world.recovered();
    look_after_all(&mut manager);
    runs(&mut manager, index::BOOT);
    assert_eq!(manager.row(id(index::BOOT)).unwrap().restarts, 1);
}

#[test]
fn a_start_reason_survives_as_unfinished() {
    let all = StartReason::ALL.map(unfinished);
    assert_eq!(all, [1, 2, 3, 4], "0 stands for none");
}

/// Whether a plan of each processor is pending.
fn pending(manager: &mut TestManager) -> [bool; 2] {
    [0, 1].map(|processor| {
        let slot = processor_slot(ProcessorId::new(processor));
        let place = ProcessorOperation::Place as u64;
        manager.machine.patient(slot, place, [0; 4]).unwrap()[3] == 1
    })
}

/// Lets frames of 16 ms pass.
pub fn frames(manager: &mut TestManager, count: u64) {
    let until = manager.machine.now() + count * 16_000_000;
    manager.machine.sleep_until(until);
}

/// Plans that were to take over together do so or not at all, and those who come after make them anew.
///
/// covers: SCH-2, RES-2
#[test]
fn plans_cut_short_are_made_anew() {
    let (mut world, mut manager) = World::new();
    let mut halves = 0;
    for calls in 0.. {
        frames(&mut manager, 3);
        assert_eq!(pending(&mut manager), [false; 2]);
        manager.outdate_plans();
        let died = dies_in(&world, calls, || assert!(!manager.replan()));
        world.shared.dies_after.set(None);
        let before = pending(&mut world.successor());
        frames(&mut manager, 3);
        let after = pending(&mut world.successor());
        match before {
            // One alone never takes over.
            [true, false] => assert_eq!(after, before, "death at call {calls}"),
            _ => assert_eq!(after, [false; 2], "death at call {calls}"),
        }
        halves += u32::from(after[0]);
        manager = world.recovered();
        assert!(!manager.replan(), "death at call {calls}");
        if !died {
            assert!(halves > 0, "never was one committed and the other not");
            return;
        }
    }
}
