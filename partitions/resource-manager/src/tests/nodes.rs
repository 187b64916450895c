//! Nodes as the manager tells them: what the loader found, unless not all of its processors came.

use super::snapshots::snapshot;
use super::world::{TestManager, World};
use abi::boot::BootInformation;
use abi::message::database::{NodeRecord, ProcessorRecord, Table};
use abi::message::resource::{HardwareKind, Index};
use abi::nodes::{NodeRange, NodeSource, Nodes};
use abi::types::Frame;
use zerocopy::{FromBytes, Immutable, KnownLayout};

/// What a table says.
fn table<T: FromBytes + Immutable + KnownLayout>(
    manager: &mut TestManager,
    table: Table,
) -> Vec<T> {
    snapshot(manager, table, 16_384).0
}

/// A manager whose loader found three nodes, the last without memory, and so many processors.
fn manager(processors: u32) -> TestManager {
    let (_world, mut manager) = World::new();
    let mut nodes = Nodes::one(NodeSource::Told);
    nodes.count = 3;
    nodes.range_count = 2;
    let range =
        |start, count, node| NodeRange { start: Frame::new(start), count, node, reserved: 0 };
    nodes.ranges[0] = range(0, 100, 1);
    nodes.ranges[1] = range(200, 300, 0);
    nodes.processors[1] = 2;
    for (at, distance) in nodes.distances.iter_mut().enumerate() {
        *distance = if at % 33 == 0 { 10 } else { 20 + (at / 32 % 8) as u8 };
    }
    let boot = BootInformation { nodes, ..*manager.facts.boot };
    let boot = Box::leak(Box::new(boot));
    boot.machine.processor_count = processors;
    manager.facts.boot = boot;
    manager
}

#[test]
fn nodes_are_what_the_loader_found() {
    let mut manager = manager(2);
    let all = table::<NodeRecord>(&mut manager, Table::Nodes);
    let said: Vec<_> = all.iter().map(|one| (one.start, one.count, one.node)).collect();
    assert_eq!(said, [(0, 100, 1), (200, 300, 0), (0, 0, 2)]);
    assert_eq!(all[0].distances[..3], [20, 10, 22], "from each node to node 1");
    assert_eq!(all[0].source, NodeSource::Told.number());
    let processors = table::<ProcessorRecord>(&mut manager, Table::Processors);
    assert_eq!(processors.iter().map(|one| one.node).collect::<Vec<_>>(), [0, 2]);
    let count = |manager: &mut TestManager, kind: HardwareKind| {
        let all = (0..).map_while(|index| manager.hardware_record(Index { index }).ok());
        let kinds = all.map(|reply| u32::read_from_prefix(reply.parts().1).unwrap().0);
        kinds.filter(|one| *one == kind as u32).count()
    };
    assert_eq!(count(&mut manager, HardwareKind::Nodes), 1);
    assert_eq!(count(&mut manager, HardwareKind::NodeMemory), 2);
    assert_eq!(count(&mut manager, HardwareKind::Distances), 3);
}

#[test]
fn where_processors_are_missing_there_is_one_node() {
    for (mut manager, why) in
        [(manager(3), NodeSource::ProcessorsMissing), (World::new().1, NodeSource::Untold)]
    {
        let all = table::<NodeRecord>(&mut manager, Table::Nodes);
        let said: Vec<_> =
            all.iter().map(|one| (one.start, one.count, one.node, one.source)).collect();
        assert_eq!(said, [(0, manager.facts.frames, 0, why.number())]);
        let processors = table::<ProcessorRecord>(&mut manager, Table::Processors);
        assert!(processors.iter().all(|one| one.node == 0));
    }
}
