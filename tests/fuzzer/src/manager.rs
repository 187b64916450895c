//! What the leader asks of the resource manager, and of the ledger.

use abi::call::Call;
use abi::control::{FrameUse, MemoryOperation, PartitionOperation};
use abi::image::name_text;
use abi::layout;
use abi::message::resource::{
    AuditRecord, Index, PartitionRecord, ResourceRequest, ResourceStatus, StoppedRecord,
};
use fuzzer::FOREIGN;
use rt::capability::object;
use rt::protocol::Resources;
use rt::{Client, Nanoseconds, System, sys, time};
use zerocopy::FromBytes;

/// How long the resource manager may take.
const PATIENCE: Nanoseconds = time::seconds(30);
/// Frames looked through for those of others: all of 512 MiB.
const FRAMES: u64 = 1 << 17;

/// Why something was not done.
pub type Refused = Option<(ResourceStatus, u32)>;

/// The resource manager.
#[derive(Clone, Copy)]
pub struct Manager(pub Client<Resources>);

impl Manager {
    fn ask<T: FromBytes>(
        self,
        system: &mut System,
        request: ResourceRequest,
        body: &[u8],
    ) -> Option<T> {
        let answer = self.0.call(system, request, body, time::after(PATIENCE)).ok()?;
        if answer.status() != Ok(ResourceStatus::Ok) {
            return None;
        }
        T::read_from_bytes(answer.bytes()).ok()
    }

    fn about<T: FromBytes>(
        self,
        system: &mut System,
        request: ResourceRequest,
        index: u32,
    ) -> Option<T> {
        self.ask(system, request, rt::bytes(&Index { index }))
    }

    /// The kernel's ledger against the books.
    pub fn audit(self, system: &mut System) -> Option<AuditRecord> {
        self.ask(system, ResourceRequest::Audit, &[])
    }

    /// A partition that stopped and was not told of.
    pub fn stopped(self, system: &mut System) -> Option<StoppedRecord> {
        self.ask(system, ResourceRequest::Stopped, &[])
    }

    /// Does one of the requests about a partition.
    ///
    /// # Errors
    /// The status, and the number of the kernel's error where that says so; `None` without an answer.
    pub fn act(
        self,
        system: &mut System,
        request: ResourceRequest,
        id: u32,
    ) -> Result<(), Refused> {
        let body = Index { index: id };
        let deadline = time::after(PATIENCE);
        let answer = self.0.call(system, request, rt::bytes(&body), deadline).map_err(|_| None)?;
        match answer.status() {
            Ok(ResourceStatus::Ok) => Ok(()),
            Ok(status) => Err(Some((status, answer.body::<Index>().map_or(0, |body| body.index)))),
            Err(_) => Err(None),
        }
    }

    /// Creates a partition like the one defined as `id`.
    pub fn create(self, system: &mut System, id: u32) -> Option<u32> {
        self.about::<Index>(system, ResourceRequest::Create, id).map(|created| created.index)
    }

    /// The partition with this number, or the next one that there is.
    pub fn record(self, system: &mut System, index: u32) -> Option<PartitionRecord> {
        self.about(system, ResourceRequest::Partition, index)
    }

    /// The id of the partition with this name.
    pub fn id_of(self, system: &mut System, name: &str) -> Option<u32> {
        let mut from = 0;
        loop {
            let record = self.record(system, from)?;
            if name_text(&record.name) == name {
                return Some(record.id);
            }
            from = record.id + 1;
        }
    }
}

/// Frames that are not a fuzzer's, one of each use that frames can have for good; 0 for none.
pub fn foreign(system: &System) -> [u64; FOREIGN] {
    let slot = |found: Option<u16>| found.map_or(0, u64::from);
    let memory = slot(system.capability::<object::Memory>("memory").map(|it| it.slot().raw()));
    let own = system.capability::<object::Partition>("self-partition");
    let own = slot(own.map(|it| it.slot().raw()));
    let control = |slot, operation, argument| {
        sys::raw(Call::Control as u64, [slot, operation, argument, 0, 0, 0])
    };
    let translate = |address| {
        let found = control(own, PartitionOperation::Translate as u64, address);
        found.map_or(0, |[frame, ..]| frame)
    };
    let wanted = [
        FrameUse::Kernel,
        FrameUse::PartitionObject,
        FrameUse::ContextObject,
        FrameUse::ChannelObject,
        FrameUse::SlotTable,
        FrameUse::PageTable,
    ];
    let mut frames = [0; FOREIGN];
    for frame in (1..FRAMES).rev() {
        let found = control(memory, MemoryOperation::Query as u64, frame);
        let kind = found.map_or(0, |[kind, ..]| kind);
        let place = wanted.iter().position(|used| *used as u64 == kind);
        if let Some(place) = place {
            frames[place] = frame;
        }
        if frames.iter().take(wanted.len()).all(|frame| *frame != 0) {
            break;
        }
    }
    // Memory of the leader, and of a channel that is not a fuzzer's.
    frames[FOREIGN - 2] = translate(layout::PROGRAM_BASE);
    frames[FOREIGN - 1] = translate(layout::INFORMATION);
    frames
}
