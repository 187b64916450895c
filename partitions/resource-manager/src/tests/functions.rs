//! PCI functions are found, all of them and no others, by requests of bounded work.

use super::world::World;
use super::{COMMAND, ask, status};
use abi::message::resource::{FunctionRecord, ResourceRequest, ResourceStatus};
use resource_db::Owner;
use zerocopy::FromBytes;

/// Words of a function: identity, header type.
fn function(identity: u32, header: u32) -> [u32; 64] {
    let mut words = [0; 64];
    (words[0], words[2], words[3]) = (identity, 0x0106_0102, header << 16);
    (words[11], words[15]) = (0x1100_1af4, 0x0102_010b);
    words
}

/// All records from the start on, and how many requests that took.
fn list(functions: &[(u32, [u32; 64])]) -> (Vec<FunctionRecord>, usize) {
    let (world, mut manager) = World::new();
    world.shared.pci.functions.borrow_mut().extend(functions.iter().copied());
    let (mut found, mut next) = (Vec::new(), 0);
    for requests in 1.. {
        let reply = ask(&mut manager, COMMAND, ResourceRequest::Function, next);
        if status(&reply) == ResourceStatus::NoSuch {
            return (found, requests);
        }
        let record = FunctionRecord::read_from_bytes(reply.parts().1).expect("a record");
        assert!(record.next > next, "it goes on");
        next = record.next;
        found.extend((record.identity != u32::MAX).then_some(record));
    }
    unreachable!("it goes on for ever")
}

#[test]
fn a_machine_without_pci_is_looked_through_in_bounded_steps() {
    let (found, requests) = list(&[]);
    assert!(found.is_empty());
    assert_eq!(requests, 65, "four buses in each");
}

#[test]
fn every_function_is_found_once() {
    let (found, _) = list(&[
        (0x0000, function(0x29c0_8086, 0)),
        // Three of eight functions, the first among them.
        (0x00f8, function(0x2918_8086, 0x80)),
        (0x00fa, function(0x2922_8086, 0x80)),
        (0x00ff, function(0x2930_8086, 0)),
        // One that answers as all of its functions, though it says that it has but one.
        (0x0108, function(0x1234_abcd, 0)),
        (0x0109, function(0x1234_abcd, 0)),
        (0xfff8, function(0x0001_0002, 1)),
        // Without a first function there is no device.
        (0x0201, function(0x0001_0002, 0)),
    ]);
    let addresses: Vec<u32> = found.iter().map(|record| record.address).collect();
    assert_eq!(addresses, [0x0000, 0x00f8, 0x00fa, 0x00ff, 0x0108, 0xfff8]);
    let first = found[0];
    assert_eq!((first.identity, first.class), (0x29c0_8086, 0x0106_0102));
    assert_eq!((first.subsystem, first.interrupt), (0x1100_1af4, 0x010b));
    assert_eq!(found[5].subsystem, 0, "bridges have none");
}

#[test]
fn the_end_is_the_end() {
    let (_world, mut manager) = World::new();
    for from in [0x1_0000, u32::MAX] {
        let reply = ask(&mut manager, COMMAND, ResourceRequest::Function, from);
        assert_eq!(status(&reply), ResourceStatus::NoSuch);
    }
}

/// Those of the first bus and behind its bridges are rows of the books; whatever bridges say, it ends.
///
/// covers: RES-1
#[test]
fn functions_are_rows_of_the_books() {
    let (world, mut manager) = World::unmade();
    let bridge = |behind: u32| {
        let mut words = function(0x0001_0002, 1);
        (words[2], words[6]) = (0x0604_0002, behind << 8);
        words
    };
    let functions = [
        (0x0000, function(0x29c0_8086, 0)),
        (0x0008, bridge(3)),
        (0x00f8, function(0x2918_8086, 0x80)),
        (0x00fa, function(0x2922_8086, 0x80)),
        (0x0300, function(0x1234_abcd, 0)),
        // It leads back, and one to a bus that nobody leads to otherwise.
        (0x0308, bridge(0)),
        (0x0310, bridge(200)),
        (0xc8f8, function(0x1234_abcd, 0)),
        (0xc900, function(0x1234_abcd, 0)),
    ];
    world.shared.pci.functions.borrow_mut().extend(functions);
    manager.create_all().expect("created");
    let first = manager.manifest.grants.len() as u32;
    let rows = manager.books.devices().filter(|(id, _)| *id >= first);
    let found: Vec<(u64, Owner)> =
        rows.map(|(_, row)| (row.first, manager.books.device_owner(row))).collect();
    let (free, kept) = (Owner::Available, Owner::Reserved);
    let expected = [(0, free), (8, kept), (0xf8, free), (0xfa, free)];
    let behind = [(0x300, free), (0x308, kept), (0x310, kept), (0xc8f8, free)];
    assert_eq!(found, [expected, behind].concat());
}
