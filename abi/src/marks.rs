//! What the operator's console prints so that tools find their way through its text (`kernel/doc/0004`).

/// What stands before a line.
pub const PROMPT: &str = "bulkhead> ";
/// What every mark begins with. Terminals show none of them.
pub const START: &str = "\x1b]133;";
/// What every mark ends with.
pub const END: &str = "\x07";
/// Between both, the mark of a prompt that follows.
pub const READY: &str = "A";
/// Between both, before its status in decimal digits, the mark of a line that was done.
pub const DONE: &str = "D;";
/// The line that tells that keys go to another console than the operator's from now on.
pub const ATTACHED: &str = "-- Ctrl-] returns --";
/// The key that returns from there, as the terminal sends it.
pub const LEAVE: u8 = 0x1d;
