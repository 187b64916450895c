//! `upgrade`: which versions there are, and going over to them.

use super::Outcome;
use super::change::{self, Change};
use crate::complaint::Complaint;
use crate::hindrance::{Hindrance, why};
use crate::list::{List, state};
use crate::surroundings::{Surroundings, fetch, fetch_next};
use crate::words::name_of;
use abi::image::name_text;
use abi::message::resource::{Index, PartitionRecord, PartitionState, ResourceRequest};
use abi::message::upgrade::{Obstacle, UpgradeRecord};
use console_grammar::Going;

/// Lists versions, or changes that of one partition.
pub fn upgrade<'a>(
    surroundings: &mut impl Surroundings,
    list: &'a List,
    wanted: Option<(&'a str, Going)>,
) -> Outcome<'a> {
    let Some((name, going)) = wanted else { return show(surroundings, list) };
    let record = list.named(name)?;
    match going {
        Going::Later => note(surroundings, list, name, record),
        Going::Now => {
            note(surroundings, list, name, record)?;
            change::partition(surroundings, list, name, &Change::RESTART)
        }
        Going::Back => back(surroundings, list, name, record),
    }
}

/// What there is to know of a partition's versions.
fn look<'a>(
    surroundings: &mut impl Surroundings,
    record: &PartitionRecord,
) -> Result<UpgradeRecord, Complaint<'a>> {
    Ok(fetch(surroundings, ResourceRequest::Versions, &Index { index: record.id })?)
}

/// One line for each partition.
fn show<'a>(surroundings: &mut impl Surroundings, list: &List) -> Outcome<'a> {
    let (mut any, mut index) = (false, 0);
    for _ in list.all() {
        let next = fetch_next(surroundings, ResourceRequest::Versions, &Index { index })?;
        let Some::<UpgradeRecord>(record) = next else { break };
        index = record.id.saturating_add(1);
        if !core::mem::replace(&mut any, true) {
            writeln!(surroundings, "{:>3} {:<17}{:>7}{:>6}", "ID", "NAME", "VERSION", "NEXT")?;
        }
        show_one(surroundings, list, &record)?;
    }
    Ok(())
}

fn show_one<'a>(
    surroundings: &mut impl Surroundings,
    list: &List,
    record: &UpgradeRecord,
) -> Outcome<'a> {
    let name = name_of(&record.name);
    write!(surroundings, "{:>3} {name:<17}{:>7}", record.id, record.version)?;
    let next = if record.waiting == 0 { record.offered } else { record.waiting };
    match next {
        0 => write!(surroundings, "{:>6}  ", "-")?,
        next => write!(surroundings, "{next:>6}  ")?,
    }
    if record.waiting != 0 {
        write!(surroundings, "goes over when it is started next")?;
    } else if record.before != 0 {
        let before = record.before;
        write!(surroundings, "on trial: goes back to {before} unless it proves itself")?;
    } else if record.obstacle == Obstacle::None.code().into() {
        write!(surroundings, "in {}: type upgrade {name}", name_text(&record.image))?;
    } else {
        write!(surroundings, "{}", why(record, list))?;
    }
    Ok(writeln!(surroundings)?)
}

/// Notes that the next start goes over.
fn note<'a>(
    surroundings: &mut impl Surroundings,
    list: &'a List,
    name: &'a str,
    record: &PartitionRecord,
) -> Outcome<'a> {
    let versions = look(surroundings, record)?;
    if versions.waiting == 0 && versions.obstacle != Obstacle::None.code().into() {
        return Err(Complaint::Upgrade(Hindrance { name, why: why(&versions, list) }));
    }
    let noted: UpgradeRecord =
        fetch(surroundings, ResourceRequest::Upgrade, &Index { index: record.id })?;
    let (from, to) = (noted.version, noted.waiting);
    Ok(writeln!(
        surroundings,
        "{name} runs version {from} until it is restarted, then version {to}"
    )?)
}

/// Takes a note back, or goes back to the version before.
fn back<'a>(
    surroundings: &mut impl Surroundings,
    list: &'a List,
    name: &'a str,
    record: &PartitionRecord,
) -> Outcome<'a> {
    let versions = look(surroundings, record)?;
    if versions.waiting == 0 && versions.before == 0 && versions.version <= 1 {
        return Err(Complaint::Upgrade(Hindrance { name, why: crate::hindrance::Why::First }));
    }
    let after: UpgradeRecord =
        fetch(surroundings, ResourceRequest::Rollback, &Index { index: record.id })?;
    if after.waiting == 0 {
        return Ok(writeln!(surroundings, "{name} stays with version {}", after.version)?);
    }
    write!(surroundings, "{name} goes back from version {} to {}", after.version, after.waiting)?;
    // Whoever was stopped or paused stays so.
    let rests = [PartitionState::Stopped, PartitionState::Paused];
    if state(record).is_some_and(|(state, _)| rests.contains(&state)) {
        return Ok(writeln!(surroundings, " when it is started next")?);
    }
    writeln!(surroundings)?;
    change::partition(surroundings, list, name, &Change::RESTART)
}
