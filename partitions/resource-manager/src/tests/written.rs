//! The manager dies at each of its writes to the books: the next one finds a transaction done or not, and the kernel's state
//! equal to the books. All writes with `BULKHEAD_CAMPAIGN=1`; else some, others from one act to the next.

use super::deaths::runs;
use super::id;
use super::world::{DEATH, TestManager, World, index};
use abi::information::StartReason;
use resource_db::Stage;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Whether it dies when so many writes were made, from 0.
fn dies_at(manager: &mut TestManager, writes: u64, life: impl FnOnce(&mut TestManager)) -> bool {
    manager.books.fuse(Some(writes), || resume_unwind(Box::new(DEATH)));
    let Err(end) = catch_unwind(AssertUnwindSafe(|| life(manager))) else { return false };
    if end.downcast_ref::<&str>() == Some(&DEATH) { true } else { resume_unwind(end) }
}

/// How many writes lie between two deaths.
fn stride() -> usize {
    if std::env::var_os("BULKHEAD_CAMPAIGN").is_some() { 1 } else { 11 }
}

/// covers: RES-2, REC-1
#[test]
fn a_creation_and_its_end_cut_short_at_any_write_lose_nothing() {
    let (mut world, mut manager) = World::new();
    let before = (world.free(), manager.books.slots_taken());
    let (mut deaths, mut whole) = (0, 0);
    for writes in (0..).step_by(stride()) {
        let died = dies_at(&mut manager, writes, |manager| {
            let copy = manager.create_again(id(index::WORKER)).expect("created");
            world.destroy(manager, copy);
        });
        manager = world.recovered();
        world.let_go(&mut manager);
        let said = world.said();
        assert!(!said.contains("cannot"), "death at write {writes}: {said}");
        world.check(&manager);
        // Between the end of its creation and the first note of its destruction it is there, whole.
        let copies = manager.books.partitions().filter(|(id, _)| id.raw() > index::WORKER);
        let copies: Vec<_> = copies.map(|(id, row)| (id, row.stage())).collect();
        for (copy, stage) in copies {
            assert_eq!(stage, Stage::Made, "death at write {writes}");
            world.destroy(&mut manager, copy);
            whole += 1;
        }
        let now = (world.free(), manager.books.slots_taken());
        assert_eq!(now, before, "death at write {writes}");
        deaths += u32::from(died);
        if !died {
            break;
        }
    }
    assert!(deaths > 20, "a life takes more than {deaths} writes");
    assert!((1..deaths / 2).contains(&whole), "{whole} whole ones of {deaths}");
}

/// However often the manager dies, a rescue costs one restart of the budget.
///
/// covers: RES-2, REC-1
#[test]
fn a_rescue_cut_short_at_any_write_is_paid_for_once() {
    let (mut world, mut manager) = World::new();
    let worker = id(index::WORKER);
    manager.change(worker, |row| row.budget = 10_000).unwrap();
    for writes in (0..).step_by(stride()) {
        manager.kill(worker).unwrap();
        let before = manager.row(worker).unwrap();
        let died = dies_at(&mut manager, writes, |manager| {
            manager.restart_within_budget(worker).expect("restarted");
        });
        manager = world.recovered();
        let row = manager.row(worker).unwrap();
        let (paid, lives) = (before.budget - row.budget, row.starts - before.starts);
        assert!(lives <= 2, "{lives} lives: death at write {writes}");
        let once = u32::from(lives > 0);
        assert_eq!(paid, once, "{lives} lives: death at write {writes}");
        if !died {
            assert!(lives == 1 && writes > 60, "{writes} writes");
            return;
        }
    }
}

/// covers: RES-2, REC-2
#[test]
fn a_restart_cut_short_at_any_write_is_finished_or_was_not_begun() {
    let (mut world, mut manager) = World::new();
    let before = world.free();
    for writes in (0..).step_by(stride()) {
        let starts = manager.row(id(index::WORKER)).unwrap().starts;
        let died = dies_at(&mut manager, writes, |manager| {
            manager.restart(id(index::WORKER), StartReason::Restarted).expect("restarted");
        });
        manager = world.recovered();
        runs(&mut manager, index::WORKER);
        let row = manager.row(id(index::WORKER)).unwrap();
        assert!(row.starts >= starts && row.starts <= starts + 2, "death at write {writes}");
        world.check(&manager);
        assert_eq!(world.free(), before, "death at write {writes}");
        if !died {
            assert!(row.starts == starts + 1 && writes > 60, "{writes} writes");
            return;
        }
    }
}
