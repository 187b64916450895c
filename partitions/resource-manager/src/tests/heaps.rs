//! Heaps grow and are given back, whatever runtimes say and whenever the manager dies.

use super::changes::{act, change, kept, settle};
use super::corpses::dies;
use super::deaths::{dies_in, runs};
use super::wards::pass;
use super::world::{TestManager, World, index};
use super::{COMMAND, id, status, worker_faults};
use crate::manager::{Machine, SELF};
use crate::requests::Reply;
use abi::control::{FrameUse, PartitionOperation};
use abi::information::StartReason;
use abi::layout;
use abi::message::resource::{Index, ResourceRequest as R, ResourceStatus as S};
use abi::types::PAGE_SIZE;
use program_loader::Calls;
use resource_db::Owner;
use std::sync::atomic::Ordering;
use zerocopy::FromBytes;

/// Pages of heap that are mapped, which are the first ones and frames of the worker; its row says the same.
fn mapped(manager: &mut TestManager) -> u32 {
    let row = manager.row(id(index::WORKER)).unwrap();
    let machine = &manager.machine.0.machine;
    let frame = |page: u32| {
        let address = layout::HEAP + u64::from(page) * PAGE_SIZE;
        let translate = PartitionOperation::Translate as u64;
        machine.control(row.partition_slot.into(), translate, [address, 0, 0, 0]).ok()
    };
    let count = (0..).take_while(|page| frame(*page).is_some()).count() as u32;
    assert!((count..count + 600).all(|page| frame(page).is_none()), "a hole behind {count}");
    for (page, run) in row.heap_runs() {
        let frames = (0..run.count).map(|at| run.start.raw() + at);
        for (page, expected) in (page..).zip(frames) {
            assert_eq!(
                frame(page).map(|values| values[0]),
                Some(expected),
                "page {page} of {count}"
            );
            let owner = manager.books.owner(abi::types::Frame::new(expected));
            assert_eq!(owner, Owner::Partition(id(index::WORKER)));
        }
    }
    assert_eq!((row.heap_mapped, row.heap_owned()), (count, count));
    count
}

/// What the worker's runtime would say: it answered the last request, and keeps so many pages.
fn report(manager: &TestManager, kept: u64) {
    let row = manager.row(id(index::WORKER)).unwrap();
    let page = row.information.start.raw();
    for (word, value) in [(1, row.heap_request.into()), (2, kept * PAGE_SIZE)] {
        manager.machine.0.machine.word(page, word).store(value, Ordering::Relaxed);
    }
}

fn set(manager: &mut TestManager, before: u32, after: u32) -> Reply {
    change(manager, R::SetMemory, [index::WORKER, before, after])
}

/// What the worker reads about its heap: bytes that it has and shall have.
fn told(manager: &TestManager) -> [u64; 2] {
    let page = manager.row(id(index::WORKER)).unwrap().information.start.raw() + 1;
    let word = |at| manager.machine.0.machine.word(page, at).load(Ordering::Relaxed);
    [word(8), word(14)].map(|bytes| bytes / PAGE_SIZE)
}

fn record(manager: &TestManager) -> u32 {
    let reply = manager.settled_record(id(index::WORKER));
    Index::read_from_bytes(reply.parts().1).unwrap().index
}

