//! Makes a partition: kernel objects, tables, memory, capabilities.

use crate::given::{Given, TEST_LINE, given};
use crate::manager::{Machine, Manager};
use crate::manifest::{flags, role};
use crate::space::{DeviceArea, Needs, device_areas, slot_pages, stack_bottom};
use crate::trouble::Trouble;
use crate::wards::rung_for;
use abi::boot::FrameRange;
use abi::control::{Access, ChannelOperation, PartitionOperation, first_slot};
use abi::layout;
use abi::manifest::{GrantKind, ManifestPartition, NO_PARTITION, PartitionFlags, PartitionRole};
use abi::rights::Kind;
use abi::types::{EventBit, Frame, PAGE_SIZE, PartitionId, Slot, VirtualAddress};
use boot_image::Program;
use program_loader::{Calls, Target, Window};
use resource_db::{PartitionRow, Stage};

/// What a partition is to be made of.
pub struct Makings<'m> {
    /// Its definition.
    pub definition: &'m ManifestPartition,
    /// Its program.
    pub program: Program<'m>,
    /// What it needs.
    pub needs: Needs,
}

/// Frames handed out one after the other.
struct Supply(u64);

impl Supply {
    fn next(&mut self) -> Frame {
        self.take(1)
    }

    fn take(&mut self, count: u64) -> Frame {
        let frame = Frame::new(self.0);
        self.0 += count;
        frame
    }
}

impl<'m, M: Machine, W: Window> Manager<'m, M, W> {
    /// Makes a partition whose row is there. It is not started.
    ///
    /// # Errors
    /// What the kernel or the books answer; what was made is there then, and is taken down with [`Self::end`].
    pub fn make(&mut self, id: PartitionId) -> Result<(), Trouble> {
        let mut row = self.row(id)?;
        let makings = self.makings_of(&row)?;
        self.furnish(id, &mut row, &makings, None)?;
        // A transaction of its own: whoever founds the machine hands the hardware over.
        self.hand_hardware(id, row.hardware)?;
        self.build(id, &row, &makings)
    }

