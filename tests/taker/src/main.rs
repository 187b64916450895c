//! Takes interrupts of the interval timer, says when each was taken and how late, and then computes for ever without a word:
//! a driver on a processor of its own, or one that shares its processor.

#![no_std]
#![no_main]

mod timer;

use rt::{Interrupt, Partition, Signal, Start, System, log, time};
use timer::IntervalTimer;

rt::entry!(Taker);

/// Interrupts that are told.
const COUNT: usize = 64;
/// In a line, so that the lines fit on a screen.
const IN_A_LINE: usize = 8;

/// One interrupt that was taken.
#[derive(Clone, Copy, Default)]
struct Taken {
    /// When, microseconds since the start.
    at: u64,
    /// How long after it came, microseconds.
    late: u64,
}

/// The partition.
struct Taker {
    interrupt: Option<Interrupt>,
    timer: Option<IntervalTimer>,
    taken: [Taken; COUNT],
    count: usize,
}

impl Partition for Taker {
    fn started(system: &mut System, _: &Start) -> Self {
        let (interrupt, timer) = (system.interrupt("timer"), IntervalTimer::of(system));
        let taker = Self { interrupt, timer, taken: [Taken::default(); COUNT], count: 0 };
        // Firmware left the timer running: an interrupt that nobody took holds back all others.
        let _ = taker.interrupt.map(Interrupt::acknowledge);
        if taker.timer.is_none_or(|timer| timer.start().is_err()) {
            log!("there is no timer");
        }
        taker
    }

    fn signal(&mut self, _: &mut System, signal: Signal) {
        let (Some(interrupt), Some(timer)) = (self.interrupt, self.timer) else { return };
        if !signal.is(interrupt) {
            return;
        }
        let (late, at) = (timer.passed(), time::now());
        if let Some(taken) = self.taken.get_mut(self.count) {
            *taken = Taken { at: at.raw() / 1000, late };
            self.count += 1;
        }
        if self.count < COUNT {
            // A refusal would show as an interrupt that never comes.
            let _ = interrupt.acknowledge();
        } else {
            self.tell();
            compute();
        }
    }
}

impl Taker {
    /// Says what was taken: time and delay of each.
    fn tell(&self) {
        for (line, taken) in self.taken.chunks_exact(IN_A_LINE).enumerate() {
            let one = |at: usize| taken.get(at).copied().unwrap_or_default();
            let [a, b, c, d, e, f, g, h] = [0, 1, 2, 3, 4, 5, 6, 7].map(one);
            log!(
                "taken {line}: {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {}",
                a.at,
                a.late,
                b.at,
                b.late,
                c.at,
                c.late,
                d.at,
                d.late,
                e.at,
                e.late,
                f.at,
                f.late,
                g.at,
                g.late,
                h.at,
                h.late
            );
        }
        log!("all {COUNT} taken");
    }
}

/// Takes all the time there is, with not one call of the kernel.
fn compute() -> ! {
    let mut count = 0_u64;
    loop {
        count = core::hint::black_box(count.wrapping_add(1));
    }
}
