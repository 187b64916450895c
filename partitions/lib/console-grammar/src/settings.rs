//! What `set` and `move` say after the name: `processor 4/16`, `memory 64M`, `to processor 2`.

use crate::mistake::Mistake;
use crate::nearest::nearest;
use crate::value::BadValue;
use crate::verbs::Verb;
use abi::types::{MAX_PROCESSORS, PAGE_SIZE};

/// What of a partition is set, and to what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Setting {
    /// Slots of 16 of each context.
    Share(u32),
    /// Pages of heap.
    Memory(u32),
}

/// Slots of a frame, which a share is a part of.
const SLOTS: u32 = 16;
/// The words for what can be set.
pub(crate) const SETTINGS: [&str; 2] = ["processor", "memory"];

/// What follows `set NAME`.
pub(crate) fn setting<'a>(
    verb: &'static Verb,
    mut words: impl Iterator<Item = &'a str>,
) -> Result<Setting, Mistake<'a>> {
    let what = words.next().ok_or(Mistake::Incomplete { verb })?;
    if !SETTINGS.contains(&what) {
        let nearest = nearest(what, SETTINGS.into_iter());
        return Err(Mistake::Value(BadValue::Unknown { word: what, nearest }));
    }
    let word = words.next().ok_or(Mistake::Incomplete { verb })?;
    let setting = match what {
        "memory" => Setting::Memory(pages(word).ok_or(Mistake::Value(BadValue::Size { word }))?),
        _ => Setting::Share(share(word).ok_or(Mistake::Value(BadValue::Share { word }))?),
    };
    ended(verb, words).map(|()| setting)
}

/// What follows `move NAME`: the number of a processor, `to` and `processor` before it if one likes.
pub(crate) fn destination<'a>(
    verb: &'static Verb,
    words: impl Iterator<Item = &'a str>,
) -> Result<u32, Mistake<'a>> {
    let mut words = words.skip_while(|word| ["to", "processor"].contains(word));
    let word = words.next().ok_or(Mistake::Incomplete { verb })?;
    let number = word.parse().ok().filter(|number| *number < u32::from(MAX_PROCESSORS));
    let number = number.ok_or(Mistake::Value(BadValue::Processor { word }))?;
    ended(verb, words).map(|()| number)
}

/// There are no more words.
pub(crate) fn ended<'a>(
    verb: &'static Verb,
    mut words: impl Iterator<Item = &'a str>,
) -> Result<(), Mistake<'a>> {
    words.next().map_or(Ok(()), |word| Err(Mistake::TooMuch { verb, word }))
}

/// `4/16`, or `4`.
fn share(word: &str) -> Option<u32> {
    let slots = word.strip_suffix("/16").unwrap_or(word).parse().ok()?;
    (1..=SLOTS).contains(&slots).then_some(slots)
}

/// `64M`: pages; what is not a whole number of pages is rounded up.
pub(crate) fn pages(word: &str) -> Option<u32> {
    let number = word.trim_end_matches(['K', 'M', 'G']);
    let shift = match word.get(number.len()..)? {
        "K" => 10,
        "M" => 20,
        "G" => 30,
        _ => return None,
    };
    let bytes = number.parse::<u32>().ok().map(u64::from)?.checked_shl(shift)?;
    u32::try_from(bytes.div_ceil(PAGE_SIZE)).ok()
}
