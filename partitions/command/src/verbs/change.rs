//! `start`, `stop`, `kill`, `restart`.

use super::Outcome;
use crate::complaint::Complaint;
use crate::list::{List, state};
use crate::surroundings::Surroundings;
use abi::message::resource::{Index, ResourceRequest};
use zerocopy::IntoBytes;

/// A change of a partition's state.
pub struct Change {
    verb: &'static str,
    request: ResourceRequest,
    done: &'static str,
}

impl Change {
    pub const START: Self =
        Self { verb: "start", request: ResourceRequest::Start, done: "started" };
    pub const STOP: Self = Self { verb: "stop", request: ResourceRequest::Stop, done: "stopped" };
    pub const KILL: Self = Self { verb: "kill", request: ResourceRequest::Kill, done: "killed" };
    pub const RESTART: Self =
        Self { verb: "restart", request: ResourceRequest::Restart, done: "restarted" };
}

/// Changes the partition with this name.
pub fn partition<'a>(
    surroundings: &mut impl Surroundings,
    list: &'a List,
    name: &'a str,
    change: &Change,
) -> Outcome<'a> {
    let record = list.named(name)?;
    let state = state(record).map_or("in an unknown state", |(_, word)| word);
    surroundings
        .ask(change.request, Index { index: record.id }.as_bytes())
        .map_err(|trouble| Complaint::Change { verb: change.verb, name, state, trouble })?;
    Ok(writeln!(surroundings, "{name} {}", change.done)?)
}
