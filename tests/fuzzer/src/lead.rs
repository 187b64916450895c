//! The leader: gives out seeds, picks up who died, has everything checked after each round, and judges.

use crate::firmware::{self, Wanted};
use crate::foreign;
use abi::fault::{Reason, word};
use abi::image::name_text;
use abi::message::resource::{AuditRecord, PartitionRecord, ResourceRequest};
use core::fmt::{self, Write};
use fuzz_calls::mixed;
use fuzzer::{DEATHS, FOREIGN, Fuzz, Fuzzing, Order, Tally};
use load::manager::Manager;
use rt::capability::{Capability, object};
use rt::{Client, Nanoseconds, Start, System, time};

/// The fuzzers of the manifest: with nothing, with what is usual, with much, with as much again.
const FUZZERS: [&str; 4] = ["fuzz-none", "fuzz-typical", "fuzz-many", "fuzz-more"];
/// The definition that is created anew, and how many of it.
const COPY: &str = "fuzz-copy";
const COPIES: usize = 2;
/// Calls of an order.
const CALLS: u32 = 500;
/// Orders of each fuzzer in a round: all calls of a round are 10,000.
const ORDERS: u32 = 5;
const ROUND: u64 = CALLS as u64 * ORDERS as u64 * FUZZERS.len() as u64;
/// One order in so many ends with a death.
const MORTALITY: u64 = 8;
/// Between two looks at those who do not answer.
const LOOK: Nanoseconds = time::milliseconds(2);
/// How long nobody may answer or die.
const PATIENCE: u64 = 30_000_000_000;
/// Values that the exit device understands.
const PASSED: u8 = 0x10;
const FAILED: u8 = 0x11;

/// A fuzzer and what it has to do in this round.
#[derive(Clone, Copy)]
struct Worker {
    client: Client<Fuzzing>,
    /// Orders that are not given yet.
    left: u32,
    /// Whether an order is given and not answered.
    open: bool,
}

/// A partition that was created, and whether it has ended in this round.
#[derive(Clone, Copy)]
struct Copy {
    id: u32,
    rests: bool,
}

/// What happened so far.
#[derive(Default)]
struct Count {
    calls: u64,
    done: u64,
    deaths: u64,
    /// Orders that died before their end, so that nobody knows how many calls were made.
    lost: u64,
    answers: u64,
    failed: u32,
}

/// Leads.
pub struct Leader {
    manager: Manager,
    debug: Capability<object::Debug>,
    wanted: Wanted,
    foreign: [u64; FOREIGN],
    workers: [Worker; FUZZERS.len()],
    copies: [Option<Copy>; COPIES],
    count: Count,
    round: u64,
    /// When somebody last answered or died.
    heard: u64,
    /// What was free before anything was made.
    free: u64,
    over: bool,
}

impl Write for Leader {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.debug.write(text.as_bytes()).map_err(|_| fmt::Error)
    }
}

impl Leader {
    /// Finds everybody, looks at the machine as it is, and begins.
    pub fn new(system: &mut System, start: &Start) -> Self {
        let Some(debug) = system.debug() else { panic!("the manifest grants no debug port") };
        let client = |name| {
            let client = system.client(name).unwrap_or_default();
            Worker { client, left: 0, open: false }
        };
        let workers = FUZZERS.map(client);
        let wanted = firmware::wanted(system);
        let mut leader = Self {
            manager: Manager::of(system),
            debug,
            wanted,
            foreign: foreign::frames(system),
            workers,
            copies: [None; COPIES],
            count: Count::default(),
            round: wanted.first,
            heard: 0,
            free: 0,
            over: false,
        };
        leader.check(start.starts == 1, format_args!("the leader died"));
        leader.begin(system);
        leader
    }

    fn line(&mut self, text: fmt::Arguments<'_>) {
        // The debug port cannot refuse.
        let _ = writeln!(self, "{text}");
    }

