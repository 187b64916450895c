//! Answers that wait for something: they come when it has happened, whatever others ask for meanwhile.

use super::world::{TestManager, World, index};
use super::{id, wards};
use crate::manager::{Machine, SELF};
use crate::serve::Desk;
use abi::information::StartReason;
use abi::message::resource::{Change, Index, ResourceRequest as R, ResourceStatus as S};
use abi::types::PAGE_SIZE;
use ring::{ClientEnd, Geometry, Head, Message, Words};
use std::collections::BTreeMap;
use std::sync::atomic::AtomicU32;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Nanoseconds in a millisecond.
const MILLISECOND: u64 = 1_000_000;

/// The command partition, and what was answered to it.
struct Asker {
    desk: Desk<Words<'static>>,
    end: ClientEnd<Words<'static>>,
    answers: BTreeMap<u64, (S, Vec<u8>)>,
}

impl Asker {
    fn new(manager: &mut TestManager) -> Self {
        let memory = || {
            let words = (0..4096).map(|_| AtomicU32::new(0)).collect::<Vec<_>>();
            &*Box::leak(words.into_boxed_slice())
        };
        let mut all = Vec::new();
        let desk = Desk::new(manager, |_, geometry| {
            all.push(memory());
            Words::new(all[all.len() - 1], geometry)
        });
        // Channel 0 is boot's, channel 1 command's.
        let geometry = Geometry::new(2, 4 * PAGE_SIZE as usize).unwrap();
        let mut end = ClientEnd::new(Words::new(all[1], geometry));
        let epoch = manager.books.channels().nth(1).map_or(0, |(_, row)| row.epoch);
        let _ = end.set_epoch(epoch);
        Self { desk, end, answers: BTreeMap::new() }
    }

    fn send(&mut self, request: R, body: &(impl IntoBytes + Immutable)) -> u64 {
        self.end.send(Head::new(request as u16), body.as_bytes()).expect("there is room")
    }

    fn about(&mut self, request: R, partition: u32) -> u64 {
        self.send(request, &Index { index: partition })
    }

    /// Serves all that was sent, in one turn.
    fn serve(&mut self, manager: &mut TestManager) {
        self.desk.serve(manager);
        let mut message = Message::empty();
        while self.end.take(&mut message).is_some() {
            let status = S::from_code(message.head.code).unwrap();
            self.answers.insert(message.id, (status, message.bytes().to_vec()));
        }
    }

    fn status(&self, question: u64) -> Option<S> {
        self.answers.get(&question).map(|(status, _)| *status)
    }
}

#[test]
fn a_stop_is_answered_where_the_next_life_begins_in_the_same_turn() {
    let (world, mut manager) = World::new();
    let mut asker = Asker::new(&mut manager);
    let stop = asker.about(R::Stop, index::WORKER);
    asker.serve(&mut manager);
    assert_eq!(asker.status(stop), None, "it may still end by itself");
    // As somebody else may ask just then.
    let restart = asker.about(R::Restart, index::WORKER);
    asker.serve(&mut manager);
    assert_eq!([stop, restart].map(|one| asker.status(one)), [Some(S::Ok); 2]);
    let row = manager.row(id(index::WORKER)).unwrap();
    assert!(manager.runs(&row) && row.starts == 2);
    world.check(&manager);
}

#[test]
fn who_is_gone_is_gone_whoever_gets_its_number() {
    let (world, mut manager) = World::new();
    let copy = manager.create_again(id(index::WORKER)).unwrap();
    manager.start(copy, StartReason::Started).unwrap();
    wards::pass(&mut manager, 100 * MILLISECOND);
    let mut asker = Asker::new(&mut manager);
    let stop = asker.about(R::Stop, copy.raw());
    let first = asker.about(R::Destroy, copy.raw());
    asker.serve(&mut manager);
    assert_eq!([stop, first].map(|one| asker.status(one)), [Some(S::Ok), None]);
    while manager.replan() {
        let next = manager.machine.now() + MILLISECOND;
        manager.machine.sleep_until(next);
    }
    let next = manager.machine.now() + 100 * MILLISECOND;
    manager.machine.sleep_until(next);
    let second = asker.about(R::Destroy, copy.raw());
    let create = asker.about(R::Create, index::WORKER);
    asker.desk.disarm();
    asker.serve(&mut manager);
    let made = Index::read_from_bytes(&asker.answers[&create].1).unwrap();
    assert_eq!((asker.status(create), made.index), (Some(S::Ok), copy.raw()), "the same number");
    assert_eq!([first, second].map(|one| asker.status(one)), [Some(S::Ok); 2]);
    world.check(&manager);
}

#[test]
fn who_asks_for_more_and_more_does_not_delay_what_others_are_told() {
    let (_world, mut manager) = World::new();
    let mut asker = Asker::new(&mut manager);
    let memory = |before, after| Change { partition: index::WORKER, before, after };
    let first = asker.send(R::SetMemory, &memory(2, 1));
    asker.serve(&mut manager);
    assert_eq!(asker.status(first), None, "its runtime has not answered");
    for round in 0..3 {
        wards::pass(&mut manager, 180 * MILLISECOND);
        let [before, after] = if round % 2 == 0 { [1, 0] } else { [0, 1] };
        asker.end.disarm();
        let next = asker.send(R::SetMemory, &memory(before, after));
        asker.serve(&mut manager);
        assert_eq!(asker.status(next), None);
        assert_eq!(asker.status(first), (round == 2).then_some(S::Ok), "round {round}");
    }
}

#[test]
fn who_asks_after_the_manager_was_told_to_leave_is_left_to_the_next_one() {
    let (_world, mut manager) = World::new();
    let mut asker = Asker::new(&mut manager);
    let restart = asker.about(R::Restart, SELF.raw());
    // It would end boot and idle, and nobody would bring back the manager, which has to leave before it is through.
    let off = asker.about(R::Shutdown, 0);
    asker.serve(&mut manager);
    assert_eq!([restart, off].map(|one| asker.status(one)), [Some(S::Ok), None]);
    assert!(manager.is_leaving() && manager.shutdown.is_none());
}

#[test]
fn the_manager_does_not_leave_a_machine_that_is_being_shut_down() {
    let (_world, mut manager) = World::new();
    let mut asker = Asker::new(&mut manager);
    let off = asker.about(R::Shutdown, 0);
    let leave = [R::Restart, R::Kill].map(|one| asker.about(one, SELF.raw()));
    asker.serve(&mut manager);
    assert_eq!(asker.status(off), Some(S::Ok));
    assert_eq!(leave.map(|one| asker.status(one)), [Some(S::WrongState); 2]);
    assert!(!manager.is_leaving());
}
