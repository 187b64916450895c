//! Why an ELF file is refused.

use core::fmt;

/// Why an ELF file is refused. Its text completes "partition 'command': …".
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ElfError {
    /// The file ends inside the ELF header.
    Truncated,
    /// The first four bytes are not those of an ELF file.
    NotElf,
    /// Not 64 bits, little-endian, version 1.
    Class,
    /// For another processor: `e_machine`.
    Machine(u16),
    /// Relocatable, shared or position-independent: `e_type`.
    Type(u16),
    /// The program headers have another size than 56, or do not lie within the file.
    Headers,
    /// It wants a dynamic linker, relocation or thread-local storage: `p_type`.
    Unsupported(u32),
    /// It asks for an executable stack.
    ExecutableStack,
    /// More segments than [`abi::boot::SEGMENTS`].
    TooManySegments,
    /// No segment to load.
    NoSegment,
    /// Something is wrong with the segment of this program header.
    Segment(u16, SegmentProblem),
    /// Two segments have a page in common; numbers of their program headers.
    Overlap(u16, u16),
    /// The entry is not within an executable segment.
    Entry(u64),
}

/// What is wrong with a segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SegmentProblem {
    /// Writable and executable.
    WritableAndExecutable,
    /// More bytes in the file than in memory.
    LargerInFile,
    /// Its bytes do not lie within the file.
    OutsideFile,
    /// Address and file offset differ modulo a page.
    Misaligned,
    /// It starts below or ends above the addresses its program may use.
    OutsideWindow,
}

impl fmt::Display for SegmentProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WritableAndExecutable => "is both writable and executable",
            Self::LargerInFile => "is larger in the file than in memory",
            Self::OutsideFile => "lies outside the file",
            Self::Misaligned => "has an address and a file offset that differ within the page",
            Self::OutsideWindow => "lies outside the addresses allowed for it",
        })
    }
}

impl fmt::Display for ElfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("the file is too short for an ELF header"),
            Self::NotElf => f.write_str("not an ELF file"),
            Self::Class => f.write_str("not a 64-bit little-endian ELF file"),
            Self::Machine(machine) => write!(f, "built for machine {machine}, not for x86-64"),
            Self::Type(kind) => {
                write!(f, "not linked to a fixed address (ELF type {kind} instead of 2)")
            }
            Self::Headers => f.write_str("the program headers lie outside the file"),
            Self::Unsupported(kind) => {
                write!(f, "program header type {kind} is not supported: link it statically")
            }
            Self::ExecutableStack => f.write_str("asks for an executable stack"),
            Self::TooManySegments => {
                write!(f, "more than {} segments", abi::boot::SEGMENTS)
            }
            Self::NoSegment => f.write_str("no segment to load"),
            Self::Segment(index, problem) => write!(f, "segment {index} {problem}"),
            Self::Overlap(first, second) => write!(f, "segments {first} and {second} overlap"),
            Self::Entry(address) => {
                write!(f, "the entry {address:#x} is outside every executable segment")
            }
        }
    }
}

impl core::error::Error for ElfError {}
