//! A boot partition on trial shows that it brings the manager back, or goes back itself.

use super::beside::{lives_on, turn, upgrade, world};
use super::wards::pass;
use super::world::{TestManager, World};
use super::{COMMAND, ask, id, index, status};
use crate::run::contexts;
use abi::control::ContextOperation;
use abi::fault::Reason;
use abi::message::resource::{ResourceRequest as R, ResourceStatus};
use program_loader::Calls;

const MILLISECOND: u64 = 1_000_000;

/// A world in which boot has come up in its second version and the manager has ended, for boot to bring it back.
fn asked() -> (World, TestManager) {
    let (mut world, mut manager) = world(index::BOOT);
    upgrade(&mut manager, index::BOOT);
    assert_eq!(status(&ask(&mut manager, COMMAND, R::Restart, index::BOOT)), ResourceStatus::Ok);
    turn(&world, &manager);
    for _ in 0..100 {
        pass(&mut manager, 10 * MILLISECOND);
    }
    assert!(manager.is_to_leave(), "{}", world.said());
    assert_eq!(world.said().matches("for boot to show that it can").count(), 1);
    manager = world.recovered();
    (world, manager)
}

/// Ends the boot partition.
fn stop(manager: &mut TestManager) {
    let row = manager.row(id(index::BOOT)).unwrap();
    for context in contexts(&row) {
        let stop = ContextOperation::Stop as u64;
        manager.machine.patient(context, stop, [Reason::Hang as u64, 0, 0, 0]).unwrap();
    }
}

/// covers: REC-4
#[test]
fn boot_on_trial_has_proved_itself_when_it_has_brought_the_manager_back() {
    let (mut world, mut manager) = asked();
    pass(&mut manager, 500 * MILLISECOND);
    assert_eq!(manager.row(id(index::BOOT)).unwrap().before, 1, "an emergency life may have");
    manager = lives_on(&mut world, manager, true);
    let row = manager.row(id(index::BOOT)).unwrap();
    assert_eq!((row.image, row.before, row.refused), (1, 0, 0));
    assert!(!world.said().contains("for boot to show that it can"), "once is enough");
    world.check(&manager);
}

/// covers: REC-4
#[test]
fn boot_on_trial_that_did_not_bring_the_manager_back_goes_back() {
    for ended in [true, false] {
        let (mut world, mut manager) = asked();
        if ended {
            // By idle, which had its program before do it.
            stop(&mut manager);
        }
        manager = lives_on(&mut world, manager, false);
        let row = manager.row(id(index::BOOT)).unwrap();
        assert_eq!((row.image, row.before, row.refused), (0, 0, 0b10));
        let why =
            if ended { "did not bring the resource manager back" } else { "takes up nothing" };
        assert!(world.said().contains(why), "{}", world.said());
        world.check(&manager);
    }
}

/// covers: REC-4
#[test]
fn what_was_seen_of_idle_in_one_trial_is_nothing_in_the_next() {
    let (world, mut manager) = world(index::BOOT);
    for round in 0..2 {
        upgrade(&mut manager, index::BOOT);
        let restarted = ask(&mut manager, COMMAND, R::Restart, index::BOOT);
        assert_eq!(status(&restarted), ResourceStatus::Ok);
        turn(&world, &manager);
        // Up, and idle is looked at for the first time.
        while manager.row(id(index::BOOT)).unwrap().up == 0 {
            pass(&mut manager, MILLISECOND);
        }
        assert!(!manager.is_leaving(), "round {round}: idle was not seen to run");
        stop(&mut manager);
        pass(&mut manager, MILLISECOND);
        assert_eq!(manager.row(id(index::BOOT)).unwrap().image, 0, "it goes back");
        manager.change(id(index::BOOT), |row| row.refused = 0).unwrap();
        // Long after, idle has run.
        pass(&mut manager, 5_000 * MILLISECOND);
    }
}
