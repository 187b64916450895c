//! What can be wrong with what `set` and `move` say after the name.

use core::fmt;

/// A word that is none of those wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BadValue<'a> {
    /// Nothing that can be set is called so.
    Unknown {
        /// What was typed.
        word: &'a str,
        /// What it may stand for.
        nearest: Option<&'static str>,
    },
    /// A share of a processor is expected.
    Share {
        /// What was typed.
        word: &'a str,
    },
    /// An amount of memory is expected.
    Size {
        /// What was typed.
        word: &'a str,
    },
    /// The number of a processor is expected.
    Processor {
        /// What was typed.
        word: &'a str,
    },
    /// Nothing that can be said of a new partition is called so.
    Option {
        /// What was typed.
        word: &'a str,
        /// What it may stand for.
        nearest: Option<&'static str>,
    },
    /// It was said before.
    Twice {
        /// What was typed.
        word: &'a str,
    },
    /// A number of slots is expected.
    Slots {
        /// What was typed.
        word: &'a str,
    },
    /// An address is expected.
    Address {
        /// What was typed.
        word: &'a str,
    },
    /// How much a character stands for is expected.
    Scale {
        /// What was typed.
        word: &'a str,
    },
}

impl fmt::Display for BadValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Unknown { word, nearest: Some(nearest) } => {
                write!(f, "no partition has a '{word}' to set: did you mean '{nearest}'?")
            }
            Self::Unknown { word, nearest: None } => write!(
                f,
                "no partition has a '{word}' to set: type set NAME processor 4/16 or set NAME memory 64M"
            ),
            Self::Share { word } => {
                write!(f, "'{word}' is no share of a processor: type 1/16 to 16/16")
            }
            Self::Size { word } => write!(
                f,
                "'{word}' is no amount of memory: type a number with K, M or G, such as 64M"
            ),
            Self::Processor { word } => {
                write!(
                    f,
                    "'{word}' is no processor: type its number; machine says how many there are"
                )
            }
            Self::Option { word, nearest: Some(nearest) } => {
                write!(
                    f,
                    "nothing is called '{word}' of a new partition: did you mean '{nearest}'?"
                )
            }
            Self::Option { word, nearest: None } => write!(
                f,
                "nothing is called '{word}' of a new partition: type create NAME share 2 memory 4M processor 1, or less"
            ),
            Self::Twice { word } => write!(f, "'{word}' was said before: say it once"),
            Self::Slots { word } => {
                write!(f, "'{word}' is no number of slots: type share 0 to share 16")
            }
            Self::Address { word } => write!(
                f,
                "'{word}' is no address: type one as map writes it, or an amount such as 64M"
            ),
            Self::Scale { word } => write!(
                f,
                "'{word}' is no scale: type a power of two from 4K on, such as 4K, 64K or 4M"
            ),
        }
    }
}
