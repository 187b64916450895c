//! Who may ask what, and what is answered.

use crate::manager::{Machine, Manager, SELF};
use crate::manifest::flags;
use crate::pause::is_paused;
use crate::shutdown::Shutdown;
use crate::snapshot::Bulk;
use crate::trouble::Trouble;
use abi::channel::{ChannelKind, INLINE};
use abi::image::name_text;
use abi::information::StartReason;
use abi::manifest::PartitionFlags;
use abi::message::core::CoreQuery;
use abi::message::resource::{
    CapabilityQuery, Index, Maker, ResourceRequest, ResourceStatus, TraceQuery,
};
use abi::message::transaction::OwnWork;
use abi::types::{EventBit, PartitionId};
use program_loader::Window;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Nanoseconds between two sentences about refusals.
pub const REFUSAL_PAUSE: u64 = 100_000_000;

/// Who asks, over what kind of channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Asker {
    /// The partition.
    pub partition: PartitionId,
    /// The channel's kind.
    pub kind: ChannelKind,
}

/// What is answered.
#[derive(Clone, Copy, Debug)]
pub enum Reply {
    /// Now: a status and a body.
    Now(ResourceStatus, [u8; INLINE], usize),
    /// When that partition has stopped, or is not in the life any more that began then.
    WhenStopped(PartitionId, u64),
    /// When nothing is under way with that partition any more; what its runtime says of its heap is waited for until then.
    WhenSettled(PartitionId, u64),
    /// Now, by way of the channel's data area.
    Bulk(Bulk),
    /// Now, by way of the data area as well.
    Core(CoreQuery),
    /// When there is no such partition any more.
    WhenGone(PartitionId),
}

impl Reply {
    /// A status alone.
    #[must_use]
    pub fn status(status: ResourceStatus) -> Self {
        Self::Now(status, [0; INLINE], 0)
    }

    /// Done, with a record.
    #[must_use]
    pub fn record<T: IntoBytes + Immutable>(record: &T) -> Self {
        Self::with(ResourceStatus::Ok, record)
    }

    /// Status and body.
    #[must_use]
    pub fn parts(&self) -> (ResourceStatus, &[u8]) {
        match self {
            Self::Now(status, body, length) => (*status, body.get(..*length).unwrap_or_default()),
            Self::WhenStopped(..) | Self::WhenSettled(..) | Self::WhenGone(_) => {
                (ResourceStatus::Ok, &[])
            }
            Self::Bulk(_) | Self::Core(_) => (ResourceStatus::Ok, &[]),
        }
    }

    /// A status with a record.
    #[must_use]
    pub fn with<T: IntoBytes + Immutable>(status: ResourceStatus, record: &T) -> Self {
        const { assert!(size_of::<T>() <= INLINE) };
        let mut body = [0; INLINE];
        for (to, from) in body.iter_mut().zip(record.as_bytes()) {
            *to = *from;
        }
        Self::Now(status, body, size_of::<T>())
    }

    /// Refused.
    #[must_use]
    pub fn trouble(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Kernel(refusal) => {
                Self::with(ResourceStatus::Kernel, &Index { index: refusal.error as u32 })
            }
            other => Self::status(other.status()),
        }
    }
}

