//! Nodes: the firmware's tables of them, good ones and senseless ones.

use super::acpi::{machine, table, tables_at};
use super::machine::{Memory, report};
use crate::acpi;
use crate::{MemoryMap, Report, Rsdp, Use};
use abi::nodes::{FAR, NEAR, NODES, NodeSource, Nodes};
use abi::types::Frame;
use proptest::prelude::*;
use std::vec::Vec;

const SRAT: u64 = 0x10_6000;
const SLIT: u64 = 0x10_9000;

/// The firmware's table with these records; the machine's processors have the APIC ids 3, 0 and 300.
fn srat(revision: u8, records: &[Vec<u8>]) -> Vec<u8> {
    let mut body = 1_u32.to_le_bytes().to_vec();
    body.extend([0; 8]);
    records.iter().for_each(|record| body.extend(record));
    let mut bytes = table(b"SRAT", &body);
    bytes[8] = revision;
    super::acpi::balance(&mut bytes, 9);
    bytes
}

fn local(id: u8, domain: u32, flags: u8) -> Vec<u8> {
    let [low, high @ ..] = domain.to_le_bytes();
    let mut record = vec![0, 16, low, id, flags, 0, 0, 0, 0];
    record.extend(high);
    record.extend([0; 4]);
    record
}

fn x2apic(id: u32, domain: u32) -> Vec<u8> {
    let mut record = vec![2, 24, 0, 0];
    record.extend(domain.to_le_bytes());
    record.extend(id.to_le_bytes());
    record.extend([1, 0, 0, 0]);
    record.extend([0; 8]);
    record
}

fn range(domain: u32, start: u64, length: u64) -> Vec<u8> {
    let mut record = vec![1, 40];
    record.extend(domain.to_le_bytes());
    record.extend([0; 2]);
    record.extend(start.to_le_bytes());
    record.extend(length.to_le_bytes());
    record.extend([0; 4]);
    record.extend([1, 0, 0, 0]);
    record.extend([0; 8]);
    record
}

const HALF: u64 = 0x400_0000;

/// Two nodes, whose domains are 4 and 9: what QEMU writes, with other numbers.
fn two() -> Vec<Vec<u8>> {
    vec![
        local(3, 9, 1),
        local(0, 4, 1),
        local(77, 5, 1),
        x2apic(300, 9),
        range(4, 0, 0xa_0000),
        range(9, HALF, HALF),
        range(4, 0x10_0000, HALF - 0x10_0000),
        range(6, 0, 0),
    ]
}

/// 128 MiB.
fn memory() -> Vec<Report> {
    vec![report(0, 0x9f, Use::Usable), report(0x100, 0x7f00, Use::Usable)]
}

fn read(srat: &[u8], slit: Option<&[u8]>, map: Vec<Report>) -> Nodes {
    let mut memory = machine(2);
    memory.place(SRAT, srat);
    let mut list = vec![SRAT];
    if let Some(slit) = slit {
        memory.place(SLIT, slit);
        list.push(SLIT);
    }
    tables_at(&mut memory, &list);
    nodes(&memory, map)
}

fn nodes(memory: &Memory, map: Vec<Report>) -> Nodes {
    acpi::read(memory, &Rsdp::Search, 3, &MemoryMap::new(map.into_iter())).nodes
}

fn source(records: &[Vec<u8>]) -> NodeSource {
    let nodes = read(&srat(3, records), None, memory());
    if nodes.source != NodeSource::Told.number() {
        assert_eq!((nodes.count, nodes.range_count), (1, 0), "one node where nothing is believed");
        assert_eq!(nodes.processors, [0; 64]);
    }
    NodeSource::from_number(nodes.source).unwrap()
}

#[test]
fn two_nodes_are_two_nodes() {
    let nodes = read(&srat(3, &two()), None, memory());
    assert_eq!((nodes.count, nodes.source), (2, NodeSource::Told.number()));
    assert_eq!(nodes.processors[..4], [1, 0, 1, 0]);
    let ranges: Vec<_> =
        nodes.ranges().iter().map(|it| (it.start.raw(), it.count, it.node)).collect();
    assert_eq!(ranges, [(0, 0xa0, 0), (0x100, 0x3f00, 0), (0x4000, 0x4000, 1)]);
    assert_eq!((nodes.of(Frame::new(0x3fff)), nodes.of(Frame::new(0x4000))), (0, 1));
    assert_eq!(nodes.of(Frame::new(0x8000)), 0, "what no range holds");
    assert_eq!(nodes.distances_from(1)[..2], [FAR, NEAR]);
}

#[test]
fn old_tables_have_domains_of_a_byte() {
    let mut records = two();
    records[0] = local(3, 0xabcd_ef09, 1);
    records[5] = range(0x1209, HALF, HALF);
    assert_eq!(read(&srat(1, &records), None, memory()).count, 2);
    let wide = read(&srat(2, &records), None, memory());
    assert_eq!((wide.count, wide.processors[0]), (4, 3), "later ones of four");
}

#[test]
fn without_a_table_all_is_one_node() {
    let nodes = nodes(&machine(2), memory());
    assert_eq!((nodes.count, nodes.source), (1, NodeSource::Untold.number()));
    assert_eq!(nodes.distances_from(0)[0], NEAR);
}

