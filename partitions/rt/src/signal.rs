//! Where events come from, and the handles that can be compared with them.

use crate::capability::{Capability, object};
use crate::sys::Failure;
use abi::types::EventBit;

/// Where an end of a channel, or an interrupt, is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Source {
    /// An end, by its place.
    End(u16),
    /// The end that the log is written to.
    Voice,
    /// An interrupt, by its bit.
    Interrupt(u8),
    /// A handle that was never given anything.
    #[default]
    Nowhere,
}

/// A handle that events can come from.
pub trait Reports {
    /// The signal that tells of it.
    fn signal(&self) -> Signal;
}

/// Why the entry `signal` or `peer_restarted` runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Signal(pub(crate) Source);

impl Signal {
    /// Whether it comes from this handle.
    pub fn is(&self, handle: impl Reports) -> bool {
        self.0 != Source::Nowhere && handle.signal() == *self
    }
}

/// A timer that was started.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timer(u64);

impl Timer {
    pub(crate) const fn new(number: u64) -> Self {
        Self(number)
    }
}

/// An interrupt line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Interrupt {
    capability: Capability<object::Interrupt>,
    bit: EventBit,
}

impl Interrupt {
    pub(crate) const fn new(capability: Capability<object::Interrupt>, bit: EventBit) -> Self {
        Self { capability, bit }
    }

    /// The device was served; the next interrupt may come.
    ///
    /// # Errors
    /// Those of any use of a capability.
    pub fn acknowledge(self) -> Result<(), Failure> {
        self.capability.acknowledge()
    }

    pub(crate) const fn events(self) -> u64 {
        self.bit.mask()
    }

    pub(crate) const fn source(self) -> Source {
        Source::Interrupt(self.bit.index())
    }
}

impl Reports for Interrupt {
    fn signal(&self) -> Signal {
        Signal(self.source())
    }
}
