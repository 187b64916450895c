//! Why a partition does not go over to another version.

use crate::list::List;
use abi::message::upgrade::{Obstacle, UpgradeRecord};
use core::fmt;

/// What is in the way of a partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hindrance<'a> {
    /// The partition.
    pub name: &'a str,
    /// What it is.
    pub why: Why<'a>,
}

/// What is in the way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why<'a> {
    /// What the resource manager says, of which version, about which partition.
    Obstacle(Obstacle, u32, Option<&'a str>),
    /// There is no version below.
    First,
}

/// What a record says, where something is in the way.
pub fn why<'a>(record: &UpgradeRecord, list: &'a List) -> Why<'a> {
    let obstacle = u16::try_from(record.obstacle).ok().and_then(Obstacle::from_code);
    let obstacle = obstacle.unwrap_or(Obstacle::Program);
    Why::Obstacle(obstacle, record.offered, list.name(record.about))
}

impl fmt::Display for Hindrance<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} stays as it is: {}", self.name, self.why)
    }
}

impl fmt::Display for Why<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (obstacle, version, about) = match *self {
            Self::First => return f.write_str("there is no version below the one that runs"),
            Self::Obstacle(obstacle, version, about) => (obstacle, version, about),
        };
        let reason = match obstacle {
            Obstacle::NoImage => {
                return f.write_str(
                    "no image beside the one that was booted has it: start with --next IMAGE",
                );
            }
            Obstacle::NotNewer => return f.write_str("no image has a later version"),
            Obstacle::Fixed => {
                return f.write_str("the boot partition has no boot image or no lasting memory");
            }
            Obstacle::Trial => {
                return match about {
                    Some(about) => write!(f, "{about} is between two versions"),
                    None => f.write_str("the version that runs is still on trial"),
                };
            }
            Obstacle::Versions => {
                let about = about.unwrap_or("a partition");
                return write!(f, "version {version} and {about} speak no version in common");
            }
            Obstacle::None => "cannot be had",
            Obstacle::Refused => "did not come up before",
            Obstacle::Role => "has another role",
            Obstacle::Authority => "asks for capabilities that it does not have",
            Obstacle::Hardware => "asks for hardware that it does not have",
            Obstacle::Channels => "has other channels",
            Obstacle::Room => "needs more contexts, stack, heap or lasting memory",
            Obstacle::Program => "has a bad program, or one that is too large",
            Obstacle::Place => "lies where the one that runs does",
            Obstacle::Memory => "finds no memory for its program",
        };
        write!(f, "version {version} {reason}")
    }
}
