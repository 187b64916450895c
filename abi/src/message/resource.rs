//! Requests to the resource manager, on channels of kind command, boot and control. Who may ask what stands with each.

pub use super::change::Change;
use super::codes;
pub use super::database::{Placement, RunRecord, TableQuery, TableReply};
pub use super::hardware::{FunctionRecord, HardwareKind, HardwareRecord};
pub use super::making::Maker;
use crate::image::Name;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

codes! {
    /// What can be asked.
    ResourceRequest {
        /// [`Index`] → [`PartitionRecord`] of the partition with that number or the next one that there is; [`ResourceStatus::NoSuch`] past the last: a
        /// list that comes and goes is read without a gap. Command, creators.
        Partition = 1,
        /// [`Index`] = partition id; `WrongState` where it runs or is paused. Command; creators for what was created and whom they rescue.
        Start = 2,
        /// Asks the partition to stop by itself, and stops it if it has not after a second. Command.
        Stop = 3,
        /// Stops it at once; the resource manager itself ends and comes back. Command.
        Kill = 4,
        /// Clean memory, new epoch; the resource manager itself ends and comes back. Command; rescuers for those they rescue.
        Restart = 5,
        /// [`Index`] = processor → [`PlanRecord`]. Command.
        Plan = 6,
        /// [`Index`] → [`ChannelRecord`] of the channel with that number or the next one that there is; [`ResourceStatus::NoSuch`] past the last.
        /// Command.
        Channel = 7,
        /// [`CapabilityQuery`] → [`CapabilityRecord`]. Command.
        Capability = 8,
        /// [`TraceQuery`] → [`TraceRecord`], as it was when record 0 of processor 0 was last asked for. Command.
        Trace = 9,
        /// [`Index`]: 0 switch off, 1 reset. All others are stopped first. Command.
        Shutdown = 10,
        /// → [`StoppedRecord`] of one stopped partition that the asker rescues and has not been told of; NoSuch when there is none. Any.
        Stopped = 11,
        /// → [`MachineRecord`]. Any.
        Machine = 12,
        /// [`Index`] = partition id whose definition is used once more → [`Index`] = id of the new partition, not started. Creators.
        Create = 13,
        /// [`Index`] = id of a partition made at run time; completed when it is gone. Creators, command.
        Destroy = 14,
        /// → [`AuditRecord`]: kernel's ledger against the books, all of it. Command, creators.
        Audit = 15,
        /// [`Index`] → [`HardwareRecord`] at that place in the list; NoSuch past the end. Command.
        Hardware = 16,
        /// [`Index`] = bus, device (5 bits) and function (3 bits) → [`FunctionRecord`] of the next PCI function from there on; NoSuch past the
        /// end. Command.
        Function = 17,
        /// [`Index`] = partition id: it stops where it is and keeps everything. Command; creators for partitions made by `Create`.
        Pause = 18,
        /// [`Index`] = partition id: it goes on where it was paused. As `Pause`.
        Resume = 19,
        /// [`Change`]: slots of 16 of each context. `Limit` with [`Index`] = slots that it could have. As `Pause`.
        SetShare = 20,
        /// [`Change`]: pages of heap → [`Index`] = pages it has when its runtime has answered, or does not: more than wanted where it uses them, until its
        /// next start. `Limit` with [`Index`] = most pages of any heap; `Busy` where it is in too many pieces, `NoMemory` where none
        /// is free in the zones that it names. As `Pause`.
        SetMemory = 21,
        /// [`Change`]: processor of the first context, the others on those that follow; completed when it is there. `NotAllowed` for a
        /// processor of none of the zones that it names. As `Pause`.
        Move = 22,
        /// [`TableQuery`] → [`TableReply`], the records in the data area. Command.
        Snapshot = 23,
        /// [`TableQuery`] of partitions or channels → [`TableReply`] with those that changed since, in no order; Disagrees where that is not
        /// known any more: take a snapshot. Command.
        Changes = 24,
        /// [`TableQuery`] → [`TableReply`] with a [`RunRecord`] for each run of frames, whosever they are. Command.
        Map = 25,
        /// [`Placement`] → [`Index`] = id of the new partition, not started; Disagrees where something of it is not free: take a
        /// snapshot. Creators.
        CreatePlaced = 26,
        /// [`TransactionQuery`](super::transaction::TransactionQuery) → head or step of a transaction in the log; NoSuch where it
        /// remembers none. Command.
        Transaction = 27,
        /// [`CoreQuery`](super::core::CoreQuery) → [`CoreReply`](super::core::CoreReply), the records in the data area: registers and memory of a
        /// partition that stands still, or of its last life. WrongState where it runs, Disagrees where it is not any more what the query's stamp
        /// says. Command.
        Core = 29,
        /// [`Index`] → [`CorpseRecord`](super::core::CorpseRecord) of the partition with that number or the next one of whose last life something was
        /// kept; NoSuch past the last. Command; creators, whose audit has the pages.
        Corpse = 42,
        /// [`Index`] = partition id: what was kept of its last life is given back. Command.
        Forget = 43,
        /// [`Index`] → [`UpgradeRecord`](super::upgrade::UpgradeRecord) of the partition with that number or the next one; NoSuch past the last. Command.
        Versions = 31,
        /// [`Index`] = partition id: its next start goes over to the version that is offered → [`UpgradeRecord`](super::upgrade::UpgradeRecord), with
        /// WrongState where there is an obstacle. Command.
        Upgrade = 32,
        /// [`Index`] = partition id: what `Upgrade` noted is taken back; else its next start goes back to the version below, or to the
        /// one before while the one that runs has not proved itself → as `Upgrade`. Command.
        Rollback = 33,
        /// [`NameQuery`](super::transaction::NameQuery) → [`Name`] of the partition that had a number in a transaction, gone or not; NoSuch where
        /// that is not known any more. Command.
        Named = 41,
        /// [`Index`] = place in the manifest: makes that partition, if it is not there, with the channels to all that are; NoSuch past the
        /// last. [`Maker`].
        MakeDefined = 34,
        /// Hands the making over: from the boot partition to the command partition, from that to nobody. [`Maker`].
        HandOver = 35,
        /// [`Index`] = place in the manifest: starts that partition for the first time; WrongState where it was started before, or is not
        /// to be at boot; NoSuch past the last. [`Maker`].
        StartDefined = 37,
        /// → [`Index`] = [`Maker`] of now. Any.
        Maker = 38,
        /// As `Restart`, for a partition that stopped by itself, at the cost of its budget; WrongState for one that did not. Its rescuer,
        /// the command partition too, whose `Restart` is a person's.
        Rescue = 36,
    }
}

