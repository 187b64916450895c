//! Numbers and names as people read them.

use abi::control::{ChannelOperation, InterruptOperation, KernelOperation};
use abi::control::{ContextOperation, MemoryOperation, PartitionOperation, ProcessorOperation};
use abi::fault::{Reason, exception_name};
use abi::image::{Name, name_text};
use abi::rights::Kind;
use abi::types::{EventBit, Nanoseconds};
use alloc::string::String;
use core::fmt::{self, Write};
pub use resource_service::Size as Pages;
use resource_service::pad;

/// The text of a name; a question mark for one that would say more to a terminal than letters do.
pub fn name_of(name: &Name) -> &str {
    let text = name_text(name);
    if text.bytes().all(|letter| letter.is_ascii_graphic()) { text } else { "?" }
}

/// Bytes that a line seldom has more of: it need not grow then.
const LINE: usize = 96;

/// A line of a long table, column by column: the formatter would take several times as long to fill up what is narrower.
pub struct Row(String);

impl Default for Row {
    fn default() -> Self {
        Self(String::with_capacity(LINE))
    }
}

impl Row {
    /// A text at the left of a column.
    pub fn left(&mut self, width: usize, text: &str) {
        self.0.push_str(text);
        let missing = width.saturating_sub(text.chars().count());
        self.0.extend(core::iter::repeat_n(' ', missing));
    }

    /// Something at the right of a column.
    pub fn right(&mut self, width: usize, what: impl fmt::Display) {
        let start = self.0.len();
        // Writing to a string cannot fail.
        let _ = write!(self.0, "{what}");
        let missing = (start..self.0.len()).len();
        for _ in missing..width {
            self.0.insert(start, ' ');
        }
    }

    /// The line so far.
    pub fn text(&self) -> &str {
        &self.0
    }
}

/// Vectors below this are exceptions of the processor.
const EXCEPTIONS: u64 = 32;

/// A length of time: `12.3 ms`, `4.567 s`, `12.34 s`, `2 h 03 min`.
pub struct Duration(pub Nanoseconds);

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanoseconds = self.0.raw();
        let (milliseconds, seconds) = (nanoseconds / 1_000_000, nanoseconds / 1_000_000_000);
        let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
        match () {
            () if milliseconds < 1000 => {
                let text = format_args!("{milliseconds}.{} ms", nanoseconds / 100_000 % 10);
                pad(f, text)
            }
            () if seconds < 10 => pad(f, format_args!("{seconds}.{:03} s", milliseconds % 1000)),
            () if seconds < 60 => {
                pad(f, format_args!("{seconds}.{:02} s", milliseconds / 10 % 100))
            }
            () if minutes < 60 => pad(f, format_args!("{minutes} min {:02} s", seconds % 60)),
            () if days == 0 => pad(f, format_args!("{hours} h {:02} min", minutes % 60)),
            () => pad(f, format_args!("{days} d {:02} h", hours % 24)),
        }
    }
}

/// Thousandths as per cent with one digit: `12.5 %`.
pub struct Thousandths(pub u64);

impl fmt::Display for Thousandths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        pad(f, format_args!("{}.{} %", self.0 / 10, self.0 % 10))
    }
}

/// The events a partition waits for: `0-3 7, peer, stop`.
pub struct Events(pub u64);

/// The events that have a meaning of their own.
const NAMED: [(EventBit, &str); 4] = [
    (EventBit::FAULT, "fault"),
    (EventBit::PEER, "peer"),
    (EventBit::STOP, "stop"),
    (EventBit::PROCESSOR, "processor"),
];

impl fmt::Display for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("time only");
        }
        let mut first = true;
        let mut separate =
            |f: &mut fmt::Formatter<'_>, with: &str| match core::mem::take(&mut first) {
                true => Ok(()),
                false => f.write_str(with),
            };
        let mut bit = 0;
        while bit < EventBit::ASSIGNABLE {
            let run = self.run(bit);
            if run > 0 {
                separate(f, " ")?;
                write_run(f, bit, run)?;
            }
            bit = bit.saturating_add(run).saturating_add(1);
        }
        for (event, name) in NAMED {
            if self.0 & event.mask() != 0 {
                separate(f, ", ")?;
                f.write_str(name)?;
            }
        }
        Ok(())
    }
}

impl Events {
    /// How many assignable bits are set from `bit` on without a gap.
    fn run(&self, bit: u8) -> u8 {
        let set = |&bit: &u8| EventBit::new(bit).is_some_and(|event| self.0 & event.mask() != 0);
        let run = (bit..EventBit::ASSIGNABLE).take_while(set).count();
        u8::try_from(run).unwrap_or(0)
    }
}

fn write_run(f: &mut fmt::Formatter<'_>, bit: u8, run: u8) -> fmt::Result {
    match run {
        1 => write!(f, "{bit}"),
        _ => write!(f, "{bit}-{}", bit.saturating_add(run.saturating_sub(1))),
    }
}

/// Why a partition stopped.
pub struct Fault {
    /// A vector or a [`Reason`].
    pub reason: u64,
    /// Where, if that is known.
    pub instruction: Option<u64>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Reason::from_number(self.reason) {
            Some(Reason::Exit) => f.write_str("ended by itself"),
            Some(Reason::Panic) => f.write_str("panic, its log says why"),
            Some(Reason::OutOfMemory) => f.write_str("its heap is used up"),
            Some(Reason::Processor) => f.write_str("its processor failed"),
            Some(Reason::Evicted) => f.write_str("its registers could not be restored"),
            Some(Reason::Hang) => {
                f.write_str("hung")?;
                self.instruction.map_or(Ok(()), |place| write!(f, " at {place:#x}"))
            }
            Some(Reason::Storm) => f.write_str("rang too many doorbells"),
            None => {
                if self.reason < EXCEPTIONS {
                    f.write_str(exception_name(self.reason))?;
                } else {
                    write!(f, "reason {}", self.reason)?;
                }
                self.instruction.map_or(Ok(()), |place| write!(f, " at {place:#x}"))
            }
        }
    }
}

/// A control operation, by the numbers of kind and operation: `Partition Map`.
pub struct Operation(pub u64, pub u64);

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(kind) = Kind::from_number(self.0) else {
            return write!(f, "operation {} on kind {}", self.1, self.0);
        };
        match operation_name(kind, self.1) {
            Some(name) => write!(f, "{kind:?} {name}"),
            None => write!(f, "{kind:?} operation {}", self.1),
        }
    }
}

fn operation_name(kind: Kind, number: u64) -> Option<&'static str> {
    fn named<T: Copy + PartialEq>(
        all: &[(T, &'static str)],
        one: Option<T>,
    ) -> Option<&'static str> {
        all.iter().find(|(operation, _)| Some(*operation) == one).map(|(_, name)| *name)
    }
    match kind {
        Kind::Memory => named(MemoryOperation::ALL, MemoryOperation::from_number(number)),
        Kind::Partition => named(PartitionOperation::ALL, PartitionOperation::from_number(number)),
        Kind::Context => named(ContextOperation::ALL, ContextOperation::from_number(number)),
        Kind::Channel => named(ChannelOperation::ALL, ChannelOperation::from_number(number)),
        Kind::Processor => named(ProcessorOperation::ALL, ProcessorOperation::from_number(number)),
        Kind::Interrupt => named(InterruptOperation::ALL, InterruptOperation::from_number(number)),
        Kind::Kernel => named(KernelOperation::ALL, KernelOperation::from_number(number)),
        Kind::None | Kind::Doorbell | Kind::Ports | Kind::Debug => None,
    }
}
