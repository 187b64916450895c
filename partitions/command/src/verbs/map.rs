//! `map`.

use super::Outcome;
use crate::authority::Manager;
use crate::list::List;
use crate::nodes::nodes;
use crate::surroundings::{Surroundings, Trouble};
use abi::message::database::MemoryOwner;
use abi::message::resource::{ResourceRequest, RunRecord, TableQuery};
use alloc::format;
use alloc::string::{String, ToString};
use console_grammar::Area;
use resource_service::{MapText, Zoom, read_table};

/// Whose memory is: of the whole machine, or of a part.
pub fn show<'a>(
    surroundings: &mut impl Surroundings,
    list: &List,
    area: Option<Area>,
) -> Outcome<'a> {
    let (around, scale) = match area {
        Some(area) => (area.frame, Zoom::of(area.scale).unwrap_or(Zoom::PAGE)),
        None => (0, Zoom::fitting(frames(surroundings)?)),
    };
    let mut map = MapText::new(around, scale);
    let query = TableQuery { table: 0, most: 0, from: map.start(), since: 0 };
    read_table(&mut Manager(&mut *surroundings), ResourceRequest::Map, query, |run| {
        map.add(&run);
    })
    .map_err(Trouble::from)?;
    map.finish();
    map.tell_nodes(&nodes(surroundings)?);
    Ok(map.write(surroundings, &|owner, id| name(list, owner, id))?)
}

/// One past the last frame that the books know.
fn frames(surroundings: &mut impl Surroundings) -> Result<u64, Trouble> {
    let mut end = 0;
    let query = TableQuery { table: 0, most: 0, from: 0, since: 0 };
    read_table(&mut Manager(surroundings), ResourceRequest::Map, query, |run: RunRecord| {
        end = run.start.saturating_add(run.count);
    })?;
    Ok(end)
}

/// Who a partition or a channel is, in a few letters.
fn name(list: &List, owner: MemoryOwner, id: u32) -> String {
    match owner {
        MemoryOwner::Partition => {
            let same = |name: &str| list.names().filter(|one| *one == name).count();
            match list.name(id) {
                Some(name) if same(name) < 2 => name.to_string(),
                Some(name) => format!("{id} {name}"),
                None => format!("partition {id}"),
            }
        }
        _ => format!("channel {id}"),
    }
}
