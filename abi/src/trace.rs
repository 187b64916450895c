//! The kernel's trace: one ring of records for each processor.

/// What a record tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum TraceKind {
    /// A context starts to run; the argument is its frame (0: none, the processor halts).
    Switch = 1,
    /// An interrupt line came; the argument is the line.
    Interrupt = 2,
    /// A doorbell was rung; first argument: frame of the context, second: bit.
    Doorbell = 3,
    /// A context stopped on a fault or by exit; first argument: its frame, second: reason.
    Fault = 4,
    /// A new plan took over.
    Plan = 5,
    /// A control call that changed something; first argument: kind, second: operation.
    Control = 6,
}

impl TraceKind {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::Switch, Self::Interrupt, Self::Doorbell, Self::Fault, Self::Plan, Self::Control];

    /// Its number.
    #[inline]
    #[must_use]
    #[expect(clippy::as_conversions, reason = "the number of a unit variant; no trait gives it")]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The kind with this number.
    #[must_use]
    pub fn from_number(number: u64) -> Option<Self> {
        Self::ALL.get(usize::try_from(number.checked_sub(1)?).ok()?).copied()
    }
}

/// Value 1 of [`crate::control::ProcessorOperation::Trace`]: kind in the top byte, first argument below.
#[must_use]
pub const fn pack(kind: u8, argument: u64) -> u64 {
    (u64::from_be_bytes([kind, 0, 0, 0, 0, 0, 0, 0])) | (argument & 0x00ff_ffff_ffff_ffff)
}

/// Records a processor keeps.
pub const TRACE_RECORDS: u64 = 512;
