//! What a case says when it fails, and how it compares.

use abi::call::Error;
use alloc::fmt::format;
use alloc::string::String;
use core::fmt;
use rt::sys::{Failure, Outcome, Values};

/// Why a case failed, in words.
pub struct Trouble(String);

impl Trouble {
    /// The reason.
    pub fn new(arguments: fmt::Arguments<'_>) -> Self {
        Self(format(arguments))
    }

    /// The reason.
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
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
