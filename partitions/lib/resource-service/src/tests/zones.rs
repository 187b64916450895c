//! Placement in zones: the one named first that is there and has room, and true reasons where there is none.

use super::fake::{definition, node};
use crate::{Placed, Refusal, Run, View, Wish, ZoneKind, place};
use abi::channel::ChannelKind;
use abi::image::{name_from, name_text};
use abi::manifest::{ALL_NODES, ManifestZone, NO_PARTITION};
use abi::message::database::{DefinitionRecord, NodeRecord, ProcessorRecord, RowRecord};
use proptest::prelude::*;
use std::string::ToString;
use std::vec::Vec;

/// The definition that asks.
const ASKS: u32 = 3;

fn zone(who: u32, kind: ChannelKind, name: &str, node: u32) -> ManifestZone {
    let kind = ChannelKind::ALL.iter().position(|(one, _)| *one == kind).unwrap();
    let name = name_from(name).unwrap();
    ManifestZone { name, partition: who, kind: kind as u16, reserved: 0, node }
}

fn offer(kind: ChannelKind, name: &str, node: u32) -> ManifestZone {
    zone(NO_PARTITION, kind, name, node)
}

fn ask(kind: ChannelKind, name: &str) -> ManifestZone {
    zone(ASKS, kind, name, ALL_NODES)
}

fn wish(pages: u32, share: u16) -> Wish {
    let definition = DefinitionRecord { pages, heap: 0, ..definition(ASKS, share) };
    Wish { definition, share: None, heap: None, processor: None }
}

/// Three nodes of 100 frames; half of each is free; processor n is of node n and has 4 slots left, 8, 12.
fn placed(zones: &[ManifestZone], wish: &Wish) -> Result<Placed, Refusal> {
    let nodes: Vec<NodeRecord> = (0..3).map(|at| node(at, u64::from(at) * 100, 100)).collect();
    let free: Vec<Run> =
        (0..3).map(|at| Run { start: at * 100 + 50, count: 50 - at * 10 }).collect();
    let processor = |at: u32| ProcessorRecord {
        processor: at,
        free: 4 * (at + 1),
        takers: 0,
        node: at as u16,
        online: 1,
    };
    let processors: Vec<_> = (0..3).map(processor).collect();
    place(View { processors: &processors, free: &free, nodes: &nodes, zones, generation: 1 }, wish)
}

use ChannelKind::{Memory, Power, Processor};

// covers: CHN-2
#[test]
fn the_zone_named_first_with_room_is_taken() {
    let zones = [
        offer(Memory, "fast", 1),
        offer(Memory, "slow", 0),
        offer(Processor, "quick", 0),
        offer(Power, "north", ALL_NODES),
        ask(Memory, "huge"),
        ask(Memory, "fast"),
        ask(Memory, "slow"),
        ask(Power, "south"),
        ask(Power, "north"),
    ];
    let of = |zones: &[ManifestZone], wish: &Wish| {
        let placed = placed(zones, wish).unwrap();
        let zone = placed.zone.map(|zone| name_text(&zone).to_owned());
        (placed.node, placed.placement.processor, zone)
    };
    assert_eq!(
        of(&zones, &wish(30, 1)),
        (Some(1), 1, Some("fast".into())),
        "with a processor there"
    );
    assert_eq!(of(&zones, &wish(45, 1)), (Some(0), 0, Some("slow".into())), "no room there");
    let quick = [&zones[..], &[ask(Processor, "quick")]].concat();
    assert_eq!(of(&quick, &wish(30, 1)), (Some(1), 0, Some("fast".into())));
    let other =
        Wish { definition: DefinitionRecord { index: 9, ..wish(30, 1).definition }, ..wish(30, 1) };
    assert_eq!(of(&quick, &other), (Some(2), 2, None), "who asks for nothing");
}

// covers: CHN-2
#[test]
fn every_refusal_of_a_zone_is_a_sentence() {
    let offers = [offer(Memory, "fast", 1), offer(Processor, "quick", 1), offer(Memory, "far", 7)];
    let said = |asks: &[ManifestZone], wish: &Wish| {
        placed(&[&offers[..], asks].concat(), wish).unwrap_err().to_string()
    };
    let cases = [
        (
            ask(Power, "north"),
            wish(1, 1),
            "it goes to zones of power, 'north' first, and this machine has none of them",
        ),
        (
            ask(Memory, "far"),
            wish(1, 1),
            "it goes to zones of memory, 'far' first, and this machine has none of them",
        ),
        (
            ask(Processor, "fast"),
            wish(1, 1),
            "it goes to zones of processors, 'fast' first, and this machine has none of them",
        ),
        (
            ask(Memory, "fast"),
            wish(45, 1),
            "it needs 180 KiB in one piece of zone 'fast'; the largest free there is 160 KiB",
        ),
        (
            ask(Processor, "quick"),
            wish(1, 9),
            "it needs 9 slots on one processor of zone 'quick'; the most free there is 8",
        ),
        (
            ask(Processor, "quick"),
            Wish { processor: Some(2), ..wish(1, 1) },
            "processor 2 is not one that runs in its zone, 'quick'",
        ),
        (
            ask(Processor, "quick"),
            Wish { processor: Some(1), ..wish(1, 9) },
            "it needs 9 slots on processor 1; 8 of 16 are free",
        ),
    ];
    for (asks, wish, sentence) in cases {
        assert_eq!(said(&[asks], &wish), sentence);
    }
}

