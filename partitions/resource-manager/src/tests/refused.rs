//! What is refused changes nothing, and the log says who asked for what, when, and why not.

use super::compare::equal;
use super::world::{TestManager, World, index};
use super::{BOOT, COMMAND, WORKER, id, status};
use crate::manager::Machine as _;
use crate::requests::Asker;
use abi::channel::ChannelKind;
use abi::message::database::Placement;
use abi::message::resource::{Change, Index, ResourceRequest as R, ResourceStatus};
use abi::message::transaction::StepProblem;
use resource_db::Outcome;
use zerocopy::IntoBytes;

fn change(partition: u32, before: u32, after: u32) -> Vec<u8> {
    Change { partition, before, after }.as_bytes().to_vec()
}

fn about(partition: u32) -> Vec<u8> {
    Index { index: partition }.as_bytes().to_vec()
}

fn placement(manager: &TestManager) -> Placement {
    let mut at = 0;
    while manager.books.owner(abi::types::Frame::new(at)) != resource_db::Owner::Available {
        at += 1;
    }
    let generation = manager.books.generation();
    let (definition, count) = (index::WORKER, 200);
    Placement {
        definition,
        heap: 0,
        processor: 1,
        share: 1,
        reserved: 0,
        start: at,
        count,
        generation,
    }
}

/// Everything that a person or a program can get wrong, one thing at a time.
fn wrong(manager: &TestManager) -> Vec<(R, Vec<u8>, StepProblem)> {
    use StepProblem as P;
    let (worker, nobody) = (index::WORKER, 99);
    let row = manager.row(id(worker)).unwrap();
    let (share, heap, there) = (row.share.into(), row.heap_pages, row.processor.into());
    let good = placement(manager);
    let place = |change: fn(&mut Placement)| {
        let mut placement = good;
        change(&mut placement);
        placement.as_bytes().to_vec()
    };
    vec![
        (R::SetShare, change(worker, share + 1, 3), P::Disagrees),
        (R::SetShare, change(worker, share, 17), P::Limit),
        (R::SetShare, change(worker, share, 0), P::Limit),
        (R::SetShare, change(nobody, share, 3), P::NoSuch),
        (R::SetShare, change(index::IDLE, 0, 3), P::MayNot),
        (R::SetShare, vec![1, 2, 3], P::Malformed),
        (R::SetMemory, change(worker, heap + 1, 3), P::Disagrees),
        (R::SetMemory, change(worker, heap, u32::MAX), P::Limit),
        (R::SetMemory, change(worker, heap, 1 << 14), P::NoMemory),
        (R::SetMemory, change(0, 0, 3), P::MayNot),
        (R::Move, change(worker, there + 1, 0), P::Disagrees),
        (R::Move, change(worker, there, 2), P::NoSuch),
        (R::Move, change(index::COMMAND, 0, 1), P::MayNot),
        (R::Pause, about(index::BOOT), P::MayNot),
        (R::Resume, about(worker), P::WrongState),
        (R::Start, about(worker), P::WrongState),
        (R::Destroy, about(worker), P::MayNot),
        (R::Create, about(index::BOOT), P::MayNot),
        (R::Create, about(nobody), P::NoSuch),
        (R::CreatePlaced, place(|one| one.definition = 99), P::NoSuch),
        (R::CreatePlaced, place(|one| one.definition = index::BOOT), P::MayNot),
        (R::CreatePlaced, place(|one| one.processor = 2), P::NoSuch),
        (R::CreatePlaced, place(|one| one.share = 17), P::Limit),
        (R::CreatePlaced, place(|one| one.count = 3), P::Limit),
        (R::CreatePlaced, place(|one| one.reserved = 1), P::Malformed),
        (R::CreatePlaced, place(|one| one.start = 0), P::Disagrees),
        (R::CreatePlaced, place(|one| one.generation += 9), P::Disagrees),
    ]
}

/// covers: RES-1, RES-9
#[test]
fn every_wrong_request_is_refused_and_written_down() {
    let (world, mut manager) = World::new();
    let asker = Asker { partition: id(COMMAND.0), kind: COMMAND.1 };
    for (request, body, problem) in wrong(&manager) {
        let what = format!("{request:?} {body:?}");
        let (held, last) = (manager.books.generation(), manager.books.last_number());
        let reply = manager.answer(asker, request.code(), &body);
        assert_ne!(status(&reply), ResourceStatus::Ok, "{what}");
        assert_eq!(manager.books.generation(), held, "{what}: nothing was committed");
        assert_eq!(manager.books.last_number(), last + 1, "{what}: written down once");
        let found = manager.books.transaction(u64::MAX).unwrap();
        assert_eq!(found.outcome, Outcome::Refused(0, problem.code().into()), "{what}");
        assert_eq!(found.cause.what, u32::from(request.code()));
        let who = manager.books.descriptor_of(found.cause.who);
        assert_eq!(who, resource_db::Owner::Partition(asker.partition));
    }
    world.check(&manager);
    equal(&mut manager);
}

/// Who may not ask is written down, but not as often as he likes.
///
/// covers: RES-9
#[test]
fn who_may_not_ask_cannot_flood_the_log() {
    let (_world, mut manager) = World::new();
    let (known, unknown) = (about(index::COMMAND), about(99));
    let floods = [(R::Kill, &known[..]), (R::Rescue, &unknown[..]), (R::Rescue, &[])];
    let askers = [WORKER, BOOT, (index::WORKER, ChannelKind::Console)];
    for ((who, kind), (request, body)) in
        askers.into_iter().flat_map(|asker| floods.map(|flood| (asker, flood)))
    {
        let next = manager.machine.now() + 200_000_000;
        manager.machine.sleep_until(next);
        let before = manager.books.last_number();
        for _ in 0..1000 {
            let asker = Asker { partition: id(who), kind };
            let _ = manager.answer(asker, request.code(), body);
        }
        let written = manager.books.last_number() - before;
        assert!((1..=2).contains(&written), "{request:?}: {written}");
        let found = manager.books.transaction(u64::MAX).unwrap();
        if request == R::Kill {
            let problem = StepProblem::MayNot.code().into();
            assert_eq!(found.outcome, Outcome::Refused(0, problem));
        }
        let asked = manager.books.descriptor_of(found.cause.who);
        assert_eq!(asked, resource_db::Owner::Partition(id(who)));
    }
}

#[test]
fn the_end_of_what_is_to_be_made_is_no_refusal() {
    let (_world, mut manager) = World::new();
    let asker = Asker { partition: id(COMMAND.0), kind: COMMAND.1 };
    for request in [R::MakeDefined, R::StartDefined] {
        let (before, past) = (manager.books.last_number(), manager.manifest.partitions.len());
        let reply = manager.answer(asker, request.code(), &about(past as u32));
        assert_eq!(status(&reply), ResourceStatus::NoSuch);
        assert_eq!(manager.books.last_number(), before, "{request:?}");
    }
}

#[test]
fn a_line_that_is_cut_off_is_a_line() {
    use crate::trouble::{LINE, Line};
    for length in [0, 1, LINE - 2, LINE - 1, LINE, LINE + 1, 10 * LINE] {
        let text = "x".repeat(length);
        let line = Line::new(format_args!("{text}\n"));
        let kept = length.min(LINE - 1);
        assert_eq!(line.bytes(), format!("{}\n", &text[..kept]).as_bytes(), "{length}");
    }
}