    /// What a partition with this row is to be made of.
    ///
    /// # Errors
    /// Where its program is bad, or it needs more than fits.
    pub fn makings_of(&self, row: &PartitionRow) -> Result<Makings<'m>, Trouble> {
        let definition = self.definition(row)?;
        let program = self.program(definition)?;
        let needs = self.needs(row, &program)?;
        Ok(Makings { definition, program, needs })
    }

    /// Makes all that is to be of a partition whose frames are written down.
    ///
    /// # Errors
    /// As [`Self::make`].
    pub fn build(
        &mut self,
        id: PartitionId,
        row: &PartitionRow,
        makings: &Makings<'_>,
    ) -> Result<(), Trouble> {
        let Makings { definition, program, needs } = makings;
        self.make_objects(row, needs)?;
        self.make_memory(row, definition, program)?;
        self.make_information(row)?;
        self.give_capabilities(row, definition)?;
        self.give_devices(row)?;
        if flags(definition).contains(PartitionFlags::BOOT_IMAGE) {
            self.share_image(id, row)?;
        }
        if self.is_creation(id) {
            self.join_channels(id)?;
        }
        self.set_stage(id, Stage::Made, row.state)
    }

    /// Writes a row down with the frames that the partition needs, which it names then, in one transaction: in free memory from a frame on where one is
    /// named. Where they are told, the heap comes first: it is what large pages may map.
    ///
    /// # Errors
    /// What the books answer; nothing is written down then.
    pub fn furnish(
        &mut self,
        id: PartitionId,
        row: &mut PartitionRow,
        makings: &Makings<'_>,
        at: Option<Frame>,
    ) -> Result<(), Trouble> {
        let Makings { definition, needs, .. } = makings;
        let (heap, lasting) = (row.heap_pages.into(), definition.lasting.into());
        let counts = [heap, needs.kernel, needs.program, needs.stack, lasting, needs.information];
        // Of a machine without its zones, or without room in them, it is made wherever there is some, and never started.
        let near = || self.place_near(row, counts.iter().sum()).ok().flatten();
        let at = at.or_else(near);
        self.books.begin();
        let furnished = self.books.furnish(id, row, counts, at);
        furnished.inspect_err(|_| self.books.rollback())?;
        self.books.commit();
        Ok(())
    }

    /// Partition, page tables, slot pages, contexts.
    fn make_objects(&mut self, row: &PartitionRow, needs: &Needs) -> Result<(), Trouble> {
        let partition = Slot::new(row.partition_slot);
        let memory = first_slot::MEMORY;
        let mut supply = Supply(row.kernel.start.raw());
        self.machine.create(memory, Kind::Partition, supply.next(), partition, 0)?;
        let tables = supply.take(needs.regions.tables());
        self.loader().tables(partition, &needs.regions, tables)?;
        for index in 0..slot_pages(row) {
            let arguments = [index, supply.next().raw(), 0, 0];
            self.machine.partition(partition, PartitionOperation::AddSlots, arguments)?;
        }
        for context in 0..row.contexts as u16 {
            let slot = Slot::new(row.context_slot + context);
            let extra = row.partition_slot.into();
            self.machine.create(memory, Kind::Context, supply.next(), slot, extra)?;
        }
        let channel = Slot::new(row.information_slot);
        self.machine.create(memory, Kind::Channel, supply.next(), channel, 0)?;
        Ok(())
    }

    /// Program, stacks, heap, lasting memory, time page.
    fn make_memory(
        &mut self,
        row: &PartitionRow,
        definition: &ManifestPartition,
        program: &Program<'_>,
    ) -> Result<(), Trouble> {
        let partition = Slot::new(row.partition_slot);
        let target = Target { partition, frames: row.program.start };
        self.loader().load(program, target)?;
        self.clean_memory(row, definition)?;
        let lasting = VirtualAddress::new(layout::LASTING);
        self.loader().zeroed(partition, lasting, row.lasting.start, row.lasting.count)?;
        let time = VirtualAddress::new(layout::TIME_PAGE);
        Ok(self.machine.map(partition, time, self.facts.time, 1, Access::empty())?)
    }

    /// Fresh stacks and heap.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn clean_memory(
        &mut self,
        row: &PartitionRow,
        definition: &ManifestPartition,
    ) -> Result<(), Trouble> {
        let partition = Slot::new(row.partition_slot);
        let pages = u64::from(definition.stack);
        for context in 0..u64::from(row.contexts) {
            let bottom = VirtualAddress::new(stack_bottom(context, pages));
            let frame = Frame::new(row.stack.start.raw() + context * pages);
            self.loader().zeroed(partition, bottom, frame, pages)?;
        }
        for (number, run) in row.heap_runs() {
            let address = VirtualAddress::new(layout::HEAP + u64::from(number) * PAGE_SIZE);
            self.loader().zeroed(partition, address, run.start, run.count)?;
        }
        Ok(())
    }

    /// The kernel channel of the information pages: the manager writes, the partition reads.
    fn make_information(&mut self, row: &PartitionRow) -> Result<(), Trouble> {
        let (own, partition) = (first_slot::PARTITION, Slot::new(row.partition_slot));
        let FrameRange { start, count } = row.information;
        self.machine.assign(first_slot::MEMORY, start, count, own)?;
        self.join(Slot::new(row.information_slot), own, partition, row.information)?;
        let report = VirtualAddress::new(layout::REPORT);
        self.machine.map(partition, report, start, 1, Access::WRITE)?;
        let address = VirtualAddress::new(layout::INFORMATION);
        let (first, rest) = (Frame::new(start.raw() + 1), count - 1);
        Ok(self.machine.map(partition, address, first, rest, Access::empty())?)
    }

    /// Joins memory of `client` to a channel, page step by page step.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn join(
        &mut self,
        channel: Slot,
        client: Slot,
        server: Slot,
        frames: FrameRange,
    ) -> Result<(), Trouble> {
        let ends = [u64::from(client.raw()), u64::from(server.raw())];
        let machine = &mut self.machine;
        Ok(program_loader::in_steps(frames.count, |done, step| {
            let arguments = [ends[0], ends[1], frames.start.raw() + done, step];
            machine.control(channel, ChannelOperation::Join as u64, arguments)
        })?)
    }

    /// Fills the slots of a partition with what it is given.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn give_capabilities(
        &mut self,
        row: &PartitionRow,
        definition: &ManifestPartition,
    ) -> Result<(), Trouble> {
        let partition = Slot::new(row.partition_slot);
        let list = given(&self.manifest, row.hardware, definition);
        for (slot, given) in (1..).map(Slot::new).zip(list) {
            if let Some((source, parameter)) = self.source(row, &given) {
                let (rights, kind) = (given.rights(), given.kind());
                self.machine.put(partition, slot, source, rights, kind, parameter)?;
            }
        }
        self.set_rescuer(partition, rung_for(definition, self.guard()))
    }

    /// From which own capability a given one is derived, and its parameter.
    #[must_use]
    pub fn source(&self, row: &PartitionRow, given: &Given<'_>) -> Option<(Slot, u32)> {
        Some(match given {
            Given::Grant(grant) if grant.kind == GrantKind::Ports as u32 => {
                let count = u32::try_from(grant.count).ok()?;
                (first_slot::PORTS, count << 16 | u32::try_from(grant.base).ok()?)
            }
            Given::Grant(grant) if grant.kind == GrantKind::Interrupt as u32 => {
                (first_slot::INTERRUPT, self.facts.line(grant))
            }
            Given::Grant(_) => return None,
            Given::Debug => (first_slot::DEBUG, 0),
            Given::OwnPartition => (Slot::new(row.partition_slot), 0),
            Given::OwnContext => (Slot::new(row.context_slot), 0),
            Given::ManagerPartition => (first_slot::PARTITION, 0),
            Given::ManagerContext | Given::ManagerLife => (first_slot::CONTEXT, 0),
            Given::ManagerBell => (first_slot::CONTEXT, EventBit::PROCESSOR.index().into()),
            Given::BootBell => {
                let context = self.made(PartitionRole::Boot)?.1.context_slot;
                (Slot::new(context), EventBit::FAULT.index().into())
            }
            Given::BootContext => (Slot::new(self.made(PartitionRole::Boot)?.1.context_slot), 0),
            Given::Victim(role) => (Slot::new(self.made(*role)?.1.context_slot), 0),
            Given::Memory => (first_slot::MEMORY, 0),
            Given::Kernel => (first_slot::KERNEL, 0),
            Given::Processor => (first_slot::PROCESSORS, 0),
            Given::Line => (first_slot::INTERRUPT, TEST_LINE),
        })
    }

    /// Tells the kernel whom to ring when a context of `partition` stops on a fault.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn set_rescuer(&mut self, partition: Slot, rescuer: u32) -> Result<(), Trouble> {
        let made = |row: &PartitionRow| row.stage() == Stage::Made;
        let rescuer = PartitionId::new(rescuer);
        if rescuer.raw() == NO_PARTITION || !self.books.partition(rescuer).is_some_and(made) {
            return Ok(());
        }
        let doorbell = u64::from(self.doorbell(rescuer, EventBit::FAULT)?.raw());
        let operation = PartitionOperation::SetRescuer;
        self.machine.partition(partition, operation, [doorbell, 0, 0, 0])?;
        Ok(())
    }

    /// Maps the device registers a partition was granted.
    fn give_devices(&mut self, row: &PartitionRow) -> Result<(), Trouble> {
        let partition = Slot::new(row.partition_slot);
        let access = Access::WRITE | Access::UNCACHED;
        for DeviceArea { address, frame, pages } in
            device_areas(&self.facts, &self.manifest, row.hardware)
        {
            self.machine.assign(first_slot::MEMORY, frame, pages, partition)?;
            self.machine.map(partition, address, frame, pages, access)?;
        }
        Ok(())
    }

    /// Makes the images a channel of the manager and the partition, read-only for both.
    fn share_image(&mut self, id: PartitionId, row: &PartitionRow) -> Result<(), Trouble> {
        if !sees_image(self.definition(row)?) {
            self.say(format_args!("only the boot partition can see the boot image"));
            return Ok(());
        }
        let (own, partition) = (first_slot::PARTITION, Slot::new(row.partition_slot));
        let mut channel = Slot::new(row.image_slot);
        if row.image_slot == 0 {
            channel = self.take_slots(1)?;
            self.change(id, |row| row.image_slot = channel.raw())?;
        }
        let object = image_object(row);
        self.machine.create(first_slot::MEMORY, Kind::Channel, object, channel, 0)?;
        for (number, image) in (0..).zip(self.facts.images()) {
            let address = VirtualAddress::new(layout::image_address(number));
            // Nothing of the image is read while the manager itself does not see it.
            self.machine.unmap(own, address, image.count)?;
            let joined = self.join(channel, own, partition, image);
            self.machine.map(own, address, image.start, image.count, Access::empty())?;
            joined?;
            self.machine.map(partition, address, image.start, image.count, Access::empty())?;
        }
        Ok(())
    }
}

/// The frame of the channel by which a partition sees the boot image, the last of its kernel objects.
#[must_use]
pub fn image_object(row: &PartitionRow) -> Frame {
    Frame::new((row.kernel.start.raw() + row.kernel.count).saturating_sub(1))
}

/// Whether a partition sees the boot image: only the one that brings others back does.
#[must_use]
pub fn sees_image(definition: &ManifestPartition) -> bool {
    flags(definition).contains(PartitionFlags::BOOT_IMAGE)
        && role(definition) == PartitionRole::Boot
}
