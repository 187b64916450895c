//! What a case says when it fails, and how it compares.

use abi::call::Error;
use core::fmt::{self, Write};
use rt::sys::{Failure, Outcome, Values};

/// Most bytes of a reason.
const LONGEST: usize = 200;

/// Why a case failed, in words.
pub struct Trouble {
    text: [u8; LONGEST],
    length: usize,
}

impl Trouble {
    /// The reason, cut where it is too long.
    pub fn new(arguments: fmt::Arguments<'_>) -> Self {
        let mut trouble = Self { text: [0; LONGEST], length: 0 };
        // What does not fit is cut, which `write_str` does without an error.
        let _ = trouble.write_fmt(arguments);
        trouble
    }

    /// The reason.
    pub fn text(&self) -> &str {
        self.text.get(..self.length).and_then(|text| str::from_utf8(text).ok()).unwrap_or("?")
    }
}

impl fmt::Debug for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl Write for Trouble {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.text.get_mut(self.length..).unwrap_or_default();
        let taken = text.len().min(room.len());
        for (to, from) in room.iter_mut().zip(text.bytes()) {
            *to = from;
        }
        self.length += taken;
        Ok(())
    }
}

/// What a case comes to.
pub type Verdict = Result<(), Trouble>;

/// Fails the case with a formatted reason unless the condition holds.
#[macro_export]
macro_rules! check {
    ($condition:expr, $($reason:tt)+) => {
        if !$condition {
            return Err($crate::outcome::Trouble::new(format_args!($($reason)+)));
        }
    };
}

/// The call must be refused with this error.
pub fn refused(what: &str, outcome: Outcome, error: Error) -> Verdict {
    check!(
        outcome.is_err_and(|failure| failure.error == error),
        "{what}: {outcome:?}, not {error:?}"
    );
    Ok(())
}

/// The call must be refused with `BadArgument`, and name this argument (from 1).
pub fn bad_argument(what: &str, outcome: Outcome, argument: u64) -> Verdict {
    let wanted = Failure { error: Error::BadArgument, value: argument };
    check!(outcome == Err(wanted), "{what}: {outcome:?}, not BadArgument {argument}");
    Ok(())
}

/// The call must succeed; its values come back.
pub fn done(what: &str, outcome: Outcome) -> Result<Values, Trouble> {
    outcome.map_err(|failure| Trouble::new(format_args!("{what}: {failure:?}")))
}
