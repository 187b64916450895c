//! Device registers in memory.
#![expect(unsafe_code, reason = "device registers are reached through addresses the loader mapped")]

use abi::types::VirtualAddress;
use core::ptr::{NonNull, with_exposed_provenance_mut};
use volatile::VolatilePtr;

/// A page of device registers, mapped uncached.
#[derive(Clone, Copy)]
pub struct Registers(NonNull<u8>);

// SAFETY: the address is the same on every processor, and each access is one volatile load or store.
unsafe impl Send for Registers {}
// SAFETY: as above; who writes which register when is the driver's care.
unsafe impl Sync for Registers {}

/// Bytes that the loader maps for each device.
const LENGTH: usize = 4096;

impl Registers {
    /// The registers at `base`, or `None` where it is 0.
    ///
    /// # Safety
    /// Otherwise a page of device registers must be mapped there for ever, uncached.
    pub unsafe fn new(base: VirtualAddress) -> Option<Self> {
        let address = usize::try_from(base.raw()).ok()?;
        NonNull::new(with_exposed_provenance_mut(address)).map(Self)
    }

    /// The register at `offset`; panics where that is unaligned or outside the page.
    fn pointer<T: Copy>(self, offset: usize) -> VolatilePtr<'static, T> {
        assert!(offset + size_of::<T>() <= LENGTH && offset.is_multiple_of(size_of::<T>()));
        // SAFETY: the offset lies within the mapped page.
        let register = unsafe { self.0.add(offset) };
        // SAFETY: mapped for ever and aligned, see `new` and the assertion.
        unsafe { VolatilePtr::new(register.cast()) }
    }

    /// Reads four bytes.
    pub fn read(self, offset: usize) -> u32 {
        self.pointer(offset).read()
    }

    /// Writes four bytes.
    pub fn write(self, offset: usize, value: u32) {
        self.pointer(offset).write(value);
    }
}
