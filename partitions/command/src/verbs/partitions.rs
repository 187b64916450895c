//! `ps`.

use super::waits::{Ends, Waits};
use super::{Outcome, channels};
use crate::list::{List, state};
use crate::surroundings::Surroundings;
use crate::words::{Fault, Pages, name_of};
use abi::message::resource::{PartitionRecord, PartitionState};

/// One line for each partition.
pub fn show<'a>(surroundings: &mut impl Surroundings, list: &List) -> Outcome<'a> {
    writeln!(
        surroundings,
        "{:>3} {:<17}{:<9}{:>5}{:>9}{:>9} WAITS FOR",
        "ID", "NAME", "STATE", "SHARE", "MEMORY", "RESTARTS"
    )?;
    let channels = Ends::new(list, channels::fetch(surroundings)?);
    for record in list.all() {
        show_one(surroundings, list, &channels, record)?;
    }
    Ok(())
}

fn show_one<'a>(
    surroundings: &mut impl Surroundings,
    list: &List,
    channels: &Ends,
    record: &PartitionRecord,
) -> Outcome<'a> {
    let (state, word) = state(record).map_or((None, "?"), |(state, word)| (Some(state), word));
    write!(
        surroundings,
        "{:>3} {:<17}{word:<9}{:>5}{:>9}{:>9} ",
        record.id,
        name_of(&record.name),
        record.share,
        Pages(record.pages),
        record.restarts,
    )?;
    match state {
        Some(PartitionState::Waiting) => {
            let waits = Waits::find(surroundings, list, channels, record)?;
            write!(surroundings, "{}", waits.text())?;
        }
        Some(PartitionState::Faulted | PartitionState::Failed) => {
            let fault = Fault { reason: record.reason, instruction: Some(record.instruction) };
            write!(surroundings, "{fault}")?;
        }
        _ => write!(surroundings, "-")?,
    }
    Ok(writeln!(surroundings)?)
}
