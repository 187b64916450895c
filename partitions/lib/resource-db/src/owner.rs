//! Who can own a frame.

use crate::books::Books;
use crate::hardware::{DeviceRow, ProcessorRow};
use crate::layout::Layout;
use crate::lines::Of;
use crate::rows::{ChannelRow, PartitionRow};
use abi::types::{ChannelId, PartitionId};
use owner_map::Page;

/// Owner of a frame. In the map it is the page of a descriptor; those of partitions follow each other, so that a partition's number is short here.
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
    /// These books themselves.
    Database,
    /// A partition, kernel objects for it included.
    Partition(PartitionId),
    /// The client of a channel, whose memory a channel is. Never told, only understood.
    Channel(ChannelId),
}

/// The pseudo partitions in the order of their descriptors.
const PSEUDO: [Owner; 4] = [Owner::Available, Owner::Missing, Owner::Broken, Owner::Reserved];

impl Layout {
    /// The descriptor of an owner that is no channel.
    pub(crate) fn page(&self, owner: Owner) -> Option<Page> {
        match owner {
            Owner::Database => self.base.next(),
            Owner::Partition(id) => self.pools.descriptors.page(id.raw().into()),
            Owner::Channel(_) => None,
            pseudo => {
                let at = (0..).zip(PSEUDO).find(|(_, known)| *known == pseudo)?.0;
                Some(self.pseudo(at))
            }
        }
    }

    /// The owner with this descriptor.
    pub(crate) fn owner(&self, page: Page) -> Owner {
        if self.pools.descriptors.contains(page) {
            let first = self.pools.descriptors.first.number();
            return Owner::Partition(PartitionId::new(page.number().wrapping_sub(first)));
        }
        let known = (0..).zip(PSEUDO).find(|(at, _)| self.pseudo(*at) == page);
        known.map_or(Owner::Database, |(_, owner)| owner)
    }
}

impl Books<'_> {
    /// The descriptor of an owner.
    pub(crate) fn page(&self, owner: Owner) -> Option<Page> {
        match owner {
            Owner::Channel(id) => {
                let row = self.channel(id)?;
                self.layout.page(Owner::Partition(PartitionId::new(row.client.partition)))
            }
            other => self.layout.page(other),
        }
    }

    /// Table, number and first word of the row at a word of a page.
    pub(crate) fn row_at(&self, page: Page, index: u16) -> Option<(Of, u32, u16)> {
        let with = |of| move |(id, start)| (of, id, start);
        let partition = || self.partitions.row_at::<PartitionRow>(page, index);
        let processor = || self.processors.row_at::<ProcessorRow>(page, index);
        let device = || self.devices.row_at::<DeviceRow>(page, index);
        let channel = self.channels.row_at::<ChannelRow>(page, index);
        channel
            .map(with(Of::Channels))
            .or_else(|| partition().map(with(Of::Partitions)))
            .or_else(|| processor().map(with(Of::Processors)))
            .or_else(|| device().map(with(Of::Devices)))
    }
}
