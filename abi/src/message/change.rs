//! Changes of a partition that is there, in [`super::resource::ResourceRequest::SetShare`], `SetMemory` and `Move`.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// One number of one partition, as the asker believes it to be and as it shall become. Where it is another one by now nothing
/// happens ([`super::resource::ResourceStatus::Disagrees`]): so a change that is asked for twice is done once.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Change {
    /// [`crate::types::PartitionId`].
    pub partition: u32,
    /// What it is.
    pub before: u32,
    /// What it shall be.
    pub after: u32,
}
