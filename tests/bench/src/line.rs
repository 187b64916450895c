//! The other side's doorbell and one's own event, without the channel around them.

use abi::information::Resource;
use abi::types::{EventBit, Nanoseconds, Slot};
use rt::sys::{self, Failure};

/// How the two sides reach each other in a measurement.
#[derive(Clone, Copy)]
pub struct Line {
    doorbell: Slot,
    mask: u64,
}

impl Line {
    /// That of a channel; `None` where its event makes no sense.
    pub fn of(resource: &Resource) -> Option<Self> {
        let mask = EventBit::new(resource.event)?.mask();
        Some(Self { doorbell: Slot::new(resource.slot), mask })
    }

    /// Rings the other side and waits.
    #[inline]
    pub fn call(self) -> Result<u64, Failure> {
        sys::call(self.doorbell, self.mask, Nanoseconds::NEVER)
    }

    /// Rings the other side.
    #[inline]
    pub fn ring(self) -> Result<(), Failure> {
        sys::ring(self.doorbell)
    }

    /// Waits for the other side.
    #[inline]
    pub fn wait(self) -> Result<u64, Failure> {
        sys::wait(self.mask, Nanoseconds::NEVER)
    }
}
