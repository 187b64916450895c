//! What a call answers.

use abi::call::Error;

/// Up to four values of a call that succeeded.
pub type Values = [u64; 4];

/// No values.
pub const NOTHING: Values = [0; 4];

/// Why a call is refused, with its value 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// The error.
    pub error: Error,
    /// Its value 0.
    pub value: u64,
}

impl Refusal {
    /// A refusal with a value.
    pub const fn with(error: Error, value: u64) -> Self {
        Self { error, value }
    }

    /// Argument `number`, from 1, is bad.
    pub const fn argument(number: u64) -> Self {
        Self::with(Error::BadArgument, number)
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::with(error, 0)
    }
}

/// A call's answer.
pub type Answer = Result<Values, Refusal>;
