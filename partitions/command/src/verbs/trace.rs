//! `trace`: the newest records of all processors, in the order of their times.

use super::Outcome;
use crate::list::List;
use crate::surroundings::{Surroundings, Trouble, fetch_next};
use crate::words::{Fault, Operation};
use abi::manifest::NO_PARTITION;
use abi::message::resource::{ResourceRequest, TraceQuery, TraceRecord};
use abi::trace::{TRACE_RECORDS, TraceKind};
use abi::types::MAX_PROCESSORS;
use alloc::vec::Vec;

/// A line for each of the newest `count` records.
pub fn show<'a>(surroundings: &mut impl Surroundings, list: &List, count: u32) -> Outcome<'a> {
    let count = count.min(u32::try_from(TRACE_RECORDS).unwrap_or(u32::MAX));
    let mut records = Vec::new();
    for processor in 0..u32::from(MAX_PROCESSORS) {
        if !fetch_some(surroundings, processor, count, &mut records)? {
            break;
        }
        records.sort_by_key(|(_, record): &(u32, TraceRecord)| record.time);
        let surplus = records.len().saturating_sub(usize::try_from(count).unwrap_or(usize::MAX));
        records.drain(..surplus);
    }
    writeln!(surroundings, "{:>14}  CPU  WHAT", "SECONDS")?;
    for (processor, record) in &records {
        let (seconds, rest) = (record.time / 1_000_000_000, record.time % 1_000_000_000 / 1000);
        write!(surroundings, "{seconds:>7}.{rest:06}  {processor:>3}  ")?;
        show_one(surroundings, list, record)?;
        writeln!(surroundings)?;
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
    for back in 0..count {
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
    record: &TraceRecord,
) -> Outcome<'a> {
    let who = list.name(record.partition).unwrap_or("a context that is gone");
    let none = record.partition == NO_PARTITION;
    match TraceKind::from_number(record.kind.into()) {
        Some(TraceKind::Switch) if none && record.first == 0 => write!(surroundings, "halts")?,
        Some(TraceKind::Switch) => write!(surroundings, "{who} runs")?,
        Some(TraceKind::Interrupt) => write!(surroundings, "interrupt line {}", record.first)?,
        Some(TraceKind::Doorbell) => {
            write!(surroundings, "doorbell of {who} rung, event {}", record.second)?;
        }
        Some(TraceKind::Fault) => {
            // The record holds no place, so an exception's is not shown.
            write!(
                surroundings,
                "{who} stopped: {}",
                Fault { reason: record.second, instruction: None }
            )?;
        }
        Some(TraceKind::Plan) => write!(surroundings, "a new plan takes over")?,
        Some(TraceKind::Control) => {
            write!(surroundings, "control: {}", Operation(record.first, record.second))?;
        }
        None => write!(surroundings, "record of kind {}", record.kind)?,
    }
    Ok(())
}
