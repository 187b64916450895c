//! What must outlive this partition while it brings the resource manager back. It lies at the beginning of the lasting memory, of which an
//! emergency life has its stack at the end.
//!
//! The page that is being exchanged: while it is mapped nowhere, nothing else says which frame it has, and this partition may die just
//! then. And which program is being started, and was last.

use abi::layout::LASTING;
use abi::programs::Return;
use abi::types::{Frame, Nanoseconds, VirtualAddress};
use core::sync::atomic::Ordering::Relaxed;
use rt::memory::Window;

/// Where the words are: address and frame of the page, plan, what was started, and when.
const ADDRESS: usize = 0;
const FRAME: usize = 8;
const PLAN: usize = 16;
const STARTED: usize = 24;
const SINCE: usize = 32;
/// Bytes of them all.
const LENGTH: u64 = 40;

/// Where the note lies.
pub struct Note(Option<Window>);

impl Note {
    /// That in so many bytes of lasting memory; without room nothing is noted.
    pub fn of(lasting: u64) -> Self {
        Self((lasting >= LENGTH).then(|| Window::new(LASTING, LENGTH)).flatten())
    }

    fn put(&self, place: usize, word: u64) {
        if let Some(window) = &self.0 {
            window.write_bytes(place, &word.to_le_bytes());
        }
    }

    fn get(&self, place: usize) -> u64 {
        self.0.as_ref().map_or(0, |window| window.load64(place, Relaxed))
    }

    /// Writes down that the page at `address` is in `frame`.
    pub fn write(&self, address: VirtualAddress, frame: Frame) {
        // The page of the note before is mapped again, so that nobody reads half of this one.
        self.put(FRAME, frame.raw());
        self.put(ADDRESS, address.raw());
    }

    /// The page that was written down last.
    pub fn address(&self) -> Option<VirtualAddress> {
        self.0.is_some().then(|| VirtualAddress::new(self.get(ADDRESS)))
    }

    /// The frame of the page at `address`, if that was written down last.
    pub fn read(&self, address: VirtualAddress) -> Option<Frame> {
        (self.address() == Some(address)).then(|| Frame::new(self.get(FRAME)))
    }

    /// Writes down what is to be started, before anything is done for that.
    pub fn plan(&self, what: Return) {
        self.put(PLAN, what.argument());
    }

    /// What is to be started and was not yet.
    pub fn planned(&self) -> Option<Return> {
        Return::from_argument(self.get(PLAN))
    }

    /// Writes down what is started in the next step, and when.
    pub fn start(&self, what: Return, now: Nanoseconds) {
        self.put(SINCE, now.raw());
        self.put(STARTED, what.argument());
        self.put(PLAN, 0);
    }

    /// What was started last.
    pub fn started(&self) -> Option<Return> {
        Return::from_argument(self.get(STARTED))
    }

    /// When that was.
    pub fn since(&self) -> u64 {
        self.get(SINCE)
    }
}
