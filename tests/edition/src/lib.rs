//! What is upgraded in the scenarios: somebody who keeps answering, in several versions, and somebody who keeps asking and notices
//! whether an answer is missing.

#![cfg_attr(target_os = "none", no_std)]

use rt::{Client, Partition, Signal, Start, System, Timer};

rt::protocol! {
    /// Asks which version answers. From the second version of the messages on the answer says in which of them it is.
    pub Editions [1, 2];
    /// What can be asked.
    pub enum EditionsRequest {
        /// Which version are you?
        Which = 1,
    }
    /// How it went.
    pub enum EditionsStatus {
        /// Answered.
        Ok = 0,
        /// No such request.
        NotUnderstood = 1,
    }
}

/// Time between two questions.
const PACE: rt::Nanoseconds = rt::time::milliseconds(5);

/// Answers, as version `VERSION` of the program.
pub struct Keeper<const VERSION: u8>;

impl<const VERSION: u8> Partition for Keeper<VERSION> {
    fn started(system: &mut System, start: &Start) -> Self {
        let served = system.servers::<Editions>().len();
        rt::log!("edition {VERSION}: start {}, {served} served", start.starts);
        // Where nobody asks anything it takes up this one event.
        system.after(PACE);
        Self
    }

    fn signal(&mut self, system: &mut System, _: Signal) {
        for server in system.servers::<Editions>() {
            while let Some(request) = server.next(system) {
                let version = server.version(system);
                let answer = [VERSION, u8::try_from(version).unwrap_or(0)];
                let length = if version >= 2 { 2 } else { 1 };
                let status = match request.code() {
                    Some(EditionsRequest::Which) => EditionsStatus::Ok,
                    None => EditionsStatus::NotUnderstood,
                };
                server.answer(system, &request, status, answer.get(..length).unwrap_or_default());
            }
        }
    }
}

/// Asks again and again.
pub struct Asks {
    keeper: Client<Editions>,
    /// The last answer, how many there were, and how many were missing.
    last: (u8, usize),
    answers: u64,
    lost: u64,
}

impl Asks {
    fn ask(&mut self, system: &mut System) {
        if self.keeper.send_idempotent(system, EditionsRequest::Which, &[]).is_err() {
            self.lost += 1;
            system.after(PACE);
        }
    }
}

impl Partition for Asks {
    fn started(system: &mut System, _: &Start) -> Self {
        let keeper = system.client("keeper").unwrap_or_default();
        let mut asks = Self { keeper, last: (0, 0), answers: 0, lost: 0 };
        asks.ask(system);
        asks
    }

    fn signal(&mut self, system: &mut System, _: Signal) {
        while let Some(answer) = self.keeper.next(system) {
            let version = answer.bytes().first().copied().unwrap_or(0);
            self.answers += 1;
            self.lost += u64::from(answer.status() != Ok(EditionsStatus::Ok));
            let last = (version, answer.bytes().len());
            if core::mem::replace(&mut self.last, last) != last {
                let Self { answers, lost, .. } = self;
                let spoken = self.keeper.version(system);
                rt::log!(
                    "asks: edition {version} answers in version {spoken}, {lost} of {answers} lost"
                );
            }
            system.after(PACE);
        }
    }

    fn deadline(&mut self, system: &mut System, _: Timer) {
        self.ask(system);
    }
}

/// One program in two roles: it asks where the manifest gives it a channel to somebody who keeps.
pub enum Main {
    /// Answers.
    Keeper(Keeper<1>),
    /// Asks.
    Asks(Asks),
}

impl Partition for Main {
    fn started(system: &mut System, start: &Start) -> Self {
        match system.client::<Editions>("keeper") {
            Some(_) => Self::Asks(Asks::started(system, start)),
            None => Self::Keeper(Keeper::started(system, start)),
        }
    }

    fn signal(&mut self, system: &mut System, signal: Signal) {
        match self {
            Self::Keeper(keeper) => keeper.signal(system, signal),
            Self::Asks(asks) => asks.signal(system, signal),
        }
    }

    fn deadline(&mut self, system: &mut System, timer: Timer) {
        if let Self::Asks(asks) = self {
            asks.deadline(system, timer);
        }
    }
}
