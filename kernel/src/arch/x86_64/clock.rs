//! The kernel's time: nanoseconds since its start, and the timer that interrupts at one of them.
#![expect(unsafe_code, reason = "reads the time stamp counter")]

use super::calibration::{self, Measurement, Rates};
use super::debug_port::report;
use super::features::Features;
use super::local_apic::LocalApic;
use super::reference::Reference;
use core::sync::atomic::{AtomicU64, Ordering};

/// Nanoseconds in a second.
const SECOND: u64 = 1_000_000_000;
/// Fixed-point position of [`Clock::multiplier`].
pub const SHIFT: u64 = 32;
/// Times that measuring is repeated where the samples scatter.
const ATTEMPTS: usize = 3;

/// The time stamp counter.
pub fn time_stamp() -> u64 {
    // SAFETY: `rdtsc` exists on every processor in long mode and touches no memory.
    unsafe { x86::time::rdtsc() }
}

/// Where time comes from.
#[derive(Clone, Copy)]
enum Source {
    /// The time stamp counter.
    TimeStamp,
    /// A clock that wraps.
    Wrapping(Reference),
}

/// Time and timer of the machine; the same for every processor.
pub struct Clock {
    source: Source,
    rates: Rates,
    deadline: bool,
    /// Time stamp counter, or count of the wrapping clock, at time 0.
    base: u64,
    /// Nanoseconds per tick of the source, scaled by 2^[`SHIFT`].
    multiplier: u64,
    /// Ticks of the timer per nanosecond, scaled likewise.
    timer_multiplier: u64,
    /// The wrapping clock as last seen, with the wraps counted.
    last: AtomicU64,
}

fn scaled(value: u64, multiplier: u64) -> u64 {
    (u128::from(value) * u128::from(multiplier) >> SHIFT) as u64
}

fn ratio(numerator: u64, denominator: u64) -> u64 {
    ((u128::from(numerator) << SHIFT) / u128::from(denominator.max(1))) as u64
}

