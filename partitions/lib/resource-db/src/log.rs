//! The log of the transaction in progress: images before and after each change, written before the change.

use crate::rows::{ChannelRow, Extent, PartitionRow};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Most changes of one transaction.
pub(crate) const ENTRIES: usize = 64;
/// Bytes of an image.
const IMAGE: usize = 256;
const _: () = assert!(size_of::<PartitionRow>() <= IMAGE && size_of::<ChannelRow>() <= IMAGE);

/// What a change is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Subject {
    /// Frames; the images hold the owner's number.
    Frames(Extent),
    /// A partition's row.
    Partition(u32),
    /// A channel's row.
    Channel(u32),
}

/// A change.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct Change {
    kind: u32,
    index: u32,
    extent: Extent,
    before: [u8; IMAGE],
    after: [u8; IMAGE],
}

impl Change {
    /// A change of `subject` from one image to another, neither longer than an image may be.
    pub(crate) fn new(subject: Subject, before: &[u8], after: &[u8]) -> Self {
        let (kind, index, extent) = match subject {
            Subject::Frames(extent) => (1, 0, extent),
            Subject::Partition(index) => (2, index, Extent::default()),
            Subject::Channel(index) => (3, index, Extent::default()),
        };
        Self { kind, index, extent, before: image(before), after: image(after) }
    }

    /// What it is about; `None` where the log was damaged.
    pub(crate) fn subject(&self) -> Option<Subject> {
        match self.kind {
            1 => Some(Subject::Frames(self.extent)),
            2 => Some(Subject::Partition(self.index)),
            3 => Some(Subject::Channel(self.index)),
            _ => None,
        }
    }

    /// The image before.
    pub(crate) fn before<T: FromBytes>(&self) -> Option<T> {
        T::read_from_prefix(&self.before).ok().map(|(value, _)| value)
    }
}

fn image(bytes: &[u8]) -> [u8; IMAGE] {
    let mut image = [0; IMAGE];
    if let Some(start) = image.get_mut(..bytes.len()) {
        start.copy_from_slice(bytes);
    }
    image
}
