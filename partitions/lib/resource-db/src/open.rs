//! How the books lie in memory, and how they are found again.

use crate::books::Books;
use crate::frames::{BLOCK, Frames};
use crate::log::{Change, ENTRIES};
use crate::recent::Recent;
use crate::rows::{ChannelRow, PartitionRow};
use crate::slots::WORDS;
use crate::table::Table;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// First word of the books: "BULKBOOK".
const MAGIC: u64 = u64::from_le_bytes(*b"BULKBOOK");
/// Raised when the layout changes.
const VERSION: u64 = 2;
/// Every table starts on a multiple of this.
const ALIGN: usize = 64;

/// How much the books can hold.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Capacity {
    /// Frames: one past the last.
    pub frames: u64,
    /// Partitions.
    pub partitions: u32,
    /// Channels.
    pub channels: u32,
}

/// Start of the books.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct Header {
    magic: u64,
    version: u64,
    capacity: Capacity,
    /// 1 while a transaction is in progress.
    pub(crate) active: u32,
    /// Changes in the log.
    pub(crate) changes: u32,
    /// Number of the last transaction committed.
    pub(crate) generation: u64,
}

/// Why books cannot be opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OpenError {
    /// There are none, or of another version.
    NoBooks,
    /// The memory is too small or not aligned.
    TooSmall,
}

/// Bytes that books of this capacity take.
#[must_use]
pub fn bytes_needed(capacity: Capacity) -> Option<usize> {
    let frames = usize::try_from(capacity.frames).ok()?;
    let sections = [
        section::<Header>(1)?,
        section::<Change>(ENTRIES)?,
        section::<PartitionRow>(usize::try_from(capacity.partitions).ok()?)?,
        section::<ChannelRow>(usize::try_from(capacity.channels).ok()?)?,
        section::<u64>(WORDS)?,
        section::<u32>(frames.div_ceil(BLOCK))?,
        section::<u32>(frames)?,
    ];
    sections.into_iter().try_fold(0_usize, usize::checked_add)
}

fn section<T>(count: usize) -> Option<usize> {
    size_of::<T>().checked_mul(count)?.checked_next_multiple_of(ALIGN)
}

impl<'m> Books<'m> {
    /// Writes empty books into `memory`: all frames missing, no rows.
    ///
    /// # Errors
    /// Where the memory does not suffice.
    pub fn create(memory: &'m mut [u8], capacity: Capacity) -> Result<Self, OpenError> {
        let needed = bytes_needed(capacity).ok_or(OpenError::TooSmall)?;
        memory.get_mut(..needed).ok_or(OpenError::TooSmall)?.fill(0);
        let (magic, version) = (MAGIC, VERSION);
        let header = Header { magic, version, capacity, active: 0, changes: 0, generation: 0 };
        header.write_to_prefix(memory).map_err(|_| OpenError::TooSmall)?;
        Self::open(memory)
    }

    /// Opens books that are there; a transaction in progress is undone.
    ///
    /// # Errors
    /// Where there are none.
    pub fn open(memory: &'m mut [u8]) -> Result<Self, OpenError> {
        let (header, _) = Header::read_from_prefix(memory).map_err(|_| OpenError::TooSmall)?;
        if (header.magic, header.version) != (MAGIC, VERSION) {
            return Err(OpenError::NoBooks);
        }
        let mut books = Self::carve(memory, header.capacity).ok_or(OpenError::TooSmall)?;
        books.rollback();
        books.derive();
        Ok(books)
    }

    /// Cuts the memory into tables.
    fn carve(memory: &'m mut [u8], capacity: Capacity) -> Option<Self> {
        let frames = usize::try_from(capacity.frames).ok()?;
        let (header, rest) = cut::<Header>(memory, 1)?;
        let (log, rest) = cut::<Change>(rest, ENTRIES)?;
        let (partitions, rest) =
            cut::<PartitionRow>(rest, usize::try_from(capacity.partitions).ok()?)?;
        let (channels, rest) = cut::<ChannelRow>(rest, usize::try_from(capacity.channels).ok()?)?;
        let (slots, rest) = cut::<u64>(rest, WORDS)?;
        let (blocks, rest) = cut::<u32>(rest, frames.div_ceil(BLOCK))?;
        let (owners, _) = cut::<u32>(rest, frames)?;
        let frames = Frames { owners, blocks, cursor: 0 };
        let (partitions, channels) = (Table::new(partitions), Table::new(channels));
        let header = header.first_mut()?;
        let recent = Recent::after(header.generation);
        Some(Self { header, log, partitions, channels, slots, frames, recent })
    }
}

/// The first `count` values of a table, and what follows it.
fn cut<T: FromBytes + IntoBytes + KnownLayout>(
    memory: &mut [u8],
    count: usize,
) -> Option<(&mut [T], &mut [u8])> {
    let (table, rest) = memory.split_at_mut_checked(section::<T>(count)?)?;
    let (values, _) = <[T]>::mut_from_prefix_with_elems(table, count).ok()?;
    Some((values, rest))
}
