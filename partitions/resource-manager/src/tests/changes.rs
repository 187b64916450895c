//! Partitions are paused, and given other shares, whenever the manager dies.

use super::deaths::{came_through, dies_in, frames, runs, state};
use super::world::{TestManager, World, index};
use super::{BOOT, COMMAND, WORKER, contexts, id, status};
use crate::manager::Machine;
use crate::plans::processor_slot;
use crate::requests::{Asker, Reply};
use abi::channel::ChannelKind;
use abi::control::{ContextOperation, ContextState, ProcessorOperation};
use abi::information::StartReason;
use abi::message::resource::{
    Change, Index, PartitionState, ResourceRequest as R, ResourceStatus as S,
};
use abi::types::{Frame, ProcessorId, Slot};
use program_loader::Calls;
use resource_db::Owner;
use zerocopy::{FromBytes, IntoBytes};

fn send(manager: &mut TestManager, who: (u32, ChannelKind), request: R, body: &[u8]) -> Reply {
    manager.answer(Asker { partition: id(who.0), kind: who.1 }, request as u16, body)
}

pub fn act(manager: &mut TestManager, request: R, partition: u32) -> S {
    status(&send(manager, COMMAND, request, Index { index: partition }.as_bytes()))
}

pub fn change(manager: &mut TestManager, request: R, numbers: [u32; 3]) -> Reply {
    let [partition, before, after] = numbers;
    send(manager, COMMAND, request, Change { partition, before, after }.as_bytes())
}

/// Does what is due until nothing is under way any more.
pub fn settle(manager: &mut TestManager) {
    for _ in 0..100 {
        manager.watch();
        if manager.stale_plans == 0 && !manager.changing {
            let said = manager.machine.0.said.borrow();
            assert!(!said.contains("no plan") && !said.contains("is not changed"), "{said}");
            drop(said);
            return frames(manager, 3);
        }
        let next = manager.machine.now() + 1_000_000;
        manager.machine.sleep_until(next);
    }
    panic!("it never ends: {}", manager.machine.0.said.borrow());
}

/// Places of the running plan of processor 1 that the worker's context has.
pub fn places(manager: &mut TestManager) -> usize {
    places_on(manager, 1)
}

/// The same of another processor.
fn places_on(manager: &mut TestManager, processor: u16) -> usize {
    settle(manager);
    let worker = Owner::Partition(id(index::WORKER));
    let context = |place: u64| {
        let slot: Slot = processor_slot(ProcessorId::new(processor));
        let values = manager.machine.0.machine.control(
            slot.raw().into(),
            ProcessorOperation::Place as u64,
            [place, 0, 0, 0],
        );
        Frame::new(values.unwrap()[0])
    };
    (0..256).filter(|place| manager.books.owner(context(*place)) == worker).count()
}

/// covers: CMD-3
#[test]
fn a_paused_partition_has_no_place_and_goes_on_where_it_was() {
    let (world, mut manager) = World::new();
    assert_eq!(places(&mut manager), 2);
    assert_eq!(act(&mut manager, R::Pause, index::WORKER), S::Ok);
    let row = manager.row(id(index::WORKER)).unwrap();
    assert_eq!(row.state, PartitionState::Paused as u32);
    assert_eq!(state(&mut manager, index::WORKER), ContextState::Stopped as u64);
    assert_eq!(places(&mut manager), 0);
    let starts = row.starts;
    for request in [R::Pause, R::Start] {
        assert_eq!(act(&mut manager, request, index::WORKER), S::WrongState, "{request:?}");
    }
    assert_eq!(act(&mut manager, R::Resume, index::WORKER), S::Ok);
    assert_eq!(places(&mut manager), 2);
    runs(&mut manager, index::WORKER);
    assert_eq!(manager.row(id(index::WORKER)).unwrap().starts, starts, "it was not started anew");
    assert_eq!(act(&mut manager, R::Resume, index::WORKER), S::WrongState);
    world.check(&manager);
}

