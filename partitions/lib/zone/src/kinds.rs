//! The table of kinds, and what follows from it for one channel more.

use crate::breach::Breach;
use abi::channel::ChannelKind;
use abi::manifest::PartitionRole;

/// How many of a kind there may be, and how many of them count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cardinality {
    /// Any number, all of which count.
    All,
    /// None or one.
    AtMostOne,
    /// One.
    One,
    /// Any number, of which the first counts that can be had.
    Highest,
}

/// What holds for a kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rule {
    /// The kind.
    pub kind: ChannelKind,
    /// Whether it is memory; if not it is a name that a machine offers or does not.
    pub memory: bool,
    /// The role that its client must have.
    pub client: Option<PartitionRole>,
    /// The role that its server must have.
    pub server: Option<PartitionRole>,
    /// How many a partition has as a client, one that may have any.
    pub of_client: Cardinality,
    /// How many the machine has.
    pub of_machine: Cardinality,
}

/// The rules of all kinds, each at the kind's number.
pub const RULES: [Rule; 10] = [
    Rule { ..ANY },
    Rule { kind: ChannelKind::Control, of_client: Cardinality::AtMostOne, ..TO_MANAGER },
    Rule { kind: ChannelKind::Command, client: Some(PartitionRole::Command), ..SOLE },
    Rule { kind: ChannelKind::Boot, client: Some(PartitionRole::Boot), ..SOLE },
    Rule { kind: ChannelKind::Console, server: Some(PartitionRole::Console), ..ANY },
    Rule { kind: ChannelKind::Storage, ..ANY },
    Rule { kind: ChannelKind::Network, ..ANY },
    Rule { kind: ChannelKind::Power, ..LOGICAL },
    Rule { kind: ChannelKind::Memory, ..LOGICAL },
    Rule { kind: ChannelKind::Processor, ..LOGICAL },
];

const ANY: Rule = Rule {
    kind: ChannelKind::Custom,
    memory: true,
    client: None,
    server: None,
    of_client: Cardinality::All,
    of_machine: Cardinality::All,
};
const TO_MANAGER: Rule = Rule { server: Some(PartitionRole::ResourceManager), ..ANY };
const SOLE: Rule =
    Rule { of_client: Cardinality::One, of_machine: Cardinality::AtMostOne, ..TO_MANAGER };
const LOGICAL: Rule = Rule { memory: false, of_client: Cardinality::Highest, ..ANY };

impl Rule {
    /// The rule of a kind.
    #[must_use]
    pub fn of(kind: ChannelKind) -> &'static Self {
        RULES.iter().find(|rule| rule.kind == kind).unwrap_or(&ANY)
    }
}

/// What the partitions at the ends of a channel are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ends {
    /// The client's role.
    pub client: PartitionRole,
    /// The server's.
    pub server: PartitionRole,
}

/// Channels of the same kind that there are already.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Already {
    /// Of the same client.
    pub of_client: u32,
    /// In all.
    pub of_machine: u32,
}

/// Whether there may be one more channel of a kind.
///
/// # Errors
/// The rule that it would break.
pub fn may_add(kind: ChannelKind, ends: Ends, already: Already) -> Result<(), Breach> {
    let rule = Rule::of(kind);
    if !rule.memory {
        return Err(Breach::Logical { kind });
    }
    if let Some(role) = rule.client.filter(|role| *role != ends.client) {
        return Err(Breach::Client { kind, role });
    }
    if let Some(role) = rule.server.filter(|role| *role != ends.server) {
        return Err(Breach::Server { kind, role });
    }
    let sole = |cardinality| matches!(cardinality, Cardinality::AtMostOne | Cardinality::One);
    if sole(rule.of_machine) && already.of_machine > 0 {
        return Err(Breach::SecondOfMachine { kind });
    }
    if sole(rule.of_client) && already.of_client > 0 {
        return Err(Breach::SecondOfClient { kind });
    }
    Ok(())
}

/// What a partition with a role lacks that has so many channels of each kind as a client.
pub fn lacking(role: PartitionRole, has: impl Fn(ChannelKind) -> usize) -> Option<Breach> {
    let mut needed =
        RULES.iter().filter(|rule| rule.of_client == Cardinality::One && rule.client == Some(role));
    let missing = needed.find(|rule| has(rule.kind) == 0);
    missing.map(|rule| Breach::Lacking { kind: rule.kind, role })
}
