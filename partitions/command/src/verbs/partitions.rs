//! `ps`.

use super::Outcome;
use crate::list::{List, state};
use crate::surroundings::Surroundings;
use crate::words::{Events, Fault, Pages, name_of};
use abi::message::resource::{PartitionRecord, PartitionState};

/// One line for each partition.
pub fn show<'a>(surroundings: &mut impl Surroundings, list: &List) -> Outcome<'a> {
    writeln!(
        surroundings,
        "{:>4}  {:<18}{:<10}{:>5}  {:>8}  {:>8}  WAITS FOR",
        "ID", "NAME", "STATE", "SHARE", "MEMORY", "RESTARTS"
    )?;
    for record in list.all() {
        show_one(surroundings, record)?;
    }
    Ok(())
}

fn show_one<'a>(surroundings: &mut impl Surroundings, record: &PartitionRecord) -> Outcome<'a> {
    let (state, word) = state(record).map_or((None, "?"), |(state, word)| (Some(state), word));
    write!(
        surroundings,
        "{:>4}  {:<18}{word:<10}{:>5}  {:>8}  {:>8}  ",
        record.id,
        name_of(&record.name),
        record.share,
        Pages(record.pages),
        record.restarts,
    )?;
    match state {
        Some(PartitionState::Waiting) => write!(surroundings, "{}", Events(record.waits_for))?,
        Some(PartitionState::Faulted | PartitionState::Failed) => {
            let fault = Fault { reason: record.reason, instruction: Some(record.instruction) };
            write!(surroundings, "{fault}")?;
        }
        _ => write!(surroundings, "-")?,
    }
    Ok(writeln!(surroundings)?)
}
