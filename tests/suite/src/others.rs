//! What cases ask of the other partitions.

use crate::check;
use crate::outcome::{Trouble, Verdict};
use crate::world::World;
use abi::channel::INLINE;
use abi::image::name_text;
use abi::message::resource::{
    AuditRecord, ChannelRecord, Index, MachineRecord, PartitionRecord, PlanRecord, ResourceRequest,
    ResourceStatus, StoppedRecord,
};
use assist::{Answer, Ask, Watch};
use rt::CallError;
use rt::time;
use zerocopy::{FromBytes, IntoBytes};

/// How long the resource manager may take, in milliseconds.
const MANAGER: u64 = 20_000;
/// How long a fault may take to be noticed and repaired, in milliseconds.
const RESCUE: u64 = 5000;

/// Bytes of an answer.
pub struct Bytes {
    bytes: [u8; INLINE],
    length: usize,
}

impl Bytes {
    fn new(from: &[u8]) -> Self {
        let mut bytes = [0; INLINE];
        let length = from.len().min(INLINE);
        bytes[..length].copy_from_slice(&from[..length]);
        Self { bytes, length }
    }
}

impl core::ops::Deref for Bytes {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

fn lost(what: &str, error: CallError) -> Trouble {
    Trouble::new(format_args!("{what}: {error:?}"))
}

impl World<'_> {
    fn manage(
        &mut self,
        request: ResourceRequest,
        body: &[u8],
    ) -> Result<(ResourceStatus, Bytes), Trouble> {
        let deadline = time::after(time::milliseconds(MANAGER));
        let answer = self.manager.call(self.system, request, body, deadline);
        let answer = answer.map_err(|error| lost("resource manager", error))?;
        let status = answer.status().map_err(|error| lost("resource manager", error))?;
        Ok((status, Bytes::new(answer.bytes())))
    }

    /// The status with which the resource manager answers a request about partition, channel or place `index`.
    pub fn status(
        &mut self,
        request: ResourceRequest,
        index: u32,
    ) -> Result<ResourceStatus, Trouble> {
        Ok(self.manage(request, Index { index }.as_bytes())?.0)
    }

    /// The status of a request with three bytes, which no request has.
    pub fn malformed(&mut self, request: ResourceRequest) -> Result<ResourceStatus, Trouble> {
        Ok(self.manage(request, &[0; 3])?.0)
    }

    /// A request about `index` that must be done.
    pub fn command(&mut self, request: ResourceRequest, index: u32) -> Verdict {
        let (status, body) = self.manage(request, Index { index }.as_bytes())?;
        check!(status == ResourceStatus::Ok, "{request:?} {index}: {status:?} {:?}", &body[..]);
        Ok(())
    }

    fn record<T: FromBytes>(
        &mut self,
        request: ResourceRequest,
        body: &[u8],
    ) -> Result<T, Trouble> {
        let (status, bytes) = self.manage(request, body)?;
        check!(status == ResourceStatus::Ok, "{request:?}: {status:?}");
        let length = bytes.len();
        let record = T::read_from_bytes(&bytes);
        record.map_err(|_| Trouble::new(format_args!("{request:?}: a record of {length} bytes")))
    }

    /// The kernel's ledger against the books.
    pub fn audit(&mut self) -> Result<AuditRecord, Trouble> {
        self.record(ResourceRequest::Audit, &[])
    }

    /// Processors online.
    pub fn processors(&mut self) -> Result<u32, Trouble> {
        Ok(self.record::<MachineRecord>(ResourceRequest::Machine, &[])?.processors)
    }

    /// Partitions known.
    pub fn partitions(&mut self) -> Result<u32, Trouble> {
        Ok(self.record::<MachineRecord>(ResourceRequest::Machine, &[])?.partitions)
    }

    /// Nanoseconds of a slot.
    pub fn slot(&mut self) -> Result<u64, Trouble> {
        let plan: PlanRecord = self.record(ResourceRequest::Plan, Index { index: 0 }.as_bytes())?;
        Ok(u64::from(plan.slot) * 1000)
    }

    /// Creates a partition by the definition of another; gives its id.
    pub fn create(&mut self, definition: u32) -> Result<u32, Trouble> {
        let body = Index { index: definition };
        Ok(self.record::<Index>(ResourceRequest::Create, body.as_bytes())?.index)
    }

    /// The partition with this number, or the next one.
    pub fn at_place(&mut self, index: u32) -> Result<PartitionRecord, Trouble> {
        self.record(ResourceRequest::Partition, Index { index }.as_bytes())
    }

    /// The first partition in the list for which this holds.
    fn partition(
        &mut self,
        wanted: impl Fn(&PartitionRecord) -> bool,
    ) -> Result<PartitionRecord, Trouble> {
        for index in 0.. {
            let record = self.at_place(index)?;
            if wanted(&record) {
                return Ok(record);
            }
        }
        Err(Trouble::new(format_args!("the list has no end")))
    }

    /// The id of the partition with this name.
    pub fn id_of(&mut self, name: &str) -> Result<u32, Trouble> {
        Ok(self.partition(|record| name_text(&record.name) == name)?.id)
    }

