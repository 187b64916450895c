//! The kernel's time: nanoseconds since its start, and the timer that interrupts at one of them.
#![expect(unsafe_code, reason = "reads the time stamp counter")]

use super::boot::Attempt;
use super::calibration::{self, Measurement, Rates};
use super::debug_port::report;
use super::local_apic::LocalApic;
use super::reference::Reference;
use abi::control::Feature;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Nanoseconds in a second.
const SECOND: u64 = 1_000_000_000;
/// Nanoseconds between timer interrupts where time is read off a reference: its wraps have to be counted,
/// and programs know the time of the last interrupt only.
const TICK: u64 = 10_000_000;
/// Fixed-point position of multipliers.
pub const SHIFT: u64 = 32;
/// Times that measuring is repeated where the samples scatter.
const ATTEMPTS: usize = 3;

/// The time stamp counter.
pub fn time_stamp() -> u64 {
    // SAFETY: `rdtsc` exists on every processor in long mode and touches no memory.
    unsafe { x86::time::rdtsc() }
}

/// The clocks that there are.
type References = [Option<Reference>; 3];
/// A count at time 0, and nanoseconds per tick, scaled by 2^[`SHIFT`].
type Scale = (u64, u64);

/// Always fits: a counter runs for centuries before its nanoseconds do not.
#[inline]
fn time(multiplier: u64, ticks: u64) -> u64 {
    ((u128::from(ticks) * u128::from(multiplier)) >> SHIFT) as u64
}

/// Time and timer of the machine; the same for every processor.
pub struct Clock {
    /// What was measured.
    pub rates: Rates,
    /// Whether the timer takes time stamps.
    pub deadline: bool,
    /// Ticks of the timer per nanosecond, scaled by 2^[`SHIFT`].
    timer_multiplier: u64,
    time_stamps: Scale,
    /// What else there is, and whether it is used instead.
    reference: Reference,
    references: Scale,
    distrusted: AtomicBool,
    /// Count of the reference as last seen, with its wraps counted.
    last: AtomicU64,
}

/// What does not fit, as for a deadline hundreds of years ahead, is as far as there is.
fn scaled(value: u64, multiplier: u64) -> u64 {
    u64::try_from((u128::from(value) * u128::from(multiplier)) >> SHIFT).unwrap_or(u64::MAX)
}

fn ratio(numerator: u64, denominator: u64) -> u64 {
    ((u128::from(numerator) << SHIFT) / u128::from(denominator.max(1))) as u64
}

impl Clock {
    /// Measures and chooses.
    pub fn start(references: References, apic: LocalApic, features: Feature) -> Attempt<Self> {
        let (reference, measurement) = measure_all(references, apic)?;
        let clock =
            Self::new(reference, measurement.rates, features.contains(Feature::TSC_DEADLINE));
        if !features.contains(Feature::INVARIANT_TSC) && !measurement.repeats {
            clock.distrust("is uneven");
        }
        Ok(clock)
    }

    fn new(reference: Reference, rates: Rates, deadline: bool) -> Self {
        let base = reference.read();
        Self {
            rates,
            deadline,
            timer_multiplier: ratio(if deadline { rates.tsc } else { rates.apic }, SECOND),
            time_stamps: (time_stamp(), ratio(SECOND, rates.tsc)),
            reference,
            references: (base, ratio(SECOND, reference.frequency)),
            distrusted: AtomicBool::new(false),
            last: AtomicU64::new(base),
        }
    }

    /// Reads time off another clock from now on, if there is a better one. Only before the first partition runs.
    pub fn distrust(&self, why: &str) {
        if self.reference.is_short() {
            report!("kernel: the time stamp counter {why}, and there is no better clock");
        } else if !self.distrusted.swap(true, Ordering::Relaxed) {
            let name = self.reference.name;
            report!("kernel: the time stamp counter {why}; time is read off the {name}");
        }
    }

    fn is_distrusted(&self) -> bool {
        self.distrusted.load(Ordering::Relaxed)
    }

