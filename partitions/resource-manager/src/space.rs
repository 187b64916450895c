//! What a partition's address space and its kernel objects take.

use crate::beside::add_both;
use crate::given::given;
use crate::information::report_pages;
use crate::make::sees_image;
use crate::manager::{Facts, Machine, Manager};
use crate::manifest::{Manifest, flags, role};
use crate::trouble::Trouble;
use abi::channel::Role;
use abi::control::SLOTS_PER_PAGE;
use abi::information::{INFORMATION_HEADER, Resource};
use abi::layout;
use abi::manifest::{ManifestPartition, PartitionFlags, PartitionRole};
use abi::message::resource::ResourceStatus;
use abi::types::{ChannelId, Frame, PAGE_SIZE, PartitionId, PhysicalAddress, VirtualAddress};
use boot_image::Program;
use program_loader::{REGION_PAGES, Regions, Window};
use resource_db::{ChannelRow, PartitionRow};

/// Pages by what they are for.
#[derive(Clone, Copy, Debug)]
pub struct Needs {
    /// Objects, slot pages, tables.
    pub kernel: u64,
    /// Program.
    pub program: u64,
    /// All stacks.
    pub stack: u64,
    /// Information pages.
    pub information: u64,
    /// Regions that need tables.
    pub regions: Regions,
}

impl Needs {
    /// All pages of a partition with this row and definition.
    #[must_use]
    pub fn pages(&self, row: &PartitionRow, definition: &ManifestPartition) -> u64 {
        let sizes = [self.kernel, self.program, self.stack, self.information];
        let fixed = sizes.into_iter().fold(0_u64, u64::saturating_add);
        fixed + u64::from(row.heap_pages) + u64::from(definition.lasting)
    }
}

/// First address of the stack of a context that has `pages`.
#[must_use]
pub fn stack_bottom(context: u64, pages: u64) -> u64 {
    stack_top(context) - pages * PAGE_SIZE
}

/// One past the last address of the stack of a context.
#[must_use]
pub fn stack_top(context: u64) -> u64 {
    layout::STACK_TOP - context * layout::STACK_STRIDE
}

/// Pages of the capability table of a partition, slots for the doorbells of clients that join later included.
#[must_use]
pub fn slot_pages(row: &PartitionRow) -> u64 {
    let slots = u64::from(row.slots) + u64::from(row.clients);
    slots.div_ceil(u64::from(SLOTS_PER_PAGE))
}

/// Pages of heap that there are, or shall be, tables for.
fn heap_pages(row: &PartitionRow) -> u64 {
    let tables = u64::from(row.heap_tables) * REGION_PAGES;
    tables.max(row.heap_pages.into())
}

impl<M: Machine, W: Window> Manager<'_, M, W> {
    /// Channels of which a partition is an end.
    pub fn channels_of(
        &self,
        id: PartitionId,
    ) -> impl Iterator<Item = (ChannelId, Role, &ChannelRow)> {
        self.books.ends_of(id, None)
    }

    /// The channel behind `after`, or the first, of which a partition is an end.
    #[must_use]
    pub fn next_channel(
        &self,
        id: PartitionId,
        after: Option<ChannelId>,
    ) -> Option<(ChannelId, Role, ChannelRow)> {
        let (channel, role, row) = self.books.ends_of(id, after).next()?;
        Some((channel, role, *row))
    }

    /// Pages of information of a partition, its report included.
    #[must_use]
    pub fn information_pages(&self, row: &PartitionRow) -> u64 {
        let given = self
            .definition(row)
            .map_or(0, |definition| given(&self.manifest, row.hardware, definition).count());
        let resources = given + row.ends as usize + row.clients as usize;
        let bytes = INFORMATION_HEADER + resources * size_of::<Resource>();
        (bytes as u64).div_ceil(PAGE_SIZE) + report_pages(row)
    }

    /// What a partition needs.
    ///
    /// # Errors
    /// Where something lies outside the address space.
    pub fn needs(&self, row: &PartitionRow, program: &Program<'_>) -> Result<Needs, Trouble> {
        let definition = self.definition(row)?;
        let information = self.information_pages(row);
        let mut regions = Regions::default();
        let fits = self.add_regions(row, definition, information, &mut regions)
            && match role(definition) {
                PartitionRole::Boot => add_both(&mut regions, program),
                _ => program.segments().iter().all(|s| regions.add(s.address().raw(), s.pages())),
            };
        if !fits || information > layout::INFORMATION_PAGES + 1 {
            return Err(ResourceStatus::Limit.into());
        }
        let image = u64::from(sees_image(definition));
        let objects = 2 + image + u64::from(row.contexts) + slot_pages(row);
        let tables = 3 + regions.count();
        let stack = u64::from(definition.stack) * u64::from(row.contexts);
        let program = program.pages();
        Ok(Needs { kernel: objects + tables, program, stack, information, regions })
    }

    fn add_regions(
        &self,
        row: &PartitionRow,
        definition: &ManifestPartition,
        information: u64,
        regions: &mut Regions,
    ) -> bool {
        let stack = u64::from(definition.stack);
        let flags = flags(definition);
        let window = u64::from(role(definition) == PartitionRole::Boot);
        let devices = device_areas(&self.facts, &self.manifest, row.hardware);
        regions.add(layout::REPORT, 1 + information)
            && (0..row.contexts).all(|c| regions.add(stack_bottom(c.into(), stack), stack))
            && regions.add(layout::HEAP, heap_pages(row))
            && regions.add(layout::LASTING, definition.lasting.into())
            && (0..)
                .zip(self.facts.images())
                .filter(|_| flags.contains(PartitionFlags::BOOT_IMAGE))
                .all(|(number, image)| regions.add(layout::image_address(number), image.count))
            && regions.add(layout::WINDOW, window)
            && regions.add(layout::DEVICES, devices.map(|area| area.pages + 1).sum())
            && regions.add(layout::CHANNELS, self.channel_pages_of(row))
    }
}

/// Device registers as they lie in a partition that was granted them.
#[derive(Clone, Copy, Debug)]
pub struct DeviceArea {
    /// Where they begin in its address space.
    pub address: VirtualAddress,
    /// Their first frame.
    pub frame: Frame,
    /// Pages.
    pub pages: u64,
}

/// The registers among the grants of `hardware`, one after the other with a page between, as the information pages tell them.
pub fn device_areas<'m>(
    facts: &Facts,
    manifest: &Manifest<'m>,
    hardware: u32,
) -> impl Iterator<Item = DeviceArea> + use<'m> {
    let (facts, mut next) = (*facts, layout::DEVICES);
    let registers = manifest.grants_of(hardware).filter_map(move |grant| facts.registers(grant));
    registers.map(move |(base, bytes)| {
        let (address, pages) = (VirtualAddress::new(next), device_pages(base, bytes));
        next += (pages + 1) * PAGE_SIZE;
        DeviceArea { address, frame: Frame::containing(PhysicalAddress::new(base)), pages }
    })
}

/// Pages that a range of device registers touches.
#[must_use]
pub fn device_pages(base: u64, bytes: u64) -> u64 {
    if bytes == 0 {
        return 0;
    }
    (base % PAGE_SIZE + bytes).div_ceil(PAGE_SIZE)
}