codes! {
    /// How it went.
    ResourceStatus {
        /// Done.
        Ok = 0,
        /// No such partition, channel, processor or place.
        NoSuch = 1,
        /// The asker may not ask this.
        NotAllowed = 2,
        /// Not in this state of the partition.
        WrongState = 3,
        /// Unknown code or wrong length.
        Malformed = 4,
        /// Memory is out.
        NoMemory = 5,
        /// A table is full, or the budget of restarts is used up.
        Limit = 6,
        /// The kernel refused; the completion holds [`Index`] = its error.
        Kernel = 7,
        /// The program is not in the image or is bad.
        BadProgram = 8,
        /// What the request says of the state before is not so.
        Disagrees = 9,
        /// A change before this one is still under way.
        Busy = 11,
    }
}

/// A number.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Index {
    /// Which.
    pub index: u32,
}

/// State of a partition as people see it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum PartitionState {
    /// Not started, or stopped by hand.
    Stopped = 0,
    /// Some context wants to run.
    Running = 1,
    /// All contexts wait for events.
    Waiting = 2,
    /// Stopped by a fault, panic or exit.
    Faulted = 3,
    /// Out of restarts: stays down until started by hand.
    Failed = 4,
    /// Asked to stop.
    Stopping = 5,
    /// Stopped where it was, to go on there.
    Paused = 6,
    /// All contexts wait, and some outside of all plans.
    Resting = 7,
}

impl PartitionState {
    /// Every state with the word for it.
    pub const ALL: [(Self, &'static str); 8] = [
        (Self::Stopped, "stopped"),
        (Self::Running, "running"),
        (Self::Waiting, "waiting"),
        (Self::Faulted, "faulted"),
        (Self::Failed, "failed"),
        (Self::Stopping, "stopping"),
        (Self::Paused, "paused"),
        (Self::Resting, "resting"),
    ];
}

/// A partition in the list.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct PartitionRecord {
    /// Its name.
    pub name: Name,
    /// [`crate::types::PartitionId`].
    pub id: u32,
    /// [`PartitionState`] in the low byte, role ([`crate::manifest::PartitionRole`]) in the upper half.
    pub state: u32,
    /// Slots of 16, over all processors.
    pub share: u32,
    /// Processor of the first context.
    pub processor: u32,
    /// Pages it owns, kernel objects included.
    pub pages: u64,
    /// Time used since the machine started, nanoseconds.
    pub used: u64,
    /// Starts after the first so far, by hand or after a fault.
    pub restarts: u32,
    /// Id of the rescuer, or [`crate::manifest::NO_PARTITION`].
    pub rescuer: u32,
    /// Events it waits for.
    pub waits_for: u64,
    /// Fault reason of the last stop, 0 if none. See [`crate::fault`].
    pub reason: u64,
    /// Instruction pointer at that stop.
    pub instruction: u64,
    /// Contexts.
    pub contexts: u32,
    /// Pages of heap that it has, or shall have.
    pub heap: u32,
}

