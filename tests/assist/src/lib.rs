//! What suite, supervisor and assist say to each other, and what each misdeed must come to.

#![no_std]

pub mod attack;
pub mod firmware;
mod instruction_list;
pub mod matrix;

use abi::fault::Reason;
use abi::layout;
use zerocopy::{FromBytes, Immutable, IntoBytes};

rt::protocol! {
    /// What suite and assist say to each other.
    pub Assistance;
    /// What suite asks of assist.
    pub enum Ask {
        /// Completed with the same bytes.
        Echo = 1,
        /// Completed with how often this was asked in this life, as a `u32`, from 1.
        Poke = 2,
        /// A [`Misdeed`] as a `u32`; completed afterwards, if there is an afterwards.
        Misbehave = 3,
        /// An [`Order`]; completed afterwards, with a [`Tally`], if there is an afterwards.
        Attack = 4,
    }
    /// How it went.
    pub enum Answer {
        /// Done.
        Ok = 0,
        /// Not understood.
        Malformed = 1,
    }
}

rt::protocol! {
    /// What suite and supervisor say to each other.
    pub Supervision;
    /// What suite asks of supervisor.
    pub enum Watch {
        /// Completed with the [`abi::message::resource::StoppedRecord`] of the next stop of a partition that supervisor
        /// rescues, once its restart was asked for. Who asks again meanwhile is answered instead.
        Next = 1,
        /// Completed at once: supervisor is up.
        Ping = 2,
    }
    /// How it went.
    pub enum Watched {
        /// A record.
        Ok = 0,
        /// It was asked again.
        Busy = 1,
    }
}

rt::protocol! {
    /// What suite and a witness say to each other.
    pub Testimony;
    /// What suite asks of a witness.
    pub enum Witness {
        /// The nanoseconds of a frame as a `u64`; completed with the [`Beats`] since it was last asked.
        Beats = 1,
    }
    /// How it went.
    pub enum Witnessed {
        /// Done.
        Ok = 0,
        /// Not understood.
        Malformed = 1,
    }
}

/// An attack of the [`matrix`] that assist is to make.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct Order {
    /// Its number.
    pub attack: u32,
    /// Its parameter: how often it was made before.
    pub parameter: u32,
    /// The address to touch.
    pub target: u64,
}

/// What the calls of an attack came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct Tally {
    /// Calls that were made.
    pub made: u64,
    /// Calls that were answered otherwise than they should be.
    pub otherwise: u64,
    /// Number of the first such call, from 1.
    pub first: u64,
}

/// What a witness counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct Beats {
    /// Beats since it was last asked.
    pub count: u64,
    /// Longest time between two beats, nanoseconds.
    pub gap: u64,
    /// The time between two beats that it takes for a missed one, nanoseconds.
    pub allowed: u64,
}

/// Ways to access a port: three widths to read, three to write.
pub const PORT_ACCESSES: u32 = 6;

