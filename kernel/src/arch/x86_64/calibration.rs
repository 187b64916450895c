//! Measures the time stamp counter and the local APIC's timer against every clock of known frequency.

use super::clock::time_stamp;
use super::local_apic::LocalApic;
use super::reference::Reference;

/// Samples against each clock; the median counts.
const SAMPLES: usize = 5;
/// Samples a second would hold if they followed each other: each takes 2 ms.
const SAMPLES_PER_SECOND: u64 = 500;
/// Reads of a clock before it is taken for dead.
const PATIENCE: u32 = 1_000_000;
/// Readings of which the one with the narrowest bracket counts.
const READINGS: usize = 4;
/// Parts per thousand by which two measurements may differ and still agree.
const TOLERANCE: u64 = 5;

/// Ticks per second, measured.
#[derive(Clone, Copy, Default, Debug)]
pub struct Rates {
    /// Of the time stamp counter.
    pub tsc: u64,
    /// Of the local APIC's timer.
    pub apic: u64,
}

/// What measuring against one clock gave.
#[derive(Clone, Copy)]
pub struct Measurement {
    /// The median.
    pub rates: Rates,
    /// Whether the middle three samples of the time stamp counter agree.
    pub repeats: bool,
}

/// The three counters at one instant.
struct Instant {
    reference: u64,
    tsc: u64,
    apic: u32,
}

/// Whether two rates are the same within the tolerance.
pub fn agree(a: u64, b: u64) -> bool {
    a.abs_diff(b) * 1000 <= a.max(b) * TOLERANCE
}

/// Reads the counters, several times, and takes the reading that was least disturbed.
fn instant(reference: Reference, apic: LocalApic) -> Instant {
    let reading = || {
        let before = time_stamp();
        let (reference, apic) = (reference.read(), apic.count());
        let width = time_stamp() - before;
        (width, Instant { reference, tsc: before + width / 2, apic })
    };
    let first = reading();
    let best = (1..READINGS).map(|_| reading()).fold(first, |a, b| if b.0 < a.0 { b } else { a });
    best.1
}

/// Waits until the clock has moved by `ticks`; false if it is dead.
fn wait(reference: Reference, start: u64, ticks: u64) -> bool {
    (0..PATIENCE).any(|_| reference.between(start, reference.read()) >= ticks)
}

fn sample(reference: Reference, apic: LocalApic) -> Option<Rates> {
    apic.set_count(u32::MAX);
    let start = instant(reference, apic);
    if !wait(reference, start.reference, reference.frequency / SAMPLES_PER_SECOND) {
        return None;
    }
    let end = instant(reference, apic);
    let ticks = reference.between(start.reference, end.reference);
    let rate = |counted: u64| counted.checked_mul(reference.frequency)?.checked_div(ticks);
    Some(Rates {
        tsc: rate(end.tsc - start.tsc)?,
        apic: rate(u64::from(start.apic.wrapping_sub(end.apic)))?,
    })
}

/// Measures both counters against `reference`; `None` if that does not move.
pub fn measure(reference: Reference, apic: LocalApic) -> Option<Measurement> {
    let mut samples = [Rates::default(); SAMPLES];
    for slot in &mut samples {
        *slot = sample(reference, apic)?;
    }
    apic.set_count(0);
    let (mut tsc, mut apic) = (samples.map(|s| s.tsc), samples.map(|s| s.apic));
    tsc.sort_unstable();
    apic.sort_unstable();
    let rates = Rates { tsc: tsc[SAMPLES / 2], apic: apic[SAMPLES / 2] };
    Some(Measurement { rates, repeats: agree(tsc[1], tsc[SAMPLES - 2]) })
}
