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

    fn set(&self, offset: usize, value: u64) {
        self.words[offset / 8].store(value, Ordering::Relaxed);
    }

    /// Makes a change that readers see as a whole.
    fn change(&self, work: impl FnOnce()) {
        let _writer = self.writer.lock();
        let sequence = self.words[offset_of!(TimePage, sequence) / 8].load(Ordering::Relaxed);
        self.set(offset_of!(TimePage, sequence), sequence + 1);
        fence(Ordering::Release);
        work();
        fence(Ordering::Release);
        self.set(offset_of!(TimePage, sequence), sequence + 2);
    }

    /// Writes everything that does not change.
    pub fn start(&self, clock: &Clock, processors: u32, slot: u64) {
        let conversion = clock.conversion();
        let (base, multiplier) = conversion.unwrap_or_default();
        self.change(|| {
            self.set(offset_of!(TimePage, source), u64::from(conversion.is_some()));
            self.set(
                offset_of!(TimePage, base),
                if conversion.is_some() { 0 } else { clock.now() },
            );
            self.set(offset_of!(TimePage, base_tsc), base);
            self.set(offset_of!(TimePage, multiplier), multiplier);
            self.set(offset_of!(TimePage, shift), SHIFT);
            self.set(offset_of!(TimePage, frequency), clock.rates().tsc);
            self.set(
                offset_of!(TimePage, version),
                u64::from(ABI_VERSION) | u64::from(processors) << 32,
            );
            self.set(offset_of!(TimePage, slot), slot);
        });
    }

    /// A timer interrupt came: where programs cannot compute the time themselves they are told.
    pub fn tick(&self, clock: &Clock) {
        if clock.conversion().is_none() {
            self.change(|| self.set(offset_of!(TimePage, base), clock.now()));
        }
    }
}
