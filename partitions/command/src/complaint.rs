//! Why a command failed, in sentences that end with what to do.

use crate::hindrance::Hindrance;
use crate::surroundings::Trouble;
use crate::unfit::Unfit;
use abi::call::Error;
use abi::message::console::ConsoleStatus;
use abi::message::resource::ResourceStatus;
use console_grammar::{Look, Mistake};
use core::fmt;
use resource_service::Refusal;

/// A command that failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Complaint<'a> {
    /// It was not understood, or names what does not exist.
    Mistake(Mistake<'a>),
    /// Somebody who should answer did not, or refused.
    Trouble(Trouble),
    /// A change of a partition was refused.
    Change {
        /// The verb.
        verb: &'static str,
        /// The partition.
        name: &'a str,
        /// Its state before.
        state: &'static str,
        /// Who refused and why.
        trouble: Trouble,
    },
    /// The person would cut off the branch they sit on.
    CarriesConsole {
        /// The verb.
        verb: &'static str,
        /// The partition.
        name: &'a str,
    },
    /// It cannot be asked to stop, for everything else needs it.
    Needed {
        /// The partition.
        name: &'a str,
    },
    /// A change of what a partition has of the machine was refused.
    Unfit(Unfit<'a>),
    /// It does not go over to another version.
    Upgrade(Hindrance<'a>),
    /// What is left of a partition cannot be had.
    Dump {
        /// The partition.
        name: &'a str,
        /// What was wanted.
        look: Look,
        /// Who refused and why.
        trouble: Trouble,
    },
    /// What stands in the image is not destroyed.
    OfTheImage {
        /// The partition.
        name: &'a str,
    },
    /// Talking to a partition, or reading its log, was refused.
    NoConsole {
        /// The partition.
        name: &'a str,
        /// Who refused and why.
        trouble: Trouble,
    },
    /// What was wished of a partition, or of a new one like it, cannot be had.
    Refused {
        /// The verb.
        verb: &'static str,
        /// The partition.
        name: &'a str,
        /// Why.
        why: Refusal,
    },
    /// The audit found something.
    Audit,
    /// There was no such transaction, or the log remembers it no more.
    Forgotten,
    /// Something could not be put into words.
    Unsaid,
}

impl From<fmt::Error> for Complaint<'_> {
    fn from(_: fmt::Error) -> Self {
        Self::Unsaid
    }
}

impl From<Trouble> for Complaint<'_> {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

impl<'a> From<Mistake<'a>> for Complaint<'a> {
    fn from(mistake: Mistake<'a>) -> Self {
        Self::Mistake(mistake)
    }
}

impl fmt::Display for Complaint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Mistake(mistake) => mistake.fmt(f),
            Self::Change {
                verb,
                name,
                state,
                trouble: Trouble::Refused(ResourceStatus::WrongState, _),
            } => {
                let instead = match (verb, state) {
                    (_, "paused") => "resume",
                    ("start", _) => "restart",
                    ("resume", "running" | "waiting") => "pause",
                    _ => "start",
                };
                write!(
                    f,
                    "{name} is {state}, so there is nothing to {verb}: type {instead} {name} instead"
                )
            }
            Self::CarriesConsole { verb, name } => write!(
                f,
                "{name} carries this console, and nobody could start it again: will not {verb} it; type restart {name}"
            ),
            Self::Needed { name } => {
                write!(f, "everything else needs {name}: it does not stop; type restart {name}")
            }
            Self::Unfit(unfit) => unfit.fmt(f),
            Self::Upgrade(hindrance) => hindrance.fmt(f),
            Self::Dump { name, look, trouble } => dump(f, name, look, trouble),
            Self::OfTheImage { name } => write!(
                f,
                "{name} stands in the image and is not destroyed: only what create made is; type kill {name} to stop it"
            ),
            Self::Change { verb, name, trouble, .. } => {
                write!(f, "cannot {verb} {name}: {trouble}")
            }
            Self::NoConsole { name, trouble: Trouble::Console(ConsoleStatus::NoSuchConsole) } => {
                write!(
                    f,
                    "{name} has no console: give it a channel of kind console in the image's manifest"
                )
            }
            Self::NoConsole { name, trouble } => {
                write!(f, "cannot reach the console of {name}: {trouble}")
            }
            Self::Refused { verb, name, why } => write!(f, "cannot {verb} {name}: {why}"),
            Self::Trouble(trouble) => trouble.fmt(f),
            Self::Unsaid => {
                f.write_str("the answer could not be put into words: see log resource-manager")
            }
            Self::Forgotten => f.write_str(
                "the log holds no such transaction: type transactions for those it does",
            ),
            Self::Audit => f.write_str(
                "the books do not agree: keep this output, and restart the machine soon",
            ),
        }
    }
}

fn dump(f: &mut fmt::Formatter<'_>, name: &str, look: Look, trouble: Trouble) -> fmt::Result {
    let Trouble::Refused(status, _) = trouble else {
        return write!(f, "cannot dump {name}: {trouble}");
    };
    match (status, look) {
        (ResourceStatus::WrongState, _) => write!(
            f,
            "{name} runs, or was never started: type pause {name} first, or dump {name} last for what was kept when it stopped last"
        ),
        (ResourceStatus::NoSuch, Look::Last) => write!(
            f,
            "nothing is kept of {name}: it did not stop on a fault, or its memory was wanted; dump lists what is kept"
        ),
        (ResourceStatus::Disagrees, _) => {
            write!(f, "{name} is not any more what it was: this dump is not whole; try again")
        }
        (ResourceStatus::NotAllowed, _) => write!(
            f,
            "nobody in the machine can look into {name}: './bulkhead dump' does, from outside"
        ),
        _ => write!(f, "cannot dump {name}: {trouble}"),
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Refused(ResourceStatus::Kernel, Some(number)) => {
                f.write_str("the kernel refused")?;
                match Error::from_number(number.into()) {
                    Some(error) => write!(f, " ({error:?}): type audit")?,
                    None => write!(f, " (error {number}): type audit")?,
                }
                Ok(())
            }
            Self::Refused(status, _) => f.write_str(refusal(status)),
            Self::Console(ConsoleStatus::NotAllowed) => f.write_str(
                "the console service takes this for an ordinary console: name its channel operator in the manifest",
            ),
            Self::Console(_) => f.write_str("the console service refused"),
            Self::Restarted => f.write_str(
                "the resource manager was restarted before it answered: type ps to see what was done",
            ),
            Self::NoAnswer => f.write_str("no answer: type ps to see who is down, and try again"),
            Self::Nonsense => f.write_str("an answer of the wrong length: build all partitions anew"),
        }
    }
}

const fn refusal(status: ResourceStatus) -> &'static str {
    match status {
        ResourceStatus::Ok => "done",
        ResourceStatus::NoSuch => "there is none any more: type ps",
        ResourceStatus::NotAllowed => "the resource manager does not allow it to this console",
        ResourceStatus::WrongState => "it is not in the right state: type ps",
        ResourceStatus::Malformed => {
            "the resource manager did not understand: build all partitions anew"
        }
        ResourceStatus::NoMemory => {
            "memory is out: stop another partition, machine shows what is free"
        }
        ResourceStatus::Limit => "a table is full, or its restarts are used up: type ps",
        ResourceStatus::Kernel => "the kernel refused: type audit",
        ResourceStatus::Disagrees => "it was changed meanwhile: type ps, and try again",
        ResourceStatus::Busy => "a change before this one is not finished: try again",
        ResourceStatus::BadProgram => {
            "its program is not in the image or is bad: build the image anew"
        }
    }
}
