//! How a machine ended, and whether that is good.

use std::fmt;

/// What the resource manager prints as its last act before switching off (`kernel/doc/0004`).
pub const OFF: &str = "bulkhead: the machine is off";
/// What it prints before a reset that somebody asked for.
pub const ANEW: &str = "bulkhead: the machine starts anew";
/// Start of the last line that a test image prints.
pub const SUITE: &str = "suite: ";
/// Status of QEMU after the value 0x10 was written to the exit device: everything passed.
pub const PASSED: i32 = 0x10 << 1 | 1;
/// Status of QEMU after the value 0x11 was written to the exit device: something failed.
pub const FAILED: i32 = 0x11 << 1 | 1;

/// How a machine ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct End {
    /// QEMU's status; `None` if it was killed.
    pub status: Option<i32>,
    /// Why it was switched off, in QEMU's words.
    pub reason: Option<String>,
    /// Whether the machine said that it is off.
    pub said_off: bool,
    /// The line with which a test image ended.
    pub suite: Option<String>,
}

impl End {
    /// What `status`, `reason` and all that the machine printed say.
    #[must_use]
    pub fn new(status: Option<i32>, reason: Option<String>, transcript: &str) -> Self {
        let suite = transcript.lines().rev().find(|line| line.starts_with(SUITE));
        Self {
            status,
            reason,
            said_off: transcript.lines().any(|line| line.trim_end().ends_with(OFF)),
            suite: suite.map(|line| line.trim_end().to_owned()),
        }
    }

    /// Whether the machine shut itself down in order.
    #[must_use]
    pub fn clean(&self) -> bool {
        self.said_off && self.status == Some(0) && self.reason.as_deref() == Some("guest-shutdown")
    }

    /// Whether a test image ran to its end and nothing failed: its line and the exit device must agree.
    #[must_use]
    pub fn passed(&self) -> bool {
        let line = self.suite.as_deref().is_some_and(|line| {
            line.ends_with(" passed, 0 failed") && !line.starts_with("suite: 0 ")
        });
        line && self.status == Some(PASSED)
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.clean() {
            return f.write_str("the machine shut down");
        }
        if let Some(suite) = &self.suite {
            return write!(f, "{suite} (exit status {:?})", self.status);
        }
        match (self.status, self.reason.as_deref()) {
            (_, Some("guest-reset")) => {
                f.write_str("the machine reset itself: a crash, or a triple fault")
            }
            (Some(0), _) if !self.said_off => {
                write!(f, "the machine went off without saying \"{OFF}\"")
            }
            (Some(status), _) => write!(f, "QEMU ended with status {status}"),
            (None, _) => f.write_str("QEMU was killed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(status: i32, reason: &str, transcript: &str) -> End {
        End::new(Some(status), Some(reason.to_owned()), transcript)
    }

    #[test]
    fn clean_needs_all_three_signs() {
        let said = "x\r\nbulkhead: the machine is off\r\n";
        assert!(end(0, "guest-shutdown", said).clean());
        assert!(!end(0, "guest-reset", said).clean());
        assert!(!end(1, "guest-shutdown", said).clean());
        assert!(!end(0, "guest-shutdown", "x").clean());
        assert!(!end(0, "guest-shutdown", "bulkhead: the machine is offended").clean());
        // A prompt may have come before it.
        assert!(end(0, "guest-shutdown", "bulkhead> bulkhead: the machine is off\r\n").clean());
    }

    #[test]
    fn a_suite_passes_only_with_line_and_exit_device() {
        assert!(end(PASSED, "guest-shutdown", "suite: 9 passed, 0 failed\r\n").passed());
        assert!(!end(PASSED, "guest-shutdown", "suite: 9 passed, 10 failed\r\n").passed());
        assert!(!end(PASSED, "guest-shutdown", "suite: 0 passed, 0 failed\r\n").passed());
        assert!(!end(FAILED, "guest-shutdown", "suite: 9 passed, 0 failed\r\n").passed());
        assert!(!end(PASSED, "guest-shutdown", "").passed());
    }
}
