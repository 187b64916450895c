//! Kernel, books and manifest: equal as long as nothing is wrong, and whatever is wrong is told.

use super::snapshots::snapshot;
use super::world::{TestManager, World, index};
use super::{deaths, id};
use abi::control::{PartitionOperation, first_slot};
use abi::information::StartReason;
use abi::message::database::{Difference, DifferenceRecord, Table};
use abi::rights::{Kind, Rights};
use abi::types::Slot;
use program_loader::Calls;

/// What is told, the summaries added up: partitions, channels, capabilities.
pub fn compare(manager: &mut TestManager, room: usize) -> (Vec<(Difference, u32, u32)>, [u64; 3]) {
    let (all, _) = snapshot::<DifferenceRecord>(manager, Table::Differences, room);
    let (mut told, mut sums) = (Vec::new(), [0; 3]);
    for one in all {
        match Difference::from_code(one.kind as u16).expect("a kind") {
            Difference::Checked => {
                let values = [one.partition.into(), one.expected, one.found];
                sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
            }
            kind => told.push((kind, one.partition, one.index)),
        }
    }
    (told, sums)
}

/// Kernel, books and manifest agree.
pub fn equal(manager: &mut TestManager) {
    assert_eq!(compare(manager, 16_384).0, []);
}

#[test]
fn everything_is_as_it_was_given_whatever_was_done() {
    let (mut world, mut manager) = World::new();
    let (told, sums) = compare(&mut manager, 16_384);
    assert_eq!((told, sums[..2].to_vec()), (vec![], vec![5, 3]));
    assert_eq!(compare(&mut manager, 600).1, sums, "in small pieces");
    let copy = manager.create_again(id(index::WORKER)).unwrap();
    equal(&mut manager);
    for partition in 1..5 {
        manager.restart(id(partition), StartReason::Restarted).unwrap();
        equal(&mut manager);
    }
    manager.kill(id(index::WORKER)).unwrap();
    equal(&mut manager);
    let mut manager = world.recovered();
    deaths::look_after_all(&mut manager);
    equal(&mut manager);
    let _ = manager.destroy(copy).unwrap();
    equal(&mut manager);
}

#[test]
fn what_the_kernel_has_otherwise_is_told() {
    let (_world, mut manager) = World::new();
    let worker = Slot::new(manager.row(id(index::WORKER)).unwrap().partition_slot);
    let on = |manager: &mut TestManager, operation, arguments| {
        manager.machine.partition(worker, operation, arguments).unwrap();
    };
    // The worker's interrupt is in its slot 1, the doorbell of its channel in slot 2.
    on(&mut manager, PartitionOperation::Clear, [2, 0, 0, 0]);
    assert_eq!(compare(&mut manager, 16_384).0, [(Difference::Capability, index::WORKER, 2)]);
    let own = Slot::new(manager.row(id(index::WORKER)).unwrap().context_slot);
    let event = manager.books.channel(abi::types::ChannelId::new(2)).unwrap().server.event;
    manager
        .machine
        .put(worker, Slot::new(2), own, Rights::USE, Kind::Doorbell, event.into())
        .unwrap();
    assert_eq!(
        compare(&mut manager, 16_384).0,
        [(Difference::Object, index::WORKER, 2)],
        "it rings somebody else"
    );
    manager.restart(id(index::WORKER), StartReason::Restarted).unwrap();
    equal(&mut manager);
    let command = manager.row(id(index::COMMAND)).unwrap();
    let [partition, free] = [command.partition_slot, command.slots].map(Slot::new);
    let memory = first_slot::MEMORY;
    manager.machine.put(partition, free, memory, Rights::all(), Kind::Memory, 0).unwrap();
    let surplus = (Difference::Surplus, index::COMMAND, free.raw().into());
    assert_eq!(compare(&mut manager, 16_384).0, [surplus]);
}

#[test]
fn books_that_say_otherwise_than_the_manifest_are_told() {
    let (_world, mut manager) = World::new();
    manager.change(id(index::WORKER), |row| row.definition = index::COMMAND).unwrap();
    let (told, _) = compare(&mut manager, 16_384);
    assert!(told.contains(&(Difference::OtherPartition, index::WORKER, 0)), "{told:?}");
    let (_world, mut manager) = World::new();
    manager.change(id(index::WORKER), |row| row.lasting.count = 0).unwrap();
    let (told, _) = compare(&mut manager, 16_384);
    assert_eq!(told, [(Difference::Memory, index::WORKER, 4)]);
    let copy = manager.create_again(id(index::WORKER)).unwrap();
    manager.change(copy, |row| row.definition = index::BOOT).unwrap();
    let (told, _) = compare(&mut manager, 16_384);
    assert!(told.contains(&(Difference::Unaccounted, copy.raw(), 0)), "{told:?}");
}
