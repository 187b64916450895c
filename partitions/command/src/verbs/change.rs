//! `start`, `stop`, `kill`, `restart`, `pause`, `resume`.

use super::Outcome;
use crate::complaint::Complaint;
use crate::list::{List, carries_console, has_role, state};
use crate::session::mark_end;
use crate::surroundings::{Surroundings, Trouble};
use crate::unfit::Unfit;
use abi::manifest::PartitionRole;
use abi::message::resource::{Index, ResourceRequest, ResourceStatus};
use zerocopy::IntoBytes;

/// A change of a partition's state.
pub struct Change {
    verb: &'static str,
    request: ResourceRequest,
    done: &'static str,
    /// The partition does not run afterwards.
    ends: bool,
}

impl Change {
    pub const START: Self =
        Self { verb: "start", request: ResourceRequest::Start, done: "started", ends: false };
    pub const STOP: Self =
        Self { verb: "stop", request: ResourceRequest::Stop, done: "stopped", ends: true };
    pub const KILL: Self =
        Self { verb: "kill", request: ResourceRequest::Kill, done: "killed", ends: true };
    pub const RESTART: Self =
        Self { verb: "restart", request: ResourceRequest::Restart, done: "restarted", ends: false };
    pub const PAUSE: Self =
        Self { verb: "pause", request: ResourceRequest::Pause, done: "paused", ends: true };
    pub const RESUME: Self =
        Self { verb: "resume", request: ResourceRequest::Resume, done: "goes on", ends: false };
}

/// Changes the partition with this name.
pub fn partition<'a>(
    surroundings: &mut impl Surroundings,
    list: &'a List,
    name: &'a str,
    change: &Change,
) -> Outcome<'a> {
    let record = list.named(name)?;
    if change.ends && carries_console(record) {
        return Err(Complaint::CarriesConsole { verb: change.verb, name });
    }
    let manager = has_role(record, PartitionRole::ResourceManager);
    if manager && change.request == ResourceRequest::Stop {
        return Err(Complaint::Needed { name });
    }
    if record.id == surroundings.myself() {
        say_before(surroundings, name, change)?;
    }
    let state = state(record).map_or("in an unknown state", |(_, word)| word);
    let halts = [ResourceRequest::Pause, ResourceRequest::Resume].contains(&change.request);
    surroundings.ask(change.request, Index { index: record.id }.as_bytes()).map_err(|trouble| {
        match trouble {
            Trouble::Refused(ResourceStatus::NotAllowed, _) if halts => {
                Complaint::Unfit(Unfit::Needed { verb: change.verb, name })
            }
            Trouble::Refused(ResourceStatus::NotAllowed, _)
                if change.request == ResourceRequest::Start =>
            {
                Complaint::Unfit(Unfit::OutsideZones { name })
            }
            Trouble::Refused(ResourceStatus::Limit, Some(free)) if !change.ends => {
                Complaint::Unfit(Unfit::NoShare { name, processor: record.processor, free })
            }
            trouble => Complaint::Change { verb: change.verb, name, state, trouble },
        }
    })?;
    if manager {
        // It takes nothing up any more: this comes back, unanswered, when the next one is there.
        let _ = surroundings.ask(ResourceRequest::Machine, &[]);
    }
    Ok(writeln!(surroundings, "{name} {}", change.done)?)
}

/// There is no later: who asks for their own restart is gone before the answer comes.
fn say_before<'a>(
    surroundings: &mut impl Surroundings,
    name: &str,
    change: &Change,
) -> Outcome<'a> {
    writeln!(surroundings, "{name} {}", change.done)?;
    mark_end(surroundings, 0);
    surroundings.flush();
    Ok(())
}
