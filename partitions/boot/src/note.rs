//! The note of the page that is being exchanged: while it is mapped nowhere, nothing else says which frame it has, and this partition may die
//! just then. It lies at the beginning of the lasting memory, of which an emergency life has its stack at the end.

use abi::layout::LASTING;
use abi::types::{Frame, VirtualAddress};
use core::sync::atomic::Ordering::Relaxed;
use rt::memory::Window;

/// Bytes of an address and a frame.
const LENGTH: u64 = 16;

/// Where the note lies.
pub struct Note(Option<Window>);

impl Note {
    /// That in so many bytes of lasting memory; without room nothing is noted.
    pub fn of(lasting: u64) -> Self {
        Self((lasting >= LENGTH).then(|| Window::new(LASTING, LENGTH)).flatten())
    }

    /// Writes down that the page at `address` is in `frame`.
    pub fn write(&self, address: VirtualAddress, frame: Frame) {
        let Some(window) = &self.0 else { return };
        // The page of the note before is mapped again, so that nobody reads half of this one.
        window.write_bytes(8, &frame.raw().to_le_bytes());
        window.write_bytes(0, &address.raw().to_le_bytes());
    }

    /// The page that was written down last.
    pub fn address(&self) -> Option<VirtualAddress> {
        let window = self.0.as_ref()?;
        Some(VirtualAddress::new(window.load64(0, Relaxed)))
    }

    /// The frame of the page at `address`, if that was written down last.
    pub fn read(&self, address: VirtualAddress) -> Option<Frame> {
        let window = self.0.as_ref()?;
        (self.address() == Some(address)).then(|| Frame::new(window.load64(8, Relaxed)))
    }
}
