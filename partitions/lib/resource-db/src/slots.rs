//! The slots of the manager's own capability table. Derived from the rows whenever books are opened, so never logged.

use abi::control::{SLOT_PAGES, SLOTS_PER_PAGE, first_slot};
use abi::types::Slot;

/// Words of 64 slots each.
pub(crate) const WORDS: usize = 512;
const _: () = assert!(WORDS == 512 && END / 64 == 512 && END.is_multiple_of(64));

/// One past the last slot.
const END: u16 = SLOTS_PER_PAGE.wrapping_mul(SLOT_PAGES);

/// The first of `count` free slots in a row, now taken.
pub(crate) fn take(words: &mut [u64], count: u16) -> Option<Slot> {
    if count == 1 {
        return take_one(words);
    }
    let mut start = first_slot::FREE.raw();
    let mut slot = start;
    while slot < END {
        if slot.is_multiple_of(64) && words.get(usize::from(slot / 64)) == Some(&u64::MAX) {
            slot = slot.wrapping_add(64);
            start = slot;
            continue;
        }
        slot = slot.wrapping_add(1);
        if is_taken(words, slot.wrapping_sub(1)) {
            start = slot;
        } else if slot.wrapping_sub(start) >= count {
            mark(words, Slot::new(start), count, true);
            return Some(Slot::new(start));
        }
    }
    None
}

/// The first free slot, now taken.
fn take_one(words: &mut [u64]) -> Option<Slot> {
    let first = first_slot::FREE.raw();
    for (start, word) in (0..END).step_by(64).zip(words) {
        if *word == u64::MAX {
            continue;
        }
        // Those that the kernel filled are never free.
        let kernels = u32::from(first.saturating_sub(start).min(64));
        let kernels = 1_u64.checked_shl(kernels).map_or(u64::MAX, |bit| bit.wrapping_sub(1));
        let slot = (*word | kernels).trailing_ones();
        if slot < 64 {
            *word |= 1_u64.wrapping_shl(slot);
            return Some(Slot::new(start.wrapping_add(u16::try_from(slot).ok()?)));
        }
    }
    None
}

/// Marks slots as taken or free; those that the kernel filled are never free.
pub(crate) fn mark(words: &mut [u64], first: Slot, count: u16, taken: bool) {
    let free = first_slot::FREE.raw();
    for slot in first.raw().max(free)..first.raw().saturating_add(count) {
        let bit = 1_u64.wrapping_shl(u32::from(slot % 64));
        if let Some(word) = words.get_mut(usize::from(slot / 64)) {
            *word = if taken { *word | bit } else { *word & !bit };
        }
    }
}

/// How many are taken.
pub(crate) fn taken(words: &[u64]) -> u32 {
    words.iter().map(|word| word.count_ones()).sum()
}

/// Whether a slot holds something: the kernel's own, or one that is taken.
pub(crate) fn holds(words: &[u64], slot: u16) -> bool {
    let word = words.get(usize::from(slot / 64)).copied().unwrap_or(0);
    word.wrapping_shr(u32::from(slot % 64)) & 1 != 0 || slot < first_slot::FREE.raw()
}

fn is_taken(words: &[u64], slot: u16) -> bool {
    let bit = 1_u64.wrapping_shl(u32::from(slot % 64));
    words.get(usize::from(slot / 64)).is_none_or(|word| word & bit != 0)
}
