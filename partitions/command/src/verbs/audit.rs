//! `audit`: kernel, books and manifest, two and two.

use super::Outcome;
use crate::authority::Manager;
use crate::complaint::Complaint;
use crate::list::List;
use crate::surroundings::{Surroundings, Trouble, fetch};
use abi::control::Violation;
use abi::message::database::{Difference, DifferenceRecord, Table};
use abi::message::resource::{AuditRecord, ResourceRequest};
use abi::rights::Kind;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use resource_service::{query, read_table};

/// Differences that are shown.
const SHOWN: usize = 32;

/// Has all looked at, and says what does not agree.
pub fn show<'a>(surroundings: &mut impl Surroundings, list: &List) -> Outcome<'a> {
    let frames = frames(surroundings)?;
    let things = things(surroundings, list)?;
    if frames && things { Ok(()) } else { Err(Complaint::Audit) }
}

/// The kernel's ledger against the books; whether they agree.
fn frames(surroundings: &mut impl Surroundings) -> Result<bool, Complaint<'static>> {
    let audit: AuditRecord = fetch(surroundings, ResourceRequest::Audit, &[0_u8; 0])?;
    writeln!(surroundings, "{} frames looked at", audit.frames)?;
    let (free, books) = (audit.free, audit.books_free);
    if audit.violation != 0 {
        let violation = Violation::from_number(audit.violation).map_or("unknown", explain);
        writeln!(surroundings, "frame {:#x}: {violation}", audit.frame)?;
    }
    if free != books {
        writeln!(surroundings, "the kernel counts {free} free frames, the books {books}")?;
    }
    let agree = audit.violation == 0 && free == books;
    if agree {
        writeln!(surroundings, "every frame has one owner, {free} are free: the books agree")?;
    }
    Ok(agree)
}

const fn explain(violation: Violation) -> &'static str {
    match violation {
        Violation::None => "nothing wrong",
        Violation::Owner => "its owner is not an object of the right kind",
        Violation::MappedObject => "a kernel object that counts mappings",
        Violation::Count => "its partition's counts differ from the ledger",
        Violation::Mapping => "mapped where its partition may not map it",
        Violation::Capability => "a capability names an object that is not there",
    }
}

/// What was looked at.
#[derive(Default)]
struct Looked {
    partitions: u64,
    channels: u64,
    capabilities: u64,
}

/// Partitions, channels and capabilities against books and manifest; whether they agree.
fn things(surroundings: &mut impl Surroundings, list: &List) -> Result<bool, Complaint<'static>> {
    let (mut looked, mut found) = (Looked::default(), Vec::new());
    let (request, query) = (ResourceRequest::Snapshot, query(Table::Differences));
    read_table(
        &mut Manager(&mut *surroundings),
        request,
        query,
        |one: DifferenceRecord| match kind(&one) {
            Some(Difference::Checked) => {
                looked.partitions = looked.partitions.saturating_add(one.partition.into());
                looked.channels = looked.channels.saturating_add(one.expected);
                looked.capabilities = looked.capabilities.saturating_add(one.found);
            }
            _ if found.len() < SHOWN => found.push(one),
            _ => {}
        },
    )
    .map_err(Trouble::from)?;
    for one in &found {
        writeln!(surroundings, "{}", sentence(list, one))?;
    }
    if found.is_empty() {
        let Looked { partitions, channels, capabilities } = looked;
        writeln!(
            surroundings,
            "{partitions} partitions, {channels} channels, {capabilities} capabilities: kernel, books and manifest agree"
        )?;
    }
    Ok(found.is_empty())
}

fn kind(one: &DifferenceRecord) -> Option<Difference> {
    u16::try_from(one.kind).ok().and_then(Difference::from_code)
}

/// A difference in words.
fn sentence(list: &List, one: &DifferenceRecord) -> String {
    let DifferenceRecord { partition, index, expected, found, .. } = *one;
    let name =
        list.name(partition).map_or_else(|| format!("partition {partition}"), ToString::to_string);
    match kind(one) {
        Some(Difference::NoPartition) => {
            format!("partition {partition} of the image is not there")
        }
        Some(Difference::OtherPartition) => {
            format!("{name} is not what the image says of number {partition}")
        }
        Some(Difference::Unaccounted) => {
            format!("{name} was made neither by the image nor by create")
        }
        Some(Difference::Memory) => {
            let what = match index {
                1 => "program",
                2 => "stacks",
                _ => "lasting memory",
            };
            format!("{name} has {found} pages of {what}, and was to get {expected}")
        }
        Some(Difference::NoObject) => format!("the kernel does not know {name}"),
        Some(Difference::Contexts) => {
            format!("{name} has {found} contexts in the kernel and {expected} in the books")
        }
        Some(Difference::SlotPages) => {
            format!(
                "{name} has {found} pages of capabilities in the kernel and {expected} in the books"
            )
        }
        Some(Difference::Capability) => {
            let (expected, found) = (Held(expected), Held(found));
            format!("{name} was given {expected} in slot {index}, and holds {found}")
        }
        Some(Difference::Object) => {
            format!("what {name} holds in slot {index} leads elsewhere than it was given")
        }
        Some(Difference::Surplus) => {
            format!("{name} holds {} in slot {index}, which nobody gave", Held(found))
        }
        Some(Difference::NoChannel) => {
            format!("channel {index} of the image, of which {name} is the client, is not there")
        }
        Some(Difference::OtherChannel) => {
            format!("channel {index} of {name} is not as the image says")
        }
        Some(Difference::ChannelMemory) => {
            format!(
                "channel {index} of {name} has {found} pages in the kernel and {expected} in the books"
            )
        }
        _ => hardware_sentence(list, one, &name),
    }
}

/// A difference of plans, devices or lines in words.
fn hardware_sentence(list: &List, one: &DifferenceRecord, name: &str) -> String {
    let DifferenceRecord { partition, index, expected, found, .. } = *one;
    match kind(one) {
        Some(Difference::NoProcessor) => format!("the books do not know processor {partition}"),
        Some(Difference::Planned) => {
            format!("place {index} of processor {partition} is planned otherwise than shares say")
        }
        Some(Difference::Runs) => {
            format!(
                "the kernel has another at place {index} of processor {partition} than the books"
            )
        }
        Some(Difference::OtherDevice) => {
            format!("device {index} of {name} is not as the image says")
        }
        Some(Difference::DeviceOwner) => {
            format!("device {index} belongs to {}, and {name} was granted it", owner(list, found))
        }
        Some(Difference::Line) => {
            let (kernel, books) = (rings(found), rings(expected));
            format!(
                "device {index} of {name}: the line {kernel} in the kernel and {books} in the books"
            )
        }
        _ => format!("{name}: a difference of kind {}", one.kind),
    }
}

/// Whether a line rings somebody.
fn rings(bound: u64) -> &'static str {
    if bound == 0 { "rings nobody" } else { "rings" }
}

/// Name of a device's owner.
fn owner(list: &List, id: u64) -> String {
    let name = u32::try_from(id).ok().and_then(|id| list.name(id));
    name.map_or_else(|| String::from("nobody"), ToString::to_string)
}

/// The first word of a capability, in words.
struct Held(u64);

impl core::fmt::Display for Held {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let (rights, parameter) = (self.0 >> 8 & 0xff, self.0 >> 32);
        match Kind::from_number(self.0 & 0xff) {
            None | Some(Kind::None) => f.write_str("nothing"),
            Some(kind) => write!(f, "{kind:?} (rights {rights:#x}, parameter {parameter:#x})"),
        }
    }
}
