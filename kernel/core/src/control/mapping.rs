//! Operations on a partition's address space.

use super::{Request, partition, step};
use crate::answer::{Answer, Refusal};
use crate::channel::Channel;
use crate::ledger::{self, Entry, MAX_MAPPINGS};
use crate::machine::Machine;
use crate::paging::{self, PageTable, ROOT_LEVEL, walk};
use crate::partition::Partition;
use crate::processor::Cell;
use abi::call::Error;
use abi::control::{Access, FrameUse};
use abi::layout::USER_END;
use abi::types::{Frame, PAGE_SIZE, VirtualAddress};

/// A page's address, argument 3.
fn address(raw: u64) -> Result<VirtualAddress, Refusal> {
    if raw < USER_END && raw.is_multiple_of(PAGE_SIZE) {
        Ok(VirtualAddress::new(raw))
    } else {
        Err(Refusal::argument(3))
    }
}

/// `count` pages from `raw` on all lie where a partition may map.
pub fn range(raw: u64, count: u64) -> Result<(), Refusal> {
    let end = count
        .checked_mul(PAGE_SIZE)
        .and_then(|length| address(raw).ok()?.raw().checked_add(length));
    if end.is_some_and(|end| end <= USER_END) { Ok(()) } else { Err(Refusal::argument(3)) }
}

/// Page `number` of a range that was checked.
pub const fn page(start: u64, number: u64) -> VirtualAddress {
    VirtualAddress::new(start.wrapping_add(number.wrapping_mul(PAGE_SIZE)))
}

fn level(raw: u64) -> Result<u32, Refusal> {
    let level = u32::try_from(raw).ok().filter(|level| (1..=ROOT_LEVEL).contains(level));
    level.ok_or(Refusal::argument(4))
}

impl<'a, M: Machine> Request<'a, M> {
    /// The entry that points to the table of `level` for an address, or the level of the table that is missing; the root's is in
    /// the partition.
    fn link(&self, address: VirtualAddress, level: u32) -> Result<&'a Cell, u64> {
        let root = &partition::object(self).root;
        if level == ROOT_LEVEL {
            return Ok(root);
        }
        walk(self.machine, root.get(), address, level.wrapping_add(1))
    }

    fn remove_table(&self, address: VirtualAddress, level: u32) -> Result<Frame, Refusal> {
        let partition = partition::object(self);
        let missing = |level| Refusal::with(Error::NotMapped, level);
        let link = self.link(address, level).map_err(missing)?;
        if link.get() == 0 {
            return Err(missing(level.into()));
        }
        let frame = linked(link, level);
        // Where nothing is mapped a table of the last level is empty, and one that has only those above it beside it.
        let above = u64::from(ROOT_LEVEL.wrapping_sub(level));
        let bare = partition.mapped.get() == 0
            && (level == 1 || partition.tables.get() == above.wrapping_add(1));
        if !bare && !self.machine.object::<PageTable>(frame).is_empty(level) {
            return Err(Error::InUse.into());
        }
        link.set(0);
        self.machine.flush(address);
        self.free_frame(frame);
        partition.tables.add(1_u64.wrapping_neg());
        Ok(frame)
    }
}

pub fn add_tables<M: Machine>(request: &Request<'_, M>, raw: u64, at: u64, from: u64) -> Answer {
    let (address, level) = (address(raw)?, level(at)?);
    let top = match request.link(address, level) {
        Ok(link) if link.get() != 0 => {
            return Err(Refusal::with(Error::Occupied, linked(link, level).raw()));
        }
        Ok(_) => level,
        Err(missing) => u32::try_from(missing).unwrap_or(ROOT_LEVEL),
    };
    let tables = (level..=top).rev().zip((0..).map(|number| from.wrapping_add(number)));
    tables.clone().try_for_each(|(_, frame)| request.unused_frame(frame).map(drop))?;
    for (level, frame) in tables.map(|(level, frame)| (level, Frame::new(frame))) {
        request.take_frame(frame, FrameUse::PageTable);
        let Ok(link) = request.link(address, level) else { continue };
        if level == ROOT_LEVEL {
            paging::share_kernel(request.machine, frame);
            link.set(frame.raw());
        } else {
            link.set(paging::table_entry(frame));
        }
        partition::object(request).tables.add(1);
    }
    Ok([u64::from(top.wrapping_sub(level)).wrapping_add(1), 0, 0, 0])
}

/// The table that a link points to.
fn linked(link: &Cell, level: u32) -> Frame {
    if level == ROOT_LEVEL {
        Frame::new(link.get())
    } else {
        paging::target(link.get()).unwrap_or_default()
    }
}

pub fn remove_tables<M: Machine>(request: &Request<'_, M>, raw: u64, at: u64, top: u64) -> Answer {
    let (address, level) = (address(raw)?, level(at)?);
    let here = if level == ROOT_LEVEL { None } else { Some(request.processor.id()) };
    if partition::object(request).lives_beyond(request.machine, here) {
        return Err(Error::WrongState.into());
    }
    let frame = request.remove_table(address, level)?;
    // The root is not one of them: contexts may run on it.
    for level in level.wrapping_add(1)..ROOT_LEVEL {
        if u64::from(level) > top || request.remove_table(address, level).is_err() {
            break;
        }
    }
    Ok([frame.raw(), 0, 0, 0])
}

