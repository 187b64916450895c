//! Partitions that are made where the command partition says, and lies about what is free.

use super::deaths::dies_in;
use super::world::{TestManager, World, index};
use super::{COMMAND, id};
use crate::requests::Asker;
use crate::trouble::Trouble;
use abi::information::StartReason;
use abi::message::resource::{Placement, ResourceStatus};
use abi::types::{Frame, PartitionId};
use resource_db::Owner;

/// Frames in a row that are free, far up.
fn free_frames(manager: &TestManager, count: u64) -> u64 {
    let free = |frame: u64| manager.books.owner(Frame::new(frame)) == Owner::Available;
    let starts = (0..super::machine::FRAMES - count).rev();
    let mut fitting = starts.filter(|start| (*start..start + count).all(free));
    fitting.next().expect("free memory")
}

fn placement(manager: &TestManager) -> Placement {
    Placement {
        definition: index::WORKER,
        heap: 5,
        processor: 0,
        share: 3,
        reserved: 0,
        start: free_frames(manager, 30),
        count: 30,
        generation: manager.books.generation(),
    }
}

fn create(manager: &mut TestManager, placement: &Placement) -> Result<PartitionId, ResourceStatus> {
    let asker = Asker { partition: id(COMMAND.0), kind: COMMAND.1 };
    manager.create_placed(asker, placement).map_err(Trouble::status)
}

// covers: CMD-1
#[test]
fn a_partition_is_where_it_was_placed() {
    let (world, mut manager) = World::new();
    let before = (world.free(), manager.books.slots_taken());
    let placement = placement(&manager);
    let new = create(&mut manager, &placement).unwrap();
    let row = manager.row(new).unwrap();
    assert_eq!((row.heap.start.raw(), row.heap.count), (placement.start, 5));
    assert_eq!((row.share, row.processor), (3, 0));
    let channels = manager.channels_of(new).map(|(_, _, channel)| channel.frames);
    let channels: Vec<_> = channels.collect();
    assert!(!channels.is_empty(), "its channels lie with it");
    let end = placement.start + row.frames() + manager.channel_frames(index::WORKER);
    for extent in row.extents().into_iter().chain(channels).filter(|extent| extent.count > 0) {
        let (first, last) = (extent.start.raw(), extent.start.raw() + extent.count);
        assert!(first >= placement.start && last <= end, "{extent:?}");
    }
    assert_eq!(manager.books.owner(Frame::new(end)), Owner::Available, "what is not needed");
    world.check(&manager);
    manager.start(new, StartReason::Started).unwrap();
    manager.replan();
    let mut plan = plan::Plan::empty();
    manager.plan(abi::types::ProcessorId::new(0), &mut plan);
    let slots = plan.slots;
    let own = slots.iter().flatten().filter(|place| place.partition == new).count();
    assert_eq!(own, 3);
    world.destroy(&mut manager, new);
    world.check(&manager);
    assert_eq!((world.free(), manager.books.slots_taken()), before);
}

#[test]
fn a_partition_that_may_be_anywhere_takes_what_there_is() {
    let (world, mut manager) = World::new();
    let before = (world.free(), manager.books.slots_taken());
    let anywhere = Placement { start: Placement::ANYWHERE, ..placement(&manager) };
    let new = create(&mut manager, &anywhere).unwrap();
    world.check(&manager);
    world.destroy(&mut manager, new);
    let large = Placement { heap: 30_000, count: 40_000, ..anywhere };
    assert_eq!(create(&mut manager, &large), Err(ResourceStatus::NoMemory));
    let slots = Placement { share: 11, ..anywhere };
    assert_eq!(create(&mut manager, &slots), Err(ResourceStatus::Disagrees));
    let little = Placement { count: 10, ..anywhere };
    assert_eq!(create(&mut manager, &little), Err(ResourceStatus::Limit));
    world.check(&manager);
    assert_eq!((world.free(), manager.books.slots_taken()), before);
}

