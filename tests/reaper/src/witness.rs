//! Beats in every frame, sends each beat to the other witness, and notes how long it was silent and how long the other was.

use crate::{Beat, Beaten, Beating, Gaps};
use rt::{Client, Nanoseconds, Server, Signal, System, time};

/// A quarter of a frame: the next beat comes in the next slot after it.
const PAUSE: Nanoseconds = Nanoseconds::new(400_000);

/// Nanoseconds between two lines on its console, where it has one.
const LINE: u64 = 50_000_000;

/// One of the two witnesses.
pub struct Witness {
    reaper: Server<Beating>,
    /// The other one, where this one asks it; else it is answered.
    peer: Option<Client<Beating>>,
    asked: Server<Beating>,
    /// When it last beat, and last heard the other.
    beat: u64,
    heard: u64,
    gaps: Gaps,
    /// Beats so far, and when it last told of them.
    beats: u64,
    told: u64,
}

impl Witness {
    /// Begins to beat.
    pub fn new(system: &mut System) -> Self {
        system.after(PAUSE);
        Self {
            reaper: system.server("beats").unwrap_or_default(),
            peer: system.client("peer"),
            asked: system.server("peer").unwrap_or_default(),
            beat: 0,
            heard: 0,
            gaps: Gaps::default(),
            beats: 0,
            told: 0,
        }
    }

    /// Beats, and means to beat again in its next slot.
    pub fn beat(&mut self, system: &mut System) {
        let now = time::now().raw();
        if self.beat != 0 {
            self.gaps.own = self.gaps.own.max(now - self.beat);
        }
        self.beat = now;
        if let Some(peer) = self.peer {
            while peer.next(system).is_some() {
                self.note(now);
            }
            // One that was not answered yet is waited for: the silence is noted when it is.
            let _ = peer.send(system, Beat::Beat, &[]);
        }
        self.beats += 1;
        if system.console().is_some() && now - self.told > LINE {
            self.told = now;
            let (beats, Gaps { own, heard }) = (self.beats, self.gaps);
            rt::log!(
                "{beats} beats, longest silence {} us, of the other {} us",
                own / 1000,
                heard / 1000
            );
        }
        if system.after(PAUSE).is_none() {
            rt::exit();
        }
    }

    /// Takes what was said.
    pub fn hear(&mut self, system: &mut System, _: Signal) {
        while let Some(request) = self.asked.next(system) {
            self.note(time::now().raw());
            self.asked.answer(system, &request, Beaten::Ok, &[]);
        }
        while self.peer.is_some_and(|peer| peer.next(system).is_some()) {
            self.note(time::now().raw());
        }
        while let Some(request) = self.reaper.next(system) {
            let status =
                if request.code() == Some(Beat::Tell) { Beaten::Ok } else { Beaten::NotUnderstood };
            let mut gaps = core::mem::take(&mut self.gaps);
            // A silence that lasts counts as far as it came.
            if self.heard != 0 {
                gaps.heard = gaps.heard.max(time::now().raw() - self.heard);
            }
            self.reaper.answer(system, &request, status, rt::bytes(&gaps));
        }
    }

    fn note(&mut self, now: u64) {
        if self.heard != 0 {
            self.gaps.heard = self.gaps.heard.max(now - self.heard);
        }
        self.heard = now;
    }
}
