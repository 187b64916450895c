//! Which memory is near to which processors, in words.

use crate::authority::Manager;
use crate::list::read_listed;
use crate::surroundings::{Surroundings, Trouble};
use crate::verbs::Outcome;
use crate::words::Pages;
use abi::message::database::{MemoryOwner, NodeRecord, ProcessorRecord, RowRecord, Table};
use abi::message::resource::{HardwareKind, ResourceRequest, RunRecord, TableQuery};
use abi::nodes::{NODES, NodeSource};
use abi::types::PAGE_SIZE;
use alloc::vec::Vec;
use core::fmt;
use resource_service::{Run, query, read_table, several_nodes};

/// Most records that are kept, whatever a manager says.
const MOST: usize = 256;

/// Memory by nodes.
pub fn nodes(surroundings: &mut impl Surroundings) -> Result<Vec<NodeRecord>, Trouble> {
    read_listed(surroundings, query(Table::Nodes), MOST)
}

fn processors(surroundings: &mut impl Surroundings) -> Result<Vec<ProcessorRecord>, Trouble> {
    read_listed(surroundings, query(Table::Processors), MOST)
}

/// One line for each node: its processors, its memory, what of that is free. Of one node alone why it is the only one.
pub fn show<'a>(surroundings: &mut impl Surroundings) -> Outcome<'a> {
    let nodes = nodes(surroundings)?;
    if !several_nodes(&nodes) {
        let source = nodes.first().and_then(|one| NodeSource::from_number(one.source));
        let why = source.map_or("", NodeSource::words);
        return Ok(writeln!(surroundings, "nodes       {:>9} {why}", 1)?);
    }
    let processors = processors(surroundings)?;
    let sums = sums(surroundings, &nodes)?;
    let last = nodes.iter().map(|one| one.node).max();
    for ([memory, free], node) in sums.into_iter().zip(0..).filter(|(_, node)| Some(*node) <= last)
    {
        let (memory, free) = (Pages(memory), Pages(free));
        write!(surroundings, "node {node:<7}{memory:>9} of memory, {free} free, ")?;
        let here = processors.iter().filter(|one| u32::from(one.node) == node);
        let here: Vec<u32> = here.map(|one| one.processor).collect();
        write_processors(surroundings, &here)?;
    }
    Ok(())
}

/// What `hardware` says of a record about nodes.
pub fn line(to: &mut impl Surroundings, kind: HardwareKind, values: [u64; 4]) -> fmt::Result {
    let [first, second, third, _] = values;
    match kind {
        HardwareKind::NodeMemory => {
            let ends = [second, second.saturating_add(third)];
            let [start, end] = ends.map(|frame| frame.saturating_mul(PAGE_SIZE));
            let last = end.saturating_sub(1);
            writeln!(to, "{start:012x}-{last:012x} {:>9} node {first}", Pages(third))
        }
        HardwareKind::Distances => {
            write!(to, "distances     ")?;
            let distances = values.map(u64::to_le_bytes);
            for distance in distances.as_flattened().iter().take_while(|far| **far > 0) {
                write!(to, " {distance}")?;
            }
            writeln!(to)
        }
        _ => {
            let source = u32::try_from(second).ok().and_then(NodeSource::from_number);
            writeln!(to, "nodes          {first}: {}", source.map_or("?", NodeSource::words))
        }
    }
}

/// Pages of each node, and those of them that are free.
fn sums(
    surroundings: &mut impl Surroundings,
    nodes: &[NodeRecord],
) -> Result<[[u64; 2]; NODES], Trouble> {
    let mut sums = [[0_u64; 2]; NODES];
    let query = TableQuery { table: 0, most: 0, from: 0, since: 0 };
    let [missing, available] =
        [MemoryOwner::Missing, MemoryOwner::Available].map(|owner| u32::from(owner.code()));
    read_table(&mut Manager(surroundings), ResourceRequest::Map, query, |run: RunRecord| {
        for one in nodes.iter().filter(|_| run.owner != missing) {
            let range = Run { start: one.start, count: one.count };
            let part = Run { start: run.start, count: run.count }.within(range).count;
            let place = usize::try_from(one.node).ok().and_then(|node| sums.get_mut(node));
            if let Some([memory, free]) = place {
                *memory = memory.saturating_add(part);
                *free = free.saturating_add(if run.owner == available { part } else { 0 });
            }
        }
    })?;
    Ok(sums)
}

/// Numbers in a row as first and last.
fn write_processors(to: &mut impl Surroundings, here: &[u32]) -> fmt::Result {
    match here {
        [] => return writeln!(to, "no processor"),
        [_] => write!(to, "processor")?,
        _ => write!(to, "processors")?,
    }
    for row in here.chunk_by(|one, next| one.checked_add(1) == Some(*next)) {
        match row {
            [first, .., last] => write!(to, " {first}-{last}")?,
            [only] => write!(to, " {only}")?,
            [] => {}
        }
    }
    writeln!(to)
}

/// Node of a processor and node of a partition's memory, where these are two.
pub fn apart(
    surroundings: &mut impl Surroundings,
    partition: u32,
    processor: u32,
) -> Result<Option<(u32, u32)>, Trouble> {
    let nodes = nodes(surroundings)?;
    if !several_nodes(&nodes) {
        return Ok(None);
    }
    let processors = processors(surroundings)?;
    let from = TableQuery { most: 1, from: partition.into(), ..query(Table::Partitions) };
    let rows: Vec<RowRecord> = read_listed(surroundings, from, 1)?;
    let there = processors.iter().find(|one| one.processor == processor);
    let row = rows.iter().find(|row| row.id == partition);
    let (Some(there), Some(row)) = (there, row) else { return Ok(None) };
    // Most of it tells where it is.
    let largest = row.memory.iter().max_by_key(|area| area.count);
    let start = largest.map_or(0, |area| u64::from(area.start));
    let holds =
        |one: &&NodeRecord| (one.start..one.start.saturating_add(one.count)).contains(&start);
    let memory = nodes.iter().find(holds).map(|one| one.node);
    Ok(memory
        .map(|memory| (u32::from(there.node), memory))
        .filter(|(there, memory)| there != memory))
}
