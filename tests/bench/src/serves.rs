//! The other side: plays the part that it is asked to.

use crate::line::Line;
use crate::{BATCH, BATCHES, Bench, INTERRUPTS, Play, Played, ROUNDS, WARM, stamp};
use abi::types::Nanoseconds;
use rt::sys::{self, Failure};
use rt::{Interrupt, Request, Server, System};

/// Commands of the interval timer: channel 0, both bytes, rate generator; the same counting down once.
const PERIODIC: u8 = 0x34;
const ONCE: u8 = 0x30;
/// Ticks of 838 ns from one interrupt to the next: long enough for everything else to have settled.
const DIVISOR: [u8; 2] = 240_u16.to_le_bytes();

/// What it knows.
pub struct Serves {
    asked: Server<Bench>,
    timer: Option<Interrupt>,
    /// Fewest ticks that a batch of echoes took.
    cost: u64,
}

impl Serves {
    /// Finds the channel and the timer.
    pub fn new(system: &mut System) -> Self {
        let timer = system.interrupt("timer");
        Self { asked: system.server("ask").unwrap_or_default(), timer, cost: u64::MAX }
    }

    /// Does what was asked.
    pub fn serve(&mut self, system: &mut System) {
        while let Some(request) = self.asked.next(system) {
            self.play(system, &request);
        }
    }

    /// Answers every batch at once, and yields to the other side in between.
    #[inline(never)]
    fn keep_busy(&mut self, system: &mut System) {
        let (mut request, mut answered) = (Request::default(), 0);
        let Some(mut server) = self.asked.hold(system) else { return };
        while answered < BATCHES * BATCH {
            let (begin, mut count) = (stamp::now(), 0);
            while server.take(&mut request) {
                server.answer(&request, Played::Ok, request.bytes());
                count += 1;
            }
            if count == BATCH {
                self.cost = self.cost.min(stamp::now() - begin);
            }
            answered += count;
            sys::yield_slot();
        }
    }

    fn play(&mut self, system: &mut System, request: &Request<Bench>) {
        let Some(part) = request.code() else {
            return self.asked.answer(system, request, Played::NotUnderstood, &[]);
        };
        let cost = self.cost.to_le_bytes();
        let bytes = match part {
            Play::Echo => request.bytes(),
            Play::Cost => &cost,
            _ => &[],
        };
        self.asked.answer(system, request, Played::Ok, bytes);
        // A part that is cut short keeps the asking side waiting: no figure is printed, which is noticed.
        let _ = match part {
            Play::Call => self.line(system).map(answer_calls),
            Play::PingPong => self.line(system).map(wait_and_ring),
            Play::Yield => Some(yields()),
            Play::Interrupts => Some(self.take_interrupts(system)),
            Play::Busy => {
                self.keep_busy(system);
                None
            }
            Play::Echo | Play::Cost => None,
        };
    }

    fn line(&self, system: &mut System) -> Option<Line> {
        self.asked.about(system).as_ref().and_then(Line::of)
    }

    /// Stamps the first instructions after each interrupt into the data area.
    fn take_interrupts(&self, system: &mut System) -> Result<(), Failure> {
        let (Some(timer), Some((ports, first))) = (self.timer, system.ports("timer")) else {
            return Ok(());
        };
        // Firmware left the timer running: an interrupt that nobody took holds back all others.
        timer.acknowledge()?;
        let (counter, command) = (first, first + 3);
        ports.write(command, PERIODIC)?;
        for byte in DIVISOR {
            ports.write(counter, byte)?;
        }
        let mut stamps = [0; INTERRUPTS];
        for stamp in &mut stamps {
            sys::wait(u64::MAX, Nanoseconds::NEVER)?;
            *stamp = stamp::now();
            timer.acknowledge()?;
        }
        ports.write(command, ONCE)?;
        let bytes = stamps.map(u64::to_le_bytes);
        self.asked.write_data(system, 0, bytes.as_flattened());
        Ok(())
    }
}

fn answer_calls(line: Line) -> Result<(), Failure> {
    line.wait()?;
    for _ in 1..WARM + ROUNDS {
        line.call()?;
    }
    line.ring()
}

fn wait_and_ring(line: Line) -> Result<(), Failure> {
    for _ in 0..WARM + ROUNDS {
        line.wait()?;
        line.ring()?;
    }
    Ok(())
}

/// More of them than the asking side's, so that it always finds somebody to yield to.
fn yields() -> Result<(), Failure> {
    for _ in 0..2 * (WARM + ROUNDS) {
        sys::yield_slot();
    }
    Ok(())
}
