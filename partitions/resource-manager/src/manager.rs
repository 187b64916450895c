//! The manager: its books, the kernel's calls, and what it read from the boot image.

use crate::dog::{Dog, Sign};
use crate::manifest::Manifest;
use crate::picture::{Picture, Record};
use crate::resting::Resting;
use crate::trouble::{Line, Trouble};
use crate::usage::Usage;
use abi::boot::{BootInformation, FrameRange, LATER_IMAGES, PowerOff};
use abi::call::{Error, PortOperation};
use abi::control::{Access, PartitionOperation, first_slot};
use abi::manifest::{GrantKind, ManifestGrant, ManifestPartition};
use abi::message::resource::ResourceStatus;
use abi::types::{Frame, PAGE_SIZE, PartitionId, Slot, VirtualAddress};
use boot_image::{Image, Program, Window as Addresses};
use core::fmt;
use program_loader::{Calls, Kernel, Loader, REGION_PAGES, Refusal, Window};
use resource_db::{Books, Owner, PartitionRow, Stage};

/// What the manager asks of the machine beside control operations.
pub trait Machine: Kernel {
    /// Rings the doorbell in a slot; what became of its context is not told.
    fn ring(&mut self, doorbell: Slot);
    /// Processors online.
    fn processors(&self) -> u16;
    /// Nanoseconds since the machine started.
    fn now(&self) -> u64;
    /// Lets others run until then.
    fn sleep_until(&mut self, deadline: u64);
    /// Writes a line to the debug port.
    fn say(&mut self, line: &[u8]);
    /// Reads from an I/O port, or writes to it; all ones where that is not possible.
    fn port(&mut self, operation: PortOperation, port: u16, value: u32) -> u32;
}

/// What does not change while the machine runs.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// Processors online.
    pub processors: u16,
    /// Frames of the boot image.
    pub image: FrameRange,
    /// The kernel's time page.
    pub time: Frame,
    /// How to switch off.
    pub power_off: PowerOff,
    /// What the loader found.
    pub boot: &'static BootInformation,
    /// One past the last frame.
    pub frames: u64,
    /// ISA interrupts that are wired differently: source and line.
    pub overrides: [(u32, u32); abi::boot::OVERRIDES],
}

impl Facts {
    /// Where the images lie, each at its number: the boot image, and those beside it.
    #[must_use]
    pub fn images(&self) -> [FrameRange; 1 + LATER_IMAGES] {
        let mut all = [self.image; 1 + LATER_IMAGES];
        for (place, later) in all.iter_mut().skip(1).zip(&self.boot.later) {
            *place = later.frames;
        }
        all
    }

    /// The interrupt line of a grant: that of an ISA interrupt may be wired differently.
    #[must_use]
    pub fn line(&self, grant: &ManifestGrant) -> u32 {
        let line = u32::try_from(grant.base).unwrap_or(u32::MAX);
        let wired = self.overrides.iter().find(|(source, _)| *source == line);
        wired.filter(|_| grant.count == 1).map_or(line, |(_, wired)| *wired)
    }

    /// Address and bytes of the registers of a grant; `None` for grants of other things. Without bytes where the
    /// machine has no such device.
    #[must_use]
    pub fn registers(&self, grant: &ManifestGrant) -> Option<(u64, u64)> {
        match grant.kind {
            kind if kind == GrantKind::Device as u32 => Some((grant.base, grant.count)),
            kind if kind == GrantKind::Framebuffer as u32 => Some(self.framebuffer()),
            _ => None,
        }
    }

    /// The framebuffer, as much of it as there is room for; nothing where it lies beyond what the ledger covers.
    fn framebuffer(&self) -> (u64, u64) {
        let shown = &self.boot.machine.framebuffer;
        let bytes = (u64::from(shown.pitch) * u64::from(shown.height)).min(LARGEST_FRAMEBUFFER);
        let end = shown.address.raw().saturating_add(bytes).div_ceil(PAGE_SIZE);
        let (there, covered) = (shown.address.raw() != 0, end <= self.frames);
        (shown.address.raw(), if there && covered { bytes } else { 0 })
    }
}

/// Most bytes of a framebuffer that are mapped, which leaves room for other devices.
const LARGEST_FRAMEBUFFER: u64 = 24 << 20;

/// Own partition: the first row.
pub const SELF: PartitionId = PartitionId::new(0);
/// A slot that holds a capability only for the length of one operation; below [`first_slot::FREE`], above the processors.
pub const SCRATCH: Slot = Slot::new(90);

