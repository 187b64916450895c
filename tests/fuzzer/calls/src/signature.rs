//! What the operations of each kind of object take.

use abi::control::{
    ChannelOperation, ContextOperation, InterruptOperation, KernelOperation, MemoryOperation,
    PartitionOperation, ProcessorOperation,
};
use abi::rights::Kind;

/// What an argument means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Argument {
    /// Nothing.
    None,
    /// Whatever comes.
    Any,
    /// A slot of the caller.
    Slot,
    /// A slot of the caller, or 0 for none.
    SlotOrNone,
    /// Four slots of the caller, 16 bits each.
    Slots,
    /// An address of a page.
    Address,
    /// A frame.
    Frame,
    /// A number of pages.
    Count,
    /// Rights.
    Rights,
    /// A kind and a parameter.
    What,
    /// A kind.
    Kind,
    /// Ways to access a page.
    Access,
    /// A level of a page table.
    Level,
    /// An index into something.
    Index,
    /// A mask of bits.
    Mask,
    /// A point in time that is not far.
    Deadline,
    /// An I/O port.
    Port,
    /// A length of time.
    Length,
}

use Argument as A;

/// How many operations this kind of object has.
pub fn operations(kind: Kind) -> u64 {
    let count = match kind {
        Kind::Memory => MemoryOperation::ALL.len(),
        Kind::Partition => PartitionOperation::ALL.len(),
        Kind::Context => ContextOperation::ALL.len(),
        Kind::Channel => ChannelOperation::ALL.len(),
        Kind::Processor => ProcessorOperation::ALL.len(),
        Kind::Interrupt => InterruptOperation::ALL.len(),
        Kind::Kernel => KernelOperation::ALL.len(),
        _ => 0,
    };
    u64::try_from(count).unwrap_or(0)
}

/// What operation `number` on an object of this kind takes; anything where there is none.
pub fn signature(kind: Kind, number: u64) -> [Argument; 4] {
    match kind {
        Kind::Memory => memory(number),
        Kind::Partition => partition(number),
        Kind::Context => context(number),
        Kind::Channel => channel(number),
        Kind::Processor => processor(number),
        Kind::Interrupt => [A::Slot, A::None, A::None, A::None],
        Kind::Kernel => [A::Index, A::None, A::None, A::None],
        _ => [A::Any; 4],
    }
}

fn memory(number: u64) -> [Argument; 4] {
    match number {
        0 => [A::Kind, A::Frame, A::Slot, A::SlotOrNone],
        1 => [A::Frame, A::Count, A::Slot, A::None],
        2 => [A::Frame, A::Count, A::Slot, A::Slot],
        3 => [A::Frame, A::Count, A::None, A::None],
        4 => [A::Frame, A::None, A::None, A::None],
        _ => [A::Any; 4],
    }
}

fn partition(number: u64) -> [Argument; 4] {
    match number {
        0 => [A::Address, A::Level, A::Frame, A::None],
        1 => [A::Address, A::Level, A::Level, A::None],
        2 => [A::Address, A::Frame, A::Count, A::Access],
        3 => [A::Address, A::Count, A::None, A::None],
        4 => [A::Index, A::Frame, A::None, A::None],
        5 => [A::Index, A::None, A::None, A::None],
        6 => [A::Slot, A::Slot, A::Rights, A::What],
        7 => [A::Slot, A::None, A::None, A::None],
        8 => [A::SlotOrNone, A::None, A::None, A::None],
        12 => [A::Address, A::None, A::None, A::None],
        _ => [A::None; 4],
    }
}

fn context(number: u64) -> [Argument; 4] {
    match number {
        0 => [A::Address, A::Address, A::Index, A::Any],
        5 | 6 => [A::Index, A::None, A::None, A::None],
        _ => [A::None; 4],
    }
}

fn channel(number: u64) -> [Argument; 4] {
    match number {
        0 => [A::Slot, A::Slot, A::Frame, A::Count],
        4 => [A::Index, A::None, A::None, A::None],
        5 => [A::Index, A::Any, A::None, A::None],
        _ => [A::None; 4],
    }
}

fn processor(number: u64) -> [Argument; 4] {
    match number {
        0 => [A::Index, A::Slots, A::None, A::None],
        1 => [A::Count, A::Mask, A::None, A::None],
        5 => [A::Length, A::None, A::None, A::None],
        _ => [A::Index, A::None, A::None, A::None],
    }
}
