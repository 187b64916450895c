//! A channel between two processors that is kept busy: how much passes, and that nobody enters the kernel for it.
//!
//! Two partitions, each client of the other. The one that may look at its processor leads and counts; first it asks, then
//! it answers, so that it counts for both roles.

use crate::report::Report;
use crate::{Bench, Play, Played};
use abi::control::ProcessorOperation;
use abi::types::Nanoseconds;
use core::hint::spin_loop;
use rt::capability::{Capability, object};
use rt::{Answer, Client, Request, Server, System, sys, time};

/// Messages before those that count: by then both sides are awake.
const WARM: u64 = 1_000;
/// Messages that count.
const MESSAGES: u64 = 50_000;
/// Requests that are open at a time.
const OPEN: u64 = 32;
/// How long all of it may take.
const PATIENCE: Nanoseconds = time::seconds(30);
/// When to begin: what starts along with this has settled then.
const SETTLED: Nanoseconds = time::milliseconds(50);

/// One of the two.
pub struct Busy {
    asks: Client<Bench>,
    answers: Server<Bench>,
    processor: Option<Capability<object::Processor>>,
    report: Report,
}

/// The other side is silent, or not there.
#[derive(Debug)]
struct Silent;

/// What is counted at one moment.
#[derive(Clone, Copy, Default)]
struct Counts {
    time: u64,
    /// Timer interrupts of the processor, and steps into the kernel or out of it, with this look's first one.
    ticks: u64,
    steps: u64,
    /// Doorbells that this side rang.
    rung: u32,
}

impl Busy {
    /// `None` where the manifest does not give it the two channels.
    pub fn find(system: &mut System) -> Option<Self> {
        let (asks, answers) = (system.client("there")?, system.server("back")?);
        let processor = system.capability("processor");
        if processor.is_some() {
            system.after(SETTLED);
        }
        Some(Self { asks, answers, processor, report: Report::new(system) })
    }

    /// The one that leads begins.
    pub fn lead(&mut self, system: &mut System) {
        match self.ask(system).and_then(|asked| Ok((asked, self.answer(system)?))) {
            Ok((asked, answered)) => self.tell(asked, answered),
            Err(Silent) => self.report.line(format_args!("failed: the other side is silent")),
        }
    }

    /// The other one follows.
    pub fn follow(&mut self, system: &mut System) {
        if self.processor.is_none() && self.answer(system).is_ok() {
            // The one that leads notices if it is not asked.
            let _ = self.ask(system);
        }
    }

    /// Asks, as often as there is room.
    fn ask(&mut self, system: &mut System) -> Result<[Counts; 2], Silent> {
        let mut server = self.asks.hold(system).ok_or(Silent)?;
        let (mut answer, mut patience) = (Answer::default(), Patience::new());
        let (mut sent, mut taken, mut begin) = (0, 0, Counts::default());
        while taken < WARM + MESSAGES {
            if sent < WARM + MESSAGES && sent - taken < OPEN {
                server.send(Play::Echo, &sent.to_le_bytes()).map_err(|_| Silent)?;
                sent += 1;
            } else if server.take(&mut answer) {
                taken += 1;
                if taken == WARM {
                    begin = self.counts(server.rung());
                }
            } else {
                patience.spin()?;
            }
        }
        Ok([begin, self.counts(server.rung())])
    }

    /// Answers, whatever comes.
    fn answer(&mut self, system: &mut System) -> Result<[Counts; 2], Silent> {
        let mut client = self.answers.hold(system).ok_or(Silent)?;
        let (mut request, mut patience) = (Request::default(), Patience::new());
        let (mut answered, mut begin) = (0, Counts::default());
        while answered < WARM + MESSAGES {
            if client.take(&mut request) {
                client.answer(&request, Played::Ok, request.bytes());
                answered += 1;
                if answered == WARM {
                    begin = self.counts(client.rung());
                }
            } else {
                patience.spin()?;
            }
        }
        Ok([begin, self.counts(client.rung())])
    }

    fn counts(&self, rung: u32) -> Counts {
        let state = ProcessorOperation::State as u64;
        let state = self.processor.map(|one| sys::control(one.slot(), state, [0; 4]));
        let [_, _, ticks, steps] = state.and_then(Result::ok).unwrap_or_default();
        Counts { time: time::now().raw(), ticks, steps, rung }
    }

    fn tell(&mut self, asked: [Counts; 2], answered: [Counts; 2]) {
        let [begin, end] = asked;
        self.report.counted("busy-time", (end.time - begin.time) / MESSAGES, "ns");
        let calls = calls(asked) + calls(answered);
        self.report.counted("busy-calls", in_ten_thousand(calls), "calls");
        let rung = |[begin, end]: [Counts; 2]| u64::from(end.rung.wrapping_sub(begin.rung));
        self.report.counted(
            "busy-doorbells",
            in_ten_thousand(rung(asked) + rung(answered)),
            "rings",
        );
        self.report.line(format_args!("done"));
    }
}

/// So many of both sides for 10,000 messages, rounded up: one is not none.
const fn in_ten_thousand(count: u64) -> u64 {
    (count * 10_000).div_ceil(MESSAGES)
}

/// How often the kernel was entered between two looks, but by the timer: each time is two steps, one in and one out, and
/// the first look's way out and the second one's way in are among them.
fn calls([begin, end]: [Counts; 2]) -> u64 {
    let entries = (end.steps - begin.steps) / 2;
    entries.saturating_sub(1).saturating_sub(end.ticks - begin.ticks)
}

/// Waits for the other side without the kernel, but not for ever.
struct Patience(Nanoseconds);

impl Patience {
    fn new() -> Self {
        Self(time::after(PATIENCE))
    }

    fn spin(&mut self) -> Result<(), Silent> {
        spin_loop();
        if time::now() < self.0 { Ok(()) } else { Err(Silent) }
    }
}
