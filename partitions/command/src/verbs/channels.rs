//! `channels`.

use super::Outcome;
use crate::list::List;
use crate::surroundings::{Surroundings, fetch_next};
use abi::channel::ChannelKind;
use abi::image::name_text;
use abi::message::resource::{ChannelRecord, Index, ResourceRequest};

/// Most channels that are listed, so that a list without end has one.
const MOST: u32 = 16_384;

/// One line for each channel.
pub fn show<'a>(surroundings: &mut impl Surroundings, list: &List) -> Outcome<'a> {
    writeln!(
        surroundings,
        "{:>4}  {:<16}{:<18}{:<18}{:<9}{:>5}  {:>15}  {:>15}",
        "ID", "NAME", "CLIENT", "SERVER", "KIND", "EPOCH", "RUNG TO SRV/CL", "REQ/COMPLETIONS"
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
        "{:>4}  {:<16}{:<18}{:<18}{:<9}{:>5}  {:>7} {:>7}  {:>7} {:>7}",
        record.id,
        name_text(&record.name),
        list.name(record.client).unwrap_or("?"),
        list.name(record.server).unwrap_or("?"),
        kind.map_or("?", |(_, word)| word),
        record.epoch,
        record.rung_server,
        record.rung_client,
        record.requests,
        record.completions,
    )?)
}
