//! `create`, `destroy`.

use super::Outcome;
use crate::authority::Manager;
use crate::complaint::Complaint;
use crate::list::{List, state};
use crate::surroundings::{Surroundings, Trouble};
use crate::words::name_of;
use abi::manifest::EVERY_PROCESSOR;
use abi::message::resource::{Index, PartitionRecord, Placement, ResourceRequest, ResourceStatus};
use abi::types::PAGE_SIZE;
use console_grammar::Creation;
use resource_service::{Far, NotCreated, Options, Placed, Service, Size, several_nodes};
use zerocopy::IntoBytes;

/// Makes one more partition like the one with this name, where the service finds room, and says its number.
pub fn create<'a>(
    surroundings: &mut impl Surroundings,
    service: &mut Service,
    list: &'a List,
    (name, said): (&'a str, Creation),
) -> Outcome<'a> {
    let record = list.named(name)?;
    let options = Options { share: said.share, heap: said.memory, processor: said.processor };
    let made = service.create(&mut Manager(&mut *surroundings), record.id, options);
    let made = made.map_err(|why| match why {
        NotCreated::Refusal(why) => Complaint::Refused { verb: "create", name, why },
        NotCreated::Failure(failure) => change("create", name, record, failure.into()),
    })?;
    let Placed { placement, node, far, zone } = made.placed;
    let Placement { processor, share, start, count, .. } = placement;
    write!(surroundings, "partition {} made like {}: ", made.id, name_of(&record.name))?;
    write!(surroundings, "{} at {:#x}, ", Size(count), start.saturating_mul(PAGE_SIZE))?;
    if several_nodes(service.snapshot().nodes()) {
        match node {
            Some(node) => write!(surroundings, "node {node}, ")?,
            None => write!(surroundings, "of several nodes, ")?,
        }
    }
    if let Some(zone) = zone {
        write!(surroundings, "zone {}, ", name_of(&zone))?;
    }
    match processor {
        EVERY_PROCESSOR => write!(surroundings, "{share}/16 of every processor")?,
        processor => write!(surroundings, "{share}/16 of processor {processor}")?,
    }
    if let Some(Far { node, largest }) = far {
        write!(
            surroundings,
            ", on node {node}, where the longest free piece is {}",
            Size(largest)
        )?;
    }
    Ok(writeln!(surroundings, "; start {} starts it", made.id)?)
}

/// Ends a partition that was made so.
pub fn destroy<'a>(
    surroundings: &mut impl Surroundings,
    list: &'a List,
    name: &'a str,
) -> Outcome<'a> {
    let record = list.named(name)?;
    let index = Index { index: record.id };
    match surroundings.ask(ResourceRequest::Destroy, index.as_bytes()) {
        Ok(_) => Ok(writeln!(surroundings, "partition {} destroyed", record.id)?),
        Err(Trouble::Refused(ResourceStatus::NotAllowed, _)) => Err(Complaint::OfTheImage { name }),
        Err(trouble) => Err(change("destroy", name, record, trouble)),
    }
}

fn change<'a>(
    verb: &'static str,
    name: &'a str,
    record: &PartitionRecord,
    trouble: Trouble,
) -> Complaint<'a> {
    let state = state(record).map_or("in an unknown state", |(_, word)| word);
    Complaint::Change { verb, name, state, trouble }
}
