//! Writes the information pages: what a partition can read about itself.

use crate::manager::{Machine, Manager, SELF};
use crate::manifest::flags;
use crate::resource_list::resources;
use crate::trouble::Trouble;
use abi::boot::FrameRange;
use abi::control::{Access, first_slot};
use abi::information::{INFORMATION_HEADER, INFORMATION_MAGIC, Information, Report, Resource};
use abi::manifest::{ManifestPartition, PartitionFlags};
use abi::types::{PAGE_SIZE, PartitionId};
use core::mem::offset_of;
use program_loader::{Calls, Window};
use resource_db::PartitionRow;
use zerocopy::IntoBytes;

impl<M: Machine, W: Window> Manager<'_, M, W> {
    /// Writes all information pages of a partition.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn inform(&mut self, id: PartitionId) -> Result<(), Trouble> {
        let row = self.row(id)?;
        let definition = self.definition(&row)?;
        let mut head = self.head(id, &row, definition);
        self.map_information(&row)?;
        let start = report_pages(id) * PAGE_SIZE;
        let sequence = start + offset_of!(Information, sequence) as u64;
        // Odd while the pages change, whatever an interrupted writer left.
        head.sequence = self.window.load(sequence).wrapping_add(1) | 1;
        self.window.store(sequence, head.sequence);
        let entry = self.boot_entry();
        let list =
            resources(&self.books, &self.manifest, &self.facts, entry, id, (&row, definition));
        let mut offset = start + INFORMATION_HEADER as u64;
        for resource in list {
            self.window.write(offset, resource.as_bytes());
            offset += size_of::<Resource>() as u64;
            head.resources += 1;
        }
        self.window.write(start, head.as_bytes());
        self.window.store(sequence, head.sequence.wrapping_add(1));
        let window = self.window.address();
        Ok(self.machine.unmap(first_slot::PARTITION, window, row.information.count)?)
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

    /// Maps the pages into the window.
    fn map_information(&mut self, row: &PartitionRow) -> Result<(), Trouble> {
        let (own, window) = (first_slot::PARTITION, self.window.address());
        let FrameRange { start, count } = row.information;
        self.machine.unmap(own, window, count)?;
        Ok(self.machine.map(own, window, start, count, Access::WRITE)?)
    }

    /// The head, without the number of resources.
    fn head(
        &self,
        id: PartitionId,
        row: &PartitionRow,
        definition: &ManifestPartition,
    ) -> Information {
        let want = self.want(id, row, definition);
        let contexts = want.contexts_on(self.facts.processors);
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
            share: u32::from(row.share) * u32::from(contexts),
            processor: want.processor_of(0, self.facts.processors).raw().into(),
            heap_request: row.heap_request.into(),
            heap_wanted: u64::from(row.heap_pages) * PAGE_SIZE,
        }
    }
}

/// Pages that the report takes of a partition's information, whose first it is; the manager reports to nobody.
#[must_use]
pub fn report_pages(id: PartitionId) -> u64 {
    u64::from(id != SELF)
}
