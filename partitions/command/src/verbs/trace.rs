//! `trace`: the newest records of all processors, in the order of their times.

use super::Outcome;
use crate::list::List;
use crate::surroundings::{Surroundings, Trouble, fetch_next};
use crate::words::{Fault, Operation};
use abi::manifest::NO_PARTITION;
use abi::message::resource::{ResourceRequest, TraceQuery, TraceRecord};
use abi::trace::{TRACE_RECORDS, TraceKind};
use abi::types::MAX_PROCESSORS;
use alloc::format;
use alloc::vec::Vec;
use trace_text::{HEADER, Line, What};

/// A line for each of the newest `count` records, those of all processors together. The names are asked for
/// afterwards, for asking is traced as well.
pub fn show<'a>(surroundings: &mut impl Surroundings, count: u32) -> Outcome<'a> {
    let mut records = Vec::new();
    for processor in 0..u32::from(MAX_PROCESSORS) {
        if !fetch_some(surroundings, processor, count, &mut records)? {
            break;
        }
    }
    records.sort_by_key(|(_, record): &(u32, TraceRecord)| record.time);
    let surplus = records.len().saturating_sub(usize::try_from(count).unwrap_or(usize::MAX));
    let list = List::fetch(surroundings)?;
    writeln!(surroundings, "{HEADER}")?;
    for (processor, record) in records.iter().skip(surplus) {
        show_one(surroundings, &list, *processor, record)?;
    }
    Ok(())
}

/// Adds the newest records of one processor; false if there is none.
fn fetch_some(
    surroundings: &mut impl Surroundings,
    processor: u32,
    count: u32,
    records: &mut Vec<(u32, TraceRecord)>,
) -> Result<bool, Trouble> {
    let kept = u32::try_from(TRACE_RECORDS).unwrap_or(u32::MAX);
    for back in 0..count.min(kept) {
        let query = TraceQuery { processor, back };
        match fetch_next(surroundings, ResourceRequest::Trace, &query)? {
            Some(record) => records.push((processor, record)),
            None => return Ok(back > 0),
        }
    }
    Ok(true)
}

fn show_one<'a>(
    surroundings: &mut impl Surroundings,
    list: &List,
    processor: u32,
    record: &TraceRecord,
) -> Outcome<'a> {
    let who = list.name(record.partition).unwrap_or("somebody-gone");
    let none = record.partition == NO_PARTITION;
    // The record holds no place, so an exception's is not shown.
    let why = format!("{}", Fault { reason: record.second, instruction: None });
    let operation = format!("{}", Operation(record.first, record.second));
    let what = match TraceKind::from_number(record.kind.into()) {
        Some(TraceKind::Switch) if none && record.first == 0 => What::Halts,
        Some(TraceKind::Switch) => What::Runs(who),
        Some(TraceKind::Interrupt) => What::Interrupt(record.first),
        Some(TraceKind::Doorbell) => What::Rung(who, record.second),
        Some(TraceKind::Fault) => What::Stopped(who, &why),
        Some(TraceKind::Plan) => What::Plan,
        Some(TraceKind::Control) => What::Control(&operation),
        None => What::Other(record.kind.into()),
    };
    Ok(writeln!(surroundings, "{}", Line { time: record.time, processor, what })?)
}