#[test]
fn a_paused_partition_ends_as_others_do() {
    for request in [R::Stop, R::Kill, R::Restart] {
        let (world, mut manager) = World::new();
        assert_eq!(act(&mut manager, R::Pause, index::WORKER), S::Ok);
        assert_eq!(act(&mut manager, request, index::WORKER), S::Ok);
        if request == R::Restart {
            runs(&mut manager, index::WORKER);
        } else {
            let row = manager.row(id(index::WORKER)).unwrap();
            assert_eq!(row.state, PartitionState::Stopped as u32, "{request:?}");
            assert_eq!(act(&mut manager, R::Start, index::WORKER), S::Ok);
        }
        assert_eq!(places(&mut manager), 2, "{request:?}");
        world.check(&manager);
    }
    let (world, mut manager) = World::new();
    let before = (world.free(), manager.books.slots_taken());
    let copy = manager.create_again(id(index::WORKER)).unwrap();
    manager.start(copy, StartReason::Started).unwrap();
    assert_eq!(act(&mut manager, R::Pause, copy.raw()), S::Ok);
    assert_eq!(act(&mut manager, R::Destroy, copy.raw()), S::Ok);
    world.let_go(&mut manager);
    assert_eq!((world.free(), manager.books.slots_taken()), before);
    world.check(&manager);
}

/// covers: RES-12
#[test]
fn who_is_stopped_gives_its_slots_to_others_at_once() {
    let (world, mut manager) = World::new();
    assert_eq!(status(&change(&mut manager, R::SetShare, [index::WORKER, 2, 10])), S::Ok);
    let copy = manager.create_again(id(index::WORKER)).unwrap();
    manager.start(copy, StartReason::Started).unwrap();
    let more = |manager: &mut TestManager| change(manager, R::SetShare, [copy.raw(), 2, 16]);
    assert_eq!(status(&more(&mut manager)), S::Limit);
    assert_eq!(act(&mut manager, R::Kill, index::WORKER), S::Ok);
    assert_eq!(places(&mut manager), 0);
    assert_eq!(status(&more(&mut manager)), S::Ok);
    assert_eq!(status(&change(&mut manager, R::SetShare, [copy.raw(), 16, 6])), S::Ok);
    // Started again it has them back.
    assert_eq!(act(&mut manager, R::Start, index::WORKER), S::Ok);
    assert_eq!(places(&mut manager), 10);
    world.check(&manager);
}

/// covers: RES-2
#[test]
fn a_pause_cut_short_is_finished_and_a_resumption_is_done_or_not() {
    let (mut world, mut manager) = World::new();
    let starts = manager.row(id(index::WORKER)).unwrap().starts;
    for calls in 0.. {
        let died = dies_in(&world, calls, || {
            assert_eq!(act(&mut manager, R::Pause, index::WORKER), S::Ok)
        });
        manager = world.recovered();
        let row = manager.row(id(index::WORKER)).unwrap();
        if died && row.state == PartitionState::Running as u32 {
            runs(&mut manager, index::WORKER);
            continue;
        }
        assert_eq!(row.state, PartitionState::Paused as u32, "death at call {calls}");
        assert_eq!(state(&mut manager, index::WORKER), ContextState::Stopped as u64);
        assert_eq!(places(&mut manager), 0);
        let died = dies_in(&world, calls, || {
            assert_eq!(act(&mut manager, R::Resume, index::WORKER), S::Ok);
        });
        manager = world.recovered();
        let row = manager.row(id(index::WORKER)).unwrap();
        if row.state == PartitionState::Paused as u32 {
            assert!(died, "what was done stays done");
            assert_eq!(state(&mut manager, index::WORKER), ContextState::Stopped as u64);
            assert_eq!(act(&mut manager, R::Resume, index::WORKER), S::Ok);
        }
        runs(&mut manager, index::WORKER);
        assert_eq!(places(&mut manager), 2);
        assert_eq!(manager.row(id(index::WORKER)).unwrap().starts, starts);
        world.check(&manager);
        if !died && calls > 8 {
            return;
        }
    }
}

/// covers: SCH-2
#[test]
fn a_share_is_what_was_set_for_good() {
    let (mut world, mut manager) = World::new();
    assert_eq!(status(&change(&mut manager, R::SetShare, [index::WORKER, 2, 9])), S::Ok);
    assert_eq!(places(&mut manager), 9);
    // Asked for once more nothing happens, nor on what is not so.
    for before in [2, 3, u32::MAX] {
        let reply = change(&mut manager, R::SetShare, [index::WORKER, before, 9]);
        assert_eq!(status(&reply), S::Disagrees);
    }
    manager.restart(id(index::WORKER), StartReason::Restarted).unwrap();
    let mut manager = world.recovered();
    assert_eq!(places(&mut manager), 9);
    world.check(&manager);
}

