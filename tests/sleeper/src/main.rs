//! One of two that share a processor: the one waits deeply between requests, the other asks and says how long an answer takes.

#![no_std]
#![no_main]

use rt::{Client, IdleState, Partition, Signal, Start, System, Timer, log, time};

rt::entry!(Sleeper);

rt::protocol! {
    /// Wakes somebody.
    pub Knock;
    /// What can be asked.
    pub enum KnockRequest {
        /// Answer.
        Knock = 1,
    }
    /// How it went.
    pub enum KnockStatus {
        /// Awake.
        Ok = 0,
    }
}

/// Milliseconds between two requests: long enough to fall asleep.
const PAUSE: u64 = 400;

/// The partition.
struct Sleeper {
    ask: Option<Client<Knock>>,
    /// When the last request was made, nanoseconds.
    asked: u64,
    answers: u32,
}

impl Partition for Sleeper {
    fn started(system: &mut System, _: &Start) -> Self {
        let ask = system.client("ask");
        if ask.is_none() {
            log!("{} channels to serve", system.servers::<Knock>().len());
            system.set_idle_state(IdleState::Deep);
        }
        let _ = ask.and_then(|_| system.after(time::milliseconds(PAUSE)));
        Self { ask, asked: 0, answers: 0 }
    }

    fn signal(&mut self, system: &mut System, _: Signal) {
        let Some(ask) = self.ask else {
            for server in system.servers::<Knock>() {
                while let Some(request) = server.next(system) {
                    server.answer(system, &request, KnockStatus::Ok, &[]);
                }
            }
            return;
        };
        while ask.next(system).is_some() {
            self.answers += 1;
            log!("answer {} after {} us", self.answers, (time::now().raw() - self.asked) / 1000);
            let _ = system.after(time::milliseconds(PAUSE));
        }
    }

    fn deadline(&mut self, system: &mut System, _: Timer) {
        self.asked = time::now().raw();
        if let Some(Err(error)) = self.ask.map(|ask| ask.send(system, KnockRequest::Knock, &[])) {
            log!("could not ask: {error:?}");
        }
    }
}
