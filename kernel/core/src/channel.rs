//! A channel object: a run of the client's frames that two partitions may map.

use crate::machine::{Object, sealed::Sealed};
use crate::processor::Cell;

/// A channel. Written under the control lock.
#[repr(C)]
pub struct Channel {
    /// Frame of the client's partition, 0 while it has no pages.
    pub(crate) client: Cell,
    /// Frame of the server's partition.
    pub(crate) server: Cell,
    /// First frame.
    pub(crate) first: Cell,
    /// Number of frames.
    pub(crate) count: Cell,
    rest: [Cell; 508],
}

const _: () = assert!(size_of::<Channel>() == 4096);

impl Sealed for Channel {}
impl Object for Channel {}
