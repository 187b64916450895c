//! Watches the resource manager, which watches all others: it must answer.

use crate::manager::ManagerRescue;
use abi::message::resource::ResourceRequest;
use abi::types::EventBit;
use rt::protocol::Resources;
use rt::time::after;
use rt::{CallError, Client, Nanoseconds, System, Timer};

/// The watch.
pub struct Watch {
    resources: Option<Client<Resources>>,
    timer: Option<Timer>,
    /// Time the resource manager had run when it first left a question unanswered.
    silent_since: Option<u64>,
}

impl Watch {
    /// Watches whom this channel leads to.
    pub fn new(system: &mut System, resources: Option<Client<Resources>>) -> Self {
        let timer = ManagerRescue::find().limit().and_then(|limit| system.after(limit));
        Self { resources, timer, silent_since: None }
    }

    /// A timer ended; whether it was the watch's. `beside` runs when somebody stops meanwhile.
    pub fn deadline(&mut self, system: &mut System, timer: Timer, beside: fn()) -> bool {
        let manager = ManagerRescue::find();
        let (true, Some(limit)) = (self.timer == Some(timer), manager.limit()) else {
            return false;
        };
        self.look(system, &manager, limit, beside);
        self.timer = system.after(limit);
        true
    }

    fn look(
        &mut self,
        system: &mut System,
        manager: &ManagerRescue,
        limit: Nanoseconds,
        beside: fn(),
    ) {
        let Some(client) = self.resources else { return };
        let (used, question) = (manager.used(), ResourceRequest::Machine);
        let (deadline, fault) = (after(half(limit)), EventBit::FAULT.mask());
        let answer = client.call_beside(system, question, &[], deadline, fault, |_| beside());
        // One that takes up nothing leaves no room for a question in the end.
        if !matches!(answer.err(), Some(CallError::Timeout | CallError::Full)) {
            self.silent_since = None;
            return;
        }
        // Only what it ran itself counts: a resource manager that does not get to run cannot answer.
        let since = *self.silent_since.get_or_insert(used);
        if manager.used().saturating_sub(since) > limit.raw() {
            rt::log!("resource-manager does not answer and is stopped");
            self.silent_since = None;
            manager.end_hung();
        }
    }
}

const fn half(time: Nanoseconds) -> Nanoseconds {
    Nanoseconds::new(time.raw() / 2)
}
