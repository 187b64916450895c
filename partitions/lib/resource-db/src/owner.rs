//! Who can own a frame.

use abi::types::{ChannelId, PartitionId};

/// Owner of a frame. The first four are the pseudo partitions that own what no partition uses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Owner {
    /// There is no memory.
    Missing,
    /// Nobody: it can be given.
    Available,
    /// The kernel, the firmware or a device.
    Reserved,
    /// Defective.
    Broken,
    /// A partition, kernel objects for it included.
    Partition(PartitionId),
    /// A channel, its kernel object included.
    Channel(ChannelId),
}

/// Number of the first partition in the map; pseudo partitions lie below.
const PARTITIONS: u32 = 16;
/// Number of the first channel in the map.
const CHANNELS: u32 = 1 << 24;

impl Owner {
    /// Its number in the owner map.
    pub(crate) fn number(self) -> u32 {
        match self {
            Self::Missing => 0,
            Self::Available => 1,
            Self::Reserved => 2,
            Self::Broken => 3,
            Self::Partition(id) => {
                PARTITIONS.saturating_add(id.raw()).min(CHANNELS.wrapping_sub(1))
            }
            Self::Channel(id) => CHANNELS.saturating_add(id.raw()),
        }
    }

    /// The owner with this number.
    pub(crate) fn from_number(number: u32) -> Self {
        match number {
            0 => Self::Missing,
            1 => Self::Available,
            2 => Self::Reserved,
            3..PARTITIONS => Self::Broken,
            PARTITIONS..CHANNELS => {
                Self::Partition(PartitionId::new(number.wrapping_sub(PARTITIONS)))
            }
            CHANNELS.. => Self::Channel(ChannelId::new(number.wrapping_sub(CHANNELS))),
        }
    }
}
