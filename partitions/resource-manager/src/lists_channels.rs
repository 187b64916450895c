//! The records of channels, capabilities and traces.

use crate::given::{Given, given};
use crate::manager::{Machine, Manager, SELF};
use crate::plans::processor_slot;
use crate::requests::Reply;
use crate::resource_list::{NO_EVENT, resources};
use crate::trouble::Trouble;
use abi::channel::{CLIENT_AREA, SERVER_AREA, word};
use abi::control::{ChannelOperation, ProcessorOperation, first_slot};
use abi::image::name_from;
use abi::information::{Resource, ResourceKind};
use abi::manifest::{ManifestPartition, NO_PARTITION, PartitionRole};
use abi::message::resource::{
    CapabilityQuery, CapabilityRecord, ChannelRecord, Index, ResourceStatus, TraceQuery,
    TraceRecord,
};
use abi::rights::{ANY_LINE, Kind, Rights};
use abi::trace::TraceKind;
use abi::types::{ChannelId, Frame, PartitionId, ProcessorId, Slot};
use program_loader::{Calls, Window};
use resource_db::{Owner, PartitionRow};

/// What the manager holds from the start.
const OWN: [(&str, Slot, Kind); 7] = [
    ("partition", first_slot::PARTITION, Kind::Partition),
    ("context", first_slot::CONTEXT, Kind::Context),
    ("memory", first_slot::MEMORY, Kind::Memory),
    ("debug", first_slot::DEBUG, Kind::Debug),
    ("kernel", first_slot::KERNEL, Kind::Kernel),
    ("ports", first_slot::PORTS, Kind::Ports),
    ("interrupts", first_slot::INTERRUPT, Kind::Interrupt),
];

