//! A machine of four partitions, as the resource manager and the console service describe it.

use super::books::Books;
use super::dump::Left;
use crate::{Reply, Session, Surroundings, Trouble};
use abi::channel::{INLINE, Role};
use abi::fault::Reason;
use abi::image::{Name, name_from};
use abi::manifest::NO_PARTITION;
use abi::message::console::ConsoleStatus;
use abi::message::database::Table;
use abi::message::resource::*;
use abi::message::transaction::{NameQuery, TransactionQuery};
use abi::message::upgrade::UpgradeRecord;
use abi::rights::{Kind, Rights};
use abi::trace::TraceKind;
use abi::types::{EventBit, Nanoseconds};
use std::fmt;
use zerocopy::{FromBytes, FromZeros, IntoBytes};

pub struct Fake {
    /// What was shown.
    pub shown: Vec<u8>,
    /// What was shown when a change was asked for.
    pub before_change: Vec<u8>,
    /// What was asked that changes something, with its number.
    pub changes: Vec<(ResourceRequest, u32)>,
    /// Pages of heap that nobody gives back.
    pub heap_in_use: u32,
    /// Before and after of what was to be set.
    pub numbers: Vec<(u32, u32)>,
    /// The answer to all questions, instead of the true one.
    pub trouble: Option<Trouble>,
    pub audit: AuditRecord,
    /// The scrollback of partition 3.
    pub log: Vec<u8>,
    /// Partitions talked to.
    pub talked: Vec<u32>,
    pub partitions: Vec<PartitionRecord>,
    /// The resource manager has ended and is not back yet.
    pub manager_is_gone: bool,
    /// What is said to whoever wants more memory.
    pub refusal: Option<ResourceStatus>,
    /// It ends after the next change, and does not come back.
    pub last_change: bool,
    /// What is read in bulk.
    pub books: Books,
    /// Which end of its channel with io-console the command partition is, and how many of 56 requests are answered.
    pub end: (Role, u64),
    /// Event of that end.
    pub event: u32,
    /// What there is to be dumped.
    pub left: Left,
}

fn name(text: &str) -> Name {
    name_from(text).expect("a short name")
}

/// Versions of one that runs the second.
fn versions(id: u32, waiting: u32) -> UpgradeRecord {
    UpgradeRecord { id, version: 2, waiting, ..FromZeros::new_zeroed() }
}

fn partition(id: u32, text: &str, state: PartitionState, waits_for: u64) -> PartitionRecord {
    PartitionRecord {
        name: name(text),
        id,
        state: state as u32 | [1, 4, 5, 0][id as usize] << 16,
        share: id,
        processor: 0,
        pages: 100 << (4 * id),
        used: 1_234_567 * 10_u64.pow(4 * id),
        restarts: id,
        rescuer: 1,
        waits_for,
        reason: 14,
        instruction: 0x40_1234,
        contexts: 1,
        heap: 16,
    }
}

impl Fake {
    pub fn new() -> Self {
        let peer = EventBit::PEER.mask() | EventBit::STOP.mask();
        let audit =
            AuditRecord { frames: 1000, frame: 0, violation: 0, free: 500, books_free: 500 };
        Self {
            shown: Vec::new(),
            before_change: Vec::new(),
            changes: Vec::new(),
            heap_in_use: 0,
            numbers: Vec::new(),
            trouble: None,
            audit,
            log: Vec::new(),
            talked: Vec::new(),
            manager_is_gone: false,
            refusal: None,
            last_change: false,
            books: Books::new(),
            end: (Role::Client, 55),
            event: 3,
            left: Left::new(),
            partitions: vec![
                partition(0, "resource-manager", PartitionState::Running, 0),
                partition(1, "command", PartitionState::Waiting, 0b1000_1110 | peer),
                partition(2, "io-console", PartitionState::Failed, 0),
                partition(3, "web", PartitionState::Stopped, 0),
            ],
        }
    }

    /// Types a line at a fresh console and returns what it shows, marks and prompt cut off, with the status.
    pub fn run(&mut self, line: &str) -> (String, u8) {
        let mut session = Session::new();
        self.shown.clear();
        session.typed(self, line.as_bytes());
        session.typed(self, b"\r");
        let shown = String::from_utf8(std::mem::take(&mut self.shown)).expect("text");
        let (_, shown) = shown.split_once("\r\n").expect("the echo");
        let (text, rest) = shown.rsplit_once("\x1b]133;D;").expect("the mark");
        let (status, prompt) = rest.split_once('\x07').expect("the end of the mark");
        assert_eq!(prompt, "\x1b]133;A\x07bulkhead> ");
        (text.to_owned(), status.parse().expect("a status"))
    }