pub fn map<M: Machine>(request: &Request<'_, M>) -> Answer {
    let [raw, frame, count, access] = request.arguments;
    let done = step(count, 5)?;
    range(raw, count)?;
    frame.checked_add(count).ok_or(Refusal::argument(4))?;
    let access = access_of(access).ok_or(Refusal::argument(6))?;
    let pages = (0..done).map(|number| (page(raw, number), Frame::new(frame.wrapping_add(number))));
    for (page, frame) in pages.clone() {
        check_page(request.machine, request.frame(), page, frame, access)?;
    }
    for (page, frame) in pages {
        put_page(request.machine, request.frame(), page, frame, access);
    }
    Ok([done, 0, 0, 0])
}

/// The access that these bits are, if any page may be mapped so.
pub fn access_of(bits: u64) -> Option<Access> {
    Access::from_bits(bits).filter(|access| !access.contains(Access::WRITE | Access::EXECUTE))
}

/// Refuses a page that cannot be mapped; its address is one of a partition.
pub fn check_page<M: Machine>(
    machine: &M,
    partition: Frame,
    page: VirtualAddress,
    frame: Frame,
    access: Access,
) -> Result<(), Refusal> {
    let root = machine.object::<Partition>(partition).root.get();
    let entry =
        walk(machine, root, page, 1).map_err(|missing| Refusal::with(Error::NotMapped, missing))?;
    if let Some(there) = paging::target(entry.get()) {
        return Err(Refusal::with(Error::Occupied, there.raw()));
    }
    let found = ledger::entry(machine, frame);
    if !may_map(machine, found, partition, access) {
        return Err(Refusal::with(Error::WrongFrame, frame.raw()));
    }
    let full = found.kind != FrameUse::Time && found.mappings >= MAX_MAPPINGS;
    if full { Err(Error::Limit.into()) } else { Ok(()) }
}

/// Maps a page that was checked.
pub fn put_page<M: Machine>(
    machine: &M,
    partition: Frame,
    page: VirtualAddress,
    frame: Frame,
    access: Access,
) {
    let partition = machine.object::<Partition>(partition);
    if let Ok(entry) = walk(machine, partition.root.get(), page, 1) {
        partition.mapped.add(1);
        entry.set(paging::page_entry(frame, access));
        count_mapping(machine, frame, 1);
    }
}

/// Whether a partition may map a frame in this way: the rule that keeps partitions apart.
pub fn may_map<M: Machine>(machine: &M, entry: Entry, partition: Frame, access: Access) -> bool {
    match entry.kind {
        FrameUse::Device => entry.owner == partition && !access.contains(Access::EXECUTE),
        FrameUse::Time => access.is_empty(),
        _ if access.contains(Access::UNCACHED) => false,
        FrameUse::User => entry.owner == partition,
        // What one side writes the other must not run.
        FrameUse::Channel if !access.contains(Access::EXECUTE) => {
            let channel = machine.object::<Channel>(entry.owner);
            channel.client.get() == partition.raw() || channel.server.get() == partition.raw()
        }
        _ => false,
    }
}

/// Counts mappings of a frame; the time page's are not counted.
fn count_mapping<M: Machine>(machine: &M, frame: Frame, by: i64) {
    let entry = ledger::entry(machine, frame);
    if entry.kind != FrameUse::Time {
        let mappings = entry.mappings.saturating_add_signed(by);
        ledger::set(machine, frame, Entry { mappings, ..entry });
    }
}

pub fn unmap<M: Machine>(request: &Request<'_, M>, raw: u64, count: u64) -> Answer {
    let done = step(count, 4)?;
    range(raw, count)?;
    let partition = partition::object(request);
    let mapped = partition.mapped.get();
    for page in (0..done).map(|number| page(raw, number)) {
        let Ok(entry) = walk(request.machine, partition.root.get(), page, 1) else { continue };
        if let Some(frame) = paging::target(entry.get()) {
            partition.mapped.subtract(1);
            entry.set(0);
            request.machine.flush(page);
            count_mapping(request.machine, frame, -1);
        }
    }
    if partition.mapped.get() != mapped {
        partition.forget(request.machine, request.processor.id());
    }
    Ok([done, 0, 0, 0])
}

pub fn translate<M: Machine>(request: &Request<'_, M>, raw: u64) -> Answer {
    let root = partition::object(request).root.get();
    let entry = walk(request.machine, root, address(raw)?, 1)
        .map_err(|missing| Refusal::with(Error::NotMapped, missing))?;
    let frame = paging::target(entry.get()).ok_or(Error::NotMapped)?;
    Ok([frame.raw(), paging::access(entry.get()).bits(), 0, 0])
}
