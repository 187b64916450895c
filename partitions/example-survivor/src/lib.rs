//! Survival: a keeper that may die at any moment, and somebody who relies on it all the same.
//!
//! Where the manifest gives a channel "keeper" the partition counts up and has every number kept; where it gives
//! channels to serve it keeps the highest number that any client told, in memory that is clean after a restart.

#![cfg_attr(target_os = "none", no_std)]

use rt::{Client, Partition, Server, Signal, Start, System, Timer};

rt::protocol! {
    /// Keeps a number.
    pub Keep;
    /// What can be asked.
    pub enum KeepRequest {
        /// Keep these eight bytes if they are more than what is kept.
        Raise = 1,
        /// Answer with what is kept.
        Tell = 2,
    }
    /// How it went.
    pub enum KeepStatus {
        /// Done.
        Ok = 0,
        /// Unknown request or wrong length.
        Malformed = 1,
    }
}

/// How often a number is counted up.
pub const PACE: rt::Nanoseconds = rt::time::milliseconds(500);

/// The partition.
#[derive(Default)]
pub struct Main {
    keeper: Client<Keep>,
    /// The last number whose keeping was confirmed.
    pub confirmed: u64,
    /// How often the keeper was seen to restart.
    pub restarts: u32,
    /// As keeper: the highest number.
    pub kept: u64,
}

impl Main {
    /// To raise twice is as good as once: the runtime repeats it when the keeper dies before it answers.
    fn raise(&self, system: &mut System, number: u64) {
        let bytes = number.to_le_bytes();
        if let Err(error) = self.keeper.send_idempotent(system, KeepRequest::Raise, &bytes) {
            rt::log!("survivor: not sent: {error:?}");
        }
    }

    fn hear(&mut self, system: &mut System) {
        while let Some(answer) = self.keeper.next(system) {
            if let (Ok(KeepStatus::Ok), Some(number)) = (answer.status(), answer.body()) {
                self.confirmed = self.confirmed.max(number);
            }
        }
    }

    fn keep(&mut self, system: &mut System, server: Server<Keep>) {
        while let Some(request) = server.next(system) {
            let status = match (request.code(), request.body::<u64>()) {
                (Some(KeepRequest::Raise), Some(number)) => {
                    self.kept = self.kept.max(number);
                    KeepStatus::Ok
                }
                (Some(KeepRequest::Tell), _) => KeepStatus::Ok,
                _ => KeepStatus::Malformed,
            };
            server.answer(system, &request, status, &self.kept.to_le_bytes());
        }
    }
}

impl Partition for Main {
    fn started(system: &mut System, start: &Start) -> Self {
        rt::log!("survivor: start {}, {:?}", start.starts, start.reason);
        system.servers::<Keep>();
        let keeper = system.client("keeper");
        if keeper.is_some() {
            system.after(PACE);
        }
        Self { keeper: keeper.unwrap_or_default(), ..Self::default() }
    }

    fn signal(&mut self, system: &mut System, signal: Signal) {
        if signal.is(self.keeper) {
            return self.hear(system);
        }
        for server in system.servers::<Keep>() {
            self.keep(system, server);
        }
    }

    /// The keeper's memory is clean: what it had confirmed is told again.
    fn peer_restarted(&mut self, system: &mut System, signal: Signal) {
        if signal.is(self.keeper) {
            self.restarts += 1;
            rt::log!("survivor: the keeper restarted; it learns {} again", self.confirmed);
            self.raise(system, self.confirmed);
        }
    }

    fn deadline(&mut self, system: &mut System, _: Timer) {
        // A keeper may say that it keeps any number.
        self.raise(system, self.confirmed.saturating_add(1));
        system.after(PACE);
    }
}