    fn plan(index: u32) -> Option<PlanRecord> {
        let idle = u16::MAX;
        let mut slots = [idle; 16];
        slots[..4].copy_from_slice(&[0, 1, 2, 77]);
        let mut takers = [idle; 16];
        takers[..2].copy_from_slice(&[3, 1]);
        let used = std::array::from_fn(|slot| u16::try_from(slot * 5).expect("small"));
        match index {
            0 => Some(PlanRecord {
                slots,
                used,
                takers,
                idle: 931,
                slot: 1000,
                timer_interrupts: 77,
            }),
            1 => {
                let (slots, takers) = ([idle; 16], [idle; 16]);
                Some(PlanRecord {
                    slots,
                    used: [0; 16],
                    takers,
                    idle: 1000,
                    slot: 100,
                    timer_interrupts: 0,
                })
            }
            _ => None,
        }
    }

    fn channel(&self, index: u32) -> Option<ChannelRecord> {
        let (client, server) = if self.end.0 == Role::Client { (1, 2) } else { (2, 1) };
        (index <= 7).then(|| ChannelRecord {
            name: name("console"),
            id: 7,
            client,
            server,
            kind: 4,
            epoch: 3,
            pages: 4,
            rung_server: 12,
            rung_client: 34,
            requests: 56,
            completions: self.end.1,
            client_event: self.event,
            server_event: self.event,
        })
    }

    fn capability(&self, index: u32) -> Option<CapabilityRecord> {
        let records = [
            ("uart", Kind::Ports, Rights::USE, 8 << 16 | 0x3f8, NO_PARTITION),
            ("exit", Kind::Ports, Rights::USE, 1 << 16 | 0xf4, NO_PARTITION),
            ("bell", Kind::Doorbell, Rights::USE, 0, 0),
            ("uart", Kind::Interrupt, Rights::USE, 4, NO_PARTITION),
            ("", Kind::Memory, Rights::all(), 0, NO_PARTITION),
            ("self", Kind::Partition, Rights::MANAGE, 0, 3),
            ("", Kind::Debug, Rights::USE, 0, NO_PARTITION),
            ("", Kind::Kernel, Rights::INSPECT, 0, 99),
            ("console", Kind::Doorbell, Rights::USE, 3, 2),
        ];
        let (text, kind, rights, parameter, target) = *records.get(index as usize)?;
        Some(CapabilityRecord {
            name: name(text),
            slot: 20 + index,
            kind: kind as u32,
            rights: rights.bits().into(),
            parameter,
            target,
            event: match kind {
                Kind::Doorbell if text == "console" => 3,
                Kind::Interrupt => 1,
                _ => 255,
            },
            role: self.end.0 as u8,
            reserved: 0,
        })
    }

    fn trace(query: TraceQuery) -> Option<TraceRecord> {
        let kinds = [
            (TraceKind::Switch, 1, 0x100, 0),
            (TraceKind::Switch, NO_PARTITION, 0, 0),
            (TraceKind::Interrupt, NO_PARTITION, 4, 0),
            (TraceKind::Doorbell, 2, 0x101, 7),
            (TraceKind::Fault, 3, 0x102, 13),
            (TraceKind::Fault, 3, 0x102, Reason::Panic as u64),
            (TraceKind::Plan, NO_PARTITION, 0, 0),
            (TraceKind::Control, NO_PARTITION, 2, 3),
        ];
        if query.processor > 1 {
            return None;
        }
        let (kind, partition, first, second) = *kinds.get(query.back as usize)?;
        let time = 5_000_000_000 - u64::from(query.back * 2 + query.processor) * 1000;
        Some(TraceRecord { time, kind: kind as u32, partition, first, second })
    }

    /// One record of each kind, and one of a kind that is not known.
    fn hardware(index: u32) -> Option<HardwareRecord> {
        let values = [
            [2, 0xf_5a10, 0x3f8, 0],
            [0b1001, 0, 0, 0],
            [1, 3_000_000, 62_500, 0x608],
            [4, 1, 0, 0],
            [1, 0xfec0_0000, 24, 0],
            [9, 9, 0xd, 0],
            [0x604, 0x2000, 0x704, 0x2400],
            [0x8000_0000, 1024, 768, 32],
            [0x100, 0x400, 1, 0],
            [0x5043_4146_4349_5041, u64::from(u32::from_le_bytes(*b"HPET")), 0, 0],
            [2, 1, 0, 0],
            [1, 0x100, 0x400, 0],
            [0x140a, 0, 0, 0],
            [1, 2, 3, 4],
        ];
        let values = *values.get(index as usize)?;
        let kind = if index < 13 { index + 1 } else { 99 };
        Some(HardwareRecord { kind, reserved: 0, values })
    }

    /// A function, then nothing found yet, then the end.
    fn function(index: u32) -> Option<FunctionRecord> {
        let (identity, next) = if index == 0 { (0x2922_8086, 0xfb) } else { (u32::MAX, 0x400) };
        let (address, class, subsystem) = (0xfa, 0x0106_0102, 0x1100_1af4);
        (index < 0x400).then_some(FunctionRecord {
            address,
            next,
            identity,
            class,
            subsystem,
            interrupt: 0,
        })
    }

