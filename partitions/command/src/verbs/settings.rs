//! `set`, `move`: what of a partition changes while it runs.

use super::Outcome;
use crate::authority::Manager;
use crate::complaint::Complaint;
use crate::list::{List, state};
use crate::nodes::apart;
use crate::surroundings::{Surroundings, Trouble, fetch};
use crate::unfit::Unfit;
use crate::words::Pages;
use abi::message::resource::{Change, Index, PartitionRecord, ResourceRequest, ResourceStatus};
use console_grammar::Setting;
use resource_service::Service;
use zerocopy::IntoBytes;

/// Changes one thing of the partition with this name.
pub fn set<'a>(
    surroundings: &mut impl Surroundings,
    service: &mut Service,
    list: &'a List,
    (name, setting): (&'a str, Setting),
) -> Outcome<'a> {
    match setting {
        Setting::Share(share) => set_share(surroundings, list, name, share),
        Setting::Memory(pages) => set_memory(surroundings, service, list, (name, pages)),
    }
}

fn set_share<'a>(
    surroundings: &mut impl Surroundings,
    list: &'a List,
    name: &'a str,
    share: u32,
) -> Outcome<'a> {
    let record = list.named(name)?;
    let before = record.share.checked_div(record.contexts).unwrap_or(0);
    match ask(surroundings, ResourceRequest::SetShare, record, (before, share)) {
        Err(Trouble::Refused(ResourceStatus::Limit, Some(free))) => {
            Err(Complaint::Unfit(Unfit::NoShare { name, processor: record.processor, free }))
        }
        answer => answer.map_err(|trouble| complaint("set", name, record, trouble)),
    }?;
    let processor = record.processor;
    let text = format_args!("{name} has {share}/16 of processor {processor}");
    match record.contexts {
        0 | 1 => writeln!(surroundings, "{text}")?,
        contexts => writeln!(surroundings, "{text}, as has each of its {contexts} contexts")?,
    }
    Ok(())
}

fn set_memory<'a>(
    surroundings: &mut impl Surroundings,
    service: &mut Service,
    list: &'a List,
    (name, pages): (&'a str, u32),
) -> Outcome<'a> {
    let record = list.named(name)?;
    let change = Change { partition: record.id, before: record.heap, after: pages };
    let has: Result<Index, _> = fetch(surroundings, ResourceRequest::SetMemory, &change);
    let has = match has {
        Err(Trouble::Refused(ResourceStatus::Limit, Some(most))) => {
            Err(Complaint::Unfit(Unfit::TooLarge { name, most }))
        }
        Err(Trouble::Refused(ResourceStatus::Busy, _)) => {
            Err(Complaint::Unfit(Unfit::InPieces { name }))
        }
        Err(trouble @ Trouble::Refused(ResourceStatus::NoMemory, _)) => {
            let more = pages.saturating_sub(record.heap);
            let why = service.no_room(&mut Manager(surroundings), record.id, more);
            Err(match why {
                Some(why) => Complaint::Refused { verb: "set", name, why },
                None => complaint("set", name, record, trouble),
            })
        }
        answer => answer.map_err(|trouble| complaint("set", name, record, trouble)),
    }?;
    let (has, wanted) = (has.index, Pages(pages.into()));
    if has > pages {
        let has = Pages(has.into());
        Ok(writeln!(
            surroundings,
            "{name} uses {has} of heap, and has {wanted} from its next start on: type restart {name} for that"
        )?)
    } else {
        Ok(writeln!(surroundings, "{name} has {wanted} of heap")?)
    }
}

/// Moves the partition with this name to another processor.
pub fn relocate<'a>(
    surroundings: &mut impl Surroundings,
    service: &mut Service,
    list: &'a List,
    (name, processor): (&'a str, u32),
) -> Outcome<'a> {
    let record = list.named(name)?;
    if let Some(why) = service.not_there(&mut Manager(surroundings), record.id, processor) {
        return Err(Complaint::Refused { verb: "move", name, why });
    }
    match ask(surroundings, ResourceRequest::Move, record, (record.processor, processor)) {
        Err(Trouble::Refused(ResourceStatus::Limit, Some(free))) => {
            Err(Complaint::Unfit(Unfit::NoShare { name, processor, free }))
        }
        Err(Trouble::Refused(ResourceStatus::NoSuch, _)) => {
            Err(Complaint::Unfit(Unfit::NoProcessor { processor }))
        }
        answer => answer.map_err(|trouble| complaint("move", name, record, trouble)),
    }?;
    // It is done, whoever does not answer what it means.
    let apart = apart(surroundings, record.id, processor).unwrap_or_default();
    write!(surroundings, "{name} is on processor {processor}")?;
    if let Some((there, memory)) = apart {
        write!(surroundings, " of node {there}; its memory stays on node {memory}")?;
    }
    Ok(writeln!(surroundings)?)
}

fn ask(
    surroundings: &mut impl Surroundings,
    request: ResourceRequest,
    record: &PartitionRecord,
    (before, after): (u32, u32),
) -> Result<(), Trouble> {
    let change = Change { partition: record.id, before, after };
    surroundings.ask(request, change.as_bytes()).map(drop)
}

fn complaint<'a>(
    verb: &'static str,
    name: &'a str,
    record: &PartitionRecord,
    trouble: Trouble,
) -> Complaint<'a> {
    if matches!(trouble, Trouble::Refused(ResourceStatus::NotAllowed, _)) {
        return Complaint::Unfit(Unfit::Needed { verb, name });
    }
    let state = state(record).map_or("in an unknown state", |(_, word)| word);
    Complaint::Change { verb, name, state, trouble }
}
