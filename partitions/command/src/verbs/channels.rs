//! `channels`.

use super::Outcome;
use crate::list::List;
use crate::surroundings::{Surroundings, Trouble, fetch_next};
use crate::words::name_of;
use abi::channel::ChannelKind;
use abi::message::resource::{ChannelRecord, Index, ResourceRequest};
use alloc::vec::Vec;

/// Most channels that are listed, so that a list without end has one.
const MOST: u32 = 16_384;

/// One line for each channel; doorbells and messages are those of both directions together.
pub fn show<'a>(surroundings: &mut impl Surroundings, list: &List) -> Outcome<'a> {
    writeln!(
        surroundings,
        "{:<13}{:<17}{:<17}{:<8}{:>5}{:>8}{:>10}",
        "NAME", "CLIENT", "SERVER", "KIND", "EPOCH", "RUNG", "MESSAGES"
    )?;
    let mut from = 0;
    for _ in 0..MOST {
        let Some(record) = fetch_one(surroundings, &mut from)? else { break };
        show_one(surroundings, list, &record)?;
    }
    Ok(())
}

/// All channels at one moment.
pub fn fetch(surroundings: &mut impl Surroundings) -> Result<Vec<ChannelRecord>, Trouble> {
    let mut from = 0;
    (0..MOST).map_while(|_| fetch_one(surroundings, &mut from).transpose()).collect()
}

/// The channel with the number `from` or the next one, behind which `from` is afterwards.
fn fetch_one(
    surroundings: &mut impl Surroundings,
    from: &mut u32,
) -> Result<Option<ChannelRecord>, Trouble> {
    let index = *from;
    let next: Option<ChannelRecord> =
        fetch_next(surroundings, ResourceRequest::Channel, &Index { index })?;
    // Whatever number comes, the list goes on.
    *from = next.map_or(index, |one| one.id).max(index).saturating_add(1);
    Ok(next)
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
