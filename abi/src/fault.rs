//! Why a context stopped: the fault record and the reasons of `exit`.

/// Words of a context's fault record, read with [`crate::control::ContextOperation::Fault`].
pub mod word {
    /// Exception vector (0 to 31) or a [`super::Reason`].
    pub const REASON: u64 = 0;
    /// Error code of the exception, or the code given to `exit`.
    pub const CODE: u64 = 1;
    /// Faulting address (page fault), or the first word given to `exit`.
    pub const ADDRESS: u64 = 2;
    /// Instruction pointer.
    pub const INSTRUCTION: u64 = 3;
    /// Stack pointer.
    pub const STACK: u64 = 4;
    /// When, in nanoseconds.
    pub const TIME: u64 = 5;
    /// Second word given to `exit`.
    pub const EXTRA: u64 = 6;
    /// No part of the record, for it is counted while all is well: doorbells that the context rang by `ring`.
    pub const DOORBELLS: u64 = 7;
    /// Number of words.
    pub const COUNT: u64 = 8;
}

/// Reasons beyond the processor's exception vectors.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u64)]
pub enum Reason {
    /// The program ended, as it was asked to or because it was done.
    Exit = 64,
    /// The program panicked; its message is on its console.
    Panic = 65,
    /// The program's heap is exhausted.
    OutOfMemory = 66,
    /// The kernel took it out of the plan: its saved state could not be restored.
    Evicted = 67,
    /// Its event loop did not turn in the time that the manifest gives it.
    Hang = 68,
    /// It rang more doorbells than the manifest allows.
    Storm = 69,
    /// The processor on which it ran failed; the code says which. Its registers are those of its last entry into the kernel.
    Processor = 70,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 7] = [
        Self::Exit,
        Self::Panic,
        Self::OutOfMemory,
        Self::Evicted,
        Self::Hang,
        Self::Storm,
        Self::Processor,
    ];

    /// Its number.
    #[must_use]
    #[expect(clippy::as_conversions, reason = "the number of a unit variant; no trait gives it")]
    pub const fn number(self) -> u64 {
        self as u64
    }

    /// The reason with this number.
    #[must_use]
    pub const fn from_number(number: u64) -> Option<Self> {
        match number {
            64 => Some(Self::Exit),
            65 => Some(Self::Panic),
            66 => Some(Self::OutOfMemory),
            67 => Some(Self::Evicted),
            68 => Some(Self::Hang),
            69 => Some(Self::Storm),
            70 => Some(Self::Processor),
            _ => None,
        }
    }
}

/// What a reason is called, an exception vector or a [`Reason`].
#[must_use]
pub const fn reason_name(reason: u64) -> &'static str {
    match Reason::from_number(reason) {
        Some(Reason::Exit) => "exit",
        Some(Reason::Panic) => "panic",
        Some(Reason::OutOfMemory) => "out of memory",
        Some(Reason::Evicted) => "evicted",
        Some(Reason::Hang) => "hang",
        Some(Reason::Storm) => "too many doorbells",
        Some(Reason::Processor) => "processor failed",
        None => exception_name(reason),
    }
}

/// What an exception vector is called (AMD64 APM 2, table 8-1).
#[must_use]
pub const fn exception_name(vector: u64) -> &'static str {
    match vector {
        0 => "divide error",
        1 => "debug exception",
        2 => "non-maskable interrupt",
        3 => "breakpoint",
        4 => "overflow",
        5 => "bound range",
        6 => "invalid instruction",
        7 => "floating point not available",
        8 => "double fault",
        10 => "invalid TSS",
        11 => "segment not present",
        12 => "stack fault",
        13 => "general protection",
        14 => "page fault",
        16 => "floating point error",
        17 => "alignment check",
        18 => "machine check",
        19 => "SIMD error",
        _ => "reserved exception",
    }
}