#[test]
fn more_than_a_processor_has_is_refused_with_what_is_free() {
    let (_world, mut manager) = World::new();
    // Of processor 0 the manager, boot and command have two slots each.
    for (partition, before, after, free) in [
        (index::COMMAND, 2, 13, 12),
        (index::COMMAND, 2, 0, 12),
        (index::WORKER, 2, 17, 16),
        (index::WORKER, 2, u32::MAX, 16),
    ] {
        let reply = change(&mut manager, R::SetShare, [partition, before, after]);
        assert_eq!(status(&reply), S::Limit, "{partition} to {after}");
        assert_eq!(Index::read_from_bytes(reply.parts().1).unwrap().index, free);
    }
    assert_eq!(status(&change(&mut manager, R::SetShare, [index::COMMAND, 2, 12])), S::Ok);
    let reply = change(&mut manager, R::SetShare, [index::BOOT, 2, 3]);
    assert_eq!(Index::read_from_bytes(reply.parts().1).unwrap().index, 2);
    // Who is paused keeps what was promised.
    assert_eq!(status(&change(&mut manager, R::SetShare, [index::WORKER, 2, 16])), S::Ok);
    assert_eq!(act(&mut manager, R::Pause, index::WORKER), S::Ok);
    let copy = manager.create_again(id(index::WORKER)).unwrap();
    manager.start(copy, StartReason::Started).unwrap();
    let reply = change(&mut manager, R::SetShare, [copy.raw(), 2, 3]);
    assert_eq!(Index::read_from_bytes(reply.parts().1).unwrap().index, 0);
    assert_eq!(status(&change(&mut manager, R::SetShare, [index::IDLE, 0, 1])), S::NotAllowed);
    assert_eq!(status(&change(&mut manager, R::SetShare, [77, 0, 1])), S::NoSuch);
}

/// Where a context is, and two words of what it keeps.
pub fn kept(manager: &mut TestManager) -> (u64, [u64; 2]) {
    let context = contexts(&manager.row(id(index::WORKER)).unwrap()).next().unwrap();
    let mut on = |operation: ContextOperation, argument| {
        manager.machine.patient(context, operation as u64, [argument, 0, 0, 0]).unwrap()
    };
    let processor = on(ContextOperation::State, 0)[1];
    on(ContextOperation::Stop, 0);
    let kept = [7, 16].map(|register| on(ContextOperation::Register, register)[0]);
    on(ContextOperation::Start, 0);
    (processor, kept)
}

/// covers: SCH-2
#[test]
fn a_partition_that_is_moved_goes_on_elsewhere_with_all_it_has() {
    let (mut world, mut manager) = World::new();
    let before = (kept(&mut manager), places(&mut manager), places_on(&mut manager, 0));
    assert_eq!((before.0.0, before.1, before.2), (1, 2, 0));
    let reply = change(&mut manager, R::Move, [index::WORKER, 1, 0]);
    assert!(matches!(reply, Reply::WhenSettled(..)), "{reply:?}");
    assert!(!manager.is_settled(id(index::WORKER)));
    // While it is under way nothing else begins, and nobody has a place for it.
    for request in [R::Pause, R::Resume] {
        assert_eq!(act(&mut manager, request, index::WORKER), S::Busy);
    }
    let twice = change(&mut manager, R::Move, [index::WORKER, 1, 0]);
    assert_eq!(status(&twice), S::Busy);
    assert_eq!((places(&mut manager), places_on(&mut manager, 0)), (0, 2));
    assert_eq!(kept(&mut manager), (0, before.0.1), "registers are kept");
    let again = change(&mut manager, R::Move, [index::WORKER, 1, 0]);
    assert_eq!(status(&again), S::Disagrees, "it is done once");
    manager.restart(id(index::WORKER), StartReason::Restarted).unwrap();
    let mut manager = world.recovered();
    assert_eq!((places(&mut manager), places_on(&mut manager, 0)), (0, 2), "for good");
    world.check(&manager);
}

#[test]
fn who_has_no_room_is_not_moved() {
    let (world, mut manager) = World::new();
    let reply = change(&mut manager, R::Move, [index::WORKER, 1, 2]);
    assert_eq!(status(&reply), S::NoSuch);
    assert_eq!(status(&change(&mut manager, R::SetShare, [index::WORKER, 2, 11])), S::Ok);
    let reply = change(&mut manager, R::Move, [index::WORKER, 1, 0]);
    assert_eq!(status(&reply), S::Limit);
    assert_eq!(Index::read_from_bytes(reply.parts().1).unwrap().index, 10);
    for needed in [0, index::BOOT, index::IDLE, index::COMMAND] {
        let reply = change(&mut manager, R::Move, [needed, 0, 1]);
        assert_eq!(status(&reply), S::NotAllowed);
    }
    assert_eq!(status(&change(&mut manager, R::Move, [index::WORKER, 1, 1])), S::Ok);
    assert_eq!(places(&mut manager), 11);
    world.check(&manager);
}

