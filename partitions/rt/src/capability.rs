//! Capability handles typed by what they name and what they allow: an operation on the wrong kind of object, or without
//! the right to it, does not compile.

use crate::operation::Operation;
use crate::sys::{self, Failure, Outcome};
use abi::call::PortOperation;
use abi::types::Slot;
use core::marker::PhantomData;

/// The kinds of objects, as types.
pub mod object {
    macro_rules! objects {
        ($($(#[$doc:meta])* $name:ident,)*) => {
            $($(#[$doc])* #[derive(Clone, Copy, PartialEq, Eq, Debug)] pub enum $name {})*
        };
    }
    objects! {
        /// Physical memory.
        Memory,
        /// A partition.
        Partition,
        /// A context.
        Context,
        /// A bit of a context's event word.
        Doorbell,
        /// Memory shared by two partitions.
        Channel,
        /// A processor.
        Processor,
        /// An interrupt line.
        Interrupt,
        /// A range of I/O ports.
        Ports,
        /// The debug port.
        Debug,
        /// The kernel.
        Kernel,
    }
}

/// The rights, as types: [`abi::rights::Rights`].
pub mod right {
    /// What a handle with this right, or these, allows.
    pub trait Allows<Right> {}

    macro_rules! rights {
        ($($(#[$doc:meta])* $name:ident,)*) => {$(
            $(#[$doc])* #[derive(Clone, Copy, PartialEq, Eq, Debug)] pub enum $name {}
            impl Allows<$name> for $name {}
            impl Allows<$name> for All {}
        )*};
    }
    rights! {
        /// To read state.
        Inspect,
        /// To ring, to serve, to read and write.
        Use,
        /// To start, stop and configure.
        Manage,
        /// To create, map, hand out and destroy.
        Grant,
    }

    /// Whatever the capability allows: the kernel looks.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub enum All {}
}

use right::Allows;

/// A capability of this partition to an object of kind `K`, of which this handle uses the rights `R`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Capability<K, R = right::All> {
    slot: Slot,
    kind: PhantomData<(K, R)>,
}

impl<K> Capability<K> {
    /// The capability in `slot`, said to be of this kind. If it is not, the kernel refuses every use.
    #[must_use]
    pub const fn in_slot(slot: Slot) -> Self {
        Self { slot, kind: PhantomData }
    }

    /// A handle that is good for one right only, to be passed to code that needs no more.
    #[must_use]
    pub const fn only<R>(self) -> Capability<K, R>
    where
        right::All: Allows<R>,
    {
        Capability { slot: self.slot, kind: PhantomData }
    }
}

impl<K, R> Capability<K, R> {
    /// Its place in the table of this partition.
    #[must_use]
    pub const fn slot(self) -> Slot {
        self.slot
    }

    /// Performs one of the operations that this kind of object has and this handle allows.
    ///
    /// # Errors
    /// Those of the operation, see [`abi::control`].
    pub fn control<O>(self, _operation: O, arguments: [u64; 4]) -> Outcome
    where
        O: Operation<Object = K>,
        R: Allows<O::Right>,
    {
        sys::control(self.slot, O::NUMBER, arguments)
    }
}

impl<R: Allows<right::Use>> Capability<object::Doorbell, R> {
    /// Rings it.
    ///
    /// # Errors
    /// [`abi::call::Error::Stale`] if the other side was restarted since.
    pub fn ring(self) -> Result<(), Failure> {
        sys::ring(self.slot)
    }
}

impl<R: Allows<right::Use>> Capability<object::Interrupt, R> {
    /// The interrupt was served and may come again.
    ///
    /// # Errors
    /// Those of any use of a capability.
    pub fn acknowledge(self) -> Result<(), Failure> {
        sys::acknowledge(self.slot)
    }
}

impl<R: Allows<right::Use>> Capability<object::Ports, R> {
    /// Reads a byte from I/O port `port`.
    ///
    /// # Errors
    /// [`abi::call::Error::BadArgument`] for a port that is not part of it.
    pub fn read(self, port: u16) -> Result<u8, Failure> {
        let value = sys::port(self.slot, port, PortOperation::In8, 0)?;
        Ok(u8::try_from(value & 0xff).unwrap_or(0))
    }

    /// Writes a byte to I/O port `port`.
    ///
    /// # Errors
    /// [`abi::call::Error::BadArgument`] for a port that is not part of it.
    pub fn write(self, port: u16, value: u8) -> Result<(), Failure> {
        sys::port(self.slot, port, PortOperation::Out8, value.into()).map(drop)
    }

    /// One access of any width; returns what was read, 0 for a write.
    ///
    /// # Errors
    /// [`abi::call::Error::BadArgument`] for a port that is not part of it.
    pub fn access(self, port: u16, kind: PortOperation, value: u32) -> Result<u32, Failure> {
        sys::port(self.slot, port, kind, value)
    }
}

impl<R: Allows<right::Use>> Capability<object::Debug, R> {
    /// Writes to the debug port what it takes at once of `text`, 32 bytes at most; how many that was. None while it is full, or
    /// somebody else has a rest to write. Who has a rest keeps others away for a while, and is to write it next.
    ///
    /// # Errors
    /// Those of any use of a capability.
    pub fn offer(self, text: &[u8]) -> Result<usize, Failure> {
        sys::debug(self.slot, text)
    }

    /// Writes all of `text` to the debug port.
    ///
    /// # Errors
    /// Those of any use of a capability.
    pub fn write(self, mut text: &[u8]) -> Result<(), Failure> {
        while !text.is_empty() {
            let done = sys::debug(self.slot, text)?;
            text = text.get(done..).unwrap_or(&[]);
            if done == 0 {
                // Others may go on while the port is full.
                sys::yield_slot();
            }
        }
        Ok(())
    }
}
