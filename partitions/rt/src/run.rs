//! The event loop: collects what happened, calls the entries, sleeps.

use crate::end::{End, EndEvent};
use crate::log;
use crate::report::IdleState;
use crate::signal::{Signal, Source, Timer};
use crate::sys;
use crate::system::System;
use abi::fault::Reason;
use abi::image::name_text;
use abi::information::StartReason;
use abi::types::{EventBit, Nanoseconds};
use ring::Doorbell;

/// Why and in which life a partition starts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Start {
    /// Why.
    pub reason: StartReason,
    /// How often it was started, this time included.
    pub starts: u32,
}

/// A partition: what it does when something happens. Every entry returns soon; waiting is the runtime's.
pub trait Partition: Sized {
    /// It starts: finds what it needs by name. Channels of clients that it does not ask for signal all the same;
    /// [`System::server_of`] gives their ends.
    fn started(system: &mut System, start: &Start) -> Self;

    /// A channel has something to take, or an interrupt came.
    fn signal(&mut self, system: &mut System, signal: Signal) {
        let _ = (system, signal);
    }

    /// The peer of a channel was restarted. What was asked of it and not answered comes back as answers that say so,
    /// except what was sent as idempotent: that is on its way again.
    fn peer_restarted(&mut self, system: &mut System, signal: Signal) {
        let _ = (system, signal);
    }

    /// Something befell an end of a channel that no message tells; the runtime has said so in the log.
    fn end_event(&mut self, system: &mut System, signal: Signal, event: EndEvent) {
        let _ = (system, signal, event);
    }

    /// A client came while the partition runs; [`System::server_of`] gives the end of its channel.
    fn client_joined(&mut self, system: &mut System, signal: Signal) {
        let _ = (system, signal);
    }

    /// A client is gone for good. Handles to its channel lead nowhere any more; after this the runtime tells the resource manager
    /// that its memory may be taken.
    fn client_left(&mut self, system: &mut System, signal: Signal) {
        let _ = (system, signal);
    }

    /// A timer ended.
    fn deadline(&mut self, system: &mut System, timer: Timer) {
        let _ = (system, timer);
    }

    /// A partition that this one rescues has stopped; the resource manager knows which.
    fn rescue(&mut self, system: &mut System) {
        let _ = system;
    }

    /// The information pages changed: channels may have been added.
    fn changed(&mut self, system: &mut System) {
        let _ = system;
    }

    /// The partition is asked to stop. Unless this returns the wish to live on, it ends.
    fn stop_asked(&mut self, system: &mut System) -> Stop {
        let _ = system;
        Stop::Now
    }
}

/// What a partition makes of the request to stop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stop {
    /// Ends now.
    Now,
    /// Ends by [`crate::exit`] when it is ready; after a second it is stopped anyway.
    Soon,
}

/// Whether a turn may wait for events.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Sleep {
    /// Until something happens.
    Allowed,
    /// No: only look. How the mock takes turns.
    #[cfg(not(target_os = "none"))]
    Never,
}

impl System {
    /// Why the partition starts.
    pub(crate) fn start(&self) -> Start {
        let Some(information) = self.information() else {
            return Start { reason: StartReason::Boot, starts: 1 };
        };
        Start { reason: reason(information.reason), starts: information.starts }
    }

    /// One turn: sleeps if there is nothing to do, then calls the entries for what happened. True if anything did.
    pub(crate) fn turn<P: Partition>(&mut self, partition: &mut P, sleep: Sleep) -> bool {
        let busy = self.any_ready() || self.pending != 0 || self.arm();
        let deadline = match sleep {
            Sleep::Allowed if !busy => self.next_deadline(),
            _ => Nanoseconds::NOW,
        };
        self.say_depth(if busy { IdleState::Shallow } else { self.depth }, deadline);
        let news = sys::wait(u64::MAX, deadline).unwrap_or(0);
        self.say_depth(IdleState::Shallow, Nanoseconds::NOW);
        let events = news | core::mem::take(&mut self.pending);
        self.alive();
        self.wake(events);
        self.dispatch_peers(partition, events);
        self.dispatch_channels(partition);
        self.dispatch_rest(partition, events);
        let ended = self.dispatch_timers(partition);
        log::with(|voice| {
            if voice.waiting() {
                voice.pump();
            }
        });
        if ended {
            self.wake(u64::MAX);
        }
        busy || events != 0 || ended
    }

    /// The console's end, then each that is to be looked at; one that comes while this goes on is looked at as well if it stands behind.
    fn next_source(&self, from: &mut Option<usize>) -> Option<Source> {
        let Some(from) = from else {
            *from = Some(0);
            return Some(Source::Voice);
        };
        u16::try_from(self.next_awake(from)?).ok().map(Source::End)
    }

    /// Whether an end that is not armed has something the partition was not told of.
    fn any_ready(&mut self) -> bool {
        let news = |end: &mut End| untold(end) || end.discord_is_news();
        let voice = log::with(|voice| voice.console.as_mut().is_some_and(news));
        let mut from = 0;
        let mut ready = voice.unwrap_or(false);
        while !ready && let Some(index) = self.next_awake(&mut from) {
            ready = self.ends.get_mut(index).and_then(Option::as_mut).is_some_and(news);
        }
        ready
    }

