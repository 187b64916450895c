//! Physical memory through an identity map.
#![expect(unsafe_code, reason = "physical memory is reached by its addresses")]

use abi::types::{Frame, PAGE_SIZE, PhysicalAddress};
use core::ptr::{copy_nonoverlapping, write_bytes};
use loader_core::PhysicalMemory;

/// Memory that is mapped at its physical addresses, up to a limit.
#[derive(Debug)]
pub struct Identity {
    reach: Frame,
}

impl Identity {
    /// Takes possession of physical memory below `reach`.
    ///
    /// # Safety
    /// Below `reach` every address is mapped at itself, readable; and all that the memory map calls usable is writable and
    /// used by nothing else. At most one such value exists.
    #[must_use]
    pub const unsafe fn new(reach: Frame) -> Self {
        Self { reach }
    }

    /// First frame that cannot be reached.
    #[must_use]
    pub const fn reach(&self) -> Frame {
        self.reach
    }

    /// Memory that nothing writes to, such as the boot image or what a boot loader left. `None` where it is out of reach.
    ///
    /// # Safety
    /// For the rest of the loader's life nothing changes these bytes.
    #[must_use]
    pub unsafe fn bytes(&self, address: PhysicalAddress, length: u64) -> Option<&'static [u8]> {
        let (start, length) = self.place(address, length)?;
        // SAFETY: mapped and readable by the contract of `new`, unchanged by that of this function.
        Some(unsafe {
            core::slice::from_raw_parts(core::ptr::with_exposed_provenance(start), length)
        })
    }

    /// Address and length as offsets, where all of it is within reach and not at address 0.
    fn place(&self, address: PhysicalAddress, length: u64) -> Option<(usize, usize)> {
        let end = address.raw().checked_add(length)?;
        let inside = address.raw() != 0 && end <= self.reach.address().raw();
        let place = (usize::try_from(address.raw()).ok()?, usize::try_from(length).ok()?);
        inside.then_some(place)
    }
}

impl PhysicalMemory for Identity {
    fn read(&self, address: PhysicalAddress, bytes: &mut [u8]) -> bool {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let Some((start, length)) = self.place(address, length) else { return false };
        let from = core::ptr::with_exposed_provenance::<u8>(start);
        // SAFETY: `from` is mapped and readable; `bytes` is the loader's own, so they do not overlap
        // anything that is read here but the caller's own buffer, which the map never offers.
        unsafe { copy_nonoverlapping(from, bytes.as_mut_ptr(), length) };
        true
    }

    fn write(&mut self, address: PhysicalAddress, bytes: &[u8]) {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let Some((start, length)) = self.place(address, length) else { return };
        let to = core::ptr::with_exposed_provenance_mut::<u8>(start);
        // SAFETY: the address was allocated from the memory map, so nothing else lives there.
        unsafe { copy_nonoverlapping(bytes.as_ptr(), to, length) };
    }

    fn clear(&mut self, start: Frame, count: u64) {
        let place = self.place(start.address(), count.saturating_mul(PAGE_SIZE));
        let Some((start, length)) = place else { return };
        let to = core::ptr::with_exposed_provenance_mut::<u8>(start);
        // SAFETY: the frames were allocated from the memory map, so nothing else lives there.
        unsafe { write_bytes(to, 0, length) };
    }
}
