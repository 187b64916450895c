//! Every request from every kind of asker: who is not named here is refused, told, and has changed nothing.

use super::world::{TestManager, World, index};
use super::{id, status};
use crate::manager::Machine;
use crate::requests::Asker;
use abi::channel::ChannelKind as K;
use abi::message::resource::{ResourceRequest as R, ResourceStatus as S};

/// What partitions without a right of their own may ask: about the machine, and for those whom they rescue.
const ANYBODY: &[R] = &[R::Stopped, R::Machine, R::Restart, R::Rescue, R::Maker];
/// What a creator may ask beside, over a control channel; and what changes a partition, of those alone that were created.
const CREATOR: &[R] = &[
    R::Partition,
    R::Create,
    R::Start,
    R::Destroy,
    R::Pause,
    R::Resume,
    R::CreatePlaced,
    R::SetShare,
    R::SetMemory,
    R::Move,
    R::Audit,
    R::Corpse,
];
/// Partition and kind of channel, and what may be asked.
const ASKERS: [(u32, K, &[&[R]]); 8] = [
    (index::WORKER, K::Control, &[ANYBODY]),
    (index::IDLE, K::Control, &[ANYBODY]),
    (index::COMMAND, K::Control, &[ANYBODY, CREATOR]),
    // Once it has handed over, the boot partition may ask no more than anybody.
    (index::BOOT, K::Boot, &[ANYBODY]),
    (index::WORKER, K::Boot, &[ANYBODY]),
    // Channels of kinds that lead to others, whoever claims to have one.
    (index::COMMAND, K::Console, &[]),
    (index::COMMAND, K::Custom, &[]),
    (99, K::Console, &[]),
];

/// Everything that requests can change.
fn all(world: &World, manager: &TestManager) -> (Vec<resource_db::PartitionRow>, u64, u64) {
    let rows = manager.books.partitions().map(|(_, row)| *row);
    (rows.collect(), world.free(), manager.leave_at)
}

/// Bodies of every length that some request has.
fn bodies() -> impl Iterator<Item = Vec<u8>> {
    (0..=13_u8).map(|words| (0..words).flat_map(|word| u32::from(word).to_le_bytes()).collect())
}

// covers: RES-9
#[test]
fn what_is_not_allowed_is_refused_told_and_changes_nothing() {
    let (world, mut manager) = World::new();
    let mut refused = 0;
    for (partition, kind, allowed) in ASKERS {
        let asker = Asker { partition: id(partition), kind };
        for request in R::ALL.iter().filter(|request| !allowed.concat().contains(request)) {
            for body in bodies() {
                let before = all(&world, &manager);
                // A refusal is told once in a while.
                let next = manager.machine.now() + 200_000_000;
                manager.next_refusal = 0;
                let reply = manager.answer(asker, *request as u16, &body);
                assert_eq!(status(&reply), S::NotAllowed, "{asker:?} {request:?}");
                let said = world.said();
                assert!(said.contains(&format!("may not ask for {request:?}\n")), "{said}");
                assert_eq!(all(&world, &manager), before, "{asker:?} {request:?}");
                assert!(manager.next_refusal <= next);
                refused += 1;
            }
        }
    }
    assert!(refused > 1000, "{refused}");
    world.check(&manager);
}

/// Who asks for a person gets its answer, and the person that of whom they asked: no words of the manager in between.
#[test]
fn what_a_person_is_refused_is_told_by_whom_they_asked() {
    let (world, mut manager) = World::new();
    let asker = Asker { partition: id(index::COMMAND), kind: K::Command };
    let boot: Vec<u8> =
        [index::BOOT, 0, 1].iter().flat_map(|word: &u32| word.to_le_bytes()).collect();
    world.said();
    let moved = manager.answer(asker, R::Move as u16, &boot);
    assert_eq!((status(&moved), world.said()), (S::NotAllowed, String::new()));
    // What it may not ask at all is told as anybody's is.
    let other = Asker { partition: id(index::WORKER), kind: K::Command };
    assert_eq!(status(&manager.answer(other, R::Create as u16, &[4, 0, 0, 0])), S::NotAllowed);
    assert_eq!(world.said(), "resource-manager: worker may not ask for Create\n");
}

// covers: RES-9
#[test]
fn the_rest_of_the_numbers_means_nothing_to_anybody() {
    let (world, mut manager) = World::new();
    let before = all(&world, &manager);
    for kind in [K::Command, K::Boot, K::Control] {
        let asker = Asker { partition: id(index::COMMAND), kind };
        for code in (0..=u16::MAX).filter(|code| R::from_code(*code).is_none()) {
            assert_eq!(status(&manager.answer(asker, code, &[0; 4])), S::Malformed, "{code}");
        }
    }
    assert_eq!(all(&world, &manager), before);
}

// covers: RES-9
#[test]
fn a_creator_reaches_only_what_was_created() {
    let (world, mut manager) = World::new();
    let asker = Asker { partition: id(index::COMMAND), kind: K::Control };
    let before = all(&world, &manager);
    let change = [R::SetShare, R::SetMemory, R::Move];
    // These are about nobody, or about a definition, or tell.
    let others = [R::Partition, R::Create, R::CreatePlaced, R::Audit, R::Corpse];
    for request in CREATOR.iter().filter(|one| !others.contains(one)) {
        for partition in 0..5_u32 {
            // The command partition rescues boot, and may start it.
            if (*request, partition) == (R::Start, index::BOOT) {
                continue;
            }
            let words =
                if change.contains(request) { [partition, 2, 3].to_vec() } else { vec![partition] };
            let body: Vec<u8> = words.into_iter().flat_map(u32::to_le_bytes).collect();
            let reply = manager.answer(asker, *request as u16, &body);
            assert_eq!(status(&reply), S::NotAllowed, "{request:?} {partition}");
            assert_eq!(all(&world, &manager), before, "{request:?} {partition}");
        }
    }
    world.check(&manager);
}
