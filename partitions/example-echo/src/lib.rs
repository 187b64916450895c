//! Request and response. One program, two roles: where the manifest gives it a channel "ask" it asks, and
//! where it gives channels to serve it answers.

#![cfg_attr(target_os = "none", no_std)]

use rt::{Client, Partition, Signal, Start, System, Timer};

rt::protocol! {
    /// Says things to somebody who says them back.
    pub Echo;
    /// What can be asked.
    pub enum EchoRequest {
        /// Answer with the same bytes.
        Say = 1,
    }
    /// How it went.
    pub enum EchoStatus {
        /// Said.
        Ok = 0,
        /// No such request.
        NotUnderstood = 1,
    }
}

/// What is said first.
pub const WORDS: &[u8] = b"hello";

/// The partition.
pub struct Main {
    ask: Client<Echo>,
    /// Requests answered.
    pub answered: u64,
    /// Answers that came back as they should.
    pub echoed: u64,
}

impl Main {
    fn ask(&self, system: &mut System) {
        if let Err(error) = self.ask.send(system, EchoRequest::Say, WORDS) {
            rt::log!("echo: could not ask: {error:?}");
        }
    }

    fn hear(&mut self, system: &mut System) {
        while let Some(answer) = self.ask.next(system) {
            match answer.status() {
                Ok(EchoStatus::Ok) if answer.bytes() == WORDS => self.echoed += 1,
                other => rt::log!("echo: {other:?}"),
            }
            if self.echoed == 1 {
                rt::log!("echo: answered");
            }
            system.after(rt::time::seconds(1));
        }
    }

    fn answer(&mut self, system: &mut System) {
        for server in system.servers::<Echo>() {
            while let Some(request) = server.next(system) {
                let status = match request.code() {
                    Some(EchoRequest::Say) => EchoStatus::Ok,
                    None => EchoStatus::NotUnderstood,
                };
                server.answer(system, &request, status, request.bytes());
                self.answered += 1;
            }
        }
    }
}

impl Partition for Main {
    fn started(system: &mut System, start: &Start) -> Self {
        let served = system.servers::<Echo>().len();
        rt::log!("echo: start {}, {served} channels to serve", start.starts);
        let ask = system.client("ask");
        let main = Self { ask: ask.unwrap_or_default(), answered: 0, echoed: 0 };
        if ask.is_some() {
            main.ask(system);
        }
        main
    }

    fn signal(&mut self, system: &mut System, signal: Signal) {
        if signal.is(self.ask) {
            self.hear(system);
        } else {
            self.answer(system);
        }
    }

    fn deadline(&mut self, system: &mut System, _: Timer) {
        self.ask(system);
    }
}
