//! `channels`.

use super::Outcome;
use crate::list::List;
use crate::surroundings::{Surroundings, fetch_next};
use crate::words::name_of;
use abi::channel::ChannelKind;
use abi::message::resource::{ChannelRecord, Index, ResourceRequest};

/// Most channels that are listed, so that a list without end has one.
const MOST: u32 = 16_384;

/// One line for each channel; doorbells and messages are those of both directions together.
pub fn show<'a>(surroundings: &mut impl Surroundings, list: &List) -> Outcome<'a> {
    writeln!(
        surroundings,
        "{:<13}{:<17}{:<17}{:<8}{:>5}{:>8}{:>10}",
        "NAME", "CLIENT", "SERVER", "KIND", "EPOCH", "RUNG", "MESSAGES"
    )?;
    for index in 0..MOST {
        let index = Index { index };
        let next = fetch_next::<ChannelRecord>(surroundings, ResourceRequest::Channel, &index)?;
        let Some(record) = next else { break };
        show_one(surroundings, list, &record)?;
    }
    Ok(())
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