    /// Nanoseconds since the kernel started.
    pub fn now(&self) -> u64 {
        self.now_at(self.ticks())
    }

    /// Ticks of the time stamp counter since the kernel started. Where it is not trusted it still counts what was used, for
    /// that is measured on one processor.
    #[inline]
    pub fn ticks(&self) -> u64 {
        time_stamp().wrapping_sub(self.time_stamps.0)
    }

    /// What so many ticks are in nanoseconds.
    #[inline]
    pub fn time(&self, ticks: u64) -> u64 {
        time(self.time_stamps.1, ticks)
    }

    /// Nanoseconds since the kernel started, if the time stamp counter shows these ticks now.
    #[inline]
    pub fn now_at(&self, ticks: u64) -> u64 {
        if self.is_distrusted() { self.slow_now() } else { self.time(ticks) }
    }

    /// Out of the way of the paths that must be short.
    #[cold]
    #[inline(never)]
    fn slow_now(&self) -> u64 {
        time(self.references.1, self.unwrapped().saturating_sub(self.references.0))
    }

    /// The reference with its wraps counted. Somebody must ask more often than it wraps.
    fn unwrapped(&self) -> u64 {
        let last = self.last.load(Ordering::Relaxed);
        let moved = self.reference.between(last, self.reference.read());
        // A reading older than one that another processor has stored meanwhile looks like nearly a whole turn.
        if moved > self.reference.mask / 2 {
            return last;
        }
        self.last.fetch_max(last + moved, Ordering::Relaxed).max(last + moved)
    }

    /// Lets the timer of this processor interrupt at `time`, at once if that has passed, or never.
    pub fn set_timer(&self, apic: LocalApic, time: Option<u64>) {
        let ticks = self.distance(time).map(|ns| scaled(ns, self.timer_multiplier).max(1));
        if self.deadline {
            apic.set_deadline(ticks.map_or(0, |ticks| time_stamp().saturating_add(ticks)));
        } else {
            apic.set_count(u32::try_from(ticks.unwrap_or(0)).unwrap_or(u32::MAX));
        }
    }

    /// Nanoseconds from now to `time`; where time is read off the reference not more than to the next tick.
    fn distance(&self, time: Option<u64>) -> Option<u64> {
        let distance = time.map(|time| time.saturating_sub(self.now()));
        if !self.is_distrusted() {
            return distance;
        }
        Some(distance.map_or(TICK, |distance| distance.min(TICK)))
    }

    /// Where time is read off the reference, makes sure that there is a next tick whatever core needs.
    pub fn keep_ticking(&self, apic: LocalApic) {
        if self.is_distrusted() {
            self.set_timer(apic, None);
        }
    }

    /// Ticks per second of the timer.
    pub fn timer_rate(&self) -> u64 {
        if self.deadline { self.rates.tsc } else { self.rates.apic }
    }

    /// Source as in `KernelOperation::Fact(1)`: 1 the time stamp counter, else its number.
    pub fn source_number(&self) -> u64 {
        if self.is_distrusted() { self.reference.number } else { 1 }
    }

    /// Base and multiplier for programs that compute time themselves; `None` where they cannot.
    pub fn conversion(&self) -> Option<(u64, u64)> {
        (!self.is_distrusted()).then_some(self.time_stamps)
    }
}

/// Measures against every clock that moves. The first one's result counts; others that disagree are reported.
fn measure_all(references: References, apic: LocalApic) -> Attempt<(Reference, Measurement)> {
    let mut chosen: Option<(Reference, Measurement)> = None;
    for reference in references.into_iter().flatten() {
        let Some(measurement) = measure_patiently(reference, apic) else {
            report!("kernel: the {} does not move", reference.name);
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
    let mut measurement = calibration::measure(reference, apic)?;
    for _ in 1..ATTEMPTS {
        if !measurement.repeats {
            measurement = calibration::measure(reference, apic)?;
        }
    }
    Some(measurement)
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
        first.0.name,
        reference.name
    );
}