macro_rules! misdeeds {
    ($($(#[$doc:meta])* $name:ident = $number:literal,)*) => {
        /// What assist does when it is asked to misbehave.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u32)]
        pub enum Misdeed {
            $($(#[$doc])* $name = $number,)*
        }

        impl Misdeed {
            /// Every misdeed with its name.
            pub const ALL: &'static [(Self, &'static str)] = &[$((Self::$name, stringify!($name)),)*];
        }
    };
}

misdeeds! {
    /// Reads below its program.
    ReadNull = 1,
    /// Writes to its own code.
    WriteCode = 2,
    /// Runs its stack.
    RunStack = 3,
    /// Reads the kernel's view of memory.
    ReadKernel = 4,
    /// Writes into the kernel's image.
    WriteKernel = 5,
    /// Writes to the time page.
    WriteTime = 6,
    /// Writes to its information pages.
    WriteInformation = 7,
    /// Reads an address that is not canonical.
    ReadHole = 8,
    /// Jumps to an address that is not canonical.
    RunHole = 9,
    /// Jumps into the kernel.
    RunKernel = 10,
    /// Calls itself until the stack ends.
    Overflow = 11,
    /// Divides by zero.
    Divide = 12,
    /// An instruction that is none.
    Invalid = 13,
    /// A breakpoint.
    Breakpoint = 14,
    /// A software interrupt on an exception's vector.
    SoftwareInterrupt = 15,
    /// Clears the interrupt flag.
    ClearInterrupts = 16,
    /// Halts the processor.
    Halt = 17,
    /// Reads control register 0.
    ReadControl = 18,
    /// Writes control register 3.
    WriteControl = 19,
    /// Reads a model-specific register.
    ReadModel = 20,
    /// Writes the register that holds the kernel's entry.
    WriteModel = 21,
    /// Loads an interrupt table.
    LoadTable = 22,
    /// Reads a port it was not given.
    ReadPort = 23,
    /// Writes a string to a port it was not given.
    WritePort = 24,
    /// Uses a vector register.
    Vector = 25,
    /// Uses the floating-point unit.
    Float = 26,
    /// Steps itself by the trap flag.
    Trap = 27,
    /// Enters the kernel by the other fast call.
    FastCall = 28,
    /// Loads a segment that is the kernel's.
    Segment = 29,
    /// Panics.
    Panic = 30,
    /// Exits with code 77 and the words 78 and 79.
    Exit = 31,
    /// Takes heap until there is none.
    OutOfMemory = 32,
    /// Reads a debug register.
    ReadDebug = 33,
    /// Reads a performance counter.
    Counter = 34,
    /// Reads the base of a segment, which nobody may set either.
    ReadBase = 35,
    /// Reads which extensions the processor saves.
    Extensions = 36,
    /// Waits for a write to memory as only the kernel may.
    Watch = 37,
    /// Exchanges the bases of GS, which is the kernel's first instruction.
    SwapBase = 38,
    /// Returns as if from the kernel's call.
    Return = 39,
    /// Returns into the kernel's code segment.
    ReturnInside = 40,
    /// Loads a segment from a local table, which there is none of.
    LocalSegment = 41,
    /// Calls through the segment of the processor's task state.
    TaskCall = 42,
    /// A software interrupt on the timer's vector.
    TimerInterrupt = 43,
    /// The one-byte debug trap.
    DebugTrap = 44,
    /// Makes thousands of calls with arbitrary arguments.
    Calls = 64,
    /// Calls the kernel with a stack pointer that is none, and with every flag it may set.
    OddCall = 65,
    /// Rings whatever it can, thousands of times.
    Ring = 66,
    /// Writes arbitrary bytes all over its channel's memory.
    Scribble = 67,
    /// Never answers.
    Spin = 68,
    /// Loads every segment register with whatever it may, and calls the kernel.
    Segments = 69,
    /// Asks for interrupts off and for a better privilege level by the flags, and gets neither.
    Privilege = 70,
}

/// What the fault record must say after a misdeed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Record {
    /// Exception vectors, or a reason, of which it is one.
    pub reasons: [u64; 2],
    /// The code.
    pub code: Option<u64>,
    /// The address.
    pub address: Option<u64>,
}

/// Bits of a page fault's error code (AMD64 APM 2, 8.4.2).
const PRESENT: u64 = 1;
const WRITE: u64 = 2;
const USER: u64 = 4;
const FETCH: u64 = 16;

/// Selector of a local table's entry 0, as error codes tell it.
pub const LOCAL: u64 = 4;
/// Selector of the kernel's code segment, and of the task state.
pub const KERNEL_SEGMENTS: [u64; 2] = [0x08, 0x28];
/// Vector of the kernel's timer.
pub const TIMER: u64 = 0xf0;

/// An address below every program.
pub const LOW: u64 = 0x1000;
/// An address in the hole between the halves.
pub const HOLE: u64 = 0x0000_8000_0000_0000;
/// Code and words of the misdeed `Exit`.
pub const EXIT_WORDS: [u64; 3] = [77, 78, 79];

impl Misdeed {
    /// The misdeed with this number.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.iter().map(|(misdeed, _)| *misdeed).find(|misdeed| *misdeed as u32 == number)
    }

    /// What must be found in the fault record; `None` for what a partition survives.
    #[must_use]
    pub fn record(self) -> Option<Record> {
        let fault = |vector, code| Some(Record { reasons: [vector, vector], code, address: None });
        let page = |code, address| Some(Record { reasons: [14, 14], code: Some(code), address });
        let protection = fault(13, Some(0));
        match self {
            Self::ReadNull => page(USER, Some(LOW)),
            Self::WriteCode => page(PRESENT | WRITE | USER, None),
            Self::RunStack => page(PRESENT | USER | FETCH, None),
            // Whether there is memory at physical address 0 is not the partition's to know.
            Self::ReadKernel => {
                Some(Record { reasons: [14, 14], code: None, address: Some(layout::DIRECT_MAP) })
            }
            Self::WriteKernel => page(PRESENT | WRITE | USER, Some(layout::KERNEL_BASE)),
            Self::WriteTime => page(PRESENT | WRITE | USER, Some(layout::TIME_PAGE)),
            Self::WriteInformation => page(PRESENT | WRITE | USER, Some(layout::INFORMATION)),
            Self::RunKernel => page(PRESENT | USER | FETCH, Some(layout::KERNEL_BASE)),
            Self::Overflow => page(WRITE | USER, None),
            Self::Divide => fault(0, Some(0)),
            // A kernel may leave the breakpoint's gate to itself.
            Self::Breakpoint => Some(Record { reasons: [3, 13], code: None, address: None }),
            Self::Trap => fault(1, Some(0)),
            // Vector 14 in the table, not from outside the table.
            Self::SoftwareInterrupt => fault(13, Some(14 << 3 | 2)),
            Self::TimerInterrupt => fault(13, Some(TIMER << 3 | 2)),
            Self::Segment => fault(13, None),
            Self::LocalSegment => fault(13, Some(LOCAL)),
            Self::ReturnInside => fault(13, Some(KERNEL_SEGMENTS[0])),
            Self::TaskCall => fault(13, Some(KERNEL_SEGMENTS[1])),
            Self::DebugTrap => fault(1, Some(0)),
            Self::Invalid | Self::ReadBase | Self::Extensions | Self::Watch => fault(6, Some(0)),
            Self::Vector | Self::Float => {
                Some(Record { reasons: [6, 7], code: Some(0), address: None })
            }
            Self::FastCall => Some(Record { reasons: [6, 13], code: Some(0), address: None }),
            Self::ReadHole
            | Self::RunHole
            | Self::ClearInterrupts
            | Self::Halt
            | Self::ReadControl
            | Self::WriteControl
            | Self::ReadModel
            | Self::WriteModel
            | Self::LoadTable
            | Self::ReadPort
            | Self::WritePort
            | Self::ReadDebug
            | Self::Counter
            | Self::SwapBase
            | Self::Return => protection,
            Self::Panic => fault(Reason::Panic as u64, None),
            Self::OutOfMemory => fault(Reason::OutOfMemory as u64, None),
            Self::Exit => Some(Record {
                reasons: [Reason::Exit as u64; 2],
                code: Some(EXIT_WORDS[0]),
                address: Some(EXIT_WORDS[1]),
            }),
            Self::Calls
            | Self::OddCall
            | Self::Ring
            | Self::Scribble
            | Self::Spin
            | Self::Segments
            | Self::Privilege => None,
        }
    }
}
