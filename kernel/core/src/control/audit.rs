//! Checks the invariants of memory at run time, a bounded number of frames at a time.

use super::mapping::may_map;
use super::partition;
use crate::answer::{Answer, Refusal};
use crate::capability::{Capability, SlotTable, read};
use crate::ledger::{self, Entry};
use crate::machine::Machine;
use crate::paging::{self, ENTRIES, KERNEL_ENTRY, PageTable};
use crate::partition::Partition;
use crate::processor::Cell;
use abi::call::Error;
use abi::control::{Access, FrameUse, Violation};
use abi::rights::Kind;
use abi::types::Frame;
use zerocopy::FromBytes;

/// Frames, or entries of one table, that are checked in one step.
const BUDGET: u64 = 64;
/// The same as an index.
const PART: usize = 64;

/// No frame.
const NO_TABLE: u64 = u64::MAX;

/// What an audit has added up so far. Each counted thing adds its owner's frame, each partition subtracts what it counts: the
/// sums are zero at the end, or their quotient names the partition that is wrong.
#[derive(FromBytes)]
pub(crate) struct Balance {
    /// State of the kernel's count of changes when the audit began.
    changes: Cell,
    /// Things found less things counted.
    number: Cell,
    /// The same, each multiplied by the frame of its partition.
    weighted: Cell,
    /// Mappings counted less pages mapped.
    mappings: Cell,
    /// The table that is being checked, or [`NO_TABLE`], and how many of its entries were.
    table: [Cell; 2],
}

impl Balance {
    fn reset(&self, changes: u64) {
        [&self.number, &self.weighted, &self.mappings].into_iter().for_each(|sum| sum.set(0));
        self.changes.set(changes);
        self.table[0].set(NO_TABLE);
    }

    fn add(&self, owner: Frame, count: u64) {
        self.number.add(count);
        self.weighted.add(count.wrapping_mul(owner.raw()));
    }
}

/// Checks from frame `from` on. Values: the next frame, 0 at the end; the first bad frame or 0; which violation; free frames
/// seen. A table is looked at in steps of its own: `Again` until all of it was.
pub fn audit<M: Machine>(machine: &M, from: u64) -> Answer {
    let end = u64::try_from(machine.ledger().len()).unwrap_or(0);
    if from >= end {
        return Err(Refusal::argument(3));
    }
    if from == 0 {
        machine.kernel().balance.reset(machine.kernel().changes.get());
    }
    let (mut frame, mut free) = (from, 0_u64);
    while frame < end && frame.wrapping_sub(from) < BUDGET {
        let entry = ledger::entry(machine, Frame::new(frame));
        let table = matches!(entry.kind, FrameUse::PageTable | FrameUse::SlotTable);
        if table && frame != from {
            break;
        }
        let wrong = check(machine, Frame::new(frame), entry)?;
        let wrong = wrong.map(|what| (Frame::new(frame), what));
        free = free.wrapping_add(u64::from(entry.kind == FrameUse::Free));
        frame = frame.wrapping_add(1);
        if wrong.is_some() {
            return Ok(found(if frame < end { frame } else { 0 }, wrong, free));
        }
        if table {
            break;
        }
    }
    if frame < end {
        return Ok(found(frame, None, free));
    }
    Ok(found(0, unbalanced(machine).map(|frame| (frame, Violation::Count)), free))
}

/// The answer's values: where to go on, what is wrong where, and how many of the frames checked are free.
fn found(next: u64, wrong: Option<(Frame, Violation)>, free: u64) -> [u64; 4] {
    let (frame, what) = wrong.map_or((0, 0), |(frame, what)| (frame.raw(), what.number()));
    [next, frame, what, free]
}

/// A partition whose counts are wrong, if nothing changed since the audit began.
fn unbalanced<M: Machine>(machine: &M) -> Option<Frame> {
    let balance = &machine.kernel().balance;
    if balance.changes.get() != machine.kernel().changes.get() {
        return None;
    }
    let (number, weighted) = (balance.number.get(), balance.weighted.get());
    if number == 0 && weighted == 0 && balance.mappings.get() == 0 {
        return None;
    }
    // Both may be negative, then so is neither of their opposites.
    let down = number.wrapping_neg() < number;
    let (number, weighted) =
        if down { (number.wrapping_neg(), weighted.wrapping_neg()) } else { (number, weighted) };
    Some(Frame::new(weighted.checked_div(number).unwrap_or(u64::MAX)))
}

type Wrong = Option<Violation>;