/// The manager.
pub struct Manager<'m, M: Machine, W: Window> {
    /// The machine.
    pub machine: M,
    /// The window through which frames are filled.
    pub window: W,
    /// The books.
    pub books: Books<'m>,
    /// The boot image.
    pub image: Image<'m>,
    /// What it says.
    pub manifest: Manifest<'m>,
    /// The images beside it.
    pub later: crate::editions::Later<'m>,
    /// What does not change.
    pub facts: Facts,
    /// The trace, while it is read.
    pub picture: Picture<'m>,
    /// Use of the processors.
    pub usage: Usage,
    /// Processors whose plans do not yet say what the books say, one bit each.
    pub stale_plans: u64,
    /// Slots are to get the manifest's length.
    pub slots_due: bool,
    /// Something is under way with a partition: it is moved, or gives memory back.
    pub changing: bool,
    /// Until when a runtime that was asked for heap may answer, nanoseconds.
    pub heap_deadline: u64,
    /// When to look at partitions again that nothing happens to, nanoseconds.
    pub looked: u64,
    /// What was seen of a boot partition on trial that shows what it can.
    pub drill: crate::drill::Drill,
    /// Channels that lead to the manager came or went.
    pub desk_is_old: bool,
    /// Whether partitions wait to be ended until servers have let go of their channels.
    pub ending: bool,
    /// When the end of partitions that the kernel refused is tried again, nanoseconds; `u64::MAX`: none was refused.
    pub end_again: u64,
    /// Processors that failed, one bit each, as far as is known.
    pub failed: u64,
    /// When a refusal may be told again, nanoseconds.
    pub next_refusal: u64,
    /// When a refusal may be written down again for others than the command partition, nanoseconds.
    pub next_note: u64,
    /// The watchdog.
    pub dog: Dog<'m>,
    /// Who waits outside of the plans.
    pub resting: Resting,
    /// The kernel rang for a stop since those were looked at for whom it rings the manager.
    pub wards_due: bool,
    /// When to look for such stops although nobody rang, nanoseconds.
    pub wards_at: u64,
    /// When the manager ends, for its rescuer to start it anew, nanoseconds; 0: it stays.
    pub leave_at: u64,
    /// Which program this is.
    pub own: abi::programs::Return,
    /// When it has proved itself, nanoseconds; 0: it has.
    pub trial_ends: u64,
    /// Set once the machine is to end.
    pub shutdown: Option<crate::shutdown::Shutdown>,
}

/// Room that a manager needs beside its stack and the books.
pub struct Rooms<'m> {
    /// For the picture of the trace.
    pub trace: &'m mut [Option<Record>],
    /// For the signs of life that partitions gave.
    pub signs: &'m mut [Option<Sign>],
}

impl<'m, M: Machine, W: Window> Manager<'m, M, W> {
    /// A manager that knows no more than the books and the image say.
    #[must_use]
    pub fn new(
        (machine, window): (M, W),
        books: Books<'m>,
        (image, manifest): (Image<'m>, Manifest<'m>),
        facts: Facts,
        rooms: Rooms<'m>,
    ) -> Self {
        Self {
            machine,
            window,
            books,
            image,
            manifest,
            later: [None; abi::boot::LATER_IMAGES],
            facts,
            picture: Picture::new(rooms.trace, facts.processors),
            usage: Usage::default(),
            stale_plans: 0,
            slots_due: false,
            changing: false,
            heap_deadline: 0,
            looked: 0,
            drill: crate::drill::Drill::default(),
            desk_is_old: false,
            ending: false,
            end_again: u64::MAX,
            failed: 0,
            next_refusal: 0,
            next_note: 0,
            dog: Dog::new(rooms.signs, &manifest),
            resting: Resting::new(&manifest),
            wards_due: true,
            wards_at: 0,
            leave_at: 0,
            own: abi::programs::Return::default(),
            trial_ends: 0,
            shutdown: None,
        }
    }

    /// A partition's row.
    ///
    /// # Errors
    /// Where there is none.
    pub fn row(&self, id: PartitionId) -> Result<PartitionRow, Trouble> {
        self.books.partition(id).copied().ok_or(ResourceStatus::NoSuch.into())
    }

