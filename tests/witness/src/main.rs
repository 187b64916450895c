//! Beats in every frame, and tells when a beat was late.

#![no_std]
#![no_main]

use assist::{Beats, Testimony, Witness, Witnessed};
use rt::{Nanoseconds, Partition, Server, Signal, Start, System, Timer, time};

rt::entry!(Main);

/// The witness.
struct Main {
    suite: Server<Testimony>,
    /// Nanoseconds of a frame; 0 before it was first asked, when it does not beat yet.
    frame: u64,
    /// When it last beat.
    last: u64,
    beats: Beats,
}

impl Partition for Main {
    fn started(system: &mut System, _: &Start) -> Self {
        let suite = system.server("suite").unwrap_or_default();
        Self { suite, frame: 0, last: 0, beats: Beats::default() }
    }

    fn deadline(&mut self, system: &mut System, _: Timer) {
        self.beat(system);
    }

    fn signal(&mut self, system: &mut System, _: Signal) {
        while let Some(request) = self.suite.next(system) {
            match (request.code(), request.body()) {
                (Some(Witness::Beats), Some(frame)) => {
                    self.suite.answer(system, &request, Witnessed::Ok, rt::bytes(&self.beats));
                    self.begin(system, frame);
                }
                _ => self.suite.answer(system, &request, Witnessed::Malformed, &[]),
            }
        }
    }
}

impl Main {
    /// Counts anew, and starts to beat if it does not yet.
    fn begin(&mut self, system: &mut System, frame: u64) {
        let first = self.frame == 0;
        self.frame = frame;
        self.beats = Beats { allowed: frame + frame / 2, ..Beats::default() };
        if first {
            self.last = time::now().raw();
            self.beat(system);
        }
    }

    /// Beats, and means to beat again in its next slot, which comes a frame after this one.
    fn beat(&mut self, system: &mut System) {
        let now = time::now().raw();
        self.beats.gap = self.beats.gap.max(now - self.last);
        self.beats.count += 1;
        self.last = now;
        let soon = Nanoseconds::new(self.frame / 2);
        if system.after(soon).is_none() {
            rt::exit();
        }
    }
}
