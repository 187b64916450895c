//! Console channels: text in and out, for every partition; and for the command partition the scrollback of all.

use super::codes;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

codes! {
    /// What a client asks of its console.
    ConsoleRequest {
        /// The inline bytes are written. Shown where this console is attached, kept in the scrollback.
        Write = 1,
        /// Completed with the inline bytes typed, when some were. At most 4 may be open.
        Read = 2,
        /// [`AttachRequest`]: the terminal talks to that partition until the person types Ctrl-]; completed then. The terminal shows `-- Ctrl-] returns --` as soon as keys go there. Operator only.
        Attach = 3,
        /// [`ScrollbackRequest`]: completed with the bytes at that place, none at the end. Operator only.
        Scrollback = 4,
        /// The columns and rows of the terminal in two `u16`, 0 where unknown.
        Size = 5,
    }
}

codes! {
    /// Status of a completion on a console channel.
    ConsoleStatus {
        /// Done.
        Ok = 0,
        /// No such console.
        NoSuchConsole = 1,
        /// Only the operator's console may ask this.
        NotAllowed = 2,
        /// Unknown code, wrong length, or too many open reads.
        Malformed = 3,
    }
}

/// Whose console to attach to.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct AttachRequest {
    /// [`crate::types::PartitionId`].
    pub partition: u32,
}

/// Which part of which scrollback.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ScrollbackRequest {
    /// [`crate::types::PartitionId`].
    pub partition: u32,
    /// Byte offset from the oldest byte kept.
    pub offset: u32,
}