impl Clock {
    /// Measures and chooses; the error is the sentence to stop with.
    pub fn start(
        references: [Option<Reference>; 3],
        apic: LocalApic,
        features: Features,
    ) -> Result<Self, &'static str> {
        let (reference, measurement) = measure_all(references, apic)?;
        let trusted = features.invariant_tsc || measurement.repeats;
        let source = if trusted { Source::TimeStamp } else { instead(reference) };
        Ok(Self::new(source, measurement.rates, features.tsc_deadline && trusted))
    }

    fn new(source: Source, rates: Rates, deadline: bool) -> Self {
        let (base, frequency) = match source {
            Source::TimeStamp => (time_stamp(), rates.tsc),
            Source::Wrapping(reference) => (reference.read(), reference.frequency()),
        };
        let timer = if deadline { rates.tsc } else { rates.apic };
        let multiplier = ratio(SECOND, frequency);
        let timer_multiplier = ratio(timer, SECOND);
        let last = AtomicU64::new(base);
        Self { source, rates, deadline, base, multiplier, timer_multiplier, last }
    }

    /// Nanoseconds since the kernel started.
    pub fn now(&self) -> u64 {
        let count = match self.source {
            Source::TimeStamp => time_stamp(),
            Source::Wrapping(reference) => self.unwrapped(reference),
        };
        scaled(count.saturating_sub(self.base), self.multiplier)
    }

    /// The wrapping clock with its wraps counted. Somebody must ask more often than it wraps.
    fn unwrapped(&self, reference: Reference) -> u64 {
        let last = self.last.load(Ordering::Relaxed);
        let moved = reference.read().wrapping_sub(last) & reference.mask();
        // A reading older than one that another processor has stored meanwhile looks like nearly a whole turn.
        if moved > reference.mask() / 2 {
            return last;
        }
        self.last.fetch_max(last + moved, Ordering::Relaxed).max(last + moved)
    }

    /// Lets the timer of this processor interrupt at `time`, at once if that has passed, or never.
    pub fn set_timer(&self, apic: LocalApic, time: Option<u64>) {
        let Some(time) = self.bounded(time) else { return self.stop_timer(apic) };
        let ticks = scaled(time, self.timer_multiplier).max(1);
        if self.deadline {
            apic.set_deadline(time_stamp().saturating_add(ticks));
        } else {
            apic.set_count(u32::try_from(ticks).unwrap_or(u32::MAX));
        }
    }

    /// Nanoseconds from now to `time`, not longer than the source of time allows.
    fn bounded(&self, time: Option<u64>) -> Option<u64> {
        let distance = time.map(|time| time.saturating_sub(self.now()));
        match self.source {
            Source::TimeStamp => distance,
            Source::Wrapping(reference) => {
                let longest = scaled(reference.mask() / 4, self.multiplier);
                Some(distance.map_or(longest, |distance| distance.min(longest)))
            }
        }
    }

    fn stop_timer(&self, apic: LocalApic) {
        if self.deadline { apic.set_deadline(0) } else { apic.set_count(0) }
    }

    /// Whether the timer takes deadlines of the time stamp counter.
    pub fn uses_deadlines(&self) -> bool {
        self.deadline
    }

    /// What was measured.
    pub fn rates(&self) -> Rates {
        self.rates
    }

    /// Ticks per second of the timer.
    pub fn timer_rate(&self) -> u64 {
        if self.deadline { self.rates.tsc } else { self.rates.apic }
    }

    /// Source as in `KernelOperation::Fact(1)`: 1 the time stamp counter, else [`Reference::number`].
    pub fn source_number(&self) -> u64 {
        match self.source {
            Source::TimeStamp => 1,
            Source::Wrapping(reference) => reference.number(),
        }
    }

    /// Base and multiplier for programs that compute time themselves; `None` where they cannot.
    pub fn conversion(&self) -> Option<(u64, u64)> {
        matches!(self.source, Source::TimeStamp).then_some((self.base, self.multiplier))
    }
}

/// What to read time off when the time stamp counter is uneven. The PIT wraps too soon to be of use.
fn instead(reference: Reference) -> Source {
    if matches!(reference, Reference::Pit) {
        report!("kernel: the time stamp counter is uneven, and there is no better clock");
        return Source::TimeStamp;
    }
    report!("kernel: the time stamp counter is uneven; time is read off the {}", reference.name());
    Source::Wrapping(reference)
}

/// Measures against every clock that moves. The first one's result counts; others that disagree are reported.
fn measure_all(
    references: [Option<Reference>; 3],
    apic: LocalApic,
) -> Result<(Reference, Measurement), &'static str> {
    let mut chosen: Option<(Reference, Measurement)> = None;
    for reference in references.into_iter().flatten() {
        let Some(measurement) = measure_patiently(reference, apic) else {
            report!("kernel: the {} does not move", reference.name());
            continue;
        };
        match &mut chosen {
            None => chosen = Some((reference, measurement)),
            Some(first) => compare(first, reference, measurement),
        }
    }
    chosen.ok_or("kernel: no clock of known frequency moves")
}

fn measure_patiently(reference: Reference, apic: LocalApic) -> Option<Measurement> {
    let mut best = calibration::measure(reference, apic)?;
    for _ in 1..ATTEMPTS {
        if best.repeats {
            break;
        }
        best = calibration::measure(reference, apic)?;
    }
    Some(best)
}

fn compare(first: &mut (Reference, Measurement), reference: Reference, other: Measurement) {
    let (a, b) = (first.1.rates.tsc, other.rates.tsc);
    if calibration::agree(a, b) {
        first.1.repeats |= other.repeats;
        return;
    }
    first.1.repeats = false;
    report!(
        "kernel: clocks disagree: the time stamp counter has {a} ticks a second by the {}, {b} by the {}",
        first.0.name(),
        reference.name()
    );
}
