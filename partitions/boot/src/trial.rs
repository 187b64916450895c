//! A resource manager that went over to another version must say that it runs, and answer, in the time that this one has for coming up.

use crate::manager::ManagerRescue;
use abi::message::resource::ResourceRequest;
use abi::types::EventBit;
use rt::protocol::Resources;
use rt::time::{after, milliseconds, now};
use rt::{CallError, Client, Nanoseconds, System, Timer};

/// Time between two looks at one that has not said that it runs.
const STEP: Nanoseconds = milliseconds(5);
/// How long it may take to answer then.
const PATIENCE: Nanoseconds = milliseconds(250);

/// The trial of a version.
pub struct Trial {
    resources: Option<Client<Resources>>,
    timer: Option<Timer>,
    /// When what was looked at last, or is looked at, was started.
    since: Nanoseconds,
}

impl Trial {
    /// Looks once somebody asks it to.
    pub fn new(resources: Option<Client<Resources>>) -> Self {
        Self { resources, timer: None, since: Nanoseconds::new(0) }
    }

    /// Begins to look at a version that was gone over to meanwhile; whether one is looked at, of which nobody knows whether it will answer.
    pub fn is_open(&mut self, system: &mut System) -> bool {
        let since = ManagerRescue::find().trial().map(|[_, since]| since);
        if let Some(since) = since.filter(|since| *since != self.since) {
            self.since = since;
            self.timer = system.after(STEP);
        }
        self.timer.is_some()
    }

    /// A timer ended; whether it was the trial's. `beside` runs when somebody stops meanwhile.
    pub fn deadline(&mut self, system: &mut System, timer: Timer, beside: fn()) -> bool {
        if self.timer != Some(timer) {
            return false;
        }
        self.timer = None;
        let manager = ManagerRescue::find();
        // Another one, or none any more: whoever stopped is looked after already.
        let Some([due, since]) = manager.trial() else { return true };
        if since != self.since || manager.is_down() {
            return true;
        }
        let up = if manager.says_it_runs() {
            self.answers(system, beside)
        } else if now() < due {
            self.timer = system.after(STEP);
            true
        } else {
            false
        };
        if !up {
            rt::log!("resource-manager was not up in its time and is stopped");
            manager.end_hung();
        }
        true
    }

    fn answers(&self, system: &mut System, beside: fn()) -> bool {
        let Some(client) = self.resources else { return true };
        let (deadline, fault) = (after(PATIENCE), EventBit::FAULT.mask());
        let question = ResourceRequest::Machine;
        let answer = client.call_beside(system, question, &[], deadline, fault, |_| beside());
        // That it took up the channel just now is an answer.
        answer.err().is_none_or(|error| error == CallError::PeerRestarted)
    }
}