/// What becomes of a partition in the middle of its move is what becomes of others.
#[test]
fn a_move_does_not_keep_a_partition_from_its_end() {
    for request in [R::Kill, R::Restart, R::Stop] {
        let (world, mut manager) = World::new();
        change(&mut manager, R::Move, [index::WORKER, 1, 0]);
        act(&mut manager, request, index::WORKER);
        if request == R::Stop {
            frames(&mut manager, 70);
        }
        settle(&mut manager);
        match request {
            R::Restart => runs(&mut manager, index::WORKER),
            _ => assert_eq!(state(&mut manager, index::WORKER), ContextState::Stopped as u64),
        }
        if request != R::Restart {
            assert_eq!(act(&mut manager, R::Start, index::WORKER), S::Ok, "{request:?}");
        }
        assert_eq!((places(&mut manager), places_on(&mut manager, 0)), (0, 2), "{request:?}");
        world.check(&manager);
    }
    let (world, mut manager) = World::new();
    let before = (world.free(), manager.books.slots_taken());
    let copy = manager.create_again(id(index::WORKER)).unwrap();
    manager.start(copy, StartReason::Started).unwrap();
    settle(&mut manager);
    change(&mut manager, R::Move, [copy.raw(), 1, 0]);
    assert_eq!(act(&mut manager, R::Destroy, copy.raw()), S::Ok);
    world.let_go(&mut manager);
    settle(&mut manager);
    assert_eq!((world.free(), manager.books.slots_taken()), before);
    world.check(&manager);
}

/// covers: RES-2
#[test]
fn a_move_cut_short_is_finished_or_was_never_begun() {
    let (mut world, mut manager) = World::new();
    let registers = kept(&mut manager).1;
    for calls in 0.. {
        let (from, to) = if calls % 2 == 0 { (1, 0) } else { (0, 1) };
        let died = dies_in(&world, calls, || {
            change(&mut manager, R::Move, [index::WORKER, from, to]);
            settle(&mut manager);
        });
        manager = world.recovered();
        settle(&mut manager);
        if manager.row(id(index::WORKER)).unwrap().processor != to as u16 {
            assert!(died, "what was done stays done");
            change(&mut manager, R::Move, [index::WORKER, from, to]);
            settle(&mut manager);
        }
        runs(&mut manager, index::WORKER);
        assert_eq!(kept(&mut manager), (to.into(), registers), "death at call {calls}");
        let places = [0, 1].map(|processor| places_on(&mut manager, processor));
        assert_eq!(places[to as usize..][..1], [2], "death at call {calls}");
        assert_eq!(places.iter().sum::<usize>(), 2, "death at call {calls}");
        world.check(&manager);
        if came_through(died, calls, 16) {
            return;
        }
    }
}

/// covers: RES-9
#[test]
fn nobody_else_changes_what_runs() {
    let (world, mut manager) = World::new();
    let copy = manager.create_again(id(index::WORKER)).unwrap().raw();
    for who in [BOOT, WORKER, (index::BOOT, ChannelKind::Control)] {
        for target in [index::COMMAND, index::WORKER, copy, 0, u32::MAX] {
            let body = Change { partition: target, before: 2, after: 3 };
            for request in [R::Pause, R::Resume] {
                let reply = send(&mut manager, who, request, Index { index: target }.as_bytes());
                assert_eq!(status(&reply), S::NotAllowed, "{who:?} {request:?} {target}");
            }
            for request in [R::SetShare, R::Move] {
                let reply = send(&mut manager, who, request, body.as_bytes());
                assert_eq!(status(&reply), S::NotAllowed, "{who:?} {request:?} {target}");
            }
        }
    }
    // A creator changes what was created, and nothing else.
    let creator = (index::COMMAND, ChannelKind::Control);
    manager.start(id(copy), StartReason::Started).unwrap();
    for (target, expected) in [(index::WORKER, S::NotAllowed), (copy, S::Ok)] {
        let reply = send(&mut manager, creator, R::Pause, Index { index: target }.as_bytes());
        assert_eq!(status(&reply), expected);
    }
    // Not even the command partition halts what everything needs.
    for target in [0, index::BOOT, index::IDLE, index::COMMAND] {
        assert_eq!(act(&mut manager, R::Pause, target), S::NotAllowed);
        assert_eq!(act(&mut manager, R::Resume, target), S::NotAllowed);
    }
    world.check(&manager);
}
