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