/// One processor's plan.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct PlanRecord {
    /// Partition id of each slot, `u16::MAX` for idle.
    pub slots: [u16; 16],
    /// Thousandths of the last second used by the owner of each slot; in the first second of the manager, of the time since the kernel started.
    pub used: [u16; 16],
    /// Partition ids of the first takers of slack, `u16::MAX` for none.
    pub takers: [u16; 16],
    /// Thousandths of the time of `used` in which the processor was idle.
    pub idle: u32,
    /// Microseconds of a slot, 0 where the processor failed.
    pub slot: u32,
    /// Timer interrupts that the processor took since it started.
    pub timer_interrupts: u64,
}

/// A channel in the list.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ChannelRecord {
    /// Its name as the client sees it.
    pub name: Name,
    /// [`crate::types::ChannelId`].
    pub id: u32,
    /// Client's id.
    pub client: u32,
    /// Server's id.
    pub server: u32,
    /// A [`crate::channel::ChannelKind`].
    pub kind: u32,
    /// The epoch in force.
    pub epoch: u32,
    /// Pages.
    pub pages: u32,
    /// Doorbells rung towards the server.
    pub rung_server: u64,
    /// Doorbells rung towards the client.
    pub rung_client: u64,
    /// Requests passed, as the client's index says.
    pub requests: u64,
    /// Completions passed.
    pub completions: u64,
    /// Event bit that a doorbell towards the client sets.
    pub client_event: u32,
    /// Event bit that a doorbell towards the server sets.
    pub server_event: u32,
}

/// Which capability of which partition.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct CapabilityQuery {
    /// Partition id.
    pub partition: u32,
    /// Place in the list of its capabilities, from 0: channels come last.
    pub index: u32,
}

/// A capability.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct CapabilityRecord {
    /// What it is for, as the partition sees it: name of the channel, grant, …
    pub name: Name,
    /// Slot.
    pub slot: u32,
    /// A [`crate::rights::Kind`].
    pub kind: u32,
    /// [`crate::rights::Rights`].
    pub rights: u32,
    /// Parameter: bit, line, ports.
    pub parameter: u32,
    /// Partition it leads to, or [`crate::manifest::NO_PARTITION`].
    pub target: u32,
    /// Event bit that the channel or the interrupt behind it sets at its holder, 255 where nothing does.
    pub event: u8,
    /// Holder's end of the channel: a [`crate::channel::Role`]; 0 for what is no channel.
    pub role: u8,
    /// Zero.
    pub reserved: u16,
}

/// Which record of which processor's trace.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct TraceQuery {
    /// Processor.
    pub processor: u32,
    /// How far back: 0 is the newest.
    pub back: u32,
}

/// A record of the trace, with frames turned into partitions.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct TraceRecord {
    /// When, nanoseconds.
    pub time: u64,
    /// A [`crate::trace::TraceKind`].
    pub kind: u32,
    /// Partition id it is about, or [`crate::manifest::NO_PARTITION`].
    pub partition: u32,
    /// First argument.
    pub first: u64,
    /// Second argument.
    pub second: u64,
}

/// A partition that stopped.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct StoppedRecord {
    /// Its name.
    pub name: Name,
    /// Its id.
    pub id: u32,
    /// Restarts left.
    pub restarts_left: u32,
    /// Milliseconds to wait before restarting it.
    pub backoff: u32,
    /// Zero.
    pub reserved: u32,
    /// The words of the fault record, see [`crate::fault::word`].
    pub fault: [u64; 7],
}

/// The machine.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct MachineRecord {
    /// Processors online.
    pub processors: u32,
    /// Partitions known.
    pub partitions: u32,
    /// Frames of memory.
    pub frames: u64,
    /// Frames free.
    pub free: u64,
    /// Frames held by the kernel.
    pub kernel: u64,
}

/// Result of an audit.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct AuditRecord {
    /// Frames looked at.
    pub frames: u64,
    /// First frame that breaks an invariant, 0 for none.
    pub frame: u64,
    /// Which invariant ([`crate::control::Violation`]), 0 for none.
    pub violation: u64,
    /// Frames free in the kernel's ledger.
    pub free: u64,
    /// Frames free in the books.
    pub books_free: u64,
}
