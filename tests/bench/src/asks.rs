//! The side that measures.

use crate::line::Line;
use crate::report::Report;
use crate::worst::Worst;
use crate::{BATCH, BATCHES, Bench, INTERRUPTS, Play, ROUNDS, WARM, stamp};
use abi::types::{Nanoseconds, Slot};
use core::hint::black_box;
use rt::sys::{self, Failure};
use rt::{Answer, CallError, Client, System, time};

/// How long the other side may take to begin.
const PATIENCE: Nanoseconds = time::seconds(1);
/// When to begin: what starts along with this has settled then.
const SETTLED: Nanoseconds = time::milliseconds(50);
/// Ticks between two readings of the counter that show that somebody else ran meanwhile.
const GAP: u64 = 60;
/// Gaps that are kept: more than interrupts, for slots end as well.
const GAPS: usize = 8 * INTERRUPTS;

/// What travels on it.
const PAYLOAD: [u8; 8] = *b"12345678";

/// What it knows.
pub struct Asks {
    server: Client<Bench>,
    report: Report,
}

/// Why a measurement came to nothing.
#[derive(Debug)]
pub enum Trouble {
    /// The channel.
    Channel(CallError),
    /// A call. The number is there to be printed.
    Kernel(#[expect(dead_code, reason = "shown by Debug")] Failure),
    /// The other side did not do its part.
    NoFigure,
}

impl From<CallError> for Trouble {
    fn from(error: CallError) -> Self {
        Self::Channel(error)
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Kernel(failure)
    }
}

impl Asks {
    /// Begins a little later.
    pub fn new(system: &mut System, server: Client<Bench>) -> Self {
        system.after(SETTLED);
        Self { server, report: Report::new(system) }
    }

    /// Measures everything, or begins anew later where the other side is not there yet.
    pub fn measure(&mut self, system: &mut System) {
        match self.all(system) {
            Ok(()) => self.report.line(format_args!("done")),
            Err(Trouble::Channel(CallError::NoPeer)) => drop(system.after(SETTLED)),
            Err(trouble) => self.report.line(format_args!("failed: {trouble:?}")),
        }
    }

    fn all(&mut self, system: &mut System) -> Result<(), Trouble> {
        let about = self.server.about(system).ok_or(Trouble::NoFigure)?;
        let line = Line::of(&about).ok_or(Trouble::NoFigure)?;
        self.play(system, Play::Call)?;
        self.rounds("call", || line.call().map(drop))?;
        self.play(system, Play::PingPong)?;
        self.rounds("ping-pong", || line.ring().and_then(|()| line.wait()).map(drop))?;
        self.play(system, Play::Yield)?;
        self.yields()?;
        self.rounds("poll", || {
            let _ = sys::wait(0, Nanoseconds::NOW);
            Ok(())
        })?;
        self.rounds("inspect-nothing", || {
            let _ = sys::inspect(Slot::new(0));
            Ok(())
        })?;
        self.interrupts(system)?;
        self.channel(system)?;
        crate::creates::measure(system, &mut self.report)?;
        let mut worst = Worst::find(system).ok_or(Trouble::NoFigure)?;
        Ok(worst.measure(&mut self.report)?)
    }

    fn play(&self, system: &mut System, part: Play) -> Result<(), Trouble> {
        self.server.call(system, part, &[], time::after(PATIENCE))?;
        Ok(())
    }

    /// A yield comes back after two switches.
    fn yields(&mut self) -> Result<(), Trouble> {
        let ticks = ticks(|| {
            sys::yield_slot();
            Ok(())
        })?;
        self.report.figure("yield", ticks, 2 * ROUNDS);
        Ok(())
    }

    fn rounds(
        &mut self,
        name: &str,
        round: impl FnMut() -> Result<(), Failure>,
    ) -> Result<(), Trouble> {
        self.report.figure(name, ticks(round)?, ROUNDS);
        Ok(())
    }

    /// Notes when it was interrupted, and compares with when the other side took the interrupt.
    fn interrupts(&mut self, system: &mut System) -> Result<(), Trouble> {
        self.play(system, Play::Interrupts)?;
        let gaps = gaps();
        let mut bytes = [0; INTERRUPTS * 8];
        self.server.read_data(system, 0, &mut bytes);
        let mut delays = [u64::MAX; INTERRUPTS];
        for (delay, taken) in delays.iter_mut().zip(bytes.as_chunks().0) {
            let taken = u64::from_le_bytes(*taken);
            let gap = gaps.iter().find(|[before, after]| *before < taken && taken < *after);
            *delay = gap.map_or(u64::MAX, |[before, _]| taken - before);
        }
        delays.sort_unstable();
        self.report.figure("interrupt", delays[INTERRUPTS / 2], 1);
        Ok(())
    }

    /// Requests in batches on a channel whose other side never waits meanwhile: what each side does by itself. The
    /// cheapest batch counts: only interrupts and ends of slots make one dearer.
    fn channel(&mut self, system: &mut System) -> Result<(), Trouble> {
        self.play(system, Play::Busy)?;
        let mut cost = u64::MAX;
        for _ in 0..BATCHES {
            cost = cost.min(self.batch(system)?);
        }
        self.report.figure("channel-client", cost, BATCH);
        let deadline = time::after(PATIENCE);
        let answer = self.server.call(system, Play::Cost, &[], deadline)?;
        let cost = answer.bytes().first_chunk().ok_or(Trouble::NoFigure)?;
        self.report.figure("channel-server", u64::from_le_bytes(*cost), BATCH);
        Ok(())
    }

    /// Ticks that a batch took on this side.
    fn batch(&self, system: &mut System) -> Result<u64, Trouble> {
        let (mut answer, payload) = (Answer::default(), black_box(&PAYLOAD[..]));
        let mut server = self.server.hold(system).ok_or(Trouble::NoFigure)?;
        let sending = stamp::now();
        for _ in 0..BATCH {
            server.send(Play::Echo, payload)?;
        }
        let sent = stamp::now() - sending;
        sys::yield_slot();
        let taking = stamp::now();
        let mut late = 0;
        for _ in 0..BATCH {
            // The slot may have ended while the other side was at it. Such a batch is not the cheapest.
            while !server.take(&mut answer) {
                late += 1;
                if late == BATCH {
                    return Err(Trouble::NoFigure);
                }
                sys::yield_slot();
            }
        }
        Ok(sent + stamp::now() - taking)
    }
}

/// What the rounds that count take together.
fn ticks(mut round: impl FnMut() -> Result<(), Failure>) -> Result<u64, Failure> {
    for _ in 0..WARM {
        round()?;
    }
    let begin = stamp::now();
    for _ in 0..ROUNDS {
        round()?;
    }
    Ok(stamp::now() - begin)
}

/// Reads the counter until the other side has taken all its interrupts; the readings before and after each gap.
fn gaps() -> [[u64; 2]; GAPS] {
    let mut gaps = [[0; 2]; GAPS];
    let mut last = stamp::now();
    // Four times as long as the interrupts take: in slots of its own the other side is not let in.
    let end = last + 4 * 201_000 * 128;
    for gap in &mut gaps {
        loop {
            let now = stamp::now();
            let before = core::mem::replace(&mut last, now);
            if now - before > GAP {
                *gap = [before, now];
                break;
            }
            if now > end {
                return gaps;
            }
        }
    }
    gaps
}
