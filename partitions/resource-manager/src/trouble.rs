//! What can go wrong, and what is answered then.

use abi::image::NAME_LENGTH;
use abi::message::resource::ResourceStatus;
use core::fmt;
use program_loader::Refusal;
use resource_db::Problem;

/// Why something was not done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// The kernel refused.
    Kernel(Refusal),
    /// The books refused.
    Books(Problem),
    /// A reason that is told to the asker as it is.
    Status(ResourceStatus),
}

impl Trouble {
    /// What is answered.
    #[must_use]
    pub fn status(self) -> ResourceStatus {
        match self {
            Self::Kernel(_) => ResourceStatus::Kernel,
            Self::Books(Problem::NoMemory) => ResourceStatus::NoMemory,
            Self::Books(Problem::NoSuch) => ResourceStatus::NoSuch,
            Self::Books(
                Problem::NotOwner | Problem::NoTransaction | Problem::NotEmpty | Problem::Rule,
            ) => ResourceStatus::WrongState,
            Self::Books(Problem::TooLong | Problem::Full) => ResourceStatus::Limit,
            Self::Status(status) => status,
        }
    }
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        Self::Kernel(refusal)
    }
}

impl From<Problem> for Trouble {
    fn from(problem: Problem) -> Self {
        Self::Books(problem)
    }
}

impl From<ResourceStatus> for Trouble {
    fn from(status: ResourceStatus) -> Self {
        Self::Status(status)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kernel(refusal) => {
                write!(f, "the kernel answers {:?} ({:#x})", refusal.error, refusal.value)
            }
            Self::Books(problem) => write!(f, "the books answer {problem:?}"),
            Self::Status(status) => write!(f, "{status:?}"),
        }
    }
}

/// Longest text of one line that the manager says.
pub const LINE: usize = 160;
const _: () = assert!(LINE > 4 * NAME_LENGTH);

/// A short text without a heap; what does not fit is cut off, and ends the line all the same.
#[derive(Debug)]
pub struct Line {
    bytes: [u8; LINE],
    length: usize,
}

impl Line {
    /// The text of `arguments`.
    #[must_use]
    pub fn new(arguments: fmt::Arguments<'_>) -> Self {
        let mut line = Self { bytes: [0; LINE], length: 0 };
        // Writing to a line never fails: it only gets full.
        let _ = fmt::Write::write_fmt(&mut line, arguments);
        if let Some(last) = line.bytes.last_mut().filter(|_| line.length == LINE) {
            *last = b'\n';
        }
        line
    }

    /// The text.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

impl fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for &byte in text.as_bytes() {
            if let Some(place) = self.bytes.get_mut(self.length) {
                *place = byte;
                self.length += 1;
            }
        }
        Ok(())
    }
}
