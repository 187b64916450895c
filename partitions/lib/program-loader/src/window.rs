//! The loader's view of frames it owns for a moment.

use abi::layout::{WINDOW, WINDOW_END};
use abi::types::{PAGE_SIZE, VirtualAddress};

/// Pages through which a loader fills frames.
pub trait Window {
    /// Where the loader sees the first page of the window.
    fn address(&self) -> VirtualAddress;

    /// Writes `bytes` at `offset` bytes from the start of the window. The loader has mapped frames there.
    fn write(&mut self, offset: u64, bytes: &[u8]);

    /// Reads the word at `offset`, a multiple of 8. The loader has mapped a frame there.
    fn load(&self, offset: u64) -> u64;

    /// Writes the word at `offset`, a multiple of 8, in one piece, after all that was written before.
    fn store(&mut self, offset: u64, word: u64);

    /// Reads bytes from `offset` on, a multiple of 8. The loader has mapped frames there.
    fn read(&self, offset: u64, to: &mut [u8]) {
        for (at, to) in (offset..).step_by(size_of::<u64>()).zip(to.chunks_mut(size_of::<u64>())) {
            to.iter_mut().zip(self.load(at).to_le_bytes()).for_each(|(to, byte)| *to = byte);
        }
    }
}

/// The window at [`WINDOW`] in the own address space.
#[derive(Debug)]
pub struct Mapped(());

impl Mapped {
    /// The window of this partition, of which there is one.
    ///
    /// Nothing but a [`crate::Loader`] writes through it, and that only where it has mapped frames; where it
    /// has not, the write faults, which harms this partition alone.
    #[must_use]
    pub const fn new() -> Self {
        Self(())
    }
}

impl Default for Mapped {
    fn default() -> Self {
        Self::new()
    }
}

/// Address of `length` bytes at `offset`, if all of it lies in the window.
fn within(offset: u64, length: usize) -> Option<usize> {
    let end = offset.checked_add(u64::try_from(length).ok()?)?;
    let room = WINDOW_END.wrapping_sub(WINDOW).wrapping_sub(PAGE_SIZE);
    usize::try_from(WINDOW.wrapping_add(offset)).ok().filter(|_| end <= room)
}

impl Window for Mapped {
    fn address(&self) -> VirtualAddress {
        VirtualAddress::new(WINDOW)
    }

    fn write(&mut self, offset: u64, bytes: &[u8]) {
        if let Some(address) = within(offset, bytes.len()) {
            raw::copy(address, bytes);
        }
    }

    fn load(&self, offset: u64) -> u64 {
        let address = within(offset, size_of::<u64>()).filter(|_| offset.is_multiple_of(8));
        address.map_or(0, raw::load)
    }

    fn store(&mut self, offset: u64, word: u64) {
        if let Some(address) = within(offset, size_of::<u64>()).filter(|_| offset.is_multiple_of(8))
        {
            raw::store(address, word);
        }
    }
}

#[expect(unsafe_code, reason = "frames are filled through mapped memory that no reference covers")]
mod raw {
    //! The accesses through a raw address. All callers keep them within the window.

    use core::sync::atomic::{AtomicU64, Ordering, fence};

    /// Copies `bytes` to `address`.
    pub(super) fn copy(address: usize, bytes: &[u8]) {
        let to = core::ptr::with_exposed_provenance_mut::<u8>(address);
        // SAFETY: the range lies within the window, where nothing but the loader's frames is ever mapped and to
        // which no reference exists; where nothing is mapped the store faults and the kernel stops this partition.
        unsafe { core::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
    }

    /// Reads the word at `address`.
    pub(super) fn load(address: usize) -> u64 {
        word(address).load(Ordering::Acquire)
    }

    /// Writes the word at `address`, after everything before and before everything after it.
    pub(super) fn store(address: usize, value: u64) {
        fence(Ordering::SeqCst);
        word(address).store(value, Ordering::SeqCst);
    }

    /// The word at `address`, a multiple of 8.
    fn word(address: usize) -> &'static AtomicU64 {
        let at = core::ptr::with_exposed_provenance_mut::<u64>(address);
        // SAFETY: the word lies aligned within the window, where only this module reads and writes, by atomics or raw
        // copies of the same thread; where nothing is mapped the access faults and the kernel stops this partition.
        unsafe { AtomicU64::from_ptr(at) }
    }
}