#[test]
fn what_is_not_so_is_refused_told_and_changes_nothing() {
    let (world, mut manager) = World::new();
    let good = placement(&manager);
    let taken = manager.row(id(index::WORKER)).unwrap().program.start.raw();
    use ResourceStatus as S;
    let lies = [
        ("memory of another", Placement { start: taken, ..good }, S::Disagrees),
        ("memory that overlaps", Placement { start: taken - 10, ..good }, S::Disagrees),
        ("memory that is not there", Placement { start: 1 << 40, ..good }, S::Disagrees),
        ("memory around the end", Placement { start: u64::MAX - 3, ..good }, S::Disagrees),
        ("all memory", Placement { start: 0, count: u64::MAX, ..good }, S::Disagrees),
        ("too little memory", Placement { count: 10, ..good }, S::Limit),
        ("a heap beyond the space", Placement { heap: u32::MAX, ..good }, S::Limit),
        ("a heap over other areas", Placement { heap: 32_769, count: 40_000, ..good }, S::Limit),
        ("no such processor", Placement { processor: 2, ..good }, S::NoSuch),
        ("every processor", Placement { processor: u16::MAX, ..good }, S::NoSuch),
        ("seventeen slots", Placement { share: 17, ..good }, S::Limit),
        ("slots of others", Placement { share: 11, ..good }, S::Disagrees),
        ("books to come", Placement { generation: good.generation + 1, ..good }, S::Disagrees),
        ("no such definition", Placement { definition: 5, ..good }, S::NoSuch),
        ("a role", Placement { definition: index::COMMAND, ..good }, S::NotAllowed),
        ("more than it says", Placement { reserved: 1, ..good }, S::Malformed),
    ];
    let before = (world.free(), manager.books.slots_taken(), manager.books.generation());
    for (lie, placement, wanted) in lies {
        assert_eq!(create(&mut manager, &placement), Err(wanted), "{lie}");
        let after = (world.free(), manager.books.slots_taken(), manager.books.generation());
        assert_eq!(after, before, "{lie}");
    }
    manager.failed = 1;
    assert_eq!(create(&mut manager, &good), Err(S::NoSuch), "a processor that failed");
    manager.failed = 0;
    let said = world.said();
    assert!(said.contains("command: none like definition 4 made"), "{said}");
    // The same request twice: what it names is not free any more.
    create(&mut manager, &good).unwrap();
    assert_eq!(create(&mut manager, &good), Err(S::Disagrees));
    world.check(&manager);
}

/// covers: RES-2
#[test]
fn the_manager_may_die_at_any_call_of_a_placed_creation() {
    let (mut world, mut manager) = World::new();
    let first = placement(&manager);
    let copy = create(&mut manager, &first).unwrap();
    world.destroy(&mut manager, copy);
    let before = (world.free(), manager.books.slots_taken());
    for calls in 0.. {
        let placement = placement(&manager);
        let died = dies_in(&world, calls, || {
            let copy = create(&mut manager, &placement).expect("created");
            world.destroy(&mut manager, copy);
        });
        manager = world.recovered();
        world.let_go(&mut manager);
        world.check(&manager);
        assert_eq!((world.free(), manager.books.slots_taken()), before, "death at call {calls}");
        if !died {
            break;
        }
    }
}

#[test]
fn who_gave_up_its_slots_starts_where_they_are_free() {
    use super::changes::{act, change, settle};
    use abi::message::resource::ResourceRequest as R;
    let (_world, mut manager) = World::new();
    let copy = manager.create_again(id(index::WORKER)).unwrap();
    assert_eq!(act(&mut manager, R::Start, copy.raw()), ResourceStatus::Ok);
    settle(&mut manager);
    assert_eq!(act(&mut manager, R::Kill, copy.raw()), ResourceStatus::Ok);
    settle(&mut manager);
    let share = |manager: &mut TestManager, before, after| {
        let reply = change(manager, R::SetShare, [index::WORKER, before, after]);
        settle(manager);
        assert_eq!(super::status(&reply), ResourceStatus::Ok);
    };
    share(&mut manager, 2, 15);
    for request in [R::Start, R::Restart] {
        let reply = super::ask(&mut manager, COMMAND, request, copy.raw());
        let (status, body) = reply.parts();
        assert_eq!(status, ResourceStatus::Limit, "{request:?}");
        assert_eq!(body, 1_u32.to_le_bytes(), "slots that are free");
    }
    assert_eq!(manager.row(copy).unwrap().placed, 0);
    share(&mut manager, 15, 14);
    assert_eq!(act(&mut manager, R::Start, copy.raw()), ResourceStatus::Ok);
}