    /// A partition's definition.
    ///
    /// # Errors
    /// Where there is none.
    pub fn definition(&self, row: &PartitionRow) -> Result<&'m ManifestPartition, Trouble> {
        let definition = self.manifest.partitions.get(row.definition as usize);
        definition.ok_or(ResourceStatus::NoSuch.into())
    }

    /// The program that a partition was made with, of the boot image.
    ///
    /// # Errors
    /// Where it is not in the image or bad.
    pub fn program(&self, definition: &ManifestPartition) -> Result<Program<'m>, Trouble> {
        let file = self.image.program(&definition.program).ok_or(ResourceStatus::BadProgram)?;
        Program::parse(file, Addresses::PARTITION).map_err(|_| ResourceStatus::BadProgram.into())
    }

    /// Changes a partition's row in a transaction of its own.
    ///
    /// # Errors
    /// Where there is none.
    pub fn change(
        &mut self,
        id: PartitionId,
        change: impl FnOnce(&mut PartitionRow),
    ) -> Result<PartitionRow, Trouble> {
        let mut row = self.row(id)?;
        change(&mut row);
        self.books.begin();
        self.books.set_partition(id, &row)?;
        self.books.commit();
        Ok(row)
    }

    /// Says how far a partition has come, and its state, in a transaction of its own.
    ///
    /// # Errors
    /// Where there is none.
    pub fn set_stage(&mut self, id: PartitionId, stage: Stage, state: u32) -> Result<(), Trouble> {
        self.books.begin();
        self.books.set_stage(id, stage, state)?;
        self.books.commit();
        Ok(())
    }

    /// The library that loads programs.
    pub fn loader(&mut self) -> Loader<'_, M, W> {
        Loader {
            kernel: &mut self.machine,
            window: &mut self.window,
            memory: first_slot::MEMORY,
            own: first_slot::PARTITION,
        }
    }

    /// Maps frames into the own address space, with the tables that takes.
    ///
    /// # Errors
    /// What the kernel or the books answer.
    pub fn map_own(
        &mut self,
        address: u64,
        frames: FrameRange,
        access: Access,
    ) -> Result<(), Trouble> {
        let books = &mut self.books;
        let mut table = || {
            books.begin();
            let frame = books.allocate(1, Owner::Partition(SELF))?;
            books.commit();
            Ok(frame.start)
        };
        map_with_tables(&mut self.machine, &mut table, address, frames, access)
    }

    /// Writes to the first frame of memory the manager may map, by way of the window.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn through_window(
        &mut self,
        frames: FrameRange,
        write: impl FnOnce(&mut W),
    ) -> Result<(), Trouble> {
        self.open_window(frames)?;
        write(&mut self.window);
        let window = self.window.address();
        Ok(self.machine.unmap(first_slot::PARTITION, window, frames.count)?)
    }

    /// Maps frames into the window. What a use of it that was broken off left there goes.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn open_window(&mut self, FrameRange { start, count }: FrameRange) -> Result<(), Trouble> {
        let (own, window) = (first_slot::PARTITION, self.window.address());
        let opened = self.machine.map(own, window, start, count, Access::WRITE);
        if let Err(Refusal { error: Error::Occupied, .. }) = opened {
            self.machine.unmap(own, window, count)?;
            return Ok(self.machine.map(own, window, start, count, Access::WRITE)?);
        }
        Ok(opened?)
    }

    /// Says a sentence on the debug port.
    pub fn say(&mut self, arguments: fmt::Arguments<'_>) {
        let line = Line::new(format_args!("resource-manager: {arguments}\n"));
        self.machine.say(line.bytes());
    }
}

/// Maps frames into the manager's address space; `table` gives a free frame for each table that is missing.
///
/// # Errors
/// What the kernel or `table` answers.
pub fn map_with_tables<K: Kernel>(
    kernel: &mut K,
    table: &mut impl FnMut() -> Result<Frame, Trouble>,
    address: u64,
    frames: FrameRange,
    access: Access,
) -> Result<(), Trouble> {
    let mut done = 0;
    while done < frames.count {
        let at = address + done * PAGE_SIZE;
        let room = REGION_PAGES - (at / PAGE_SIZE) % REGION_PAGES;
        let count = room.min(frames.count - done);
        let frame = Frame::new(frames.start.raw() + done);
        let at = VirtualAddress::new(at);
        while let Err(refusal) = kernel.map(first_slot::PARTITION, at, frame, count, access) {
            add_table(kernel, table, at, refusal)?;
        }
        done += count;
    }
    Ok(())
}

/// Adds the table that a refused mapping misses.
fn add_table<K: Kernel>(
    kernel: &mut K,
    table: &mut impl FnMut() -> Result<Frame, Trouble>,
    at: VirtualAddress,
    refusal: Refusal,
) -> Result<(), Trouble> {
    match refusal {
        Refusal { error: abi::call::Error::NotMapped, value: level @ 1..=3 } => {
            let arguments = [at.raw(), level, table()?.raw(), 0];
            kernel.partition(first_slot::PARTITION, PartitionOperation::AddTable, arguments)?;
            Ok(())
        }
        other => Err(other.into()),
    }
}