    /// Says what is wrong, if something is.
    fn check(&mut self, right: bool, what: fmt::Arguments<'_>) {
        if !right {
            self.count.failed += 1;
            let round = self.round;
            self.line(format_args!("FAIL fuzz: round {round}: {what}"));
        }
    }

    /// Frames that hold what is left of the dead, for whoever looks at it.
    fn kept(&self, system: &mut System) -> u64 {
        self.manager.kept(system).unwrap_or_default()
    }

    fn begin(&mut self, system: &mut System) {
        let audit = self.manager.audit(system);
        self.free = audit.map_or(0, |audit| audit.free).saturating_add(self.kept(system));
        self.check(audit.is_ok(), format_args!("no audit: {audit:?}"));
        let definition = self.manager.id_of(system, COPY);
        for place in 0..COPIES {
            let id = definition.and_then(|id| self.manager.create(system, id));
            self.check(id.is_ok(), format_args!("no copy was created: {id:?}"));
            self.copies[place] = id.ok().map(|id| Copy { id, rests: true });
        }
        for copy in self.copies.into_iter().flatten() {
            let started = self.manager.act(system, ResourceRequest::Start, copy.id);
            self.check(started.is_ok(), format_args!("a copy was not started: {started:?}"));
        }
        self.begin_round(system, false);
    }

    fn begin_round(&mut self, system: &mut System, again: bool) {
        let (seed, round) = (self.wanted.seed, self.round);
        let made = self.count.calls;
        self.line(format_args!("fuzz: seed {seed}, round {round}, {made} calls so far"));
        self.heard = time::now().raw();
        self.workers.iter_mut().for_each(|worker| worker.left = ORDERS);
        for place in 0..COPIES {
            let Some(copy) = self.copies[place] else { continue };
            self.copies[place] = Some(Copy { rests: false, ..copy });
            if again {
                let started = self.manager.act(system, ResourceRequest::Restart, copy.id);
                self.check(started.is_ok(), format_args!("a copy was not restarted: {started:?}"));
            }
        }
        self.feed(system);
        self.look_later(system);
    }

    fn look_later(&mut self, system: &mut System) {
        let timer = system.after(LOOK);
        self.check(timer.is_some(), format_args!("no timer"));
    }

    /// Gives an order to everybody who has none.
    fn feed(&mut self, system: &mut System) {
        for place in 0..self.workers.len() {
            let Worker { client, left, open } = self.workers[place];
            if left == 0 || open {
                continue;
            }
            let seed = mixed(&[self.wanted.seed, self.round, place as u64, left.into()]);
            let dies = seed.is_multiple_of(MORTALITY);
            let death = if dies { (seed >> 8) as u32 % DEATHS } else { DEATHS };
            let order = Order { seed, calls: CALLS, death, foreign: self.foreign };
            // Who has just died cannot be asked yet; there is another look soon.
            if client.send(system, Fuzz::Calls, rt::bytes(&order)).is_ok() {
                self.workers[place].open = true;
                self.workers[place].left -= 1;
                if dies {
                    self.count.calls += u64::from(CALLS);
                }
            }
        }
    }

    /// Takes the answers that came, and gives out what comes next.
    pub fn go_on(&mut self, system: &mut System) {
        for place in 0..self.workers.len() {
            while let Some(answer) = self.workers[place].client.next(system) {
                self.workers[place].open = false;
                self.heard = time::now().raw();
                match answer.status().ok().and_then(|_| answer.body::<Tally>()) {
                    Some(tally) => self.add(tally),
                    None => self.count.lost += 1,
                }
            }
        }
        if !self.over {
            self.feed(system);
        }
    }

    fn add(&mut self, tally: Tally) {
        self.count.calls += tally.calls;
        self.count.done += tally.done;
        self.count.answers = self.count.answers.wrapping_add(tally.answers);
    }

