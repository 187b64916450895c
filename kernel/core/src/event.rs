//! Event words: how a doorbell reaches a context that waits, with no lock and no lost wake-up.
//!
//! Who waits publishes what it wants before it takes what is pending; who rings sets the bit before it looks at what is
//! wanted. Both then meet in one read-modify-write of the event word, so that one of the two sees the other.

use crate::capability::Word;

/// Starts to wait for `mask`. Returns the events in it that were pending, which are cleared; if there were any, nothing waits.
#[inline]
pub fn begin<W: Word>(wanted: &W, events: &W, mask: u64) -> u64 {
    if publish(wanted, events, mask) { end(wanted, events) } else { 0 }
}

/// The first half of [`begin`]: from here on who rings sees what is wanted. Whether some of it is pending.
#[inline]
#[must_use]
pub fn publish<W: Word>(wanted: &W, events: &W, mask: u64) -> bool {
    wanted.store(mask);
    events.look() & mask != 0
}

/// Sets `bit`. True if the context waits for it and nobody told its processor yet.
#[inline]
#[must_use]
pub fn ring<W: Word>(wanted: &W, events: &W, bit: u64) -> bool {
    events.set_bits(bit) & bit == 0 && wanted.load() & bit != 0
}

/// Ends a wait: takes and clears what came of what was wanted.
#[inline]
pub fn end<W: Word>(wanted: &W, events: &W) -> u64 {
    let mask = wanted.load();
    wanted.store(0);
    take(events, mask)
}

/// Takes and clears what came of `mask`. Only the context's own processor does this, so that nothing vanishes in between.
#[inline]
pub fn take<W: Word>(events: &W, mask: u64) -> u64 {
    let taken = events.load() & mask;
    // The read-modify-write costs; without anything pending there is nothing to clear.
    if taken != 0 {
        let _ = events.clear_bits(taken);
    }
    taken
}
