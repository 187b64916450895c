//! The loader's view of frames it owns for a moment.

use abi::layout::{WINDOW, WINDOW_END};
use abi::types::{PAGE_SIZE, VirtualAddress};

/// Pages through which a loader fills frames.
pub trait Window {
    /// Where the loader sees the first page of the window.
    fn address(&self) -> VirtualAddress;

    /// Writes `bytes` at `offset` bytes from the start of the window. The loader has mapped frames there.
    fn write(&mut self, offset: u64, bytes: &[u8]);
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

impl Window for Mapped {
    fn address(&self) -> VirtualAddress {
        VirtualAddress::new(WINDOW)
    }

    fn write(&mut self, offset: u64, bytes: &[u8]) {
        let room = WINDOW_END.wrapping_sub(WINDOW).wrapping_sub(PAGE_SIZE);
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if offset.checked_add(length).is_some_and(|end| end <= room) {
            copy::to_window(WINDOW.wrapping_add(offset), bytes);
        }
    }
}

#[expect(unsafe_code, reason = "frames are filled through mapped memory that no reference covers")]
mod copy {
    //! The one copy through a raw address.

    /// Copies `bytes` to `address`.
    pub(super) fn to_window(address: u64, bytes: &[u8]) {
        let Ok(address) = usize::try_from(address) else { return };
        let to = core::ptr::with_exposed_provenance_mut::<u8>(address);
        // SAFETY: the caller keeps the range within the window, where nothing but the loader's frames is ever mapped and
        // to which no reference exists; where nothing is mapped the store faults and the kernel stops this partition.
        unsafe { core::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
    }
}
