//! `ps`.

use super::waits::{Ends, Waits};
use super::{Outcome, channels};
use crate::list::{List, state};
use crate::surroundings::Surroundings;
use crate::words::{Fault, Pages, Row, name_of};
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
    let mut row = Row::default();
    row.right(3, record.id);
    row.left(1, "");
    row.left(17, name_of(&record.name));
    row.left(9, word);
    row.right(5, record.share);
    row.right(9, Pages(record.pages));
    row.right(9, record.restarts);
    row.left(1, "");
    match state {
        Some(PartitionState::Waiting) => {
            let waits = Waits::find(surroundings, list, channels, record)?;
            row.left(0, &waits.text());
        }
        Some(PartitionState::Faulted | PartitionState::Failed) => {
            let fault = Fault { reason: record.reason, instruction: Some(record.instruction) };
            row.right(0, fault);
        }
        _ => row.left(0, "-"),
    }
    row.left(0, "\n");
    surroundings.show(row.text().as_bytes());
    Ok(())
}
