//! The witnesses, contexts 1 to 4: what each of them saw of the last frames.

use beat::WITNESSES;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use rt::time;

/// Nanoseconds of a slot, as the manifest says.
const SLOT: u64 = 400_000;
/// Slots of a frame.
const SLOTS: u64 = 16;
/// Frames that are kept.
const FRAMES: u64 = 64;
/// Part of a slot in which a witness believes that the slot is its own, in hundredths: whoever ran before may be late to
/// leave.
const SURE: core::ops::Range<u64> = 50..90;

/// For each witness and each of the last frames: the frame's number above 16 bits of the slots it ran in. One writer each.
static SEEN: [[AtomicU64; FRAMES as usize]; WITNESSES] =
    [const { [const { AtomicU64::new(0) }; FRAMES as usize] }; WITNESSES];

/// The frame that it is.
pub fn frame() -> u64 {
    time::now().raw() / (SLOT * SLOTS)
}

/// Slots of a frame in which a witness ran.
pub fn seen(witness: usize, frame: u64) -> u16 {
    let word = SEEN[witness][(frame % FRAMES) as usize].load(Relaxed);
    if word >> 16 == frame { word as u16 } else { 0 }
}

/// Looks at the time for ever.
pub fn watch(context: u64) -> ! {
    let own = &SEEN[(context as usize - 1) % WITNESSES];
    loop {
        let now = time::now().raw();
        if !SURE.contains(&(now % SLOT * 100 / SLOT)) {
            continue;
        }
        let (frame, slot) = (now / (SLOT * SLOTS), now / SLOT % SLOTS);
        let place = &own[(frame % FRAMES) as usize];
        let word = place.load(Relaxed);
        let before = if word >> 16 == frame { word } else { frame << 16 };
        place.store(before | 1 << slot, Relaxed);
    }
}
