//! Spreads shares evenly over the slots of one processor.

use crate::{Fit, Place, Plan, TAKERS, Want};
use abi::control::{PLAN_PLACES, PLAN_SLOTS};
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

/// A context that takes slack, or wanted slots and found none.
struct Taker {
    place: Place,
    slack: bool,
    /// Its partition is on every processor.
    every: bool,
    /// It has slots of its own.
    shares: bool,
}

/// Slots of a frame.
const SLOTS: u32 = 16;
/// Depth from which on a context is in no plan.
const LEFT: u64 = 3;
const _: () = assert!(PLAN_SLOTS == 16);

pub(crate) fn fill(
    plan: &mut Plan,
    processor: ProcessorId,
    processors: u16,
    wants: impl Iterator<Item = Want>,
) {
    let mut here = Here::default();
    for want in wants {
        for place in want.places_on(processor, processors) {
            here.add(&want, place);
        }
    }
    let wanted = here.sharers.iter().fold(0_u32, |sum, sharer| sum.saturating_add(sharer.slots));
    let sharers = &mut here.sharers;
    scale(sharers, wanted);
    share_out(sharers, here.left.min(SLOTS.saturating_sub(wanted)));
    let owned = sharers.len() == 1 && sharers.iter().all(|sharer| sharer.slots == SLOTS);
    let only = if sharers.is_empty() { only_one(&here.takers) } else { None };
    if only.is_some() {
        plan.slots = [only; PLAN_SLOTS];
    }
    fill_slots(&mut plan.slots, sharers);
    let left_out = fill_takers(&mut plan.takers, &here.takers, owned || only.is_some());
    let left_out = left_out.saturating_add(here.beyond);
    plan.fit = match (here.crowded.max(left_out), wanted) {
        (0, 0..=SLOTS) => Fit::Met,
        (0, wanted) => Fit::Scaled { wanted },
        (left_out, _) => Fit::Crowded { left_out },
    };
}

/// The contexts of a processor, sorted by what they want while they are gone through once: there may be thousands elsewhere.
#[derive(Default)]
struct Here {
    sharers: Sharers,
    takers: ArrayVec<Taker, PLAN_PLACES>,
    /// Takers that there was no room to look at.
    beyond: u32,
    /// Sharers that there are no slots for.
    crowded: u32,
    /// Slots that are left by those who wait deeply.
    left: u32,
}

impl Here {
    fn add(&mut self, want: &Want, place: Place) {
        let depth = want.depth(place.context);
        let slots = want.slots_at(depth);
        self.left = self.left.saturating_add(want.share.saturating_sub(slots).into());
        if depth >= LEFT {
            return;
        }
        let weight = if slots == want.share { slots.into() } else { 0 };
        let sharer = Sharer { place, slots: slots.into(), weight };
        let wants = want.share > 0;
        let shares = wants && self.sharers.try_push(sharer).is_ok();
        self.crowded = self.crowded.saturating_add(u32::from(wants && !shares));
        if want.slack || wants && !shares {
            let every = want.processor.is_none();
            let taker = Taker { place, slack: want.slack, every, shares };
            let beyond = self.takers.try_push(taker).is_err();
            self.beyond = self.beyond.saturating_add(beyond.into());
        }
    }
}

/// Scales shares down to the slots there are; each keeps at least one.
fn scale(sharers: &mut Sharers, wanted: u32) {
    if wanted <= SLOTS {
        return;
    }
    let mut sum = 0_u32;
    for sharer in sharers.iter_mut() {
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

/// Puts each, the largest share first, at even distances from its first free slot on; where a slot is taken, the next free one is used.
fn fill_slots(slots: &mut [Option<Place>; PLAN_SLOTS], sharers: &mut Sharers) {
    sharers.sort_unstable_by_key(|sharer| {
        (core::cmp::Reverse(sharer.slots), sharer.place.partition, sharer.place.context)
    });
    // Slots that are taken, one bit each.
    let mut taken = 0_u16;
    for sharer in sharers {
        let start = taken.trailing_ones();
        for turn in 0..sharer.slots {
            let step = turn.wrapping_mul(SLOTS).checked_div(sharer.slots).unwrap_or(0);
            // Around the end of the frame.
            let ideal = start.wrapping_add(step) % SLOTS;
            let behind = taken.rotate_right(ideal).trailing_ones();
            let free = ideal.wrapping_add(behind) % SLOTS;
            taken |= 1_u16.wrapping_shl(free);
            if let Some(slot) = usize::try_from(free).ok().and_then(|free| slots.get_mut(free)) {
                *slot = Some(sharer.place);
            }
        }
    }
}

/// The context that has a processor to itself because it is on every one and nobody else wants this one.
fn only_one(takers: &[Taker]) -> Option<Place> {
    let mut takers = takers.iter().filter(|taker| taker.slack);
    let taker = takers.next()?;
    (taker.every && takers.next().is_none()).then_some(taker.place)
}

/// Fills in the takers of slack; how many more there are than places.
///
/// Where one context owns all slots, partitions that are on every processor stay away: an owned
/// processor needs no timer, and keeps none only while nobody else has a place.
fn fill_takers(takers: &mut ArrayVec<Place, TAKERS>, all: &[Taker], owned: bool) -> u32 {
    let mut left_out = 0_u32;
    for taker in all {
        let stays_away = owned && (taker.every || taker.shares);
        if !stays_away && takers.try_push(taker.place).is_err() {
            left_out = left_out.saturating_add(1);
        }
    }
    left_out
}
