//! The operations of the `control` call, by kind of object.
//!
//! `control(capability, operation, a, b, c, d)`. Operations on ranges do a bounded number of
//! pages and say in value 0 how many; the caller repeats with the rest. An operation that must
//! wait for another processor answers [`crate::call::Error::Again`] until it has answered.

use crate::rights::Rights;

macro_rules! operations {
    // Operations, each with the right that it needs.
    ($(#[$doc:meta])* $name:ident { $($(#[$op_doc:meta])* $op:ident = $number:literal, $right:ident,)* }) => {
        operations!($(#[$doc])* $name { $($(#[$op_doc])* $op = $number,)* });

        impl Operation for $name {
            fn decode(number: u64) -> Option<Self> {
                Self::from_number(number)
            }

            fn right(self) -> Rights {
                match self {
                    $(Self::$op => Rights::$right,)*
                }
            }
        }
    };
    // Numbers of another kind.
    ($(#[$doc:meta])* $name:ident { $($(#[$op_doc:meta])* $op:ident = $number:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u64)]
        pub enum $name {
            $($(#[$op_doc])* $op = $number,)*
        }

        impl $name {
            /// Every operation with its name.
            pub const ALL: &'static [(Self, &'static str)] = &[$((Self::$op, stringify!($op)),)*];

            /// Its number.
            #[inline]
            #[must_use]
            #[expect(clippy::as_conversions, reason = "the number of a unit variant; no trait gives it")]
            pub const fn number(self) -> u64 {
                self as u64
            }

            /// The operation with this number.
            #[must_use]
            pub fn from_number(number: u64) -> Option<Self> {
                match number {
                    $($number => Some(Self::$op),)*
                    _ => None,
                }
            }
        }
    };
}

/// The operations on one kind of object.
pub trait Operation: Copy {
    /// The operation with this number.
    fn decode(number: u64) -> Option<Self>;
    /// The right that it needs.
    fn right(self) -> Rights;
}

operations! {
    /// Operations on memory. All need GRANT but `Query`.
    MemoryOperation {
        /// `(kind, frame, slot, extra)`: a free frame becomes an object; a capability with all rights
        /// to it is put into the caller's `slot`, which must be empty. Kinds: Partition, Context
        /// (`extra`: slot of its partition), Channel. Value 0: generation.
        Create = 0, GRANT,
        /// `(frame, count, to)`: free frames become memory of the partition in slot `to`. They are zeroed.
        /// Value 0: how many were done.
        Assign = 1, GRANT,
        /// `(frame, count, from, to)`: memory of one partition, mapped nowhere, becomes memory of another,
        /// contents kept. Value 0: how many were done.
        Transfer = 2, GRANT,
        /// `(frame, count)`: memory of a partition, mapped nowhere, becomes free; what is free stays so. Value 0: how many.
        Release = 3, GRANT,
        /// `(frame)`: INSPECT. Values: kind of use ([`super::control::FrameUse`]), owner's frame, mappings, generation.
        Query = 4, INSPECT,
    }
}

operations! {
    /// Operations on a partition.
    PartitionOperation {
        /// `(address, level, frame)`: GRANT. Free frames, from `frame` on, become the page table of `level` (4 = root, 1 = last)
        /// for `address` and those above it that are missing, the highest first. Value 0: how many.
        AddTable = 0, GRANT,
        /// `(address, level, top)`: GRANT. An empty page table becomes a free frame, and those above it, up to level `top` but never
        /// the root, as far as that leaves them empty. Value 0: the frame of the first.
        RemoveTable = 1, GRANT,
        /// `(address, frame, count, access)`: GRANT. Maps memory of this partition, or of a channel it is joined to.
        /// `access`: see [`super::control::Access`]. Value 0: how many pages were done.
        Map = 2, GRANT,
        /// `(address, count)`: GRANT. Value 0: how many pages were done, mapped or not.
        Unmap = 3, GRANT,
        /// `(index, frame)`: GRANT. A free frame becomes page `index` of the capability table (256 slots each).
        AddSlots = 4, GRANT,
        /// `(index)`: GRANT. The last page of the capability table, with what it holds, becomes a free frame. Value 0: the frame.
        RemoveSlots = 5, GRANT,
        /// `(slot, source, rights, kind << 32 | parameter)`: GRANT. Puts a capability derived from the caller's
        /// `source` into `slot`. Rights shrink to the intersection. The kind is that of the source or one derived from it:
        /// Context to Doorbell (parameter: bit), Interrupt to one line, Ports to a part. What was there is replaced.
        Put = 6, GRANT,
        /// `(slot)`: GRANT. Empties a slot of the partition.
        Clear = 7, GRANT,
        /// `(doorbell)`: GRANT. Rung when a context of the partition stops on a fault or by exit; slot of the caller, 0 for none.
        SetRescuer = 8, GRANT,
        /// `()`: GRANT. Raises the generation: all capabilities to it but the one used are stale. Value 0: new generation.
        Renew = 9, GRANT,
        /// `()`: INSPECT. Values: frames owned, page tables, contexts, pages of slots.
        State = 10, INSPECT,
        /// `()`: GRANT. An empty partition (State all zero but the root table, which goes with it) becomes a free frame.
        Destroy = 11, GRANT,
        /// `(address)`: INSPECT. Values: frame, access bits of the page mapped there.
        Translate = 12, INSPECT,
        /// `(slot)`: INSPECT. Values: the two words of the capability in that slot of the partition, see `SPEC.md`; zero where it is empty.
        Look = 13, INSPECT,
    }
}

operations! {
    /// Operations on a context.
    ContextOperation {
        /// `(entry, stack, processor, argument)`: MANAGE. A stopped context is set to start at `entry` with
        /// `rsp = stack`, `rdi = argument` and all else zero, on that processor. Its events are cleared.
        Configure = 0, MANAGE,
        /// `()`: MANAGE. A stopped context goes on: it becomes ready, or waits as it did before it was stopped.
        Start = 1, MANAGE,
        /// `(reason)`: MANAGE. A context stops where it is. With a reason other than 0 it is faulted, and its rescuer is rung. What it waits for, deadline included, it keeps. Again until its processor has let go of it.
        Stop = 2, MANAGE,
        /// `()`: GRANT. Raises the generation of a stopped context: doorbells to it become stale. Value 0: new generation.
        Renew = 3, GRANT,
        /// `()`: INSPECT. Values: state ([`super::control::ContextState`]), processor, time used (ns), what it waits for.
        State = 4, INSPECT,
        /// `(word)`: INSPECT. Value 0: a word of the fault record, see [`crate::fault`].
        Fault = 5, INSPECT,
        /// `(index)`: INSPECT. Value 0: register `index` of a stopped context (rax rbx rcx rdx rsi rdi rbp rsp r8..r15 rip rflags).
        Register = 6, INSPECT,
        /// `()`: GRANT. A stopped context in no plan becomes a free frame.
        Destroy = 7, GRANT,
        /// `(processor)`: MANAGE. A stopped context, not a faulted one, that is in no plan belongs to another processor from now on. It keeps its
        /// registers, its events and what it waits for.
        Move = 8, MANAGE,
        /// `()`: MANAGE. A context that waits, and for which nothing has come, rests: it does not run, whatever plan it is in. As soon as something comes
        /// for which it waits the first doorbell of [`KernelOperation::Watch`] is rung, and it counts as stopped. Again until its processor has looked; then its state says whether it rests.
        Rest = 9, MANAGE,
    }
}

operations! {
    /// Operations on a channel.
    ChannelOperation {
        /// `(client, server, frame, count)`: GRANT. Memory of the client, mapped nowhere, becomes the channel's. Value 0: how
        /// many pages were done; repeat with the rest, which must follow on.
        Join = 0, GRANT,
        /// `()`: GRANT. The pages, mapped nowhere, become memory of the client again. Value 0: how many remain.
        Part = 1, GRANT,
        /// `()`: INSPECT. Values: client's frame, server's frame, first frame, count.
        State = 2, INSPECT,
        /// `()`: GRANT. A parted channel becomes a free frame.
        Destroy = 3, GRANT,
        /// `(offset)`: INSPECT. Value 0: the 8 bytes at this multiple of 8 in the channel's pages: its counters, for those who list channels.
        Peek = 4, INSPECT,
        /// `(offset, word)`: GRANT. Writes 8 bytes there, in one piece.
        Poke = 5, GRANT,
    }
}

operations! {
    /// Operations on a processor.
    ProcessorOperation {
        /// `(index, contexts, contexts, contexts)`: MANAGE. Places `4 * index` to `4 * index + 3` of the next plan: four 16-bit slots of the caller that
        /// hold contexts, 0 for idle. Bits 32 to 39 of the index say how many words follow the first, each naming four places more. Bits 40 to 47, where they
        /// are not 0: the plan is committed at once, alone, with one place more than they say. Places 0 to 15 are the slots of the frame, the rest takers
        /// of slack in their order. With 3 in place of the number of words few contexts are told as [`crate::stage`] says.
        Stage = 0, MANAGE,
        /// `(length, processors)`: MANAGE. The staged plan, `length` places (16 or more), takes over when the running one wraps. If
        /// `processors` is not 0, it is a mask of processors whose staged plans take over together.
        Commit = 1, MANAGE,
        /// `(place)`: INSPECT. Values: frame of the context there (0: idle), time used in that place (ns), frames since start, 1 if a plan is pending.
        Place = 2, INSPECT,
        /// `()`: INSPECT. Values: 1 online, 2 failed, 0 neither; time idle (ns), timer interrupts, entries into the kernel.
        State = 3, INSPECT,
        /// `(index)`: INSPECT. A record of the trace, see [`crate::trace`]; `u64::MAX` is the newest. Values: time (ns), kind and argument, second argument, next index.
        Trace = 4, INSPECT,
        /// `(nanoseconds)`: MANAGE. Length of a slot from the next wrap on.
        SetSlot = 5, MANAGE,
    }
}

operations! {
    /// Operations on an interrupt line.
    InterruptOperation {
        /// `(doorbell)`: MANAGE. The line rings this doorbell of the caller from now on, and is unmasked.
        Bind = 0, MANAGE,
        /// `()`: MANAGE. The line is masked and rings nothing.
        Unbind = 1, MANAGE,
        /// `()`: INSPECT. Values: bound, times it came, times it was held, masked.
        State = 2, INSPECT,
    }
}

operations! {
    /// Operations on the kernel.
    KernelOperation {
        /// `(frame)`: INSPECT. Checks a bounded number of frames from `frame` on. Value 0: next frame, 0 at the end;
        /// value 1: first frame that breaks an invariant, or 0; value 2: which ([`super::control::Violation`]);
        /// value 3: how many of the frames checked are free.
        Audit = 0, INSPECT,
        /// `(word)`: INSPECT. Value 0: 8 bytes of the crash record of the previous run, value 1: its length in bytes (0: none).
        CrashRecord = 1, INSPECT,
        /// `()`: MANAGE. Stops the other processors and resets the machine through the keyboard controller or a triple fault.
        Reset = 2, MANAGE,
        /// `(what)`: INSPECT. Facts of the machine, see `SPEC.md`: 0 features in use, 1 timer source, 2 ticks per second of the time stamp counter, 3 timer ticks per second.
        Fact = 3, INSPECT,
        /// `(nanoseconds, doorbell, doorbell)`: MANAGE. How often processors look at each other (0: never); one that does not enter the kernel
        /// from one look to the next although it was interrupted has failed: it is in no plan any more, and these doorbells of the caller are rung.
        Watch = 4, MANAGE,
    }
}

operations! {
    /// What a frame is used for, in the kernel's ledger.
    FrameUse {
        /// Not memory.
        Absent = 0,
        /// Nobody's.
        Free = 1,
        /// The kernel's own.
        Kernel = 2,
        /// A partition's memory; the owner is the partition's frame.
        User = 3,
        /// Memory of a channel; the owner is the channel's frame.
        Channel = 4,
        /// A partition object.
        PartitionObject = 5,
        /// A context object; the owner is the partition's frame.
        ContextObject = 6,
        /// A channel object.
        ChannelObject = 7,
        /// A page of capability slots; the owner is the partition's frame.
        SlotTable = 8,
        /// A page table; the owner is the partition's frame.
        PageTable = 9,
        /// The time page, mapped read-only everywhere.
        Time = 10,
        /// Device registers.
        Device = 11,
    }
}

operations! {
    /// State of a context.
    ContextState {
        /// Not configured, or stopped by its manager.
        Stopped = 0,
        /// Wants to run.
        Ready = 1,
        /// In `wait` or `call`.
        Waiting = 2,
        /// Stopped by a fault or by `exit`; its fault record says why.
        Faulted = 3,
        /// Asked to stop; its processor has not let go yet.
        Stopping = 4,
        /// Its processor failed while it did not run there. It can be stopped, which does not wait, and moved.
        Stranded = 5,
        /// Waits outside of all plans, and nothing has come for which it waits.
        Resting = 6,
    }
}

operations! {
    /// What an audit can find wrong.
    Violation {
        /// None.
        None = 0,
        /// A frame's owner is not an object of the right kind.
        Owner = 1,
        /// A kernel object's frame counts mappings.
        MappedObject = 2,
        /// A partition's counts differ from what the ledger says.
        Count = 3,
        /// A page table entry points to a frame that its partition may not map.
        Mapping = 4,
        /// A capability names a frame that holds no such object in its generation or a later one.
        Capability = 5,
    }
}

bitflags::bitflags! {
    /// How a page is mapped. Readable always; never writable and executable.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct Access: u64 {
        /// Writable.
        const WRITE = 1 << 0;
        /// Executable.
        const EXECUTE = 1 << 1;
        /// Uncached, for device registers.
        const UNCACHED = 1 << 2;
    }
}

bitflags::bitflags! {
    /// Features of the processor that the kernel uses where they are present.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct Feature: u64 {
        /// Kernel never executes memory of partitions.
        const SMEP = 1 << 0;
        /// Kernel never touches memory of partitions by their addresses.
        const SMAP = 1 << 1;
        /// Partitions cannot read the addresses of the kernel's tables.
        const UMIP = 1 << 2;
        /// Pages of the kernel stay in the TLB over a switch.
        const GLOBAL_PAGES = 1 << 3;
        /// The local APIC has the x2APIC interface.
        const X2APIC = 1 << 4;
        /// The local APIC timer takes a deadline in ticks of the time stamp counter.
        const TSC_DEADLINE = 1 << 5;
        /// The time stamp counter runs evenly in every power state.
        const INVARIANT_TSC = 1 << 6;
        /// Machine checks can be reported.
        const MACHINE_CHECK = 1 << 7;
        /// While a partition runs the kernel is not mapped, but for its first and last instructions.
        const ISOLATED_PAGE_TABLES = 1 << 8;
        /// The processor is one of an emulator or hypervisor, which may let it rest for long.
        const VIRTUAL = 1 << 9;
    }
}

/// Slots of the first partition (the resource manager) when the kernel starts it.
pub mod first_slot {
    use crate::types::Slot;
    /// Its own partition.
    pub const PARTITION: Slot = Slot::new(1);
    /// Its own context.
    pub const CONTEXT: Slot = Slot::new(2);
    /// All of memory.
    pub const MEMORY: Slot = Slot::new(3);
    /// The debug port.
    pub const DEBUG: Slot = Slot::new(4);
    /// The kernel.
    pub const KERNEL: Slot = Slot::new(5);
    /// All I/O ports.
    pub const PORTS: Slot = Slot::new(6);
    /// Any interrupt line.
    pub const INTERRUPT: Slot = Slot::new(7);
    /// Processor 0; the others follow.
    pub const PROCESSORS: Slot = Slot::new(16);
    /// First slot that is free for the partition's own use.
    pub const FREE: Slot = Slot::new(96);
}

/// Slots in one page of a capability table.
pub const SLOTS_PER_PAGE: u16 = 256;
/// Most pages of a capability table.
pub const SLOT_PAGES: u16 = 128;
/// Slots of a plan's frame.
pub const PLAN_SLOTS: usize = 16;
/// Most places of a plan: slots and takers of slack.
pub const PLAN_PLACES: usize = 256;
/// Most pages that one operation on a range does.
pub const PAGES_PER_STEP: u64 = 16;