    /// Arms all ends that are wanted; true if one turns out to have something. Those that have nothing may rest.
    fn arm(&mut self) -> bool {
        let mut found = false;
        let mut arm = |end: &mut End, wanted: bool| {
            if wanted && end.left.is_none() && !end.armed() && end.arm() && !end.stalled {
                end.disarm();
                found = true;
            }
            found |= end.discord_is_news();
        };
        let mut from = 0;
        while let Some(index) = self.next_awake(&mut from) {
            if let Some(end) = self.ends.get_mut(index).and_then(Option::as_mut) {
                let wanted = end.wanted();
                arm(end, wanted);
            }
            self.let_rest(index);
        }
        log::with(|voice| {
            let waiting = voice.waiting();
            if let Some(end) = &mut voice.console {
                let wanted = waiting || end.wanted();
                arm(end, wanted);
            }
        });
        found
    }

    /// Ends that were rung are awake; those whose partition left something behind get another chance.
    fn wake(&mut self, events: u64) {
        self.wake_ends(events);
        self.with_end(Source::Voice, |end| {
            end.wake(events);
            end.give_chance(events);
        });
    }

    fn dispatch_peers<P: Partition>(&mut self, partition: &mut P, events: u64) {
        if events & EventBit::PEER.mask() != 0 {
            self.refresh();
            partition.changed(self);
        }
        let mut from = None;
        while let Some(source) = self.next_source(&mut from) {
            let signal = Signal(source);
            if self.has_left(source) {
                partition.client_left(self, signal);
                self.part(source);
                continue;
            }
            let news = self.with_end(source, |end| {
                (core::mem::take(&mut end.joined), core::mem::take(&mut end.restarted))
            });
            if let Some(Some(name)) =
                self.with_end(source, |end| end.take_discord().then_some(end.resource.name))
            {
                crate::log!("{}: both ends speak no version in common", name_text(&name));
                partition.end_event(self, signal, EndEvent::NoCommonVersion);
            }
            match news {
                Some((true, _)) => partition.client_joined(self, signal),
                Some((_, true)) => partition.peer_restarted(self, signal),
                _ => {}
            }
        }
    }

    fn dispatch_channels<P: Partition>(&mut self, partition: &mut P) {
        let mut from = None;
        while let Some(source) = self.next_source(&mut from) {
            let ready = self.with_end(source, |end| {
                end.touched = false;
                untold(end)
            });
            if ready != Some(true) {
                continue;
            }
            partition.signal(self, Signal(source));
            self.with_end(source, |end| end.stalled = !end.touched);
        }
    }

    fn dispatch_rest<P: Partition>(&mut self, partition: &mut P, events: u64) {
        for interrupt in self.interrupts.clone() {
            if interrupt.events() & events != 0 {
                partition.signal(self, Signal(interrupt.source()));
            }
        }
        if events & EventBit::FAULT.mask() != 0 {
            partition.rescue(self);
        }
        if events & EventBit::STOP.mask() != 0 && partition.stop_asked(self) == Stop::Now {
            sys::exit(Reason::Exit, 0, [0; 2]);
        }
    }

    fn dispatch_timers<P: Partition>(&mut self, partition: &mut P) -> bool {
        let mut ended = false;
        // Timers that an entry starts with a time long past wait for the next turn.
        for _ in 0..self.timers.len() {
            let Some(timer) = self.due_timer() else { break };
            ended = true;
            partition.deadline(self, timer);
        }
        ended
    }

    /// Sleeps until the end has something to take, its peer was restarted, one of the events `others` came, or the deadline has
    /// passed; all that came, to be dispatched later. The peer runs at once where it can.
    pub(crate) fn wait_for(&mut self, source: Source, deadline: Nanoseconds, others: u64) -> u64 {
        let Some((due, doorbell, bits, ready)) = self.with_end(source, |end| {
            let due = end.due();
            (due, end.doorbell(), end.events(), end.arm())
        }) else {
            return 0;
        };
        let mask = bits | EventBit::PEER.mask() | others;
        let deadline = if ready { Nanoseconds::NOW } else { deadline };
        let mut events = match due {
            Doorbell::Ring => sys::call(doorbell, mask, deadline),
            Doorbell::Quiet => sys::wait(mask, deadline),
        };
        if events.is_err_and(|failure| failure.error == abi::call::Error::Stale) {
            // The server is being restarted: the new epoch is announced by PEER.
            events = sys::wait(mask, deadline);
        }
        let events = events.unwrap_or(0);
        self.note(source, events);
        events
    }

    /// Events that came in the middle of an entry: other ends may share the bit, and the partition is told later.
    fn note(&mut self, source: Source, events: u64) {
        self.with_end(source, |end| end.disarm());
        self.pending |= events;
        if events & EventBit::PEER.mask() != 0 {
            self.refresh();
        }
    }
}

/// Whether an end has something that the partition was not told of.
fn untold(end: &mut End) -> bool {
    end.left.is_none() && !end.armed() && !end.stalled && end.ready()
}

/// The reason with this number.
fn reason(number: u32) -> StartReason {
    let known = usize::try_from(number).ok().and_then(|at| StartReason::ALL.get(at));
    known.copied().unwrap_or(StartReason::Boot)
}
