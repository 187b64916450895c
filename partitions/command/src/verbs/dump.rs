//! `dump`: what is left of partitions.

use super::Outcome;
use crate::complaint::Complaint;
use crate::dumping::Dump;
use crate::list::List;
use crate::surroundings::{Surroundings, fetch_next};
use crate::words::{Duration, Fault, Pages, name_of};
use abi::message::core::CorpseRecord;
use abi::message::resource::{Index, ResourceRequest};
use abi::types::Nanoseconds;
use console_grammar::Look;
use zerocopy::IntoBytes;

/// Begins to write one as a file.
pub fn begin<'a>(
    surroundings: &mut impl Surroundings,
    list: &'a List,
    name: &'a str,
    look: Look,
) -> Result<Dump, Complaint<'a>> {
    let id = list.named(name)?.id;
    let begun = Dump::begin(surroundings, id, name, look);
    begun.map_err(|trouble| Complaint::Dump { name, look, trouble })
}

/// Gives back what was kept of a partition.
pub fn forget<'a>(
    surroundings: &mut impl Surroundings,
    list: &'a List,
    name: &'a str,
) -> Outcome<'a> {
    let index = list.named(name)?.id;
    surroundings.ask(ResourceRequest::Forget, Index { index }.as_bytes())?;
    Ok(writeln!(surroundings, "nothing is kept of {name}")?)
}

/// One line for each partition of which something is kept.
pub fn show<'a>(surroundings: &mut impl Surroundings, list: &List) -> Outcome<'a> {
    let (mut any, mut index) = (false, 0);
    for _ in list.all() {
        let next = fetch_next(surroundings, ResourceRequest::Corpse, &Index { index })?;
        let Some::<CorpseRecord>(record) = next else { break };
        index = record.id.saturating_add(1);
        if !core::mem::replace(&mut any, true) {
            let titles = ("ID", "NAME", "LIFE", "MEMORY", "ENDED AT");
            let (id, name, life, memory, ended) = titles;
            writeln!(surroundings, "{id:>3} {name:<17}{life:>5} {memory:>9} {ended:>12}  WHY")?;
        }
        show_one(surroundings, &record)?;
    }
    match any {
        true => Ok(()),
        false => Ok(writeln!(surroundings, "nothing is kept of anybody")?),
    }
}

fn show_one<'a>(surroundings: &mut impl Surroundings, record: &CorpseRecord) -> Outcome<'a> {
    let CorpseRecord { id, life, .. } = record;
    let (name, memory) = (name_of(&record.name), Pages(record.pages.into()));
    let ended = Duration(Nanoseconds::new(record.time));
    let why = Fault { reason: record.reason, instruction: None };
    write!(surroundings, "{id:>3} {name:<17}{life:>5} {memory:>9} {ended:>12}  {why}")?;
    match record.missing {
        0 => writeln!(surroundings)?,
        missing => writeln!(surroundings, "; {missing} pages are missing")?,
    }
    Ok(())
}