#[test]
fn senseless_tables_are_not_believed_at_all() {
    let with = |record: Vec<u8>| [two(), vec![record]].concat();
    let without = |place: usize| {
        let mut records = two();
        records.remove(place);
        records
    };
    assert_eq!(source(&two()), NodeSource::Told);
    assert_eq!(source(&with(vec![1, 0])), NodeSource::Broken, "a record without length");
    assert_eq!(source(&with(vec![1, 41, 0])), NodeSource::Broken, "one beyond the end");
    assert_eq!(source(&with([vec![1, 31], vec![0; 29]].concat())), NodeSource::Broken);
    assert_eq!(source(&with(vec![0, 8, 1, 0, 1, 0, 0, 0])), NodeSource::Broken, "too short");
    assert_eq!(source(&with(vec![7])), NodeSource::Broken);
    assert_eq!(source(&with(vec![7, 2])), NodeSource::Told, "kinds nobody knows are skipped");
    assert_eq!(source(&with(range(9, u64::MAX - 5, 7))), NodeSource::Broken);
    assert_eq!(source(&with(range(9, HALF - 0x1000, 0x1000))), NodeSource::Overlap);
    assert_eq!(source(&with(range(9, 2 * HALF - 0x1000, 0x2000))), NodeSource::Told, "its own");
    assert_eq!(source(&with(local(3, 4, 1))), NodeSource::ProcessorLeftOut, "on two nodes");
    assert_eq!(source(&with(local(3, 4, 0))), NodeSource::Told, "a record that does not hold");
    assert_eq!(source(&without(3)), NodeSource::ProcessorLeftOut);
    assert_eq!(source(&without(5)), NodeSource::MemoryLeftOut);
    let mut small = two();
    small[5] = range(9, HALF, HALF - 0x10_0000);
    assert_eq!(source(&small), NodeSource::Told, "firmware keeps some for itself");
    small[5] = range(9, HALF, HALF - 0x10_1000);
    assert_eq!(source(&small), NodeSource::MemoryLeftOut);
    let many: Vec<_> =
        (0..33).map(|at| range(100 + at, (1 << 40) + (u64::from(at) << 30), 4096)).collect();
    assert_eq!(source(&[two(), many].concat()), NodeSource::TooMany, "domains");
    let many: Vec<_> = (0..65).map(|at| range(9, (1 << 40) + (at << 30), 4096)).collect();
    assert_eq!(source(&[two(), many].concat()), NodeSource::TooMany, "ranges");
}

/// A table of distances over this many domains.
fn slit(count: u64, distance: impl Fn(u64, u64) -> u8) -> Vec<u8> {
    let mut body = count.to_le_bytes().to_vec();
    body.extend((0..count * count).map(|at| distance(at / count, at % count)));
    table(b"SLIT", &body)
}

#[test]
fn distances_hold_where_all_of_them_can_be() {
    let of = |slit: &[u8]| {
        let nodes = read(&srat(3, &two()), Some(slit), memory());
        (nodes.distances_from(0)[1], nodes.distances_from(1)[0], nodes.distances[NODES + 1])
    };
    let usual = |from, to| if from == to { 10 } else { 30 + u8::from(from > to) };
    assert_eq!(of(&slit(10, usual)), (30, 31, NEAR), "by domains, not by nodes");
    let none = (FAR, FAR, NEAR);
    assert_eq!(of(&slit(9, usual)), none, "domain 9 is missing");
    assert_eq!(of(&slit(10, |_, _| 10)), none, "others as near as its own");
    assert_eq!(of(&slit(10, |from, to| usual(from, to).wrapping_add(1))), none);
    assert_eq!(of(&slit(0, usual)), none);
    let mut huge = slit(10, usual);
    huge[36..44].copy_from_slice(&u64::MAX.to_le_bytes());
    super::acpi::balance(&mut huge, 9);
    assert_eq!(of(&huge), none);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever the tables hold: what comes out can be used without a look at it.
    #[test]
    fn noise_is_survived(
        damage in prop::collection::vec((48_usize..400, any::<u8>()), 0..12),
        noise in prop::collection::vec(any::<u8>(), 0..300),
        mixed in any::<bool>(),
    ) {
        let mut bytes = if mixed { srat(3, &two()) } else { srat(3, std::slice::from_ref(&noise)) };
        for (at, value) in damage {
            let length = bytes.len();
            if length > 48 {
                bytes[48 + (at - 48) % (length - 48)] = value;
            }
        }
        super::acpi::balance(&mut bytes, 9);
        let nodes = read(&bytes, Some(&table(b"SLIT", &noise)), memory());
        prop_assert!((1..=32).contains(&nodes.count));
        prop_assert!(NodeSource::from_number(nodes.source).is_some());
        prop_assert!(nodes.processors.iter().all(|&node| u32::from(node) < nodes.count));
        let mut end = 0;
        for range in nodes.ranges() {
            prop_assert!(range.start.raw() >= end && range.count > 0 && range.node < nodes.count);
            end = range.start.raw() + range.count;
        }
        for (at, distance) in nodes.distances.iter().enumerate() {
            let own = at / NODES == at % NODES || nodes.count == 1;
            let sound = if own { *distance == NEAR } else { *distance > NEAR };
            prop_assert!(sound);
        }
    }
}
