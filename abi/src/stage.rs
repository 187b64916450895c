//! The words of `Stage`, and its form in which a plan of few contexts is told by one call: there each place has four bits.

use crate::control::PLAN_SLOTS;

/// Places that a word names.
pub const PER_WORD: u64 = 4;
/// In place of the number of further words.
pub const FEW: u64 = 3;
/// Places that are told: the slots of the frame, and the first takers of slack.
pub const FEW_PLACES: u64 = 24;
/// The same as a length.
pub const FEW_LENGTH: usize = 24;
const _: () = assert!(FEW_PLACES == 24 && FEW_LENGTH == 24);
/// Most contexts that may stand there.
pub const FEW_CONTEXTS: usize = 8;
/// The same in the type of slots.
const CONTEXTS: u16 = 8;
const _: () = assert!(FEW_CONTEXTS == 8 && CONTEXTS == 8);

/// The arguments of a `Stage` that tells these places, each a slot of the caller with a context or 0 for idle; the first is still to
/// get [`FEW`]. `None` where more contexts stand there than can be told.
#[must_use]
pub fn few(places: &[u16; FEW_LENGTH]) -> Option<[u64; 4]> {
    let mut contexts = [0; FEW_CONTEXTS];
    let (slots, takers) = places.split_at(PLAN_SLOTS);
    let (slots, takers) = (numbers(&mut contexts, slots)?, numbers(&mut contexts, takers)?);
    let (words, _) = contexts.as_chunks::<4>();
    let word = |at: usize| words.get(at).map_or(0, word);
    Some([takers, slots, word(0), word(1)])
}

/// Four bits for each place, from the lowest on: which of the contexts is there.
fn numbers(contexts: &mut [u16; FEW_CONTEXTS], places: &[u16]) -> Option<u64> {
    let mut places = places.iter().rev();
    places.try_fold(0, |numbers, &slot| Some(numbers << 4 | number(contexts, slot)?))
}

/// Number of a context, 0 for idle. One that was not among them yet is added, where it is found soon.
fn number(contexts: &mut [u16; FEW_CONTEXTS], slot: u16) -> Option<u64> {
    if slot == 0 {
        return Some(0);
    }
    let mut number = slot % CONTEXTS;
    if contexts.get(usize::from(number)) != Some(&slot) {
        number = add(contexts, slot)?;
    }
    Some(u64::from(number).wrapping_add(1))
}

/// Where a context is among them, or is from now on; `None` where all places are others'.
#[cold]
fn add(contexts: &mut [u16; FEW_CONTEXTS], slot: u16) -> Option<u16> {
    let mut places = (0..CONTEXTS).map(|turn| slot.wrapping_add(turn) % CONTEXTS);
    places.find(|place| {
        let context = contexts.get_mut(usize::from(*place));
        context.is_some_and(|context| {
            *context = if *context == 0 { slot } else { *context };
            *context == slot
        })
    })
}

/// Four slots as a word of `Stage`, the first in its lowest bits.
#[must_use]
pub fn word(slots: &[u16; 4]) -> u64 {
    let [first, second, third, fourth] = slots.map(u64::from);
    first | second << 16 | third << 32 | fourth << 48
}

#[cfg(test)]
#[expect(
    clippy::as_conversions,
    clippy::arithmetic_side_effects,
    reason = "small numbers of a test"
)]
mod tests {
    //! What is told is what was there.

    use super::*;

    /// The places that the arguments of a `Stage` tell, as the specification says.
    fn told([takers, slots, first, second]: [u64; 4]) -> [u64; FEW_LENGTH] {
        core::array::from_fn(|place| {
            let numbers = if place < PLAN_SLOTS { slots } else { takers };
            let context = |number: u64| {
                let word = if number < 4 { first } else { second };
                if number < 8 { word >> (16 * (number % 4)) & 0xffff } else { 0 }
            };
            (numbers >> (4 * (place % PLAN_SLOTS)) & 15).checked_sub(1).map_or(0, context)
        })
    }

    #[test]
    fn whoever_is_in_a_plan_of_few_is_told_in_its_place() {
        let mut random = 1_u64;
        let mut next = |below: u64| {
            random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            (random >> 33) % below
        };
        let mut found = [0; 2];
        for _ in 0..20_000 {
            let (all, spread) = (next(11) + 1, [1, 8, 300, 4_000][next(4) as usize]);
            let contexts: [u16; 11] =
                core::array::from_fn(|at| (1 + at as u64 * spread + next(spread)) as u16);
            let mut there = [false; 11];
            let places = core::array::from_fn(|_| {
                let which = next(all + 1) as usize;
                which.checked_sub(1).map_or(0, |at| {
                    there[at] = true;
                    contexts[at]
                })
            });
            let count = there.into_iter().filter(|there| *there).count();
            let few = few(&places);
            assert_eq!(few.is_some(), count <= FEW_CONTEXTS, "{places:?}");
            found[usize::from(few.is_some())] += 1;
            few.into_iter().for_each(|few| assert_eq!(told(few), places.map(u64::from)));
            few.into_iter().for_each(|[takers, ..]| assert!(takers <= u64::from(u32::MAX)));
        }
        assert!(found.iter().all(|found| *found > 1_000), "{found:?}");
    }
}