    fn answer(&mut self, request: ResourceRequest, body: &[u8]) -> Option<Vec<u8>> {
        let index = Index::read_from_prefix(body).map_or(u32::MAX, |(index, _)| index.index);
        fn bytes<T: IntoBytes + zerocopy::Immutable>(record: T) -> Vec<u8> {
            record.as_bytes().to_vec()
        }
        match request {
            ResourceRequest::Plan => Self::plan(index).map(bytes),
            ResourceRequest::Capability => {
                let query = CapabilityQuery::read_from_bytes(body).expect("a query");
                self.capability(query.index).filter(|_| query.partition == 1).map(bytes)
            }
            ResourceRequest::Trace => {
                Self::trace(TraceQuery::read_from_bytes(body).expect("a query")).map(bytes)
            }
            ResourceRequest::Machine => Some(bytes(MachineRecord {
                processors: 2,
                partitions: 4,
                frames: 131_072,
                free: 100_000,
                kernel: 1000,
            })),
            ResourceRequest::Snapshot | ResourceRequest::Changes | ResourceRequest::Map => {
                let query = TableQuery::read_from_bytes(body).expect("a query");
                let channels: Vec<_> = self.channel(0).into_iter().collect();
                self.books.read(request, query, &self.partitions, &channels)
            }
            ResourceRequest::Transaction => {
                let query = TransactionQuery::read_from_bytes(body).expect("a query");
                super::transactions::answer(query)
            }
            ResourceRequest::Named => {
                let query = NameQuery::read_from_bytes(body).expect("a query");
                super::transactions::name(query, &self.partitions).map(bytes)
            }
            ResourceRequest::Corpse => {
                let kept = self.left.corpses.iter().find(|one| one.id >= index);
                kept.map(|one| bytes(*one))
            }
            ResourceRequest::Forget => Some(Vec::new()),
            ResourceRequest::Versions => Some(bytes(versions(index, 0))),
            ResourceRequest::Rollback => Some(bytes(versions(index, 1))),
            ResourceRequest::Audit => Some(bytes(self.audit)),
            ResourceRequest::Hardware => Self::hardware(index).map(bytes),
            ResourceRequest::Function => Self::function(index).map(bytes),
            _ => {
                self.before_change.clone_from(&self.shown);
                self.changes.push((request, index));
                let change = Change::read_from_bytes(body);
                self.numbers.extend(change.as_ref().map(|change| (change.before, change.after)));
                let ends = [ResourceRequest::Kill, ResourceRequest::Restart];
                self.manager_is_gone = index == 0 && ends.contains(&request);
                self.trouble = self.last_change.then_some(Trouble::NoAnswer).or(self.trouble);
                Some(match (request, change) {
                    (ResourceRequest::SetMemory, Ok(change)) => {
                        bytes(Index { index: change.after.max(self.heap_in_use) })
                    }
                    (ResourceRequest::CreatePlaced, _) => bytes(Index { index: 9 }),
                    _ => Vec::new(),
                })
            }
        }
    }
}

impl fmt::Write for Fake {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.show(text.as_bytes());
        Ok(())
    }
}

impl Surroundings for Fake {
    fn show(&mut self, bytes: &[u8]) {
        self.shown.extend_from_slice(bytes);
    }
    fn flush(&mut self) {}

    fn ask(&mut self, request: ResourceRequest, body: &[u8]) -> Result<Reply, Trouble> {
        if std::mem::take(&mut self.manager_is_gone) {
            return Err(Trouble::NoAnswer);
        }
        let reads = request == ResourceRequest::Snapshot
            && TableQuery::read_from_bytes(body)
                .is_ok_and(|query| query.table == Table::Listed.code().into());
        if let Some(trouble) = self.trouble.filter(|_| !reads) {
            return Err(trouble);
        }
        if let Some(status) = self.refusal.filter(|_| request == ResourceRequest::SetMemory) {
            return Err(Trouble::Refused(status, None));
        }
        if request == ResourceRequest::Core {
            let answer = self.left.answer(body, &mut self.books.area)?;
            return Ok(Reply::new(&answer));
        }
        let answer = self.answer(request, body);
        answer.map(|bytes| Reply::new(&bytes)).ok_or(Trouble::Refused(ResourceStatus::NoSuch, None))
    }

    fn read_data(&mut self, offset: usize, to: &mut [u8]) -> bool {
        let from = self.books.area.get(offset..offset + to.len());
        from.map(|from| to.copy_from_slice(from)).is_some()
    }

    fn scrollback(&mut self, partition: u32, offset: u32) -> Result<Reply, Trouble> {
        if partition != 3 {
            return Err(Trouble::Console(ConsoleStatus::NoSuchConsole));
        }
        let rest = self.log.get(offset as usize..).unwrap_or_default();
        Ok(Reply::new(&rest[..rest.len().min(INLINE)]))
    }

    fn attach(&mut self, partition: u32) -> Result<(), Trouble> {
        self.talked.push(partition);
        Ok(())
    }

    fn columns(&mut self) -> u16 {
        0
    }
    fn now(&self) -> Nanoseconds {
        Nanoseconds::new(3_723_000_000_000)
    }
    fn myself(&self) -> u32 {
        1
    }
}
