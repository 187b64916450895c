//! Capability handles typed by what they name: an operation on the wrong kind of object does not compile.

use crate::sys::{self, Failure, Outcome};
use abi::call::PortOperation;
use abi::control as operation;
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

/// A capability of this partition to an object of kind `K`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Capability<K> {
    slot: Slot,
    kind: PhantomData<K>,
}

impl<K> Capability<K> {
    /// The capability in `slot`, said to be of this kind. If it is not, the kernel refuses every use.
    #[must_use]
    pub const fn in_slot(slot: Slot) -> Self {
        Self { slot, kind: PhantomData }
    }

    /// Its place in the table of this partition.
    #[must_use]
    pub const fn slot(self) -> Slot {
        self.slot
    }

    /// Performs one of the operations that this kind of object has.
    ///
    /// # Errors
    /// Those of the operation, see [`abi::control`].
    pub fn control<O: Operation<Object = K>>(self, operation: O, arguments: [u64; 4]) -> Outcome {
        sys::control(self.slot, operation.number(), arguments)
    }
}

/// An operation of the `control` call.
pub trait Operation {
    /// The kind of object it works on.
    type Object;
    /// Its number in the call.
    fn number(self) -> u64;
}

macro_rules! operations {
    ($($name:ident on $object:ident,)*) => {$(
        impl Operation for operation::$name {
            type Object = object::$object;
            #[expect(clippy::as_conversions, reason = "the number of an operation, declared repr(u64)")]
            fn number(self) -> u64 {
                self as u64
            }
        }
    )*};
}
operations! {
    MemoryOperation on Memory,
    PartitionOperation on Partition,
    ContextOperation on Context,
    ChannelOperation on Channel,
    ProcessorOperation on Processor,
    InterruptOperation on Interrupt,
    KernelOperation on Kernel,
}

impl Capability<object::Doorbell> {
    /// Rings it.
    ///
    /// # Errors
    /// [`abi::call::Error::Stale`] if the other side was restarted since.
    pub fn ring(self) -> Result<(), Failure> {
        sys::ring(self.slot)
    }
}

impl Capability<object::Interrupt> {
    /// The interrupt was served and may come again.
    ///
    /// # Errors
    /// Those of any use of a capability.
    pub fn acknowledge(self) -> Result<(), Failure> {
        sys::acknowledge(self.slot)
    }
}

impl Capability<object::Ports> {
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

impl Capability<object::Debug> {
    /// Writes all of `text` to the debug port.
    ///
    /// # Errors
    /// Those of any use of a capability.
    pub fn write(self, mut text: &[u8]) -> Result<(), Failure> {
        while !text.is_empty() {
            let done = sys::debug(self.slot, text)?;
            text = text.get(done..).unwrap_or(&[]);
        }
        Ok(())
    }
}
