//! Why a machine is not started.

use boot_image::{ImageError, ProgramError};
use core::fmt;

/// Why a machine is not started. Its text is a sentence for people, without a full stop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Refusal {
    /// The processor lacks this.
    Processor(&'static str),
    /// The door brought no boot image; what to do about it.
    NoImage(&'static str),
    /// The boot image is bad.
    Image(ImageError),
    /// A program in it is bad.
    Program(ProgramError),
    /// The boot image does not lie on a page, or not in memory.
    ImagePlace,
    /// The compiled manifest is bad.
    Manifest(&'static str),
    /// No memory for this.
    Memory(&'static str),
    /// A later image cannot be taken in. No machine is refused for that.
    Later(&'static str),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Processor(feature) => write!(f, "this processor has no {feature}"),
            Self::NoImage(advice) => write!(f, "there is no boot image: {advice}"),
            Self::Image(error) => error.fmt(f),
            Self::Program(error) => error.fmt(f),
            Self::ImagePlace => f.write_str(
                "boot image: the boot loader did not put it on a page boundary in memory",
            ),
            Self::Manifest(problem) => write!(f, "manifest: {problem}"),
            Self::Later(problem) => f.write_str(problem),
            Self::Memory(purpose) => write!(f, "not enough memory for {purpose}"),
        }
    }
}

impl core::error::Error for Refusal {}

impl From<ImageError> for Refusal {
    fn from(error: ImageError) -> Self {
        Self::Image(error)
    }
}

impl From<ProgramError> for Refusal {
    fn from(error: ProgramError) -> Self {
        Self::Program(error)
    }
}
