//! Zones: nothing is made outside those that its definition names, whoever decided where.

use super::changes::change;
use super::image::{image_of, manifest};
use super::upgrades::{later, other};
use super::world::{TestManager, World, index};
use super::{COMMAND, ask, id, status};
use crate::requests::Asker;
use crate::requests::Reply;
use abi::boot::BootInformation;
use abi::channel::ChannelKind;
use abi::image::name_from;
use abi::information::StartReason;
use abi::manifest::{ALL_NODES, ManifestZone, NO_PARTITION};
use abi::message::resource::{Placement, ResourceRequest as R, ResourceStatus};
use abi::nodes::{NodeRange, NodeSource, Nodes};
use abi::types::{Frame, PartitionId};
use resource_db::{Extent, Owner};
use std::ops::Range;
use zerocopy::IntoBytes;

fn zone(partition: u32, kind: ChannelKind, name: &str, node: u32) -> ManifestZone {
    ManifestZone { name: name_from(name).unwrap(), partition, kind: kind as u16, reserved: 0, node }
}

/// A machine whose upper half of memory, and whose second processor, are of node 1.
fn world(zones: &[ManifestZone]) -> (World, TestManager) {
    let mut bytes = manifest();
    bytes[48] = zones.len() as u8;
    bytes.extend(zones.as_bytes());
    let (world, mut manager) = World::of(image_of(bytes)).unwrap();
    let half = manager.facts.frames / 2;
    let range =
        |start, node| NodeRange { start: Frame::new(start), count: half, node, reserved: 0 };
    let mut nodes = Nodes::one(NodeSource::Told);
    (nodes.count, nodes.range_count) = (2, 2);
    (nodes.ranges[0], nodes.ranges[1]) = (range(0, 0), range(half, 1));
    nodes.processors[1] = 1;
    for (at, distance) in nodes.distances.iter_mut().enumerate() {
        *distance = if at % 33 == 0 { 10 } else { 20 };
    }
    let boot = Box::leak(Box::new(BootInformation { nodes, ..*manager.facts.boot }));
    boot.machine.processor_count = 2;
    manager.facts.boot = boot;
    World::made((world, manager))
}

/// Nodes of the pages that a partition has beside those of its start, and whether there are any.
fn grown(manager: &TestManager, id: PartitionId) -> Vec<bool> {
    let half = manager.facts.frames / 2;
    let row = manager.row(id).unwrap();
    let pieces = row.pieces.iter().filter(|piece| piece.pages > 0);
    pieces.map(|piece| piece.start.raw() >= half).collect()
}

/// The worker names zones `a` and `b` of memory.
fn wishes() -> [ManifestZone; 2] {
    ["a", "b"].map(|name| zone(index::WORKER, ChannelKind::Memory, name, ALL_NODES))
}

fn offered(name: &str, node: u32) -> ManifestZone {
    zone(NO_PARTITION, ChannelKind::Memory, name, node)
}

fn placed(manager: &mut TestManager, start: u64) -> Result<PartitionId, ResourceStatus> {
    let asker = Asker { partition: PartitionId::new(2), kind: ChannelKind::Command };
    let placement = Placement {
        definition: index::WORKER,
        heap: 2,
        processor: 1,
        share: 1,
        reserved: 0,
        start,
        count: 100,
        generation: manager.books.generation(),
    };
    manager.create_placed(asker, &placement).map_err(|trouble| match trouble {
        crate::trouble::Trouble::Status(status) => status,
        other => panic!("{other}"),
    })
}

// covers: CHN-2
#[test]
fn a_partition_lies_in_the_first_zone_that_there_is() {
    for (node, offers) in
        [(1, [offered("a", 1), offered("b", 0)]), (0, [offered("c", 1), offered("b", 0)])]
    {
        let (_world, mut manager) = world(&[&offers[..], &wishes()].concat());
        let half = manager.facts.frames / 2;
        let lies = |manager: &TestManager, id| {
            let row = manager.row(id).unwrap();
            row.extents()
                .iter()
                .filter(|one| one.count > 0)
                .all(|one| u64::from(one.start.raw() >= half) == node)
        };
        assert!(lies(&manager, id(index::WORKER)), "made of the manifest");
        let again = manager.create_again(id(index::WORKER)).unwrap();
        assert!(lies(&manager, again), "made where nobody said");
    }
}

