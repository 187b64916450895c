//! What can be wrong with a line, in sentences that end with what to do.

use crate::value::BadValue;
use crate::verbs::{Argument, Verb};
use core::fmt;

/// Why a line could not be understood.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mistake<'a> {
    /// No verb is called so.
    UnknownVerb {
        /// What was typed.
        word: &'a str,
        /// The verb it may stand for.
        nearest: Option<&'static str>,
    },
    /// The verb needs the name of a partition.
    MissingName {
        /// The verb.
        verb: &'static Verb,
    },
    /// The verb needs more words.
    Incomplete {
        /// The verb.
        verb: &'static Verb,
    },
    /// What is set, or to what, is not understood.
    Value(BadValue<'a>),
    /// More words than the verb takes.
    TooMuch {
        /// The verb.
        verb: &'static Verb,
        /// The first word too many.
        word: &'a str,
    },
    /// No partition can be called so.
    NotAName {
        /// What was typed.
        word: &'a str,
    },
    /// A count is expected.
    NotACount {
        /// What was typed.
        word: &'a str,
    },
    /// There is no such partition; found out by the caller, who knows them.
    UnknownPartition {
        /// What was typed.
        word: &'a str,
        /// The partition it may stand for.
        nearest: Option<&'a str>,
    },
}

impl fmt::Display for Mistake<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::UnknownVerb { word, nearest: Some(nearest) } => {
                write!(f, "no command is called '{word}': did you mean '{nearest}'?")
            }
            Self::UnknownVerb { word, nearest: None } => {
                write!(f, "no command is called '{word}': type help for the list")
            }
            Self::MissingName { verb } => {
                write!(
                    f,
                    "{0} needs the name of a partition: type {0} NAME; ps lists them",
                    verb.name
                )
            }
            Self::Incomplete { verb: Verb { argument: Argument::Destination, name, .. } } => {
                write!(
                    f,
                    "{name} needs a partition and a processor: type {name} NAME to processor 1"
                )
            }
            Self::Incomplete { verb: Verb { name, .. } } => write!(
                f,
                "{name} needs a partition, what to set and to what: type {name} NAME processor 4/16"
            ),
            Self::Value(bad) => bad.fmt(f),
            Self::TooMuch { verb, word } => {
                let usage = Usage(verb);
                write!(f, "'{word}' is too much: type {usage}; ';' separates commands")
            }
            Self::NotAName { word } => write!(
                f,
                "no partition can be called '{word}': names are lower case letters, digits and '-'; ps lists them"
            ),
            Self::NotACount { word } => {
                write!(f, "'{word}' is not a count: type a number from 1 on")
            }
            Self::UnknownPartition { word, nearest: Some(nearest) } => {
                write!(f, "no partition is called '{word}': did you mean '{nearest}'?")
            }
            Self::UnknownPartition { word, nearest: None } => {
                write!(f, "no partition is called '{word}': ps lists them")
            }
        }
    }
}

/// How a verb is written, with what follows it.
pub(crate) struct Usage<'a>(pub(crate) &'a Verb);

impl fmt::Display for Usage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rest = match self.0.argument {
            Argument::None => "",
            Argument::Name => " NAME",
            Argument::OptionalName => " [NAME]",
            Argument::OptionalCount => " [COUNT]",
            Argument::OptionalVerb => " [COMMAND]",
            Argument::Setting | Argument::Creation => " NAME ...",
            Argument::OptionalArea => " [ADDRESS]",
            Argument::OptionalVersion => " [NAME [now|back]]",
            Argument::OptionalCorpse => " [NAME [last|forget]]",
            Argument::Destination => " NAME to ...",
        };
        write!(f, "{}{rest}", self.0.name)
    }
}
