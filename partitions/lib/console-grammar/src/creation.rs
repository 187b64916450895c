//! What `create` says after the name, `share 2 memory 4M processor 1`, and which part of memory `map` shows.

use crate::mistake::Mistake;
use crate::nearest::nearest;
use crate::settings::{ended, pages};
use crate::value::BadValue;
use crate::verbs::Verb;
use abi::types::{MAX_PROCESSORS, PAGE_SIZE};

/// What is said of a new partition; its definition gives the rest.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Creation {
    /// Slots of 16 of each context.
    pub share: Option<u16>,
    /// Pages of heap.
    pub memory: Option<u32>,
    /// Processor of the first context.
    pub processor: Option<u16>,
}

/// A part of memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Area {
    /// A frame of it.
    pub frame: u64,
    /// Frames of a character, a power of two.
    pub scale: u64,
}

/// The words for what can be said.
pub(crate) const OPTIONS: [&str; 3] = ["share", "memory", "processor"];

/// What follows `create NAME`.
pub(crate) fn creation<'a>(
    verb: &'static Verb,
    mut words: impl Iterator<Item = &'a str>,
) -> Result<Creation, Mistake<'a>> {
    let mut creation = Creation::default();
    while let Some(option) = words.next() {
        if !OPTIONS.contains(&option) {
            let nearest = nearest(option, OPTIONS.into_iter());
            return Err(Mistake::Value(BadValue::Option { word: option, nearest }));
        }
        let word = words.next().ok_or(Mistake::Incomplete { verb })?;
        let again = match option {
            "share" => {
                let share = slots(word).ok_or(Mistake::Value(BadValue::Slots { word }))?;
                creation.share.replace(share).is_some()
            }
            "memory" => {
                let pages = pages(word).ok_or(Mistake::Value(BadValue::Size { word }))?;
                creation.memory.replace(pages).is_some()
            }
            _ => {
                let number = word.parse().ok().filter(|number| *number < MAX_PROCESSORS);
                let number = number.ok_or(Mistake::Value(BadValue::Processor { word }))?;
                creation.processor.replace(number).is_some()
            }
        };
        if again {
            return Err(Mistake::Value(BadValue::Twice { word: option }));
        }
    }
    Ok(creation)
}

/// What follows `map`.
pub(crate) fn area<'a>(
    verb: &'static Verb,
    mut words: impl Iterator<Item = &'a str>,
) -> Result<Option<Area>, Mistake<'a>> {
    let Some(word) = words.next() else { return Ok(None) };
    let frame = frame(word).ok_or(Mistake::Value(BadValue::Address { word }))?;
    let scale = match words.next() {
        Some(word) => {
            let scale = pages(word).map(u64::from).filter(|pages| pages.is_power_of_two());
            scale.ok_or(Mistake::Value(BadValue::Scale { word }))?
        }
        None => 1,
    };
    ended(verb, words).map(|()| Some(Area { frame, scale }))
}

/// `2`, or `2/16`; none at all takes what others leave.
fn slots(word: &str) -> Option<u16> {
    let slots = word.strip_suffix("/16").unwrap_or(word).parse().ok()?;
    (0..=16).contains(&slots).then_some(slots)
}

/// The frame of an address: as `map` writes it, with `0x` before it, or an amount as `64M`.
fn frame(word: &str) -> Option<u64> {
    let digits = word.strip_prefix("0x").unwrap_or(word);
    let plain = !digits.starts_with('+');
    let address = u64::from_str_radix(digits, 16).ok().filter(|_| plain);
    address.map(|address| address / PAGE_SIZE).or_else(|| pages(word).map(u64::from))
}
