//! `caps NAME`: what a partition may do, in words.

use super::Outcome;
use crate::list::List;
use crate::surroundings::{Surroundings, Trouble, fetch_next};
use crate::words::name_of;
use abi::manifest::NO_PARTITION;
use abi::message::resource::{CapabilityQuery, CapabilityRecord, ResourceRequest};
use abi::rights::{ANY_LINE, Kind, Rights};
use alloc::vec::Vec;

/// Most capabilities that are listed, so that a list without end has one.
const MOST: u32 = 32_768;

/// [`CapabilityRecord::event`] of what sets none.
const NO_EVENT: u8 = 255;

/// A sentence for each capability.
pub fn show<'a>(
    surroundings: &mut impl Surroundings,
    list: &'a List,
    name: &'a str,
) -> Outcome<'a> {
    let partition = list.named(name)?.id;
    writeln!(surroundings, "{name} may")?;
    for index in 0..MOST {
        let Some(record) = fetch_one(surroundings, partition, index)? else {
            return match index {
                0 => Ok(writeln!(surroundings, "  do nothing but compute")?),
                _ => Ok(()),
            };
        };
        write!(surroundings, "  ")?;
        show_one(surroundings, list, &record)?;
        writeln!(surroundings, "  (slot {})", record.slot)?;
    }
    Ok(())
}

/// The capabilities of a partition but for its channels, which come last: of all doorbells theirs alone have an event.
pub fn fetch_fixed(
    surroundings: &mut impl Surroundings,
    partition: u32,
) -> Result<Vec<CapabilityRecord>, Trouble> {
    let channel = |record: &CapabilityRecord| {
        let kind = Kind::from_number(record.kind.into());
        kind == Some(Kind::Doorbell) && record.event != NO_EVENT
    };
    let all = (0..MOST).map_while(|index| fetch_one(surroundings, partition, index).transpose());
    all.take_while(|found| !found.as_ref().is_ok_and(channel)).collect()
}

fn fetch_one(
    surroundings: &mut impl Surroundings,
    partition: u32,
    index: u32,
) -> Result<Option<CapabilityRecord>, Trouble> {
    let query = CapabilityQuery { partition, index };
    fetch_next(surroundings, ResourceRequest::Capability, &query)
}

fn show_one<'a>(
    surroundings: &mut impl Surroundings,
    list: &List,
    record: &CapabilityRecord,
) -> Outcome<'a> {
    let name = name_of(&record.name);
    let whose = whose(list, record.target);
    let does = does(record.rights);
    let kind = Kind::from_number(record.kind.into()).unwrap_or(Kind::None);
    match kind {
        Kind::None => write!(surroundings, "do nothing with an empty slot")?,
        Kind::Memory => write!(surroundings, "{does} all physical memory")?,
        Kind::Partition => write!(surroundings, "{does} the partition {whose}")?,
        Kind::Context => write!(surroundings, "{does} a context of {whose}")?,
        Kind::Doorbell => {
            write!(surroundings, "ring {whose} for {name} (its event {})", record.parameter)?;
        }
        Kind::Channel => write!(surroundings, "{does} the channel {name} with {whose}")?,
        Kind::Processor => write!(surroundings, "{does} processor {}", record.parameter)?,
        Kind::Interrupt if record.parameter == ANY_LINE => {
            write!(surroundings, "{does} any interrupt line")?;
        }
        Kind::Interrupt => {
            write!(surroundings, "{does} interrupt line {} ({name})", record.parameter)?
        }
        Kind::Ports => show_ports(surroundings, name, record.parameter)?,
        Kind::Debug => write!(surroundings, "write to the debug port")?,
        Kind::Kernel => write!(surroundings, "{does} the kernel")?,
    }
    Ok(())
}

/// Ports are given as `count << 16 | base`, all 65,536 of them as a count that does not fit.
fn show_ports<'a>(surroundings: &mut impl Surroundings, name: &str, parameter: u32) -> Outcome<'a> {
    let (first, count) = (parameter & 0xffff, parameter >> 16);
    match count {
        0 => write!(surroundings, "use all I/O ports")?,
        1 => write!(surroundings, "use I/O port {first:#x} ({name})")?,
        _ => {
            let last = first.saturating_add(count).saturating_sub(1);
            write!(surroundings, "use I/O ports {first:#x} to {last:#x} ({name})")?;
        }
    }
    Ok(())
}

fn whose(list: &List, target: u32) -> &str {
    if target == NO_PARTITION { "nobody" } else { list.name(target).unwrap_or("one that is gone") }
}

/// The strongest that rights allow, as a verb.
const fn does(rights: u32) -> &'static str {
    let [low, ..] = rights.to_le_bytes();
    let rights = Rights::from_bits_truncate(low);
    if rights.contains(Rights::GRANT) {
        "create from, grant and manage"
    } else if rights.contains(Rights::MANAGE) {
        "manage"
    } else if rights.contains(Rights::USE) {
        "serve"
    } else if rights.contains(Rights::INSPECT) {
        "look at"
    } else {
        "do nothing with"
    }
}
