//! The resource manager, as those ask it who create.

use abi::image::name_text;
use abi::message::change::Change;
use abi::message::core::CorpseRecord;
use abi::message::resource::{
    AuditRecord, Index, PartitionRecord, Placement, ResourceRequest, ResourceStatus, StoppedRecord,
};
use abi::types::Nanoseconds;
use rt::protocol::Resources;
use rt::{Answer, CallError, Client, System, time};
use zerocopy::IntoBytes;

/// How long an answer may take: others' partitions that are destroyed wait for the end of a frame.
const PATIENCE: Nanoseconds = time::seconds(20);

/// Why something could not be done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// The resource manager refused.
    Refused(ResourceStatus),
    /// The kernel refused what it asked, with the error of this number.
    Kernel(u32),
    /// The channel did not carry it.
    Channel(CallError),
    /// An answer that is none, or a partition that is not in the manifest.
    Nonsense,
}

impl From<CallError> for Trouble {
    fn from(error: CallError) -> Self {
        Self::Channel(error)
    }
}

impl Trouble {
    /// A number other than 0, for the tally: 1 and more for a status, 1000 and more for a channel, 2000 and more for the kernel.
    #[must_use]
    pub fn number(self) -> u32 {
        match self {
            Self::Refused(status) => status as u32,
            Self::Kernel(error) => 2000 | error,
            Self::Channel(CallError::Timeout) => 1001,
            Self::Channel(CallError::PeerRestarted) => 1002,
            Self::Channel(_) => 1003,
            Self::Nonsense => 1004,
        }
    }

    /// Whether there is no further one.
    #[must_use]
    pub fn is_end(self) -> bool {
        self == Self::Refused(ResourceStatus::NoSuch)
    }

    /// Whether memory is out.
    #[must_use]
    pub fn is_memory(self) -> bool {
        self == Self::Refused(ResourceStatus::NoMemory)
    }
}

/// The resource manager.
#[derive(Clone, Copy)]
pub struct Manager(Client<Resources>);

impl Manager {
    /// That of the channel "resource".
    pub fn of(system: &mut System) -> Self {
        Self(system.client("resource").unwrap_or_default())
    }

    /// One more like `like`; its id.
    ///
    /// # Errors
    /// Why it could not be done.
    pub fn create(self, system: &mut System, like: u32) -> Result<u32, Trouble> {
        Ok(self.ask::<Index>(system, ResourceRequest::Create, like)?.index)
    }

    /// One more where a placement says; its id.
    ///
    /// # Errors
    /// Why it could not be done.
    pub fn place(self, system: &mut System, placement: &Placement) -> Result<u32, Trouble> {
        let made: Index =
            self.fetch(system, ResourceRequest::CreatePlaced, placement.as_bytes())?;
        Ok(made.index)
    }

    /// Does something to a partition.
    ///
    /// # Errors
    /// Why it could not be done.
    pub fn act(
        self,
        system: &mut System,
        request: ResourceRequest,
        id: u32,
    ) -> Result<(), Trouble> {
        self.ask::<[u8; 0]>(system, request, id).map(drop)
    }

    /// The partition with this number, or the next one that there is.
    ///
    /// # Errors
    /// Why it could not be done.
    pub fn record(self, system: &mut System, from: u32) -> Result<PartitionRecord, Trouble> {
        self.ask(system, ResourceRequest::Partition, from)
    }

    /// The kernel's ledger against the books.
    ///
    /// # Errors
    /// Why it could not be done.
    pub fn audit(self, system: &mut System) -> Result<AuditRecord, Trouble> {
        self.ask(system, ResourceRequest::Audit, 0)
    }

    /// Frames that hold what was kept of last lives.
    ///
    /// # Errors
    /// Why it could not be done.
    pub fn kept(self, system: &mut System) -> Result<u64, Trouble> {
        let (mut from, mut frames) = (0, 0);
        loop {
            match self.ask::<CorpseRecord>(system, ResourceRequest::Corpse, from) {
                Ok(corpse) => {
                    frames += u64::from(corpse.pages);
                    from = corpse.id + 1;
                }
                Err(trouble) if trouble.is_end() => return Ok(frames),
                Err(trouble) => return Err(trouble),
            }
        }
    }

    /// A partition that stopped and was not told of.
    ///
    /// # Errors
    /// Why it could not be done; there is none.
    pub fn stopped(self, system: &mut System) -> Result<StoppedRecord, Trouble> {
        self.fetch(system, ResourceRequest::Stopped, &[])
    }

    /// The id of the first partition with this name.
    ///
    /// # Errors
    /// Why it could not be done.
    pub fn id_of(self, system: &mut System, name: &str) -> Result<u32, Trouble> {
        let mut from = 0;
        loop {
            let record = self.record(system, from)?;
            if name_text(&record.name) == name {
                return Ok(record.id);
            }
            from = record.id + 1;
        }
    }

    /// Changes a number of a partition.
    ///
    /// # Errors
    /// Why it could not be done.
    pub fn change(
        self,
        system: &mut System,
        request: ResourceRequest,
        change: Change,
    ) -> Result<(), Trouble> {
        self.answer(system, request, change.as_bytes()).map(drop)
    }

    /// A record that is asked for with another.
    ///
    /// # Errors
    /// Why it could not be done.
    pub fn fetch<T: zerocopy::FromBytes>(
        self,
        system: &mut System,
        request: ResourceRequest,
        body: &[u8],
    ) -> Result<T, Trouble> {
        self.answer(system, request, body)?.body().ok_or(Trouble::Nonsense)
    }

    fn ask<T: zerocopy::FromBytes>(
        self,
        system: &mut System,
        request: ResourceRequest,
        index: u32,
    ) -> Result<T, Trouble> {
        self.fetch(system, request, Index { index }.as_bytes())
    }

    fn answer(
        self,
        system: &mut System,
        request: ResourceRequest,
        body: &[u8],
    ) -> Result<Answer<Resources>, Trouble> {
        let answer = self.0.call(system, request, body, time::after(PATIENCE))?;
        match answer.status()? {
            ResourceStatus::Ok => Ok(answer),
            ResourceStatus::Kernel => {
                let error = answer.body::<Index>().ok_or(Trouble::Nonsense)?;
                Err(Trouble::Kernel(error.index))
            }
            status => Err(Trouble::Refused(status)),
        }
    }
}
