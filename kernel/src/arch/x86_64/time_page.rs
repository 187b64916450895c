//! The page from which partitions read the time, see `abi::information::TimePage`.

use super::clock::{Clock, SHIFT};
use super::memory;
use abi::ABI_VERSION;
use abi::boot::FrameRange;
use abi::information::TimePage;
use abi::types::Frame;
use core::mem::offset_of;
use core::sync::atomic::{AtomicU64, Ordering, fence};
use spin::mutex::TicketMutex;

/// The page, by its words.
pub struct Time {
    words: &'static [AtomicU64],
    /// Held while the page changes.
    writer: TicketMutex<()>,
}

impl Time {
    /// The page in this frame, which is the kernel's own.
    pub fn new(frame: Frame) -> Self {
        Self {
            words: memory::time_words(FrameRange { start: frame, count: 1 }),
            writer: TicketMutex::new(()),
        }
    }

    /// Writes everything but the sequence so that readers see it as a whole.
    fn write(&self, page: TimePage) {
        let words: [u64; size_of::<TimePage>() / 8] = zerocopy::transmute!(page);
        let _writer = self.writer.lock();
        let sequence = self.words[0].load(Ordering::Relaxed);
        self.words[0].store(sequence + 1, Ordering::Relaxed);
        fence(Ordering::Release);
        for (to, from) in self.words.iter().zip(words).skip(1) {
            to.store(from, Ordering::Relaxed);
        }
        self.words[0].store(sequence + 2, Ordering::Release);
    }

    /// Writes the page, time included.
    pub fn update(&self, clock: &Clock, processors: u32, slot: u64) {
        let conversion = clock.conversion();
        let (base_tsc, multiplier) = conversion.unwrap_or_default();
        self.write(TimePage {
            sequence: 0,
            source: u64::from(conversion.is_some()),
            base: if conversion.is_some() { 0 } else { clock.now() },
            base_tsc,
            multiplier,
            shift: SHIFT,
            frequency: clock.rates().tsc,
            version: ABI_VERSION,
            processors,
            slot,
        });
    }

    /// A timer interrupt came: where programs cannot compute the time themselves they are told.
    pub fn tick(&self, clock: &Clock) {
        if clock.conversion().is_none() {
            let [processors, slot] =
                [PROCESSORS, SLOT].map(|at| self.words[at / 8].load(Ordering::Relaxed));
            self.update(clock, (processors >> 32) as u32, slot);
        }
    }
}

/// Bytes to the word that holds version and number of processors, and to the length of a slot.
const PROCESSORS: usize = offset_of!(TimePage, version);
const SLOT: usize = offset_of!(TimePage, slot);
