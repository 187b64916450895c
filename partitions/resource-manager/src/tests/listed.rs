//! Lists of partitions and capabilities.

use super::world::{TestManager, World, index};
use super::{COMMAND, ask, id};
use crate::manager::SELF;
use crate::requests::Asker;
use abi::channel::ChannelKind;
use abi::message::resource::{PartitionRecord, PlanRecord, ResourceRequest};
use zerocopy::{FromBytes, IntoBytes};

#[test]
fn what_idle_may_do_is_listed() {
    use abi::message::resource::{CapabilityQuery, CapabilityRecord};
    use abi::rights::Rights;
    let (_world, mut manager) = World::new();
    let asker = Asker { partition: id(index::COMMAND), kind: ChannelKind::Command };
    let listed = |manager: &mut TestManager, place| {
        let query = CapabilityQuery { partition: index::IDLE, index: place };
        let code = ResourceRequest::Capability as u16;
        let reply = manager.answer(asker, code, query.as_bytes());
        let record = CapabilityRecord::read_from_bytes(reply.parts().1).ok();
        record.map(|record| (record.target, record.rights))
    };
    let start = (Rights::MANAGE | Rights::INSPECT).bits().into();
    assert_eq!(listed(&mut manager, 0), Some((index::BOOT, start)));
    assert_eq!(listed(&mut manager, 1), Some((SELF.raw(), start)));
    let ring = Rights::USE.bits().into();
    assert_eq!(listed(&mut manager, 2), Some((SELF.raw(), ring)));
    assert_eq!(listed(&mut manager, 3), Some((index::BOOT, ring)));
    assert_eq!(listed(&mut manager, 4), None);
}

#[test]
fn what_is_listed_is_what_the_kernel_holds() {
    use abi::message::resource::{CapabilityQuery, CapabilityRecord};
    use abi::types::Slot;
    let (_world, mut manager) = World::new();
    let mut seen = 0;
    for partition in 1..5 {
        let row = manager.row(id(partition)).unwrap();
        for place in 0.. {
            let query = CapabilityQuery { partition, index: place };
            let Ok(reply) = manager.capability_record(query) else { break };
            let one = CapabilityRecord::read_from_bytes(reply.parts().1).unwrap();
            let [what, _] = manager.look(Slot::new(row.partition_slot), one.slot as u16);
            let listed = u64::from(one.kind | one.rights << 8) | u64::from(one.parameter) << 32;
            assert_eq!(listed, what, "{partition}: {one:?}");
            seen += 1;
        }
    }
    assert!(seen > 8, "{seen}");
}

#[test]
fn a_list_is_read_without_a_gap_while_partitions_go() {
    let (world, mut manager) = World::new();
    let copies = [0; 3].map(|_| manager.create_again(id(index::WORKER)).unwrap().raw());
    assert_eq!(copies, [5, 6, 7]);
    let next = |manager: &mut TestManager, from| {
        let reply = ask(manager, COMMAND, ResourceRequest::Partition, from);
        PartitionRecord::read_from_bytes(reply.parts().1).map(|record| record.id).ok()
    };
    assert_eq!(next(&mut manager, 5), Some(5));
    // Whoever read number 5 goes on with 6, wherever that stands now.
    world.destroy(&mut manager, id(5));
    assert_eq!(
        [5, 6, 7, 8].map(|from| next(&mut manager, from)),
        [Some(6), Some(6), Some(7), None]
    );
}

#[test]
fn the_event_of_a_capability_is_the_one_that_the_other_end_rings() {
    use abi::channel::Role;
    use abi::message::resource::{CapabilityQuery, CapabilityRecord};
    let (_world, mut manager) = World::new();
    let listed = |manager: &mut TestManager, partition| {
        let record = |place| {
            let reply = manager.capability_record(CapabilityQuery { partition, index: place });
            CapabilityRecord::read_from_bytes(reply.ok()?.parts().1).ok()
        };
        (0..).map_while(record).collect::<Vec<_>>()
    };
    let channels: Vec<_> = manager.books.channels().map(|(_, row)| *row).collect();
    assert!(!channels.is_empty());
    for row in channels {
        let ends = [(&row.client, &row.server), (&row.server, &row.client)];
        for ((here, there), role) in ends.into_iter().zip([Role::Client, Role::Server]) {
            let own = listed(&mut manager, here.partition);
            let found = own.iter().find(|one| one.slot == u32::from(here.slot)).unwrap();
            assert_eq!((u16::from(found.event), found.role), (here.event, role as u8));
            assert_eq!(found.parameter, u32::from(there.event));
        }
    }
    let none = listed(&mut manager, index::IDLE).into_iter().map(|one| one.event);
    assert_eq!(none.collect::<Vec<_>>(), [255; 4]);
}

/// Nobody is told that a processor that works, or rests, did neither.
#[test]
fn the_plan_says_who_used_a_processor_before_a_second_has_passed_and_after() {
    let (world, mut manager) = World::new();
    let machine = &world.shared.machine;
    let told = |manager: &mut TestManager, processor| {
        let reply = ask(manager, COMMAND, ResourceRequest::Plan, processor);
        let record = PlanRecord::read_from_bytes(reply.parts().1).unwrap();
        (record.used.iter().map(|&used| u32::from(used)).sum::<u32>(), record.idle)
    };
    machine.run_until(machine.time() + 100_000_000);
    manager.wait_for_own_turn();
    for processor in 0..2 {
        let (used, idle) = told(&mut manager, processor);
        // What takers of slack used is told by neither.
        assert!(used > 0 && idle > 0 && used + idle <= 1000, "{processor}: {used} and {idle}");
    }
    let idle_before = told(&mut manager, 1).1;
    let due = manager.usage_due(machine.time());
    assert!(due > machine.time(), "the next sample is a second later");
    assert_eq!(told(&mut manager, 1).1, idle_before, "nothing was sampled since");
}