impl<M: Machine, W: Window> Manager<'_, M, W> {
    /// The channel with this number, or the next one.
    ///
    /// # Errors
    /// `NoSuch` past the end.
    pub fn channel_record(&mut self, index: Index) -> Result<Reply, Trouble> {
        Ok(Reply::record(&self.listed_channel(ChannelId::new(index.index))?))
    }

    /// What is told of the channel with this number, or of the next one that there is.
    ///
    /// # Errors
    /// `NoSuch` past the last.
    pub fn listed_channel(&mut self, from: ChannelId) -> Result<ChannelRecord, Trouble> {
        let (id, row) = self.books.channels_from(from).next().ok_or(ResourceStatus::NoSuch)?;
        let row = *row;
        let slot = Slot::new(row.slot);
        Ok(ChannelRecord {
            name: row.client.name,
            id: id.raw(),
            client: row.client.partition,
            server: row.server.partition,
            kind: row.kind.into(),
            epoch: row.epoch,
            pages: u32::try_from(row.memory().count).unwrap_or(u32::MAX),
            rung_server: self.counter(slot, CLIENT_AREA + word::RUNG),
            rung_client: self.counter(slot, SERVER_AREA + word::RUNG),
            requests: self.counter(slot, CLIENT_AREA + word::PRODUCED),
            completions: self.counter(slot, SERVER_AREA + word::PRODUCED),
            client_event: row.client.event.into(),
            server_event: row.server.event.into(),
        })
    }

    /// A word of 32 bits of a channel's first page.
    pub fn counter(&mut self, channel: Slot, offset: usize) -> u64 {
        let offset = offset as u64;
        let arguments = [offset & !7, 0, 0, 0];
        let peek = self.machine.patient(channel, ChannelOperation::Peek as u64, arguments);
        let word = peek.map_or(0, |[word, ..]| word);
        if offset & 4 == 0 { word & u64::from(u32::MAX) } else { word >> 32 }
    }

    /// A capability of a partition.
    ///
    /// # Errors
    /// `NoSuch` past the end.
    pub fn capability_record(&mut self, query: CapabilityQuery) -> Result<Reply, Trouble> {
        let id = PartitionId::new(query.partition);
        let row = self.row(id)?;
        let definition = self.definition(&row)?;
        let mut index = query.index as usize;
        if id == SELF {
            if let Some((name, slot, kind)) = OWN.get(index) {
                return Ok(Reply::record(&own_record(name, *slot, *kind)));
            }
            index -= OWN.len();
        }
        let emergency = self.emergency();
        let list =
            resources(&self.books, &self.manifest, &self.facts, emergency, id, (&row, definition));
        let mut list = list.filter(|resource| {
            let kinds = [ResourceKind::Device, ResourceKind::Framebuffer];
            kinds.iter().all(|kind| *kind as u8 != resource.kind)
        });
        let resource = list.nth(index).ok_or(ResourceStatus::NoSuch)?;
        Ok(Reply::record(&self.record_of(id, (&row, definition), &resource)))
    }

    /// What a partition may do by what stands in a slot: first there are fixed things, then channels.
    fn record_of(
        &self,
        id: PartitionId,
        (row, definition): (&PartitionRow, &ManifestPartition),
        resource: &Resource,
    ) -> CapabilityRecord {
        let place = usize::from(resource.slot).checked_sub(1);
        let mut fixed = given(&self.manifest, row.hardware, definition);
        let fixed = place.and_then(|place| fixed.nth(place));
        let kind = fixed.as_ref().map_or(Kind::Doorbell, Given::kind);
        let (rights, parameter) = match &fixed {
            None => (Rights::USE, self.peer_event(resource)),
            Some(fixed) => {
                (fixed.rights(), self.source(row, fixed).map_or(0, |(_, parameter)| parameter))
            }
        };
        CapabilityRecord {
            name: resource.name,
            slot: resource.slot.into(),
            kind: u32::from(kind as u8),
            rights: rights.bits().into(),
            parameter,
            target: fixed.map_or(resource.peer, |fixed| self.target(id, &fixed)),
            event: resource.event,
            role: resource.role,
            reserved: 0,
        }
    }

    /// The partition to which something that was given to `id` leads.
    fn target(&self, id: PartitionId, given: &Given<'_>) -> u32 {
        match given {
            Given::OwnPartition | Given::OwnContext => id.raw(),
            Given::ManagerPartition
            | Given::ManagerContext
            | Given::ManagerLife
            | Given::ManagerBell => SELF.raw(),
            Given::BootContext | Given::BootBell => {
                self.made(PartitionRole::Boot).map_or(NO_PARTITION, |(id, _)| id.raw())
            }
            _ => NO_PARTITION,
        }
    }

    /// Event bit that the doorbell of a channel's end sets at the other.
    fn peer_event(&self, resource: &Resource) -> u32 {
        let row = self.books.channel(ChannelId::new(resource.id));
        row.map_or(0, |row| match resource.role {
            role if role == abi::channel::Role::Client as u8 => row.server.event.into(),
            _ => row.client.event.into(),
        })
    }

    /// A record of a processor's trace, as it was when the newest record of processor 0 was last asked for.
    ///
    /// # Errors
    /// `NoSuch` for one that is not kept.
    pub fn trace_record(&mut self, query: TraceQuery) -> Result<Reply, Trouble> {
        let processor = u16::try_from(query.processor).map_err(|_| ResourceStatus::NoSuch)?;
        if (processor, query.back) == (0, 0) {
            self.take_picture()?;
        }
        let record = self.picture.get(processor, query.back.into());
        let [time, what, second] = record.ok_or(ResourceStatus::NoSuch)?;
        let first = what & (u64::MAX >> 8);
        let kind = u32::try_from(what >> 56).unwrap_or(0);
        let partition = self.traced(kind, Frame::new(first));
        Ok(Reply::record(&TraceRecord { time, kind, partition, first, second }))
    }

    /// Sets the newest records of all processors aside.
    fn take_picture(&mut self) -> Result<(), Trouble> {
        for processor in 0..self.facts.processors {
            let slot = processor_slot(ProcessorId::new(processor));
            let [.., next] = self.trace(slot, u64::MAX)?;
            for back in 0..self.picture.each() {
                let index = next.checked_sub(back + 1);
                // What the processor overwrote meanwhile is missing.
                let record = index.and_then(|index| self.trace(slot, index).ok());
                let record = record.map(|[time, what, second, _]| [time, what, second]);
                self.picture.set(processor, back, record);
            }
        }
        Ok(())
    }

    /// The partition of the context that a record is about, if it is about one.
    fn traced(&mut self, kind: u32, context: Frame) -> u32 {
        let about = [TraceKind::Switch, TraceKind::Doorbell, TraceKind::Fault];
        if !about.iter().any(|about| *about as u32 == kind) || context.raw() == 0 {
            return NO_PARTITION;
        }
        match self.books.owner(context) {
            Owner::Partition(id) => id.raw(),
            _ if self.is_own(context) => SELF.raw(),
            _ => NO_PARTITION,
        }
    }

    /// Whether a frame of the kernel's holds an object of the manager's partition: it has the owner of the manager's memory.
    fn is_own(&mut self, frame: Frame) -> bool {
        let Ok(row) = self.row(SELF) else { return false };
        let memory = first_slot::MEMORY;
        let own = self.machine.frame_use(memory, row.information.start).map(|(_, owner)| owner);
        own.is_ok() && own == self.machine.frame_use(memory, frame).map(|(_, owner)| owner)
    }

    fn trace(&mut self, processor: Slot, index: u64) -> Result<[u64; 4], Trouble> {
        let trace = ProcessorOperation::Trace as u64;
        let values = self.machine.patient(processor, trace, [index, 0, 0, 0]);
        values.map_err(|_| ResourceStatus::NoSuch.into())
    }
}

fn own_record(name: &str, slot: Slot, kind: Kind) -> CapabilityRecord {
    let own = matches!(kind, Kind::Partition | Kind::Context);
    CapabilityRecord {
        name: name_from(name).unwrap_or_default(),
        slot: slot.raw().into(),
        kind: u32::from(kind as u8),
        rights: Rights::all().bits().into(),
        parameter: if kind == Kind::Interrupt { ANY_LINE } else { 0 },
        target: if own { SELF.raw() } else { NO_PARTITION },
        event: NO_EVENT,
        role: 0,
        reserved: 0,
    }
}
