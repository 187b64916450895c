//! `channels`.

use super::Outcome;
use crate::list::{List, read_listed};
use crate::surroundings::{Surroundings, Trouble};
use crate::words::name_of;
use abi::channel::ChannelKind;
use abi::message::database::Table;
use abi::message::resource::ChannelRecord;
use alloc::vec::Vec;
use resource_service::query;

/// Most channels that are listed, so that a list without end has one.
const MOST: usize = 16_384;

/// One line for each channel; doorbells and messages are those of both directions together.
pub fn show<'a>(surroundings: &mut impl Surroundings, list: &List) -> Outcome<'a> {
    writeln!(
        surroundings,
        "{:<13}{:<17}{:<17}{:<8}{:>5}{:>8}{:>10}",
        "NAME", "CLIENT", "SERVER", "KIND", "EPOCH", "RUNG", "MESSAGES"
    )?;
    for record in &fetch(surroundings)? {
        show_one(surroundings, list, record)?;
    }
    Ok(())
}

/// All channels at one moment.
pub fn fetch(surroundings: &mut impl Surroundings) -> Result<Vec<ChannelRecord>, Trouble> {
    read_listed(surroundings, query(Table::Ends), MOST)
}

fn show_one<'a>(
    surroundings: &mut impl Surroundings,
    list: &List,
    record: &ChannelRecord,
) -> Outcome<'a> {
    let kind = usize::try_from(record.kind).ok().and_then(|kind| ChannelKind::ALL.get(kind));
    Ok(writeln!(
        surroundings,
        "{:<13}{:<17}{:<17}{:<8}{:>5}{:>8}{:>10}",
        name_of(&record.name),
        list.name(record.client).unwrap_or("?"),
        list.name(record.server).unwrap_or("?"),
        kind.map_or("?", |(_, word)| word),
        record.epoch,
        record.rung_server.saturating_add(record.rung_client),
        record.requests.saturating_add(record.completions),
    )?)
}
