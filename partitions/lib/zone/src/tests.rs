//! The table and what follows from it, each rule broken once.

use crate::{Already, Breach, Cardinality, Ends, RULES, Wanted, lacking, may_add, offers, wanted};
use abi::channel::ChannelKind as Kind;
use abi::image::name_from;
use abi::manifest::{ALL_NODES, ManifestZone, NO_PARTITION, PartitionRole as Role};
use proptest::prelude::*;
use std::string::ToString;
use std::vec::Vec;

#[test]
fn every_kind_has_its_rule_at_its_number() {
    assert_eq!(RULES.len(), Kind::ALL.len());
    for (rule, (kind, _)) in RULES.iter().zip(Kind::ALL) {
        assert_eq!(rule.kind, kind);
        assert_eq!(
            rule.memory,
            rule.of_client != Cardinality::Highest,
            "what counts of several is a name"
        );
    }
}

/// The ends that a kind wants.
fn ends(kind: Kind) -> Ends {
    let rule = crate::Rule::of(kind);
    Ends {
        client: rule.client.unwrap_or(Role::Ordinary),
        server: rule.server.unwrap_or(Role::Ordinary),
    }
}

fn said(kind: Kind, ends: Ends, of_client: u32, of_machine: u32) -> String {
    may_add(kind, ends, Already { of_client, of_machine }).unwrap_err().to_string()
}

// covers: CHN-2
#[test]
fn every_rule_is_broken_once() {
    for (kind, _) in Kind::ALL.into_iter().take(7) {
        assert_eq!(may_add(kind, ends(kind), Already::default()), Ok(()), "{kind:?}");
    }
    for kind in [Kind::Custom, Kind::Console, Kind::Storage, Kind::Network] {
        assert_eq!(may_add(kind, ends(kind), Already { of_client: 9, of_machine: 99 }), Ok(()));
    }
    let of = |kind: Kind, client, server| said(kind, Ends { client, server }, 0, 0);
    let manager = Role::ResourceManager;
    assert_eq!(
        of(Kind::Control, Role::Boot, Role::Boot),
        "the server of a control channel must have the role \"resource-manager\""
    );
    assert_eq!(
        of(Kind::Command, Role::Boot, manager),
        "the client of a command channel must have the role \"command\""
    );
    assert_eq!(
        of(Kind::Boot, Role::Command, manager),
        "the client of a boot channel must have the role \"boot\""
    );
    assert_eq!(
        of(Kind::Console, Role::Boot, manager),
        "the server of a console channel must have the role \"console\""
    );
    for (kind, word) in
        [(Kind::Power, "power"), (Kind::Memory, "memory"), (Kind::Processor, "processor")]
    {
        let sentence = format!("a {word} channel joins nobody: it names a zone");
        assert_eq!(of(kind, Role::Ordinary, Role::Ordinary), sentence);
    }
    assert_eq!(
        said(Kind::Control, ends(Kind::Control), 1, 1),
        "its client has a control channel already"
    );
    assert_eq!(
        may_add(Kind::Control, ends(Kind::Control), Already { of_client: 0, of_machine: 60 }),
        Ok(())
    );
    assert_eq!(
        said(Kind::Command, ends(Kind::Command), 0, 1),
        "there is a command channel already"
    );
    assert_eq!(said(Kind::Boot, ends(Kind::Boot), 0, 1), "there is a boot channel already");
}

// covers: CHN-2
#[test]
fn who_needs_a_channel_must_have_it() {
    assert_eq!(lacking(Role::Command, |_| 1), None);
    let none = lacking(Role::Command, |kind| usize::from(kind == Kind::Control)).unwrap();
    assert_eq!(none.to_string(), "a partition with the role \"command\" needs a command channel");
    assert!(matches!(lacking(Role::Boot, |_| 0), Some(Breach::Lacking { kind: Kind::Boot, .. })));
    assert_eq!(lacking(Role::Ordinary, |_| 0), None);
}

fn zone(partition: u32, kind: Kind, name: &str, node: u32) -> ManifestZone {
    let number = Kind::ALL.iter().position(|(one, _)| *one == kind).unwrap();
    ManifestZone {
        name: name_from(name).unwrap(),
        partition,
        kind: number as u16,
        reserved: 0,
        node,
    }
}

// covers: CHN-2
#[test]
fn the_first_wish_that_there_is_counts() {
    let zones = [
        zone(NO_PARTITION, Kind::Memory, "fast", 1),
        zone(NO_PARTITION, Kind::Memory, "slow", ALL_NODES),
        zone(NO_PARTITION, Kind::Power, "north", ALL_NODES),
        zone(3, Kind::Memory, "huge", ALL_NODES),
        zone(3, Kind::Memory, "fast", ALL_NODES),
        zone(3, Kind::Memory, "slow", ALL_NODES),
        zone(4, Kind::Power, "south", ALL_NODES),
        zone(5, Kind::Processor, "north", ALL_NODES),
    ];
    let of = |definition, kind, nodes| wanted(&zones, definition, kind, nodes);
    assert_eq!(of(3, Kind::Memory, 2), Wanted::Zone(zones[0]));
    assert_eq!(of(3, Kind::Memory, 1), Wanted::Zone(zones[1]), "there is no node 1");
    assert_eq!(of(3, Kind::Power, 2), Wanted::Nothing);
    assert_eq!(of(4, Kind::Power, 2), Wanted::Missing);
    assert_eq!(of(5, Kind::Processor, 2), Wanted::Missing, "a name of another kind");
    assert_eq!(offers(&zones, 3, Kind::Memory, 2).collect::<Vec<_>>(), zones[..2]);
}

proptest! {
    /// A zone that is had was wished and offered, and no earlier wish was offered.
    #[test]
    fn what_is_had_was_wished_and_offered(
        raw in prop::collection::vec((prop::bool::ANY, 0_usize..4, 7_usize..10, 0_u32..4), 0..20), nodes in 1_u32..4,
    ) {
        let names = ["a", "b", "c", "d"];
        let zones: Vec<_> = raw.iter().map(|(offer, name, kind, node)| {
            let who = if *offer { NO_PARTITION } else { 1 };
            zone(who, Kind::ALL[*kind].0, names[*name], if *node == 0 { ALL_NODES } else { *node - 1 })
        }).collect();
        for (kind, _) in &Kind::ALL[7..] {
            let wishes: Vec<_> = zones.iter().filter(|one| one.partition == 1 && Kind::ALL[one.kind as usize].0 == *kind).collect();
            let offered = |name| zones.iter().find(|one| one.partition != 1 && Kind::ALL[one.kind as usize].0 == *kind && one.name == name)
                .filter(|one| one.node == ALL_NODES || one.node < nodes);
            let first = wishes.iter().find_map(|wish| offered(wish.name));
            let expected = match first {
                _ if wishes.is_empty() => Wanted::Nothing,
                Some(first) => Wanted::Zone(*first),
                None => Wanted::Missing,
            };
            prop_assert_eq!(wanted(&zones, 1, *kind, nodes), expected);
        }
    }
}