// covers: CHN-2
#[test]
fn a_placement_outside_its_zones_is_refused() {
    let (_world, mut manager) = world(&[&[offered("a", 1)][..], &wishes()].concat());
    let half = manager.facts.frames / 2;
    let free = |manager: &TestManager, from: u64| {
        (from..)
            .find(|at| {
                (0..100).all(|more| {
                    manager
                        .books
                        .run(Frame::new(at + more))
                        .is_some_and(|(owner, _)| owner == resource_db::Owner::Available)
                })
            })
            .unwrap()
    };
    let (low, high) = (free(&manager, 0), free(&manager, half));
    assert!(low + 100 < half, "there is room below");
    assert_eq!(placed(&mut manager, low), Err(ResourceStatus::NotAllowed));
    assert_eq!(placed(&mut manager, half - 50), Err(ResourceStatus::NotAllowed), "half of it");
    assert_eq!(placed(&mut manager, Placement::ANYWHERE), Err(ResourceStatus::NotAllowed));
    placed(&mut manager, high).unwrap();
}

// covers: CHN-2
#[test]
fn a_heap_grows_in_its_zones_alone() {
    for (node, other) in [(1, 0), (0, 1)] {
        let offers = [offered("a", node), offered("c", other)];
        let (world, mut manager) = world(&[&offers[..], &wishes()].concat());
        let grow = |manager: &mut TestManager, [from, to]: [u32; 2]| {
            change(manager, R::SetMemory, [index::WORKER, from, to])
        };
        assert!(matches!(grow(&mut manager, [2, 20]), Reply::WhenSettled(..)));
        assert_eq!(grown(&manager, id(index::WORKER)), [node == 1]);
        let free = world.free();
        let half = u32::try_from(manager.facts.frames / 2).unwrap();
        let reply = grow(&mut manager, [20, half.min(free as u32 - 100)]);
        assert_eq!(super::status(&reply), ResourceStatus::NoMemory, "no zone is so large");
        assert_eq!(world.free(), free);
        world.check(&manager);
    }
}

// covers: CHN-2
#[test]
fn a_heap_grows_near_the_processor_of_one_that_names_no_zone() {
    let (_world, mut manager) = world(&[]);
    let mut has = 2;
    for processor in [1, 0, 1] {
        manager.change(id(index::WORKER), |row| row.processor = processor).unwrap();
        change(&mut manager, R::SetMemory, [index::WORKER, has, has + 5]);
        has += 5;
    }
    assert_eq!(grown(&manager, id(index::WORKER)), [true, false, true]);
}

/// Has somebody take all that is free there.
fn take(manager: &mut TestManager, frames: Range<u64>) -> Vec<Extent> {
    let (mut at, mut free) = (frames.start, Vec::new());
    while at < frames.end {
        let (owner, run) = manager.books.run(Frame::new(at)).unwrap();
        let count = run.min(frames.end - at);
        if owner == Owner::Available {
            free.push(Extent { start: Frame::new(at), count });
        }
        at += count;
    }
    give(manager, &free, [Owner::Available, Owner::Partition(id(index::COMMAND))]);
    free
}

fn give(manager: &mut TestManager, all: &[Extent], [from, to]: [Owner; 2]) {
    for extent in all {
        manager.books.begin();
        manager.books.give(*extent, from, to).unwrap();
        manager.books.commit();
    }
}

// covers: CHN-2, REC-4
#[test]
fn a_next_program_lies_in_the_zone_of_the_last() {
    for node in [0, 1] {
        let (mut world, mut manager) = world(&[&[offered("a", node)][..], &wishes()].concat());
        world.add_later(&mut manager, later(2, other(), |_| ()));
        let half = manager.facts.frames / 2;
        let asked = ask(&mut manager, COMMAND, R::Upgrade, index::WORKER);
        assert_eq!(status(&asked), ResourceStatus::Ok);
        let spare = manager.row(id(index::WORKER)).unwrap().spare;
        assert_eq!((spare.count, spare.start.raw() >= half), (6, node == 1));
        // What is left of the zone is another's: refused, though there is room elsewhere.
        let back = ask(&mut manager, COMMAND, R::Rollback, index::WORKER);
        assert_eq!(status(&back), ResourceStatus::Ok);
        let taken = take(&mut manager, if node == 1 { half..2 * half } else { 0..half });
        let refused = ask(&mut manager, COMMAND, R::Upgrade, index::WORKER);
        assert_eq!(status(&refused), ResourceStatus::NoMemory);
        assert_eq!(manager.row(id(index::WORKER)).unwrap().spare.count, 0);
        assert!(manager.books.available() > 100, "there is room elsewhere");
        give(&mut manager, &taken, [Owner::Partition(id(index::COMMAND)), Owner::Available]);
        world.check(&manager);
    }
}

