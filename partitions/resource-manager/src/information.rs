//! Writes the information pages: what a partition can read about itself.

use crate::define::end;
use crate::given::given;
use crate::manager::{Machine, Manager, SELF};
use crate::manifest::flags;
use crate::resource_list::{channel_resource, fixed};
use crate::trouble::Trouble;
use abi::boot::FrameRange;
use abi::control::{Access, ChannelOperation, first_slot};
use abi::information::{
    CHANGES, INFORMATION_HEADER, INFORMATION_MAGIC, Information, Report, Resource, ResourceKind,
};
use abi::manifest::{ManifestPartition, PartitionFlags};
use abi::message::resource::ResourceStatus;
use abi::types::{Frame, PAGE_SIZE, PartitionId, Slot, VirtualAddress};
use core::mem::offset_of;
use plan::Want;
use program_loader::{Calls, Window};
use resource_db::PartitionRow;
use zerocopy::{FromZeros, IntoBytes};

/// Where words of the head are.
const SEQUENCE: u64 = offset_of!(Information, sequence) as u64;
const CHANGED: u64 = offset_of!(Information, changes) as u64;
const LIST: u64 = offset_of!(Information, changed) as u64;
const SHARE: u64 = offset_of!(Information, share) as u64;
const _: () = assert!(SHARE.is_multiple_of(8));
const _: () = assert!(offset_of!(Information, processor) as u64 == SHARE + 4);
/// Where the address is in a record.
const ADDRESS: u64 = offset_of!(Resource, address) as u64;
/// The word whose upper half is the number of records.
const RESOURCES: u64 = offset_of!(Information, contexts) as u64;
const _: () = assert!(offset_of!(Information, resources) as u64 == RESOURCES + 4);
// No record lies in two pages.
const _: () =
    assert!((PAGE_SIZE - INFORMATION_HEADER as u64).is_multiple_of(size_of::<Resource>() as u64));