    /// What the list says about a partition.
    pub fn record_of(&mut self, id: u32) -> Result<PartitionRecord, Trouble> {
        self.partition(|record| record.id == id)
    }

    /// What the list says about the channel of this name.
    pub fn channel(&mut self, name: &str) -> Result<ChannelRecord, Trouble> {
        let mut index = 0;
        loop {
            let record: ChannelRecord =
                self.record(ResourceRequest::Channel, Index { index }.as_bytes())?;
            if name_text(&record.name) == name {
                return Ok(record);
            }
            index = record.id.wrapping_add(1);
        }
    }

    /// Restarts a partition by name.
    pub fn restart(&mut self, name: &str) -> Verdict {
        let id = self.id_of(name)?;
        self.command(ResourceRequest::Restart, id)
    }

    /// Slot of assist's doorbell.
    pub fn assist_doorbell(&mut self) -> Result<u64, Trouble> {
        let about = self.assist.about(self.system);
        about.map(|one| one.slot.into()).ok_or(Trouble::new(format_args!("no channel to assist")))
    }

    /// Asks assist and waits for the answer.
    pub fn ask_assist(
        &mut self,
        ask: Ask,
        body: &[u8],
        milliseconds: u64,
    ) -> Result<Bytes, Trouble> {
        let deadline = time::after(time::milliseconds(milliseconds));
        let answer = self.assist.call(self.system, ask, body, deadline);
        let answer = answer.map_err(|error| lost("assist", error))?;
        let status = answer.status().map_err(|error| lost("assist", error))?;
        check!(status == Answer::Ok, "assist: {status:?}");
        Ok(Bytes::new(answer.bytes()))
    }

    /// Whether assist refuses a request as malformed.
    pub fn refused_by_assist(&mut self, ask: Ask, body: &[u8]) -> Result<bool, Trouble> {
        let deadline = time::after(time::seconds(2));
        let answer = self.assist.call(self.system, ask, body, deadline);
        let answer = answer.map_err(|error| lost("assist", error))?;
        Ok(answer.status() == Ok(Answer::Malformed))
    }

    /// Asks assist for something whose answer nobody waits for.
    pub fn send_assist(&mut self, ask: Ask, body: &[u8]) -> Verdict {
        let sent = self.assist.post(self.system, ask, body);
        sent.map_err(|error| lost("assist", error))
    }

    /// Sends to assist if there is room.
    pub fn try_send_assist(&mut self, ask: Ask, body: &[u8]) -> bool {
        self.assist.send(self.system, ask, body).is_ok()
    }

    /// Takes all answers of assist that have come; how many.
    pub fn receive_assist(&mut self) -> u32 {
        let mut count = 0;
        while self.assist.next(self.system).is_some() {
            count += 1;
        }
        count
    }

    /// Pokes assist until it answers, across its restart; how often it was poked in that life.
    pub fn poke_when_up(&mut self) -> Result<u32, Trouble> {
        self.until(RESCUE, |world| {
            let bytes = world.ask_assist(Ask::Poke, &[], 1000).ok()?;
            Some(u32::from_le_bytes(*bytes.first_chunk()?))
        })
    }

    /// Waits until supervisor answers.
    pub fn await_supervisor(&mut self) -> Verdict {
        self.until(RESCUE, |world| {
            let deadline = time::after(time::seconds(1));
            world.supervisor.call(world.system, Watch::Ping, &[], deadline).ok().map(drop)
        })
    }

    /// Does something that stops assist; gives what supervisor learnt about it.
    pub fn stopped_after(
        &mut self,
        misbehave: impl FnOnce(&mut Self) -> Verdict,
    ) -> Result<StoppedRecord, Trouble> {
        let sent = self.supervisor.send(self.system, Watch::Next, &[]);
        let ticket = sent.map_err(|error| lost("supervisor", error))?;
        misbehave(self)?;
        let answer = self.until(RESCUE, |world| world.supervisor.next(world.system));
        if answer.is_err() {
            self.supervisor.forget(self.system, ticket);
        }
        let record = answer?.body::<StoppedRecord>();
        record.ok_or(Trouble::new(format_args!("supervisor sent no record")))
    }

    /// Asks assist for something that should stop it: what supervisor learnt about that, `None` where assist went on
    /// and answered.
    pub fn stopped_by(&mut self, ask: Ask, body: &[u8]) -> Result<Option<StoppedRecord>, Trouble> {
        let sent = self.supervisor.send(self.system, Watch::Next, &[]);
        let watch = sent.map_err(|error| lost("supervisor", error))?;
        let sent = self.assist.send(self.system, ask, body);
        let order = sent.map_err(|error| lost("assist", error))?;
        let end = self.until(RESCUE, |world| {
            if let Some(answer) = world.supervisor.next(world.system) {
                return Some(answer.body::<StoppedRecord>());
            }
            let answer = world.assist.next(world.system)?;
            answer.status().is_ok().then_some(None)
        });
        self.supervisor.forget(self.system, watch);
        self.assist.forget(self.system, order);
        end
    }
}