#[test]
fn what_nobody_placed_lies_near_its_processor() {
    let (world, mut manager) = world(&[]);
    let half = manager.facts.frames / 2;
    let copy = manager.create_again(id(index::WORKER)).unwrap().raw();
    for partition in [index::BOOT, index::COMMAND, index::WORKER, copy] {
        let row = manager.row(id(partition)).unwrap();
        let upper = row.extents().into_iter().filter(|one| one.count > 0);
        let upper: Vec<_> = upper.map(|one| one.start.raw() >= half).collect();
        assert!(upper.iter().all(|upper| *upper == (row.processor == 1)), "{partition}: {upper:?}");
    }
    world.check(&manager);
}

// covers: CHN-2
#[test]
fn nobody_is_moved_out_of_its_zone() {
    let zones = [
        zone(NO_PARTITION, ChannelKind::Processor, "p", 1),
        zone(index::WORKER, ChannelKind::Processor, "p", ALL_NODES),
    ];
    for (zones, wanted) in [(&zones[..], ResourceStatus::NotAllowed), (&[], ResourceStatus::Ok)] {
        let (_world, mut manager) = world(zones);
        let here = u32::from(manager.row(id(index::WORKER)).unwrap().processor);
        assert_eq!(here, 1, "where the zone is");
        let reply = change(&mut manager, R::Move, [index::WORKER, 1, 0]);
        assert_eq!(super::status(&reply), wanted);
        let moved = manager.row(id(index::WORKER)).unwrap().processor == 0;
        assert_eq!(moved, zones.is_empty());
    }
}

// covers: CHN-2
#[test]
fn all_contexts_of_a_partition_run_in_its_zone() {
    let zones = [
        zone(NO_PARTITION, ChannelKind::Processor, "p", 1),
        zone(index::WORKER, ChannelKind::Processor, "p", ALL_NODES),
    ];
    let (world, mut manager) = world(&zones);
    for (contexts, started) in [(1, true), (2, false), (64, false)] {
        let copy = manager.create_again(id(index::WORKER)).unwrap();
        // The others run on the processors that follow, of which the next is of another node.
        assert_eq!(manager.processors_in_zone(index::WORKER, 1, contexts), started);
        if !started {
            manager.change(copy, |row| row.contexts = contexts).unwrap();
            let refused = manager.start(copy, StartReason::Started).unwrap_err();
            assert_eq!(refused, ResourceStatus::NotAllowed.into());
            manager.change(copy, |row| row.contexts = 1).unwrap();
        }
    }
    world.check(&manager);
}

// covers: CHN-2
#[test]
fn what_has_no_zone_here_is_never_started() {
    let cases = [
        vec![offered("a", 2)],
        vec![zone(NO_PARTITION, ChannelKind::Power, "a", ALL_NODES)],
        vec![],
        vec![offered("a", 1), zone(index::WORKER, ChannelKind::Power, "north", ALL_NODES)],
        vec![
            offered("a", 1),
            zone(index::WORKER, ChannelKind::Processor, "p", ALL_NODES),
            zone(NO_PARTITION, ChannelKind::Processor, "p", 0),
        ],
    ];
    for offers in cases {
        let (world, mut manager) = world(&[&offers[..], &wishes()].concat());
        let said = world.said();
        assert!(said.contains("stays down: what it has is in none of the zones of"), "{said}");
        let start = manager.facts.frames / 2 + 50;
        assert_eq!(placed(&mut manager, start), Err(ResourceStatus::NotAllowed), "{offers:?}");
        let another = manager.create_again(id(index::WORKER)).unwrap();
        for one in [id(index::WORKER), another] {
            let refused = manager.start(one, StartReason::Started).unwrap_err();
            assert_eq!(refused, ResourceStatus::NotAllowed.into());
            assert_eq!(manager.row(one).unwrap().starts, 0);
        }
    }
}