#[test]
fn a_heap_grows_at_once_and_what_is_unused_is_given_back() {
    let (world, mut manager) = World::new();
    let before = (world.free(), kept(&mut manager));
    assert_eq!(mapped(&mut manager), 2);
    assert!(matches!(set(&mut manager, 2, 600), Reply::WhenSettled(..)));
    assert!(manager.is_settled(id(index::WORKER)), "more is there at once");
    assert_eq!((mapped(&mut manager), told(&manager)), (600, [600, 600]));
    assert_eq!(before.0 - world.free(), 598 + 1, "pages, and one table");
    assert_eq!(status(&set(&mut manager, 2, 600)), S::Disagrees, "it is done once");
    // Its runtime uses 17 pages, and may have 10.
    set(&mut manager, 600, 10);
    assert!(!manager.is_settled(id(index::WORKER)));
    assert_eq!((mapped(&mut manager), told(&manager)), (600, [600, 10]));
    report(&manager, 17);
    settle(&mut manager);
    assert_eq!((mapped(&mut manager), told(&manager), record(&manager)), (17, [17, 10], 17));
    assert_eq!(before.0 - world.free(), 15 + 1, "a table that is in use stays");
    // With the next start it has what it shall have.
    manager.restart(id(index::WORKER), StartReason::Restarted).unwrap();
    assert_eq!((mapped(&mut manager), told(&manager)), (10, [10, 10]));
    set(&mut manager, 10, 0);
    report(&manager, 0);
    settle(&mut manager);
    assert_eq!((mapped(&mut manager), world.free()), (0, before.0 + 2));
    runs(&mut manager, index::WORKER);
    set(&mut manager, 0, 2);
    assert_eq!((mapped(&mut manager), world.free()), (2, before.0));
    world.check(&manager);
}

#[test]
fn a_runtime_that_lies_or_is_silent_loses_what_is_its_own_alone() {
    let (world, mut manager) = World::new();
    set(&mut manager, 2, 40);
    // It says nothing, and an answer to another request is none.
    set(&mut manager, 40, 10);
    let row = manager.row(id(index::WORKER)).unwrap();
    report(&manager, 3);
    manager.machine.0.machine.word(row.information.start.raw(), 1).store(77, Ordering::Relaxed);
    settle(&mut manager);
    assert_eq!((mapped(&mut manager), record(&manager)), (40, 40));
    // More than it has, less than it shall have, no number of pages at all.
    for (said, pages) in [(u64::MAX >> 12, 40), (4000, 40), (0, 10)] {
        let wanted = manager.row(id(index::WORKER)).unwrap().heap_pages;
        set(&mut manager, wanted, 10);
        report(&manager, said);
        settle(&mut manager);
        assert_eq!(mapped(&mut manager), pages, "{said}");
        world.check(&manager);
    }
    assert_eq!(manager.row(id(0)).unwrap().heap_pages, 2);
    assert_eq!(status(&change(&mut manager, R::SetMemory, [0, 2, 3])), S::NotAllowed);
}

#[test]
fn what_cannot_be_had_is_refused_and_changes_nothing() {
    let (world, mut manager) = World::new();
    let before = world.free();
    let reply = set(&mut manager, 2, 32_769);
    assert_eq!(status(&reply), S::Limit);
    assert_eq!(Index::read_from_bytes(reply.parts().1).unwrap().index, 32_768);
    assert_eq!(status(&set(&mut manager, 2, 32_768)), S::NoMemory);
    for (from, to) in [(2, 3), (3, 5), (5, 6)] {
        assert!(matches!(set(&mut manager, from, to), Reply::WhenSettled(..)));
    }
    assert_eq!(status(&set(&mut manager, 6, 7)), S::Busy, "it is in too many pieces");
    assert_eq!((mapped(&mut manager), before - world.free()), (6, 4));
    // One that is stopped needs not to be asked, and is not asked.
    assert_eq!(act(&mut manager, R::Kill, index::WORKER), S::Ok);
    set(&mut manager, 6, 1);
    settle(&mut manager);
    assert_eq!((mapped(&mut manager), world.free()), (1, before + 1));
    assert_eq!(act(&mut manager, R::Start, index::WORKER), S::Ok);
    assert_eq!(told(&manager), [1, 1]);
    world.check(&manager);
}

#[test]
fn a_partition_that_grew_is_destroyed_without_a_trace() {
    let (world, mut manager) = World::new();
    let before = (world.free(), manager.books.slots_taken());
    let copy = manager.create_again(id(index::WORKER)).unwrap();
    for (from, to) in [(2, 510), (510, 515), (515, 514)] {
        change(&mut manager, R::SetMemory, [copy.raw(), from, to]);
    }
    assert_eq!(act(&mut manager, R::Start, copy.raw()), S::Ok);
    settle(&mut manager);
    assert_eq!(act(&mut manager, R::Destroy, copy.raw()), S::Ok);
    world.let_go(&mut manager);
    assert_eq!((world.free(), manager.books.slots_taken()), before);
    world.check(&manager);
}

