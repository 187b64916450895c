//! Versions of a partition: what it runs, what it could go over to, and what is in the way.

use super::codes;
use crate::image::Name;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

codes! {
    /// What keeps a partition from another version.
    Obstacle {
        /// Nothing.
        None = 0,
        /// No later image has a program for it.
        NoImage = 1,
        /// No later image has a version of it above the one that runs.
        NotNewer = 2,
        /// That version was gone over to before, and did not come up.
        Refused = 3,
        /// It has another role there.
        Role = 4,
        /// It would hold a capability there that it does not hold.
        Authority = 5,
        /// It would have hardware there that it does not have.
        Hardware = 6,
        /// Its channels are others there, or of another size.
        Channels = 7,
        /// It speaks no version there that the partition `about` does, as that runs or will run.
        Versions = 8,
        /// It has more contexts, stack, heap or lasting memory there.
        Room = 9,
        /// Its program is bad, or larger than there are page tables for.
        Program = 10,
        /// Memory for the program is out.
        Memory = 11,
        /// It went over to the version that runs just now, and that has not proved itself; or the partition `about`, which must be as
        /// it is meanwhile, is between two versions.
        Trial = 12,
        /// Nobody can exchange the program of this one while the machine runs: it looks after the others, and the boot partition has no
        /// boot image or no lasting memory.
        Fixed = 13,
        /// Its program lies where the one that runs does, and both must be there until it has proved itself.
        Place = 14,
    }
}

/// The versions of a partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct UpgradeRecord {
    /// Its name.
    pub name: Name,
    /// [`crate::types::PartitionId`].
    pub id: u32,
    /// The version that runs, or ran last.
    pub version: u32,
    /// The version that its next start goes over to; 0: none.
    pub waiting: u32,
    /// The version that it goes back to unless the one that runs proves itself; 0: it has.
    pub before: u32,
    /// The version that could be next; 0: none.
    pub offered: u32,
    /// An [`Obstacle`] in the way of that.
    pub obstacle: u32,
    /// The partition that the obstacle is about, or [`crate::manifest::NO_PARTITION`].
    pub about: u32,
    /// Zero.
    pub reserved: u32,
    /// The image that the version offered is in.
    pub image: Name,
}
