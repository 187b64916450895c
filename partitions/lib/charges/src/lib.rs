//! What a rescuer does for those in its charge: learns who stopped, waits the back-off, asks for the rescue.
//!
//! It holds no right over them. The resource manager knows who may rescue whom, keeps budget, back-off and end state, and does it; a
//! rescuer that comes back after its own death asks who stopped meanwhile.

#![cfg_attr(not(test), no_std)]
#![cfg_attr(not(test), deny(clippy::as_conversions, clippy::arithmetic_side_effects))]

use abi::fault::{Reason, exception_name};
use abi::image::name_text;
use abi::message::resource::{Index, ResourceRequest, ResourceStatus, StoppedRecord};
use abi::types::EventBit;
use core::fmt;
use rt::protocol::Resources;
use rt::{Answer, CallError, Client, Nanoseconds, System, Timer};

/// Most partitions that wait for their restart at once.
const WAITING: usize = rt::TIMERS - OTHERS;
/// Timers that are left to the rescuer's other business.
const OTHERS: usize = 4;
/// Longest time for an answer of the resource manager.
const PATIENCE: Nanoseconds = rt::time::seconds(2);
/// When to look again where the resource manager did not answer.
const AGAIN: Nanoseconds = rt::time::milliseconds(50);
/// The same where it was brought back before it answered.
const SOON: Nanoseconds = rt::time::milliseconds(1);

/// What differs between rescuers.
#[derive(Clone, Copy, Debug)]
pub struct Ways {
    /// Tells people what happens.
    pub say: fn(fmt::Arguments<'_>),
    /// Runs when somebody stops while the resource manager is being asked, for it may be that one.
    pub beside: fn(),
}

/// A partition that waits for its restart.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    timer: Timer,
    partition: u32,
}

/// Those in a rescuer's charge.
#[derive(Clone, Copy, Debug)]
pub struct Charges {
    resources: Option<Client<Resources>>,
    ways: Ways,
    waiting: [Option<Waiting>; WAITING],
    /// Looks again when it ends.
    look: Option<Timer>,
}

impl Charges {
    /// Those whose rescue is asked for on this channel. Who stopped before is asked at once.
    pub fn new(system: &mut System, resources: Option<Client<Resources>>, ways: Ways) -> Self {
        let look = system.after(Nanoseconds::new(0));
        Self { resources, ways, waiting: [None; WAITING], look }
    }

    /// The kernel or the resource manager rang: asks for one stopped partition after the other.
    pub fn rescue(&mut self, system: &mut System) {
        loop {
            let answer = match self.ask(system, ResourceRequest::Stopped, &[]) {
                Ok(answer) => answer,
                Err(error) => return self.look_again(system, pause(error)),
            };
            match (answer.status(), answer.body::<StoppedRecord>()) {
                (Ok(ResourceStatus::Ok), Some(record)) => self.stopped(system, &record),
                _ => return,
            }
        }
    }

    /// A timer ended. Whether it says that it is time to look at everything again.
    pub fn deadline(&mut self, system: &mut System, timer: Timer) -> bool {
        if self.look == Some(timer) {
            self.look = None;
            return true;
        }
        let due = |waiting: &Option<Waiting>| waiting.is_some_and(|waiting| waiting.timer == timer);
        let place = self.waiting.iter_mut().find(|waiting| due(waiting));
        if let Some(waiting) = place.and_then(Option::take) {
            self.restart(system, waiting.partition);
        }
        false
    }

    /// Has everything looked at once more, a little later.
    fn look_again(&mut self, system: &mut System, pause: Nanoseconds) {
        if self.look.is_none() {
            self.look = system.after(pause);
        }
    }

    /// Announces a stop, and notes when to restart.
    fn stopped(&mut self, system: &mut System, record: &StoppedRecord) {
        (self.ways.say)(format_args!("{}", Stop(record)));
        // A resource manager that was restarted tells of those again that are still down.
        if self.waiting.iter().flatten().any(|waiting| waiting.partition == record.id) {
            return;
        }
        if record.restarts_left == 0 {
            let name = name_text(&record.name);
            return (self.ways.say)(format_args!("{name} stays down: no restarts are left"));
        }
        if !self.wait(system, record.id, rt::time::milliseconds(record.backoff.into())) {
            // More wait already than can be kept: this one does not wait.
            self.restart(system, record.id);
        }
    }

    /// Notes a partition that is to be restarted after a time, if there is room for it.
    fn wait(&mut self, system: &mut System, partition: u32, time: Nanoseconds) -> bool {
        let Some(place) = self.waiting.iter_mut().find(|waiting| waiting.is_none()) else {
            return false;
        };
        *place = system.after(time).map(|timer| Waiting { timer, partition });
        place.is_some()
    }

    fn restart(&mut self, system: &mut System, partition: u32) {
        let index = Index { index: partition };
        let answer = self.ask(system, ResourceRequest::Rescue, rt::bytes(&index));
        let say = self.ways.say;
        match answer.map(|answer| answer.status()) {
            Ok(Ok(ResourceStatus::Ok)) => say(format_args!("partition {partition} is restarted")),
            // The resource manager was faster, or a person.
            Ok(Ok(ResourceStatus::WrongState)) => {}
            Ok(Ok(status)) => {
                say(format_args!("partition {partition} is not restarted: {status:?}"));
            }
            // The resource manager is down or slow itself: the books still say that this one is.
            Ok(Err(error)) | Err(error) => {
                let _ = self.wait(system, partition, pause(error));
                self.look_again(system, pause(error));
            }
        }
    }

    fn ask(
        &self,
        system: &mut System,
        request: ResourceRequest,
        body: &[u8],
    ) -> Result<Answer<Resources>, CallError> {
        let client = self.resources.ok_or(CallError::NoPeer)?;
        let (deadline, fault) = (rt::time::after(PATIENCE), EventBit::FAULT.mask());
        client.call_beside(system, request, body, deadline, fault, |_| (self.ways.beside)())
    }
}

/// After which time to ask again what came to nothing.
fn pause(error: CallError) -> Nanoseconds {
    if error == CallError::PeerRestarted { SOON } else { AGAIN }
}

/// Who stopped, and why, in words.
struct Stop<'a>(&'a StoppedRecord);

impl fmt::Display for Stop<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [reason, code, address, instruction, ..] = self.0.fault;
        let name = name_text(&self.0.name);
        match Reason::from_number(reason) {
            Some(Reason::Exit) => write!(f, "{name} ended with code {code}"),
            Some(Reason::Panic) => write!(f, "{name} panicked at line {code}"),
            Some(Reason::OutOfMemory) => write!(f, "{name} is out of memory"),
            Some(Reason::Processor) => {
                write!(f, "{name} stopped: its processor, {code}, failed")
            }
            Some(Reason::Evicted) => {
                write!(f, "{name} was evicted: its state could not be restored")
            }
            Some(Reason::Hang) => write!(f, "{name} hung at {instruction:#x}"),
            Some(Reason::Storm) => write!(f, "{name} rang too many doorbells"),
            None => write!(
                f,
                "{name} stopped: {} at {instruction:#x}, address {address:#x}",
                exception_name(reason)
            ),
        }
    }
}
