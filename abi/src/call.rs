//! The system calls and their errors.
//!
//! `syscall` with the number in `rax` and arguments in `rdi, rsi, rdx, r10, r8, r9`.
//! Back come the status in `rax` (0 or an [`Error`]) and up to four values in
//! `rdx, rsi, rdi, r8`. `rcx, r9, r10, r11` come back as zero or as the return
//! address and flags; `rbx, rbp, rsp, r12` to `r15` keep their values.

/// A system call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u64)]
pub enum Call {
    /// `wait(mask, deadline)`: until an event in `mask` is pending or the deadline has passed.
    /// Value 0: the events, now cleared. [`Error::Timeout`] when there were none in time.
    Wait = 0,
    /// `ring(doorbell)`: sets the doorbell's bit in its context's event word.
    Ring = 1,
    /// `call(doorbell, mask, deadline)`: ring and wait in one step. Where the context behind the
    /// doorbell waits for that bit on this processor it runs at once, in the caller's time.
    Call = 2,
    /// `yield()`: the rest of the slot goes to the takers of slack.
    Yield = 3,
    /// `acknowledge(interrupt)`: the interrupt was served and may come again.
    Acknowledge = 4,
    /// `port(ports, port, operation, value)`: one access to an I/O port, see [`PortOperation`].
    Port = 5,
    /// `control(capability, operation, a, b, c, d)`: one of the operations of [`crate::control`].
    Control = 6,
    /// `debug(capability, length, w0, w1, w2, w3)`: up to 32 bytes, packed little-endian, to the debug port.
    Debug = 7,
    /// `exit(reason, code, w0, w1)`: the context stops for good; its rescuer learns why, see [`crate::fault`].
    Exit = 8,
    /// `inspect(slot)`: values 0 to 3: kind, rights, generation, parameter. Errors as for any use.
    Inspect = 9,
}

impl Call {
    /// Every call, in the order of its number.
    pub const ALL: [Self; 10] = [
        Self::Wait,
        Self::Ring,
        Self::Call,
        Self::Yield,
        Self::Acknowledge,
        Self::Port,
        Self::Control,
        Self::Debug,
        Self::Exit,
        Self::Inspect,
    ];

    /// The call with this number.
    #[must_use]
    pub fn from_number(number: u64) -> Option<Self> {
        Self::ALL.get(usize::try_from(number).ok()?).copied()
    }
}

/// Width and direction of a port access.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u64)]
pub enum PortOperation {
    /// Read a byte.
    In8 = 0,
    /// Read two bytes.
    In16 = 1,
    /// Read four bytes.
    In32 = 2,
    /// Write a byte.
    Out8 = 3,
    /// Write two bytes.
    Out16 = 4,
    /// Write four bytes.
    Out32 = 5,
}

impl PortOperation {
    /// Every operation, in the order of its number.
    pub const ALL: [Self; 6] =
        [Self::In8, Self::In16, Self::In32, Self::Out8, Self::Out16, Self::Out32];

    /// The operation with this number.
    #[must_use]
    pub fn from_number(number: u64) -> Option<Self> {
        Self::ALL.get(usize::try_from(number).ok()?).copied()
    }

    /// Bytes moved.
    #[must_use]
    pub const fn width(self) -> u16 {
        match self {
            Self::In8 | Self::Out8 => 1,
            Self::In16 | Self::Out16 => 2,
            Self::In32 | Self::Out32 => 4,
        }
    }
}

/// Why a call did nothing. Every one of them leaves the system as it was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u64)]
pub enum Error {
    /// No such call, or no such operation on this kind of object.
    NoSuchCall = 1,
    /// The slot is empty or beyond the table.
    NoCapability = 2,
    /// The slot holds a capability to another kind of object.
    WrongKind = 3,
    /// The capability lacks the right.
    NoRight = 4,
    /// The object was renewed or destroyed since. Value 0: its generation now.
    Stale = 5,
    /// An argument is out of its range, unaligned or wraps. Value 0: which argument, from 1.
    BadArgument = 6,
    /// The deadline passed with no event.
    Timeout = 7,
    /// Not finished: the bounded part was done, call again. Value 0: how much was done, where that applies.
    Again = 8,
    /// The frame is not free, or not of the kind or owner that the operation needs. Value 0: the frame.
    WrongFrame = 9,
    /// Something is already mapped or stored there. Value 0: the frame or slot.
    Occupied = 10,
    /// Nothing is mapped there, or the page table for it is missing. Value 0: the level of the missing table, or 0.
    NotMapped = 11,
    /// The object is still in use. Value 0: by how many.
    InUse = 12,
    /// The object is in a state in which this cannot be done. Value 0: the state.
    WrongState = 13,
    /// A fixed limit is reached.
    Limit = 14,
}

impl Error {
    /// Every error, in the order of its number.
    pub const ALL: [Self; 14] = [
        Self::NoSuchCall,
        Self::NoCapability,
        Self::WrongKind,
        Self::NoRight,
        Self::Stale,
        Self::BadArgument,
        Self::Timeout,
        Self::Again,
        Self::WrongFrame,
        Self::Occupied,
        Self::NotMapped,
        Self::InUse,
        Self::WrongState,
        Self::Limit,
    ];

    /// Its number.
    #[must_use]
    #[expect(clippy::as_conversions, reason = "the number of a unit variant; no trait gives it")]
    pub const fn number(self) -> u64 {
        self as u64
    }

    /// The error with this number; `None` for 0 (success) and unknown ones.
    #[must_use]
    pub fn from_number(number: u64) -> Option<Self> {
        Self::ALL.get(usize::try_from(number.checked_sub(1)?).ok()?).copied()
    }
}
