//! Notes on every processor in which slots of which frames it runs, and proves that no frame mixes two plans.
//!
//! The first context serves and checks; each further one is a witness that computes for ever and looks at the time. The two
//! plans in question give the witnesses different slots, which are learnt while nothing changes.

#![no_std]
#![no_main]

mod witness;

use beat::{Answer, Ask, Check, Watching};
use rt::{Nanoseconds, Partition, Server, Signal, Start, System, Timer, time};
use zerocopy::IntoBytes;

rt::entry!(Beat, channels = 4, others = witness::watch);

/// When frames are looked at: more often than once in a frame.
const LOOK: Nanoseconds = time::milliseconds(4);

/// The partition.
struct Beat {
    asked: Server<Watching>,
    check: Check,
}

impl Partition for Beat {
    fn started(system: &mut System, _: &Start) -> Self {
        system.after(LOOK);
        Self { asked: system.server("beat").unwrap_or_default(), check: Check::default() }
    }

    fn signal(&mut self, system: &mut System, _: Signal) {
        while let Some(request) = self.asked.next(system) {
            let owed = request.owed();
            match request.code() {
                Some(Ask::LearnFirst) => self.check.learn(0, owed, witness::frame()),
                Some(Ask::LearnSecond) => self.check.learn(1, owed, witness::frame()),
                Some(Ask::Check) if self.check.begin(witness::frame()) => {
                    self.asked.answer(system, &request, Answer::Ok, &[]);
                }
                Some(Ask::Tell) => {
                    let report = self.check.report();
                    self.asked.answer(system, &request, Answer::Ok, report.as_bytes());
                }
                _ => self.asked.answer(system, &request, Answer::WrongState, &[]),
            }
        }
    }

    fn deadline(&mut self, system: &mut System, _: Timer) {
        if let Some(learnt) = self.check.look(witness::frame().saturating_sub(2), witness::seen) {
            self.asked.answer_owed(system, learnt, Answer::Ok, &[]);
        }
        system.after(LOOK);
    }
}
