//! The page from which partitions read the time, see `abi::information::TimePage`.

use super::clock::{Clock, SHIFT};
use super::memory;
use abi::ABI_VERSION;
use abi::information::TimePage;
use abi::types::Frame;
use core::mem::offset_of;
use core::sync::atomic::{AtomicU64, Ordering, fence};
use spin::mutex::TicketMutex;

/// The page, by its words.
pub struct Time {
    words: &'static [AtomicU64; memory::WORDS],
    /// Held while the page changes.
    writer: TicketMutex<()>,
}

impl Time {
    /// The page in this frame, which is the kernel's own.
    pub fn new(frame: Frame) -> Self {
        Self { words: memory::words(frame), writer: TicketMutex::new(()) }
    }

    /// Changes the words, so that readers see them as a whole.
    fn change(&self, work: impl FnOnce(&[AtomicU64])) {
        let _writer = self.writer.lock();
        let sequence = self.words[0].load(Ordering::Relaxed);
        self.words[0].store(sequence + 1, Ordering::Relaxed);
        fence(Ordering::Release);
        work(self.words);
        self.words[0].store(sequence + 2, Ordering::Release);
    }

    /// Writes the page, time included.
    pub fn update(&self, clock: &Clock, processors: u32, slot: u64) {
        let conversion = clock.conversion();
        let (base_tsc, multiplier) = conversion.unwrap_or_default();
        let page = TimePage {
            sequence: 0,
            source: u64::from(conversion.is_some()),
            base: if conversion.is_some() { 0 } else { clock.now() },
            base_tsc,
            multiplier,
            shift: SHIFT,
            frequency: clock.rates.tsc,
            version: ABI_VERSION,
            processors,
            slot,
        };
        let words: [u64; size_of::<TimePage>() / 8] = zerocopy::transmute!(page);
        self.change(|page| {
            let pairs = page.iter().zip(words).skip(1);
            pairs.for_each(|(to, word)| to.store(word, Ordering::Relaxed));
        });
    }

    /// A timer interrupt came: where programs cannot compute the time themselves they are told.
    pub fn tick(&self, clock: &Clock) {
        if clock.conversion().is_none() {
            self.change(|words| words[BASE].store(clock.now(), Ordering::Relaxed));
        }
    }
}

/// The word that holds the time.
const BASE: usize = offset_of!(TimePage, base) / 8;