/// What is wrong with a frame; `Again` as long as entries of a table are left.
fn check<M: Machine>(machine: &M, frame: Frame, entry: Entry) -> Result<Wrong, Refusal> {
    let [table, done] = &machine.kernel().balance.table;
    if table.get() != frame.raw() {
        table.set(frame.raw());
        done.set(0);
        if let Some(wrong) = check_frame(machine, frame, entry) {
            return Ok(Some(wrong));
        }
    }
    let from = usize::try_from(done.get()).unwrap_or(0);
    let (wrong, length) = match entry.kind {
        FrameUse::PageTable => check_table(machine, frame, entry.owner, from),
        FrameUse::SlotTable => check_slots(machine, frame, from),
        _ => (false, 0),
    };
    done.add(BUDGET);
    if !wrong && from.saturating_add(PART) < length {
        return Err(Error::Again.into());
    }
    table.set(NO_TABLE);
    let kind =
        if entry.kind == FrameUse::PageTable { Violation::Mapping } else { Violation::Capability };
    Ok(wrong.then_some(kind))
}

/// What is wrong with a frame itself, whatever it holds; adds it up.
fn check_frame<M: Machine>(machine: &M, frame: Frame, entry: Entry) -> Wrong {
    if !owned_rightly(machine, entry) {
        return Some(Violation::Owner);
    }
    let memory = matches!(entry.kind, FrameUse::User | FrameUse::Channel | FrameUse::Device);
    if !memory && entry.mappings != 0 {
        return Some(Violation::MappedObject);
    }
    let balance = &machine.kernel().balance;
    balance.mappings.add(entry.mappings);
    match entry.kind {
        FrameUse::Channel => balance.add(Frame::new(client(machine, entry)), 1),
        FrameUse::PartitionObject => balance.add(frame, counted(machine, frame).wrapping_neg()),
        _ if entry.owner.raw() != 0 => balance.add(entry.owner, 1),
        _ => {}
    }
    None
}

fn client<M: Machine>(machine: &M, entry: Entry) -> u64 {
    machine.object::<crate::channel::Channel>(entry.owner).client.get()
}

/// Everything a partition says that it holds.
fn counted<M: Machine>(machine: &M, frame: Frame) -> u64 {
    partition::state(machine.object(frame)).into_iter().fold(0, u64::wrapping_add)
}

fn owned_rightly<M: Machine>(machine: &M, entry: Entry) -> bool {
    let owner = || ledger::entry(machine, entry.owner).kind;
    match entry.kind {
        FrameUse::User
        | FrameUse::Device
        | FrameUse::ContextObject
        | FrameUse::SlotTable
        | FrameUse::PageTable => owner() == FrameUse::PartitionObject,
        FrameUse::Channel => owner() == FrameUse::ChannelObject,
        _ => entry.owner.raw() == 0,
    }
}

/// Whether one of the next entries of a page table is wrong, and how many the table has.
fn check_table<M: Machine>(machine: &M, frame: Frame, owner: Frame, from: usize) -> (bool, usize) {
    let root = machine.object::<Partition>(owner).root.get() == frame.raw();
    // The upper half of a root is the kernel's.
    let own = if root { KERNEL_ENTRY } else { ENTRIES };
    let entries = machine.object::<PageTable>(frame).entries.iter().take(own);
    let mut part = entries.skip(from).take(PART);
    (part.any(|entry| !entry_is_right(machine, entry.get(), owner)), own)
}

fn entry_is_right<M: Machine>(machine: &M, entry: u64, partition: Frame) -> bool {
    let Some(target) = paging::target(entry) else { return entry == 0 };
    let found = ledger::entry(machine, target);
    if found.kind == FrameUse::PageTable {
        return found.owner == partition;
    }
    if found.kind != FrameUse::Time {
        machine.kernel().balance.mappings.add(1_u64.wrapping_neg());
    }
    let access = paging::access(entry);
    may_map(machine, found, partition, access) && !access.contains(Access::WRITE | Access::EXECUTE)
}

/// The same for a page of capabilities.
fn check_slots<M: Machine>(machine: &M, frame: Frame, from: usize) -> (bool, usize) {
    let slots = &machine.object::<SlotTable>(frame).slots;
    let mut part = slots.iter().skip(from).take(PART);
    let wrong = |capability: Capability| capability.has_frame() && !is_or_was(machine, capability);
    (part.any(|slot| Capability::unpack(read(slot)).is_some_and(wrong)), slots.len())
}

/// Whether a capability names an object that is there, or was.
fn is_or_was<M: Machine>(machine: &M, capability: Capability) -> bool {
    let found = ledger::entry(machine, capability.frame);
    let used = match capability.kind {
        Kind::Partition => FrameUse::PartitionObject,
        Kind::Channel => FrameUse::ChannelObject,
        _ => FrameUse::ContextObject,
    };
    capability.generation < found.generation
        || (capability.generation == found.generation && found.kind == used)
}
