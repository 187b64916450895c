//! The person's terminal while they talk to a machine: every key goes through, and the terminal is put back at the end.

use nix::sys::termios::{OutputFlags, SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};
use std::io::stdin;
use std::os::fd::AsFd as _;

/// The key that leaves the machine: `Ctrl-\`.
pub const LEAVE: u8 = 0x1c;

/// A terminal in raw mode; dropped, it is as before.
#[derive(Debug)]
pub struct Raw {
    before: Termios,
}

impl Raw {
    /// Puts standard input into raw mode; `None` where it is no terminal.
    #[must_use]
    pub fn enter() -> Option<Self> {
        let input = stdin();
        let before = tcgetattr(input.as_fd()).ok()?;
        let mut raw = before.clone();
        cfmakeraw(&mut raw);
        // Early text ends its lines in one byte.
        raw.output_flags.insert(OutputFlags::OPOST | OutputFlags::ONLCR);
        tcsetattr(input.as_fd(), SetArg::TCSANOW, &raw).ok()?;
        Some(Self { before })
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // Where the terminal is gone there is nothing to put back.
        let _ = tcsetattr(stdin().as_fd(), SetArg::TCSANOW, &self.before);
    }
}

/// The keys up to [`LEAVE`], and whether it was among them.
#[must_use]
pub fn until_leave(keys: &[u8]) -> (&[u8], bool) {
    match keys.iter().position(|&key| key == LEAVE) {
        Some(index) => (&keys[..index], true),
        None => (keys, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_key_leaves() {
        assert_eq!(until_leave(b"ps\x1d\x03"), (&b"ps\x1d\x03"[..], false));
        assert_eq!(until_leave(b"ps\x1cq"), (&b"ps"[..], true));
    }
}
