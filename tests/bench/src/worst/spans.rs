//! How long the kernel kept its caller, by operation: the longest of all tries.

use crate::report::Report;
use crate::stamp;
use abi::control::{
    ChannelOperation, ContextOperation, InterruptOperation, KernelOperation, MemoryOperation,
    PartitionOperation, ProcessorOperation,
};

/// Names of operations that are kept.
const NAMES: usize = 80;

/// An operation of `control`, with the name it goes by in reports.
pub trait Named: Copy {
    /// The kind of object.
    const KIND: &'static str;
    /// Its number in the call.
    fn number(self) -> u64;
    /// Its name.
    fn name(self) -> &'static str;
}

macro_rules! named {
    ($($operations:ident: $kind:literal,)*) => {$(
        impl Named for $operations {
            const KIND: &'static str = $kind;
            fn number(self) -> u64 {
                self as u64
            }
            fn name(self) -> &'static str {
                Self::ALL.iter().find(|(operation, _)| *operation == self).map_or("?", |found| found.1)
            }
        }
    )*};
}

named! {
    MemoryOperation: "memory",
    PartitionOperation: "partition",
    ContextOperation: "context",
    ChannelOperation: "channel",
    ProcessorOperation: "processor",
    InterruptOperation: "interrupt",
    KernelOperation: "kernel",
}

/// The longest spans, each under two names.
pub struct Spans {
    longest: [([&'static str; 2], u64); NAMES],
}

impl Spans {
    /// None yet.
    pub const fn new() -> Self {
        Self { longest: [([""; 2], 0); NAMES] }
    }

    /// Does something and notes how long it took.
    #[inline(always)]
    pub fn time<T>(&mut self, name: [&'static str; 2], what: impl FnOnce() -> T) -> T {
        let begin = stamp::now();
        let result = what();
        let span = stamp::now() - begin;
        self.note(name, span);
        result
    }

    /// Notes a span.
    pub fn note(&mut self, name: [&'static str; 2], span: u64) {
        let mine = |entry: &&mut ([&str; 2], u64)| entry.0 == name || entry.0 == [""; 2];
        if let Some(entry) = self.longest.iter_mut().find(mine) {
            *entry = (name, entry.1.max(span));
        }
    }

    /// Prints all of them, and the longest of all.
    pub fn print(&self, report: &mut Report) {
        let named = self.longest.iter().filter(|(_, span)| *span != 0);
        for ([kind, name], span) in named.clone() {
            report.line(format_args!("off-{kind}-{name} {span} instructions"));
        }
        report.figure("interrupts-off", named.map(|entry| entry.1).max().unwrap_or(0), 1);
    }
}