impl<M: Machine, W: Window> Manager<'_, M, W> {
    /// Writes all information pages of a partition.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn inform(&mut self, id: PartitionId) -> Result<(), Trouble> {
        let row = self.row(id)?;
        let definition = self.definition(&row)?;
        let mut head = self.head(id, &row, definition);
        let count = row.information.count.saturating_sub(report_pages(&row));
        self.map_information(&row, 0, count)?;
        let before = self.window.load(RESOURCES) >> 32;
        head.sequence = self.begin_change();
        // Nobody can say what is new, so everything is.
        head.changes = self.window.load(CHANGED).wrapping_add(CHANGES as u64 + 1);
        let emergency = self.emergency();
        let list = fixed(&self.manifest, &self.facts, emergency, (&row, definition));
        for resource in list {
            let at = place(head.resources);
            if resource.kind == ResourceKind::Capability as u8 && resource.address != 0 {
                // Those who bring this partition back read it however far it came: a word that may have changed is written at once.
                self.window.store(at + ADDRESS, resource.address);
            }
            self.window.write(at, resource.as_bytes());
            head.resources += 1;
        }
        let first = head.resources;
        for vacant in u64::from(first)..before {
            self.window.write(place(vacant as u32), Resource::new_zeroed().as_bytes());
        }
        for (channel, role, row) in self.books.ends_of(id, None) {
            let at = first.saturating_add(end(row, role).place);
            let resource = channel_resource(channel, row, role);
            self.window.write(place(at), resource.as_bytes());
            head.resources = head.resources.max(at + 1);
        }
        self.window.write(0, head.as_bytes());
        self.end_change(head.sequence, count)
    }

    /// Writes the record of one channel, at its place among the partition's channels.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn inform_of(
        &mut self,
        id: PartitionId,
        channel: u32,
        resource: &Resource,
    ) -> Result<(), Trouble> {
        let row = self.row(id)?;
        let at = self.fixed_count(&row)?.saturating_add(channel);
        let (page, offset) = (place(at) / PAGE_SIZE, place(at) % PAGE_SIZE);
        if page >= row.information.count.saturating_sub(report_pages(&row)) {
            return Err(ResourceStatus::Limit.into());
        }
        // The head in the first page of the window, the record in the second, where that is another one.
        self.map_information(&row, 0, 1)?;
        if page > 0 {
            let start = Frame::new(row.information.start.raw() + report_pages(&row) + page);
            let second = VirtualAddress::new(self.window.address().raw() + PAGE_SIZE);
            self.machine.unmap(first_slot::PARTITION, second, 1)?;
            self.machine.map(first_slot::PARTITION, second, start, 1, Access::WRITE)?;
        }
        let sequence = self.begin_change();
        self.window.write(offset + if page > 0 { PAGE_SIZE } else { 0 }, resource.as_bytes());
        let changes = self.window.load(CHANGED);
        let slot = (changes % CHANGES as u64) * size_of::<u16>() as u64;
        self.window.write(LIST + slot, (at as u16).as_bytes());
        self.window.store(CHANGED, changes.wrapping_add(1));
        let resources = (self.window.load(RESOURCES) >> 32).max(u64::from(at) + 1);
        self.window.write(RESOURCES + 4, (resources as u32).as_bytes());
        self.end_change(sequence, 2)
    }

    /// Writes what a partition has of the processors, and nothing else: one word, so that nobody reads half of it.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn inform_of_share(&mut self, id: PartitionId) -> Result<(), Trouble> {
        if id == SELF {
            // Its own pages are no channel.
            return self.inform(id);
        }
        let row = self.books.partition(id).ok_or(ResourceStatus::NoSuch)?;
        let [share, processor] = self.portion(&self.want(id, row, self.definition(row)?));
        let word = u64::from(processor) << 32 | u64::from(share);
        let at = report_pages(row) * PAGE_SIZE + SHARE;
        let (channel, poke) = (Slot::new(row.information_slot), ChannelOperation::Poke as u64);
        self.machine.patient(channel, poke, [at, word, 0, 0])?;
        Ok(())
    }

    /// Puts right what a partition reads of itself where the manager before died between a row and what is told of it, or within a
    /// change. What is whole is not written over while others read it: they would find nothing in it for as long.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn mend_information(&mut self, id: PartitionId) -> Result<(), Trouble> {
        let row = self.row(id)?;
        let at = report_pages(&row) * PAGE_SIZE + SEQUENCE;
        let (channel, peek) = (Slot::new(row.information_slot), ChannelOperation::Peek as u64);
        let [sequence, ..] = self.machine.patient(channel, peek, [at, 0, 0, 0])?;
        if sequence.is_multiple_of(2) { self.inform_of_share(id) } else { self.inform(id) }
    }

    /// Slots over all processors, and the processor of the first context.
    fn portion(&self, want: &Want) -> [u32; 2] {
        let processors = self.facts.processors;
        let share = u32::from(want.share) * u32::from(want.contexts_on(processors));
        [share, want.processor_of(0, processors).raw().into()]
    }

    /// Makes the number of changes odd, whatever an interrupted writer left.
    fn begin_change(&mut self) -> u64 {
        let sequence = self.window.load(SEQUENCE).wrapping_add(1) | 1;
        self.window.store(SEQUENCE, sequence);
        sequence
    }

    /// Makes it even, and leaves the pages.
    fn end_change(&mut self, sequence: u64, pages: u64) -> Result<(), Trouble> {
        self.window.store(SEQUENCE, sequence.wrapping_add(1));
        let window = self.window.address();
        Ok(self.machine.unmap(first_slot::PARTITION, window, pages)?)
    }

    /// The report page of a partition as it is when that starts.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn clear_report(&mut self, row: &PartitionRow) -> Result<(), Trouble> {
        let page = FrameRange { count: 1, ..row.information };
        self.through_window(page, |window| {
            (0..size_of::<Report>() as u64).step_by(8).for_each(|word| window.store(word, 0));
        })
    }

    /// Maps pages of the information, behind the report, into the window.
    fn map_information(
        &mut self,
        row: &PartitionRow,
        first: u64,
        count: u64,
    ) -> Result<(), Trouble> {
        let start = Frame::new(row.information.start.raw() + report_pages(row) + first);
        self.open_window(FrameRange { start, count })
    }

    /// How many records come before those of channels.
    fn fixed_count(&self, row: &PartitionRow) -> Result<u32, Trouble> {
        let given = given(&self.manifest, row.hardware, self.definition(row)?);
        u32::try_from(given.count()).map_err(|_| ResourceStatus::Limit.into())
    }

    /// The head, without the number of resources.
    fn head(
        &self,
        id: PartitionId,
        row: &PartitionRow,
        definition: &ManifestPartition,
    ) -> Information {
        let [share, processor] = self.portion(&self.want(id, row, definition));
        let image = flags(definition).contains(PartitionFlags::BOOT_IMAGE);
        Information {
            magic: INFORMATION_MAGIC,
            sequence: 0,
            version: abi::ABI_VERSION,
            partition: id.raw(),
            name: row.name,
            starts: row.starts,
            reason: row.start_reason,
            contexts: row.contexts,
            resources: 0,
            heap: u64::from(row.heap_mapped) * PAGE_SIZE,
            lasting: row.lasting.count * PAGE_SIZE,
            stack: u64::from(definition.stack) * PAGE_SIZE,
            boot_image: if image { self.image.length() } else { 0 },
            share,
            processor,
            heap_request: row.heap_request.into(),
            heap_wanted: u64::from(row.heap_pages) * PAGE_SIZE,
            changes: 0,
            changed: [0; CHANGES],
        }
    }
}

/// Pages that the report takes of a partition's information, whose first it is; the manager reports to nobody.
#[must_use]
pub fn report_pages(row: &PartitionRow) -> u64 {
    u64::from(row.definition != SELF.raw())
}

/// Offset of a record in the pages.
fn place(record: u32) -> u64 {
    INFORMATION_HEADER as u64 + u64::from(record) * size_of::<Resource>() as u64
}