    /// Looks whether the round is over.
    pub fn look(&mut self, system: &mut System) {
        self.go_on(system);
        if self.over {
            return;
        }
        let busy = self.workers.iter().any(|worker| worker.open || worker.left > 0)
            || self.copies.iter().flatten().any(|copy| !copy.rests);
        let late = time::now().raw() > self.heard + PATIENCE;
        if busy && !late {
            return self.look_later(system);
        }
        if busy {
            self.complain(system);
        }
        self.audit(system);
        self.round += 1;
        let enough = self.round >= self.wanted.first + self.wanted.calls.div_ceil(ROUND);
        if late || enough {
            self.end(system);
        } else {
            self.begin_round(system, true);
        }
    }

    /// Says who does not answer, and how everybody is.
    fn complain(&mut self, system: &mut System) {
        for (place, name) in FUZZERS.into_iter().enumerate() {
            let Worker { left, open, .. } = self.workers[place];
            self.check(!open && left == 0, format_args!("{name}: open {open}, {left} orders left"));
        }
        for copy in self.copies.into_iter().flatten() {
            self.check(copy.rests, format_args!("partition {} does not rest", copy.id));
        }
        let mut from = 0;
        while let Ok(record) = self.manager.record(system, from) {
            from = record.id + 1;
            let PartitionRecord { name, id, state, waits_for, reason, restarts, .. } = record;
            let name = name_text(&name);
            self.line(format_args!(
                "fuzz: {id} {name}: state {state:#x}, waits for {waits_for:#x}, reason {reason}, {restarts} restarts"
            ));
        }
    }

    fn audit(&mut self, system: &mut System) -> AuditRecord {
        let audit = self.manager.audit(system);
        let AuditRecord { frame, violation, free, books_free, .. } = audit.unwrap_or(AuditRecord {
            frames: 0,
            frame: 0,
            violation: u64::MAX,
            free: 0,
            books_free: 0,
        });
        self.check(violation == 0, format_args!("violation {violation} at frame {frame:#x}"));
        self.check(
            free == books_free,
            format_args!("{free} frames free, {books_free} in the books"),
        );
        AuditRecord { frames: 0, frame, violation, free, books_free }
    }

    /// Picks up who died; those that were created rest until the next round.
    pub fn rescue(&mut self, system: &mut System) {
        while let Ok(stopped) = self.manager.stopped(system) {
            self.count.deaths += 1;
            self.heard = time::now().raw();
            let copy = self.copies.iter_mut().flatten().find(|copy| copy.id == stopped.id);
            if let Some(copy) = copy {
                copy.rests = true;
                let at = |index: u64| stopped.fault[index as usize];
                if at(word::REASON) == Reason::Exit as u64 {
                    let tally = Tally {
                        calls: at(word::CODE),
                        done: at(word::ADDRESS),
                        answers: at(word::EXTRA),
                    };
                    self.add(tally);
                }
                continue;
            }
            let again = self.manager.act(system, ResourceRequest::Restart, stopped.id);
            let id = stopped.id;
            self.check(again.is_ok(), format_args!("partition {id} was not restarted: {again:?}"));
        }
    }

    /// Takes down what was made, compares what is free, and says how it went.
    fn end(&mut self, system: &mut System) {
        self.over = true;
        for copy in self.copies.into_iter().flatten() {
            let gone = self.manager.act(system, ResourceRequest::Destroy, copy.id);
            self.check(gone.is_ok(), format_args!("a copy was not destroyed: {gone:?}"));
        }
        let before = self.free;
        let after = self.audit(system).free.saturating_add(self.kept(system));
        self.check(before == after, format_args!("{before} frames were free, {after} are"));
        let (wanted, made) = (self.wanted.calls, self.count.calls);
        self.check(made >= wanted, format_args!("{made} calls were made"));
        let Count { calls, done, deaths, lost, answers, failed } = self.count;
        self.line(format_args!("fuzz: {calls} calls, {done} of them done, {deaths} deaths, {lost} answers lost, answers {answers:#018x}"));
        let rounds = self.round - self.wanted.first;
        self.line(format_args!("suite: {rounds} passed, {failed} failed"));
        let value = if failed == 0 { PASSED } else { FAILED };
        if let Some((exit, port)) = system.ports("exit") {
            let _ = exit.write(port, value);
        }
    }
}
