//! Learns of stops, waits the back-off, asks for the restart, and says in words what happens.

use crate::manager::ManagerRescue;
use abi::fault::{Reason, exception_name, word};
use abi::image::name_text;
use abi::message::resource::{Index, ResourceRequest, ResourceStatus, StoppedRecord};
use abi::types::EventBit;
use rt::protocol::Resources;
use rt::{Answer, CallError, Client, Nanoseconds, Partition, Start, System, Timer};

/// Most partitions that wait for their restart at once.
const WAITING: usize = 32;
/// Longest time for an answer of the resource manager.
const PATIENCE: Nanoseconds = rt::time::seconds(2);
/// When to look again where the resource manager did not answer.
const AGAIN: Nanoseconds = rt::time::milliseconds(50);
/// The same where it was brought back before it answered.
const SOON: Nanoseconds = rt::time::milliseconds(1);

/// A partition that waits for its restart.
#[derive(Clone, Copy)]
struct Waiting {
    timer: Timer,
    partition: u32,
}

/// The rescuer.
pub struct Rescuer {
    resources: Option<Client<Resources>>,
    manager: ManagerRescue,
    waiting: [Option<Waiting>; WAITING],
    /// Looks again when it ends.
    look: Option<Timer>,
}

impl Partition for Rescuer {
    fn started(system: &mut System, start: &Start) -> Self {
        if start.starts > 1 {
            rt::log!("boot: started for the {}. time", start.starts);
        }
        let resources = system.client::<Resources>("resource");
        let manager = ManagerRescue::find();
        let mut rescuer = Self { resources, manager, waiting: [None; WAITING], look: None };
        // What stopped while nobody watched.
        rescuer.look = system.after(Nanoseconds::new(0));
        rescuer
    }

    fn rescue(&mut self, system: &mut System) {
        if self.manager.is_down() {
            self.rescue_manager(system);
        }
        self.ask_who_stopped(system);
    }

    fn deadline(&mut self, system: &mut System, timer: Timer) {
        if self.look == Some(timer) {
            self.look = None;
            return self.rescue(system);
        }
        let due = |waiting: &Option<Waiting>| waiting.is_some_and(|waiting| waiting.timer == timer);
        let place = self.waiting.iter_mut().find(|waiting| due(waiting));
        if let Some(waiting) = place.and_then(Option::take) {
            self.restart(system, waiting.partition);
        }
    }
}

impl Rescuer {
    /// Asks for one stopped partition after the other.
    fn ask_who_stopped(&mut self, system: &mut System) {
        loop {
            let answer = self.ask(system, ResourceRequest::Stopped, &[]);
            let answer = match answer {
                Ok(answer) => answer,
                Err(error) => return self.look_again(system, pause(error)),
            };
            match (answer.status(), answer.body::<StoppedRecord>()) {
                (Ok(ResourceStatus::Ok), Some(record)) => self.stopped(system, &record),
                _ => return,
            }
        }
    }

    /// Announces a stop, and notes when to restart.
    fn stopped(&mut self, system: &mut System, record: &StoppedRecord) {
        announce(record);
        // A resource manager that was restarted tells of those again that are still down.
        if self.waiting.iter().flatten().any(|waiting| waiting.partition == record.id) {
            return;
        }
        if record.restarts_left == 0 {
            rt::log!("{} stays down: no restarts are left", name_text(&record.name));
            return;
        }
        let backoff = rt::time::milliseconds(record.backoff.into());
        let place = self.waiting.iter_mut().find(|waiting| waiting.is_none());
        match (place, system.after(backoff)) {
            (Some(place), Some(timer)) => *place = Some(Waiting { timer, partition: record.id }),
            // More wait already than can be kept: this one does not wait.
            _ => self.restart(system, record.id),
        }
    }

    fn restart(&mut self, system: &mut System, partition: u32) {
        let index = Index { index: partition };
        let answer = self.ask(system, ResourceRequest::Restart, rt::bytes(&index));
        match answer.map(|answer| answer.status()) {
            Ok(Ok(ResourceStatus::Ok)) => rt::log!("partition {partition} is restarted"),
            Ok(Ok(status)) => rt::log!("partition {partition} is not restarted: {status:?}"),
            // The resource manager is down or slow itself: the books still say that this one is.
            Ok(Err(error)) | Err(error) => self.wait_for_restart(system, partition, pause(error)),
        }
    }

    /// Notes a partition whose restart could not be asked for.
    fn wait_for_restart(&mut self, system: &mut System, partition: u32, pause: Nanoseconds) {
        let place = self.waiting.iter_mut().find(|waiting| waiting.is_none());
        if let (Some(place), Some(timer)) = (place, system.after(pause)) {
            *place = Some(Waiting { timer, partition });
        }
        self.look_again(system, pause);
    }

    fn look_again(&mut self, system: &mut System, pause: Nanoseconds) {
        if self.look.is_none() {
            self.look = system.after(pause);
        }
    }

    /// Asks the resource manager, and brings it back if it dies of it: nobody else would.
    fn ask(
        &mut self,
        system: &mut System,
        request: ResourceRequest,
        body: &[u8],
    ) -> Result<Answer<Resources>, CallError> {
        let client = self.resources.ok_or(CallError::NoPeer)?;
        let (deadline, fault) = (rt::time::after(PATIENCE), EventBit::FAULT.mask());
        client.call_beside(system, request, body, deadline, fault, |system| {
            if self.manager.is_down() {
                self.rescue_manager(system);
            }
        })
    }

    fn rescue_manager(&mut self, system: &mut System) {
        rt::log!("resource-manager stopped: {}", self.manager.reason());
        match self.manager.restart() {
            Ok(()) => rt::log!("resource-manager is restarted"),
            Err(refusal) => {
                rt::log!("resource-manager cannot be restarted: {:?}", refusal.error);
                self.look_again(system, AGAIN);
            }
        }
    }
}

/// After which time to ask again what came to nothing.
fn pause(error: CallError) -> Nanoseconds {
    if error == CallError::PeerRestarted { SOON } else { AGAIN }
}

/// Says who stopped, and why.
fn announce(record: &StoppedRecord) {
    let [reason, code, address, instruction, ..] = record.fault;
    let name = name_text(&record.name);
    match Reason::from_number(reason) {
        Some(Reason::Exit) => rt::log!("{name} ended with code {code}"),
        Some(Reason::Panic) => rt::log!("{name} panicked at line {code}"),
        Some(Reason::OutOfMemory) => rt::log!("{name} is out of memory"),
        Some(Reason::Evicted) => rt::log!("{name} was evicted: its state could not be restored"),
        None => rt::log!(
            "{name} stopped: {} at {instruction:#x}, address {address:#x}",
            exception_name(reason)
        ),
    }
}

const _: () = assert!(word::REASON == 0 && word::CODE == 1 && word::INSTRUCTION == 3);