impl<M: Machine, W: Window> Manager<'_, M, W> {
    /// Answers a request.
    pub fn answer(&mut self, asker: Asker, code: u16, body: &[u8]) -> Reply {
        let Some(request) = ResourceRequest::from_code(code) else {
            return Reply::status(ResourceStatus::Malformed);
        };
        let now = self.machine.now();
        self.because(asker.partition, code, now);
        let before = self.books.last_number();
        let mut decided = self.decide(asker, request, body);
        let wants = |decided: &Result<Reply, Trouble>| {
            decided.as_ref().is_err_and(|it| it.status() == ResourceStatus::NoMemory)
        };
        // The living come first, the dead stay as long as they can.
        while wants(&decided) && self.bury_one().is_ok_and(|any| any) {
            decided = self.decide(asker, request, body);
        }
        self.note_refusal(asker, request, &decided, before);
        // What others do later is not this one's doing.
        self.own_work(OwnWork::Watch, now);
        match decided {
            Ok(reply) => reply,
            Err(Trouble::Status(ResourceStatus::NotAllowed)) => {
                // A person who asks for what cannot be is told by whom they asked.
                let person = asker.kind == ChannelKind::Command;
                if !person || self.check_asker(asker, request).is_err() {
                    self.tell_refusal(asker, request);
                }
                Reply::status(ResourceStatus::NotAllowed)
            }
            Err(trouble) => Reply::trouble(trouble),
        }
    }

    /// Says who was refused what, but not more often than ten times a second: a flood of requests is none of words.
    fn tell_refusal(&mut self, asker: Asker, request: ResourceRequest) {
        if self.may_tell_refusal() {
            let name = self.row(asker.partition).map(|row| row.name).unwrap_or_default();
            let name = name_text(&name);
            self.say(format_args!("{name} may not ask for {request:?}"));
        }
    }

    /// Whether a sentence about a refusal is due.
    pub fn may_tell_refusal(&mut self) -> bool {
        let now = self.machine.now();
        let due = now >= self.next_refusal;
        if due {
            self.next_refusal = now.saturating_add(REFUSAL_PAUSE);
        }
        due
    }

    fn decide(
        &mut self,
        asker: Asker,
        request: ResourceRequest,
        body: &[u8],
    ) -> Result<Reply, Trouble> {
        use ResourceRequest as R;
        self.check_asker(asker, request)?;
        match request {
            R::Partition => self.partition_record(parse(body)?),
            R::Plan => self.plan_record(parse(body)?),
            R::Channel => self.channel_record(parse(body)?),
            R::Capability => self.capability_record(parse::<CapabilityQuery>(body)?),
            R::Trace => self.trace_record(parse::<TraceQuery>(body)?),
            R::Machine => Ok(self.machine_record()),
            R::Audit => self.audit(),
            R::Hardware => self.hardware_record(parse(body)?),
            R::Transaction => self.transaction_record(&parse(body)?),
            R::Named => self.name_record(&parse(body)?),
            R::Function => self.function_record(parse(body)?),
            R::Stopped => self.stopped_record(asker.partition),
            R::Shutdown => {
                self.begin_shutdown(if parse::<Index>(body)?.index == 0 {
                    Shutdown::Off
                } else {
                    Shutdown::Reset
                });
                Ok(Reply::status(ResourceStatus::Ok))
            }
            R::Create => {
                let index = self.create_again(partition(body)?)?.raw();
                Ok(Reply::record(&Index { index }))
            }
            R::Pause | R::Resume | R::SetShare | R::SetMemory | R::Move => {
                self.alter(asker, request, body)
            }
            R::Snapshot | R::Changes | R::Map => {
                Ok(Reply::Bulk(Bulk { request, query: parse(body)? }))
            }
            R::Core => self.core_asked(parse(body)?).map(Reply::Core),
            R::Corpse => self.corpse_record(parse(body)?),
            R::Forget => {
                self.forget_corpse(partition(body)?).map(|()| Reply::status(ResourceStatus::Ok))
            }
            R::Versions | R::Upgrade | R::Rollback => self.versions(request, parse(body)?),
            R::CreatePlaced => {
                let index = self.create_placed(asker, &parse(body)?)?.raw();
                Ok(Reply::record(&Index { index }))
            }
            R::MakeDefined => self.make_asked(parse(body)?),
            R::StartDefined => self.start_asked(parse(body)?),
            R::HandOver => self.hand_over().map(|()| Reply::status(ResourceStatus::Ok)),
            R::Maker => Ok(self.maker_record()),
            R::Start | R::Stop | R::Kill | R::Restart | R::Destroy | R::Rescue => {
                self.act(asker, request, partition(body)?)
            }
        }
    }

    /// Does something to one partition.
    fn act(
        &mut self,
        asker: Asker,
        request: ResourceRequest,
        id: PartitionId,
    ) -> Result<Reply, Trouble> {
        let command = asker.kind == ChannelKind::Command;
        match request {
            ResourceRequest::Kill | ResourceRequest::Restart if command && id == SELF => {
                // Of a machine that ends, those who would bring it back end too.
                if self.shutdown.is_some() {
                    return Err(ResourceStatus::WrongState.into());
                }
                self.leave();
            }
            ResourceRequest::Start | ResourceRequest::Restart
                if command && let Some(free) = self.lacking_slots(id)? =>
            {
                return Ok(Reply::with(ResourceStatus::Limit, &Index { index: free }));
            }
            ResourceRequest::Start if command => self.start_by_hand(id)?,
            ResourceRequest::Start => {
                self.check_start(asker, id)?;
                self.start_by_hand(id)?;
            }
            ResourceRequest::Stop => return self.ask_to_stop(id),
            ResourceRequest::Kill => self.kill(id)?,
            ResourceRequest::Restart if command => self.restart(id, StartReason::Restarted)?,
            ResourceRequest::Restart => self.restart_by_rescuer(asker.partition, id)?,
            ResourceRequest::Rescue => self.rescue(asker.partition, id)?,
            _ if !self.destroy(id)? => return Ok(Reply::WhenGone(id)),
            _ => {}
        }
        Ok(Reply::status(ResourceStatus::Ok))
    }

    /// Whether this kind of asker may ask this at all.
    fn check_asker(&self, asker: Asker, request: ResourceRequest) -> Result<(), Trouble> {
        use ResourceRequest as R;
        let creator = self.is_creator(asker.partition);
        let allowed = match asker.kind {
            ChannelKind::Command if is_making(request) => self.maker() != Maker::Boot,
            ChannelKind::Command => creator || !matches!(request, R::Create | R::CreatePlaced),
            ChannelKind::Boot | ChannelKind::Control => match request {
                R::Stopped | R::Machine | R::Restart | R::Rescue | R::Maker => true,
                _ if is_making(request) => {
                    asker.kind == ChannelKind::Boot && self.maker() == Maker::Boot
                }
                R::Partition | R::Start | R::Create | R::CreatePlaced => creator,
                R::Destroy | R::Audit | R::Corpse => creator,
                R::Pause | R::Resume | R::SetShare | R::SetMemory | R::Move => creator,
                _ => false,
            },
            _ => false,
        };
        if allowed { Ok(()) } else { Err(ResourceStatus::NotAllowed.into()) }
    }

    /// Whether a rescuer or creator may start this one.
    fn check_start(&self, asker: Asker, id: PartitionId) -> Result<(), Trouble> {
        let row = self.row(id)?;
        let rescues = self.definition(&row)?.rescuer == asker.partition.raw();
        let created = self.is_creation(id) && self.is_creator(asker.partition);
        if rescues || created { Ok(()) } else { Err(ResourceStatus::NotAllowed.into()) }
    }

    fn is_creator(&self, id: PartitionId) -> bool {
        let row = self.row(id);
        let definition = row.and_then(|row| self.definition(&row));
        definition.is_ok_and(|definition| flags(definition).contains(PartitionFlags::CREATOR))
    }

    /// Whether a partition was created at run time.
    #[must_use]
    pub fn is_creation(&self, id: PartitionId) -> bool {
        id.raw() as usize >= self.manifest.partitions.len()
    }

    /// Starts a partition with a full budget of restarts.
    fn start_by_hand(&mut self, id: PartitionId) -> Result<(), Trouble> {
        let row = self.row(id)?;
        if is_paused(&row) {
            // Whoever meant to let it go on would start it anew.
            return Err(ResourceStatus::WrongState.into());
        }
        self.start(id, StartReason::Started)
    }

    /// Asks a partition to stop by itself; it is stopped if it has not after a second.
    fn ask_to_stop(&mut self, id: PartitionId) -> Result<Reply, Trouble> {
        let row = self.row(id)?;
        if id == SELF {
            return Err(ResourceStatus::NotAllowed.into());
        }
        if is_paused(&row) {
            // It cannot end by itself.
            self.kill(id)?;
            return Ok(Reply::status(ResourceStatus::Ok));
        }
        if !self.runs(&row) {
            return Err(ResourceStatus::WrongState.into());
        }
        self.begin_stop(id)?;
        Ok(Reply::WhenStopped(id, row.started))
    }

    /// Rings for a stop and notes until when.
    ///
    /// # Errors
    /// Where there is no such partition.
    pub fn begin_stop(&mut self, id: PartitionId) -> Result<(), Trouble> {
        let until = self.machine.now().saturating_add(crate::watch::STOP_TIME);
        self.change(id, |row| {
            row.stop_by = until;
            row.state = abi::message::resource::PartitionState::Stopping as u32;
        })?;
        self.ring(id, EventBit::STOP);
        Ok(())
    }
}

/// Whether a request is the maker's.
fn is_making(request: ResourceRequest) -> bool {
    use ResourceRequest as R;
    matches!(request, R::MakeDefined | R::StartDefined | R::HandOver)
}

/// The partition a request names.
fn partition(body: &[u8]) -> Result<PartitionId, Trouble> {
    Ok(PartitionId::new(parse::<Index>(body)?.index))
}

/// The body of a request.
///
/// # Errors
/// `Malformed` where it has another length.
pub fn parse<T: FromBytes>(body: &[u8]) -> Result<T, Trouble> {
    T::read_from_bytes(body).map_err(|_| ResourceStatus::Malformed.into())
}
