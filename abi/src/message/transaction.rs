//! The log of the resource database: who changed what, when, from what, to what, and how it ended.

use super::codes;
use crate::image::Name;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// In [`TransactionQuery::number`]: the newest.
pub const NEWEST: u64 = u64::MAX;

/// What is asked.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct TransactionQuery {
    /// Number of a transaction.
    pub number: u64,
    /// 0: its head, or that of the last one before it that is remembered; else which of its steps, from 1.
    pub step: u32,
    /// Zero.
    pub reserved: u32,
}

/// Whose name is asked for: numbers of partitions that are gone are given to others.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct NameQuery {
    /// Number of a transaction.
    pub number: u64,
    /// Number of a partition in it.
    pub partition: u32,
    /// Zero.
    pub reserved: u32,
}

codes! {
    /// What the manager does of itself, in [`TransactionRecord::what`]: numbers that no request has.
    OwnWork {
        /// It looks after all that is due.
        Watch = 0,
        /// The first start: it makes what the manifest names.
        FirstStart = 1001,
        /// It takes up the books after its death.
        Return = 1002,
    }
}

codes! {
    /// How a transaction ended.
    TransactionEnd {
        /// It has not.
        InProgress = 1,
        /// It holds.
        Committed = 2,
        /// It was taken back, because the manager died while it was made.
        Undone = 3,
        /// Nothing was changed, because a step of it was not possible.
        Refused = 4,
    }
}

codes! {
    /// Why a step was not possible.
    StepProblem {
        /// The place is beyond the map or lies in more than one index page.
        Outside = 1,
        /// The memory is described by a coarser page.
        NotDivided = 2,
        /// Another owner than the before-image says.
        OtherOwner = 3,
        /// There is no such partition.
        NoPartition = 4,
        /// The page is in use by the database.
        InUse = 5,
        /// It is a partition's descriptor.
        Descriptor = 6,
        /// The partition has memory still.
        NotEmpty = 7,
        /// Such a partition stays.
        Protected = 8,
        /// A page would belong to the database and serve for nothing.
        Lost = 9,
        /// A new descriptor would not belong to itself.
        NotOwn = 10,
        /// There were too many steps.
        Length = 11,
        /// The map is damaged there.
        Damaged = 12,
        /// There are no records in that page.
        NoRecord = 13,
        /// A record is not what the before-image says.
        Differs = 14,
        /// The device is another's, in part or whole.
        Taken = 15,
        /// A plan names who is not there, or is of a processor that runs nothing.
        NoPlace = 16,
        /// The asker may not ask this. From here on nothing was begun.
        MayNot = 17,
        /// There is no such partition, channel, processor or place.
        NoSuch = 18,
        /// Not in this state of the partition.
        WrongState = 19,
        /// What the asker takes it for is not so.
        Disagrees = 20,
        /// Memory is out.
        NoMemory = 21,
        /// A table is full, a share is not to be had, a budget is used up.
        Limit = 22,
        /// The kernel refused.
        Kernel = 23,
        /// The request makes no sense.
        Malformed = 24,
    }
}

/// The head of a transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct TransactionRecord {
    /// Counted from 1 since the machine started.
    pub number: u64,
    /// When, nanoseconds since the machine started.
    pub when: u64,
    /// [`crate::types::PartitionId`] of who asked.
    pub who: u32,
    /// The [`super::resource::ResourceRequest`] it was asked for, or an [`OwnWork`].
    pub what: u32,
    /// Steps that can be asked for.
    pub steps: u32,
    /// A [`TransactionEnd`].
    pub end: u16,
    /// A [`StepProblem`] of the step behind the last, where it was refused; else 0.
    pub problem: u16,
}

codes! {
    /// What a step does.
    StepKind {
        /// Memory goes from one owner to another.
        ChangeOwner = 1,
        /// A page becomes a partition's descriptor.
        Initialize = 2,
        /// A descriptor is one no more.
        Destroy = 3,
        /// 1024 pages become one of the coarser scale.
        Merge = 4,
        /// A page becomes 1024 of the finer scale.
        Split = 5,
        /// A value of a partition's row changes.
        Partition = 6,
        /// A value of a channel's row changes.
        Channel = 7,
        /// A value of a processor's row changes; without a name: who is at a place of its plan, `before` and `after` being the manager's slots of the contexts.
        Processor = 8,
        /// A value of a device's row changes; without a name: its owner.
        Device = 9,
    }
}

codes! {
    /// What a device is.
    DeviceKind {
        /// A range of I/O ports.
        Ports = 1,
        /// An interrupt line.
        Interrupt = 2,
        /// Registers in memory.
        Registers = 3,
        /// The framebuffer.
        Framebuffer = 4,
        /// A PCI function.
        Function = 5,
    }
}

/// A step of a transaction.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct StepRecord {
    /// A [`StepKind`].
    pub kind: u16,
    /// What an entry describes: 0 for 4 KiB, 1 for 4 MiB, 2 for 4 GiB. Of a device what it is: a [`DeviceKind`].
    pub scale: u16,
    /// The first entry of the index page; of a plan the place, slots first.
    pub index: u16,
    /// How many entries.
    pub count: u16,
    /// The index page that changes: its frame.
    pub map: u32,
    /// The finer index page, or the descriptor: its frame. Of a place of a plan the processor, of a change of a device's owner the device.
    pub page: u32,
    /// The first frame that the entries describe; of a device its first port, byte or line.
    pub first: u64,
    /// Who had it: a [`super::database::MemoryOwner`].
    pub from: u16,
    /// Who has it then.
    pub to: u16,
    /// Number of who had it, where it is a partition; of a step about a row, which row.
    pub from_id: u32,
    /// Number of who has it then, where it is a partition.
    pub to_id: u32,
    /// Zero.
    pub reserved: u32,
    /// Value before.
    pub before: u64,
    /// Value after.
    pub after: u64,
    /// Name of the new partition, or of the value.
    pub name: Name,
}
