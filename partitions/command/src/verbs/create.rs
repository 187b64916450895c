//! `create`, `destroy`.

use super::Outcome;
use crate::complaint::Complaint;
use crate::list::{List, state};
use crate::surroundings::{Surroundings, Trouble, fetch};
use crate::words::name_of;
use abi::message::resource::{Index, PartitionRecord, ResourceRequest, ResourceStatus};
use zerocopy::IntoBytes;

/// Makes one more partition like the one with this name, and says its number.
pub fn create<'a>(
    surroundings: &mut impl Surroundings,
    list: &'a List,
    name: &'a str,
) -> Outcome<'a> {
    let record = list.named(name)?;
    let index = Index { index: record.id };
    let made: Result<Index, _> = fetch(surroundings, ResourceRequest::Create, &index);
    let made = made.map_err(|trouble| change("create", name, record, trouble))?;
    Ok(writeln!(
        surroundings,
        "partition {0} made like {1}: start {0} starts it",
        made.index,
        name_of(&record.name)
    )?)
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
