//! Spreads shares evenly over the slots of one processor.

use crate::{Fit, Place, Plan, TAKERS, Want};
use abi::control::PLAN_SLOTS;
use abi::types::ProcessorId;
use arrayvec::ArrayVec;

/// A context and the slots it wants, then gets.
#[derive(Clone, Copy)]
struct Sharer {
    place: Place,
    slots: u32,
    /// What it has part in that others leave: its share, none where it waits deeply itself.
    weight: u32,
}

/// Those of a processor who want slots: at most as many as there are slots.
type Sharers = ArrayVec<Sharer, PLAN_SLOTS>;

/// Slots of a frame.
const SLOTS: u32 = 16;
/// Depth from which on a context is in no plan.
const LEFT: u64 = 3;
const _: () = assert!(PLAN_SLOTS == 16);

pub(crate) fn plan(
    processor: ProcessorId,
    processors: u16,
    wants: impl Iterator<Item = Want> + Clone,
) -> Plan {
    let all = wants.flat_map(|want| contexts_here(want, processor, processors));
    let here = all.clone().filter(|(want, place)| want.depth(place.context) < LEFT);
    let (sharers, crowded) = sharers(here.clone());
    let wanted = sharers.iter().fold(0_u32, |sum, sharer| sum.saturating_add(sharer.slots));
    let left = all.map(|(want, place)| want.share.saturating_sub(want.slots_of(place.context)));
    let left = left.fold(0_u32, |sum, slots| sum.saturating_add(slots.into()));
    let mut sharers = scaled(sharers, wanted);
    share_out(&mut sharers, left.min(SLOTS.saturating_sub(wanted)));
    let mut slots = slots(sharers);
    if let Some(place) = only_one(here.clone(), &slots) {
        slots = [Some(place); PLAN_SLOTS];
    }
    let (takers, left_out) = takers(here, &slots);
    let fit = match (crowded.max(left_out), wanted) {
        (0, 0..=SLOTS) => Fit::Met,
        (0, wanted) => Fit::Scaled { wanted },
        (left_out, _) => Fit::Crowded { left_out },
    };
    Plan { slots, takers, fit }
}

/// The contexts of `want` that run on `processor`.
fn contexts_here(
    want: Want,
    processor: ProcessorId,
    processors: u16,
) -> impl Iterator<Item = (Want, Place)> + Clone {
    (0..want.contexts_on(processors))
        .filter(move |&context| want.processor_of(context, processors) == processor)
        .filter(move |&context| want.has_place(context, processors))
        .map(move |context| (want, Place { partition: want.partition, context }))
}

/// Those who want slots, the largest share first, and how many more there are than slots.
fn sharers(here: impl Iterator<Item = (Want, Place)>) -> (Sharers, u32) {
    let mut sharers = Sharers::new();
    let mut crowded = 0_u32;
    for (want, place) in here.filter(|(want, _)| want.share > 0) {
        let slots = u32::from(want.slots_of(place.context));
        let weight = if slots == u32::from(want.share) { slots } else { 0 };
        let sharer = Sharer { place, slots, weight };
        if sharers.try_push(sharer).is_err() {
            crowded = crowded.saturating_add(1);
        }
    }
    sharers.sort_unstable_by_key(|sharer| {
        (core::cmp::Reverse(sharer.slots), sharer.place.partition, sharer.place.context)
    });
    (sharers, crowded)
}

/// Scales shares down to the slots there are; each keeps at least one.
fn scaled(mut sharers: Sharers, wanted: u32) -> Sharers {
    if wanted <= SLOTS {
        return sharers;
    }
    let mut sum = 0_u32;
    for sharer in &mut sharers {
        let share = u64::from(sharer.slots).wrapping_mul(u64::from(SLOTS));
        let share = share.checked_div(u64::from(wanted)).unwrap_or(0);
        sharer.slots = u32::try_from(share).unwrap_or(SLOTS).max(1);
        sum = sum.saturating_add(sharer.slots);
    }
    // Those raised to one slot are paid for by whoever has most.
    while sum > SLOTS {
        if let Some(richest) = sharers.iter_mut().max_by_key(|sharer| sharer.slots) {
            richest.slots = richest.slots.saturating_sub(1);
        }
        sum = sum.saturating_sub(1);
    }
    sharers
}

/// Gives slots that others leave to whoever has fewest for its share.
fn share_out(sharers: &mut Sharers, left: u32) {
    let rank = |sharer: &Sharer| {
        // As parts of the share, larger than any, so that thirds differ.
        let after = sharer.slots.saturating_add(1).saturating_mul(720_720);
        after.checked_div(sharer.weight)
    };
    for _ in 0..left {
        let takes = sharers.iter_mut().filter(|sharer| sharer.weight > 0);
        let Some(poorest) = takes.min_by_key(|sharer| rank(sharer)) else { return };
        poorest.slots = poorest.slots.saturating_add(1);
    }
}

/// Puts each at even distances from its first free slot on; where a slot is taken, the next free one is used.
fn slots(sharers: Sharers) -> [Option<Place>; PLAN_SLOTS] {
    let mut slots = [None; PLAN_SLOTS];
    for sharer in sharers {
        let start = slots.iter().position(Option::is_none).unwrap_or(0);
        for turn in 0..sharer.slots {
            let step = turn.wrapping_mul(SLOTS).checked_div(sharer.slots).unwrap_or(0);
            let ideal = start.wrapping_add(usize::try_from(step).unwrap_or(0));
            if let Some(free) = free_from(&mut slots, ideal) {
                *free = Some(sharer.place);
            }
        }
    }
    slots
}

/// The first free slot at or after `ideal`, around the end of the frame.
fn free_from(slots: &mut [Option<Place>; PLAN_SLOTS], ideal: usize) -> Option<&mut Option<Place>> {
    let index = (0..PLAN_SLOTS)
        .map(|distance| ideal.wrapping_add(distance) % PLAN_SLOTS)
        .find(|&index| slots.get(index).is_some_and(Option::is_none))?;
    slots.get_mut(index)
}

/// The context that has a processor to itself because it is on every one and nobody else wants this one.
fn only_one(
    here: impl Iterator<Item = (Want, Place)>,
    slots: &[Option<Place>; PLAN_SLOTS],
) -> Option<Place> {
    let mut takers = here.filter(|(want, _)| want.slack);
    let (want, place) = takers.next()?;
    let alone = want.processor.is_none() && takers.next().is_none();
    (alone && slots.iter().all(Option::is_none)).then_some(place)
}

/// Takers of slack, and how many more there are than places.
///
/// Where one context owns all slots, partitions that are on every processor stay away: an owned
/// processor needs no timer, and keeps none only while nobody else has a place.
fn takers(
    here: impl Iterator<Item = (Want, Place)>,
    slots: &[Option<Place>; PLAN_SLOTS],
) -> (ArrayVec<Place, TAKERS>, u32) {
    let owned = slots.first().copied().flatten().is_some() && slots.windows(2).all(same);
    let mut takers = ArrayVec::new();
    let mut left_out = 0_u32;
    for (want, place) in here {
        let dead = want.share > 0 && !slots.contains(&Some(place));
        let wanted = want.slack || dead;
        let stays_away = owned && (want.processor.is_none() || slots.contains(&Some(place)));
        if wanted && !stays_away && takers.try_push(place).is_err() {
            left_out = left_out.saturating_add(1);
        }
    }
    (takers, left_out)
}

/// Whether two neighbouring slots are the same context's.
fn same(pair: &[Option<Place>]) -> bool {
    matches!(pair, [left, right] if left == right)
}