/// covers: RES-2
#[test]
fn a_change_of_heap_cut_short_is_done_or_not() {
    let (mut world, mut manager) = World::new();
    let free = world.free();
    let (mut all, mut undone, mut finished) = (false, 0, 0);
    for calls in 0.. {
        let mut live = false;
        for (from, to) in [(2, 600), (600, 2)] {
            let died = dies_in(&world, calls, || {
                set(&mut manager, from, to);
                report(&manager, to.into());
                settle(&mut manager);
            });
            live |= died;
            manager = world.recovered();
            settle(&mut manager);
            world.check(&manager);
            let wanted = manager.row(id(index::WORKER)).unwrap().heap_pages;
            assert!([from, to].contains(&wanted), "death at call {calls}");
            if wanted == from {
                assert!(died, "what was done stays done");
                undone += 1;
                set(&mut manager, from, to);
            } else {
                finished += u32::from(died);
            }
            report(&manager, to.into());
            // One that was asked before the death is asked again by its pages.
            manager.changing = true;
            manager.heap_deadline = u64::MAX;
            settle(&mut manager);
            assert_eq!((mapped(&mut manager), told(&manager)), (to, [to.into(); 2]), "{calls}");
            runs(&mut manager, index::WORKER);
            world.check(&manager);
        }
        assert_eq!(world.free(), free, "death at call {calls}");
        if !live {
            all = calls > 60;
            break;
        }
    }
    assert!(all && undone > 20 && finished > 20, "{undone} undone, {finished} finished");
}

#[test]
fn no_heap_is_ever_both_free_and_mapped() {
    let (world, mut manager) = World::new();
    set(&mut manager, 2, 20);
    set(&mut manager, 20, 4);
    report(&manager, 4);
    settle(&mut manager);
    assert_eq!(status(&super::ask(&mut manager, COMMAND, R::Audit, 0)), S::Ok);
    let row = manager.row(id(index::WORKER)).unwrap();
    for (_, run) in row.heap_runs() {
        for frame in (0..run.count).filter_map(|at| run.start.checked_add(at)) {
            let used = manager.machine.frame_use(abi::control::first_slot::MEMORY, frame).unwrap();
            assert_eq!(used.0, Some(FrameUse::User));
        }
    }
    let next = manager.machine.now() + 1;
    manager.machine.sleep_until(next);
    world.check(&manager);
}

#[test]
fn only_as_many_dead_go_as_the_living_need_memory() {
    let (world, mut manager) = World::new();
    let copy = manager.create_again(id(index::WORKER)).unwrap();
    dies(&world, &mut manager);
    manager.restart(id(index::WORKER), StartReason::Restarted).unwrap();
    manager.kill(id(index::WORKER)).unwrap();
    manager.start(copy, StartReason::Started).unwrap();
    pass(&mut manager, 100_000_000);
    worker_faults(&world);
    manager.restart(copy, StartReason::Restarted).unwrap();
    let kept = |manager: &TestManager| {
        let pages = |id| manager.row(id).unwrap().corpse.count;
        [id(index::WORKER), copy].map(pages)
    };
    assert!(kept(&manager).iter().all(|pages| *pages > 1));
    let newer = kept(&manager)[1];
    // Nothing is free but what the older one holds.
    manager.books.begin();
    while manager.books.allocate(1, Owner::Partition(SELF)).is_ok() {}
    manager.books.commit();
    let grown = change(&mut manager, R::SetMemory, [copy.raw(), 2, 3]);
    assert!(matches!(grown, Reply::WhenSettled(..)), "{grown:?}");
    assert_eq!(kept(&manager), [0, newer]);
}