// covers: CHN-2
#[test]
fn a_change_is_refused_where_no_zone_allows_it() {
    let mut fake = super::fake::Fake::new();
    fake.put(super::fake::row(7, ASKS, 100, 1));
    fake.nodes = vec![node(0, 0, 3896), node(1, 3896, 200)];
    fake.zones = vec![
        offer(Processor, "quick", 1),
        offer(Memory, "fast", 1),
        offer(Memory, "any", ALL_NODES),
        ask(Processor, "quick"),
        ask(Memory, "fast"),
    ];
    let said = |fake: &mut super::fake::Fake, processor, pages| {
        let mut service = crate::Service::new();
        let there = service.not_there(fake, 7, processor).map(|why| why.to_string());
        (there, service.no_room(fake, 7, pages).map(|why| why.to_string()))
    };
    let (there, room) = said(&mut fake, 0, 300);
    assert_eq!(there.unwrap(), "processor 0 is not one that runs in its zone, 'quick'");
    let room = room.unwrap();
    assert!(
        room.starts_with("it needs 1.1 MiB in one piece of zone 'fast'; the largest"),
        "{room}"
    );
    assert_eq!(said(&mut fake, 1, 300).0, None);
    assert_eq!(said(&mut fake, 9, 300).0, None, "there is none, which others say");
    let two = RowRecord { contexts: 2, ..super::fake::row(7, ASKS, 100, 1) };
    fake.put(two);
    let there = said(&mut fake, 1, 300).0;
    assert_eq!(there.unwrap(), "processor 0 is not one that runs in its zone, 'quick'");
    fake.put(super::fake::row(7, ASKS, 100, 1));
    fake.zones.push(ask(Memory, "any"));
    assert_eq!(said(&mut fake, 0, 300).1, None, "a zone that is all memory");
    fake.zones.clear();
    assert_eq!(said(&mut fake, 0, 300), (None, None));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// What is placed is in zones named and offered, of the first pair that has room; what is refused fits in none.
    #[test]
    fn zones_are_kept_and_nothing_is_refused_that_fits(
        raw in prop::collection::vec((any::<bool>(), 0_usize..3, 0_usize..4, 0_u32..5), 0..14),
        pages in 1_u32..70, share in 1_u16..16,
    ) {
        let (names, kinds) = (["a", "b", "c", "d"], [Power, Memory, Processor]);
        let zones: Vec<_> = raw.into_iter().map(|(offers, kind, name, node)| {
            let at = if node == 4 || kind == 0 { ALL_NODES } else { node };
            if offers { offer(kinds[kind], names[name], at) } else { ask(kinds[kind], names[name]) }
        }).collect();
        let of = |kind: ChannelKind, who| zones.iter().filter(move |one| one.partition == who && ChannelKind::ALL[one.kind as usize].0 == kind);
        // Nodes that will do, most wanted first; `None` for all of them.
        let nodes = |kind: ChannelKind| -> Vec<Option<u32>> {
            if of(kind, ASKS).next().is_none() {
                return vec![None];
            }
            let offered = |name| of(kind, NO_PARTITION).find(|one| one.name == name).map(|one| one.node);
            let found = of(kind, ASKS).filter_map(|one| offered(one.name));
            found.filter(|node| *node == ALL_NODES || *node < 3).map(|node| (node != ALL_NODES).then_some(node)).collect()
        };
        let has_slots = |at: u32| 4 * (at + 1) >= u32::from(share);
        let has_room = |at: u32| 50 - at * 10 >= pages;
        let fits = |on: Option<u32>, has: &dyn Fn(u32) -> bool| (0..3).any(|at| on.is_none_or(|on| on == at) && has(at));
        let (power, memory, processor) = (nodes(Power), nodes(Memory), nodes(Processor));
        let pairs = processor.iter().flat_map(|one| memory.iter().map(move |two| (*one, *two)));
        let first = pairs.into_iter().find(|(one, two)| !power.is_empty() && fits(*one, &has_slots) && fits(*two, &has_room));
        match (placed(&zones, &wish(pages, share)), first) {
            (Ok(placed), Some((one, two))) => {
                let at = u32::from(placed.placement.processor);
                prop_assert!(has_slots(at) && one.is_none_or(|one| one == at));
                prop_assert!(placed.node.is_some_and(|node| has_room(node) && two.is_none_or(|two| two == node)));
                prop_assert_eq!(placed.zone.is_some(), of(Memory, ASKS).next().is_some());
            }
            (Err(Refusal::NoZone { kind, .. }), None) => {
                let missing = [(ZoneKind::Power, &power), (ZoneKind::Memory, &memory), (ZoneKind::Processor, &processor)];
                prop_assert!(missing.iter().any(|(one, nodes)| *one == kind && nodes.is_empty()));
            }
            (Err(Refusal::ZoneFull { largest, .. }), None) => {
                let node = memory[0].or(memory.iter().copied().flatten().next()).unwrap();
                prop_assert!(largest <= 50 && largest < u64::from(pages), "{} {}", largest, node);
            }
            (Err(Refusal::ZoneBusy { most, .. }), None) => prop_assert!(most < u32::from(share)),
            (Err(refusal), None) => prop_assert!(refusal.to_string().len() > 20),
            (answer, expected) => prop_assert!(false, "{:?} {:?}", answer, expected),
        }
    }
}
