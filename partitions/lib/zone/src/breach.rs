//! What is wrong with a channel, in sentences.

use abi::channel::ChannelKind;
use abi::manifest::PartitionRole;
use core::fmt;

/// The rule that a channel breaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Breach {
    /// No channel of this kind joins two partitions.
    Logical {
        /// The kind.
        kind: ChannelKind,
    },
    /// Its client has another role.
    Client {
        /// The kind.
        kind: ChannelKind,
        /// The role.
        role: PartitionRole,
    },
    /// Its server has another role.
    Server {
        /// The kind.
        kind: ChannelKind,
        /// The role.
        role: PartitionRole,
    },
    /// The machine has its only one.
    SecondOfMachine {
        /// The kind.
        kind: ChannelKind,
    },
    /// The client has its only one.
    SecondOfClient {
        /// The kind.
        kind: ChannelKind,
    },
    /// A partition with this role has none.
    Lacking {
        /// The kind.
        kind: ChannelKind,
        /// The role.
        role: PartitionRole,
    },
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Logical { kind } => {
                write!(f, "a {} channel joins nobody: it names a zone", word(kind))
            }
            Self::Client { kind, role } => {
                let (kind, role) = (word(kind), role_word(role));
                write!(f, "the client of a {kind} channel must have the role \"{role}\"")
            }
            Self::Server { kind, role } => {
                let (kind, role) = (word(kind), role_word(role));
                write!(f, "the server of a {kind} channel must have the role \"{role}\"")
            }
            Self::SecondOfMachine { kind } => {
                write!(f, "there is a {} channel already", word(kind))
            }
            Self::SecondOfClient { kind } => {
                write!(f, "its client has a {} channel already", word(kind))
            }
            Self::Lacking { kind, role } => {
                let (kind, role) = (word(kind), role_word(role));
                write!(f, "a partition with the role \"{role}\" needs a {kind} channel")
            }
        }
    }
}

fn word(kind: ChannelKind) -> &'static str {
    ChannelKind::ALL.iter().find(|(one, _)| *one == kind).map_or("?", |(_, word)| word)
}

fn role_word(role: PartitionRole) -> &'static str {
    PartitionRole::ALL.iter().find(|(one, _)| *one == role).map_or("?", |(_, word)| word)
}
