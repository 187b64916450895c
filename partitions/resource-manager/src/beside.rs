//! Other programs for those who bring all others back: the next lies beside the last, so that at every instant one of them is there whole.
//!
//! The resource manager loads its own next program while it runs; the boot partition starts it, or again the last one, and says
//! which. The boot partition's next program is loaded at its start as any other's, but beside the last: until it has proved itself, idle
//! starts the last where boot and manager are down at once.

use crate::copies::extent_of;
use crate::manager::{Machine, Manager, SELF};
use crate::manifest::{flags, role};
use crate::trouble::Trouble;
use abi::boot::{FrameRange, LATER_IMAGES};
use abi::control::{Access, PartitionOperation, first_slot};
use abi::image::name_text;
use abi::layout::{PROGRAM_BASE, PROGRAM_BESIDE};
use abi::manifest::{ManifestPartition, PartitionFlags, PartitionRole};
use abi::message::resource::ResourceStatus;
use abi::programs::{Programs, Return};
use abi::types::{EventBit, PAGE_SIZE, PartitionId, Slot, VirtualAddress};
use boot_image::{Program, ProgramSegment};
use program_loader::{Calls, Regions, Target, Window};
use resource_db::{Extent, PartitionRow};

/// Nanoseconds in a millisecond.
const MILLISECOND: u64 = 1_000_000;

/// Whether a partition has its next program beside the last.
#[must_use]
pub fn keeps_both(definition: &ManifestPartition) -> bool {
    matches!(role(definition), PartitionRole::ResourceManager | PartitionRole::Boot)
}

/// The place that this program leaves free.
#[must_use]
pub fn other_place(program: &Program<'_>) -> u64 {
    if program.entry().raw() < PROGRAM_BESIDE { PROGRAM_BESIDE } else { PROGRAM_BASE }
}

impl<'m, M: Machine, W: Window> Manager<'m, M, W> {
    /// Who keeps both programs, and is between two of them.
    #[must_use]
    pub fn between_versions(&self, but: PartitionId) -> Option<PartitionId> {
        let boot = self.made(PartitionRole::Boot).map(|(id, _)| id);
        let mut both = [Some(SELF), boot].into_iter().flatten().filter(|id| *id != but);
        both.find(|id| {
            let row = self.books.partition(*id);
            row.is_some_and(|row| row.waiting != 0 || row.before != 0 || row.loaded != row.image)
        })
    }

    /// Whether the boot partition can look after two programs: it sees the images, and has memory for what it must not forget.
    #[must_use]
    pub fn boot_sees_images(&self) -> bool {
        let boot = self.manifest.partitions.iter().find(|one| role(one) == PartitionRole::Boot);
        boot.is_some_and(|boot| {
            boot.lasting > 0 && flags(boot).contains(PartitionFlags::BOOT_IMAGE)
        })
    }

    /// Whether a program lies where that which runs does not.
    #[must_use]
    pub fn lies_beside(&self, row: &PartitionRow, next: &Program<'_>) -> bool {
        let Ok(runs) = self.program_of(row) else { return false };
        let place = other_place(&runs);
        let end = if place == PROGRAM_BASE { PROGRAM_BESIDE } else { u64::MAX };
        extent_of(next).is_some_and(|(start, pages)| {
            place <= start && start.saturating_add(pages.saturating_mul(PAGE_SIZE)) <= end
        })
    }

    /// Whether there are tables for a program beside that of the boot image. The manager makes its own as it needs them.
    #[must_use]
    pub fn has_room_beside(&self, definition: &ManifestPartition, next: &Program<'_>) -> bool {
        let Ok(made) = self.program(definition) else { return false };
        let mut tables = Regions::default();
        let both = add_both(&mut tables, &made);
        let count = tables.count();
        let fits = next.segments().iter().all(|one| tables.add(one.address().raw(), one.pages()));
        both && fits && (tables.count() == count || role(definition) != PartitionRole::Boot)
    }

    /// Loads the own next program beside the one that runs, unless it is there already. May be repeated.
    ///
    /// # Errors
    /// What the kernel or the books answer.
    pub fn load_beside(&mut self) -> Result<(), Trouble> {
        let row = self.row(SELF)?;
        let Some(number) = row.waiting.checked_sub(1) else { return Ok(()) };
        let next = self.program_in(number, self.definition(&row)?)?;
        if self.is_there(first_slot::PARTITION, &next, |_| true) {
            return Ok(());
        }
        let (start, pages) = extent_of(&next).ok_or(ResourceStatus::BadProgram)?;
        self.machine.unmap(first_slot::PARTITION, VirtualAddress::new(start), pages)?;
        self.make_own_tables(start, pages)?;
        let target = Target { partition: first_slot::PARTITION, frames: row.spare.start };
        Ok(self.loader().load(&next, target)?)
    }

    /// Tables are made by mapping something there once.
    fn make_own_tables(&mut self, start: u64, pages: u64) -> Result<(), Trouble> {
        let first = FrameRange { count: 1, ..self.row(SELF)?.information };
        let mut regions = Regions::default();
        if !regions.add(start, pages) {
            return Err(ResourceStatus::Limit.into());
        }
        for address in regions.iter() {
            self.map_own(address.raw(), first, Access::empty())?;
            self.machine.unmap(first_slot::PARTITION, address, 1)?;
        }
        Ok(())
    }

    /// Whether all pages of those segments of a program that are `wanted` are mapped in a partition.
    pub fn is_there(
        &mut self,
        partition: Slot,
        program: &Program<'_>,
        wanted: impl Fn(&ProgramSegment<'_>) -> bool,
    ) -> bool {
        program.segments().iter().filter(|segment| wanted(segment)).all(|segment| {
            let first = segment.address().raw();
            (0..segment.pages()).all(|page| {
                let address = [first + page * PAGE_SIZE, 0, 0, 0];
                self.machine.partition(partition, PartitionOperation::Translate, address).is_ok()
            })
        })
    }

    /// Gives boot, which stands still, the program of its image, and leaves the other one whole.
    ///
    /// # Errors
    /// What the kernel or the books answer.
    pub fn exchange_beside(
        &mut self,
        id: PartitionId,
        row: &PartitionRow,
        next: &Program<'_>,
    ) -> Result<(), Trouble> {
        let partition = Slot::new(row.partition_slot);
        let target = Target { partition, frames: row.program.start };
        if self.is_there(partition, next, |segment| !segment.is_writable()) {
            self.loader().reload(next, target)?;
        } else {
            self.loader().load(next, target)?;
        }
        self.change(id, |row| row.loaded = row.image).map(|_| ())
    }

    /// Takes out the program that does not run, after whoever might start it was told that it is not to.
    ///
    /// # Errors
    /// What the kernel or the books answer.
    pub fn remove_beside(&mut self, id: PartitionId) -> Result<(), Trouble> {
        let row = self.row(id)?;
        let definition = self.definition(&row)?;
        if !keeps_both(definition) {
            return Ok(());
        }
        let told = if id == SELF { PartitionRole::Boot } else { PartitionRole::Idle };
        self.tell(told)?;
        for number in 0..=LATER_IMAGES as u16 {
            let Ok(program) = self.program_in(number, definition) else { continue };
            if self.lies_beside(&row, &program)
                && let Some((start, pages)) = extent_of(&program)
            {
                let start = VirtualAddress::new(start);
                self.machine.unmap(Slot::new(row.partition_slot), start, pages)?;
            }
        }
        Ok(())
    }

    /// Tells boot with which program it brings the manager back, or idle with which it starts boot.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn tell(&mut self, whom: PartitionRole) -> Result<(), Trouble> {
        let Some((id, _)) = self.made(whom) else { return Ok(()) };
        self.inform(id)?;
        // Who read meanwhile reads again. Idle takes up no such events.
        if whom == PartitionRole::Boot {
            self.ring(id, EventBit::PEER);
        }
        Ok(())
    }

    /// What boot is told.
    #[must_use]
    pub fn programs(&self) -> Programs {
        let row = self.row(SELF).unwrap_or_default();
        let noted = |one: u16| u8::try_from(one).ok().and_then(|one| one.checked_sub(1));
        let runs = u8::try_from(row.image).unwrap_or(0);
        Programs { runs, next: noted(row.waiting), before: noted(row.before) }
    }

    /// Frames of the own program, where they follow each other as those of other programs do: the loader took them one segment
    /// after the other, mostly from one piece of memory.
    pub fn own_program(&mut self, row: &PartitionRow) -> Extent {
        let Ok(program) = self.program_of(row) else { return Extent::default() };
        let pages = |segment: &ProgramSegment<'_>| {
            let first = segment.address().raw();
            (0..segment.pages()).map(move |page| first + page * PAGE_SIZE)
        };
        let mut found = Extent::default();
        for address in program.segments().iter().flat_map(pages) {
            let translate = PartitionOperation::Translate;
            let frame =
                self.machine.partition(first_slot::PARTITION, translate, [address, 0, 0, 0]);
            let Ok([frame, ..]) = frame else { return Extent::default() };
            let frame = abi::types::Frame::new(frame);
            if found.count == 0 {
                found.start = frame;
            } else if found.start.checked_add(found.count) != Some(frame) {
                return Extent::default();
            }
            found.count += 1;
        }
        found
    }

    /// Writes down which program this is, as boot said when it started it.
    ///
    /// # Errors
    /// `WrongState` where the books know of another one: this one must not run.
    pub fn take_up_program(&mut self) -> Result<(), Trouble> {
        let row = self.row(SELF)?;
        let Return { image, failed } = self.own;
        let (image, failed) = (u16::from(image), failed.map(u16::from));
        let version = |number| self.version_in(number, &row);
        let (from, to) = (version(row.image), version(image));
        if image == row.image {
            let failed = failed.filter(|failed| row.waiting == failed + 1);
            let Some(failed) = failed else { return Ok(()) };
            let tried = version(failed);
            self.change(SELF, |row| (row.waiting, row.refused) = (0, row.refused | 1 << failed))?;
            self.say(format_args!(
                "went back from version {tried} to version {to}: it did not come up"
            ));
        } else if row.waiting == image + 1 {
            let now = self.machine.now();
            self.change_program(image, |row| {
                (row.before, row.waiting, row.started) = (row.image + 1, 0, now);
            })?;
            self.say(format_args!("went over from version {from} to version {to}"));
        } else if row.before == image + 1 {
            self.change_program(image, |row| {
                (row.before, row.refused) = (0, row.refused | 1 << row.image);
            })?;
            self.say(format_args!("went back from version {from} to version {to}: it stopped"));
        } else {
            self.say(format_args!("version {to} is not the one that the books know"));
            self.tell(PartitionRole::Boot)?;
            return Err(ResourceStatus::WrongState.into());
        }
        Ok(())
    }

    fn change_program(
        &mut self,
        image: u16,
        change: impl FnOnce(&mut PartitionRow),
    ) -> Result<PartitionRow, Trouble> {
        self.change(SELF, |row| {
            change(row);
            (row.image, row.loaded) = (image, image);
            core::mem::swap(&mut row.program, &mut row.spare);
        })
    }

    /// Goes on with whatever was under way with the own program, and tells boot how that stands.
    ///
    /// # Errors
    /// What the kernel or the books answer.
    pub fn take_up_own_trial(&mut self) -> Result<(), Trouble> {
        let row = self.row(SELF)?;
        let proof = u64::from(self.definition(&row)?.proof) * MILLISECOND;
        self.trial_ends = if row.before == 0 { 0 } else { row.started.saturating_add(proof) };
        self.load_beside()?;
        self.tell(PartitionRole::Boot)?;
        self.drop_spare(SELF, &row)
    }

    /// Ends the own trial when its time has come; when to look again.
    pub fn look_at_own_trial(&mut self, now: u64) -> u64 {
        if self.trial_ends == 0 || now < self.trial_ends {
            return if self.trial_ends == 0 { u64::MAX } else { self.trial_ends };
        }
        self.trial_ends = 0;
        let proved = self.change(SELF, |row| row.before = 0);
        let proved = proved.and_then(|row| {
            let (name, version) = (name_text(&row.name), self.version_in(row.image, &row));
            self.say(format_args!("{name} proved itself in version {version}"));
            self.drop_spare(SELF, &row)
        });
        if let Err(trouble) = proved {
            self.say(format_args!("the own program before this one is left there: {trouble}"));
        }
        u64::MAX
    }
}

/// Regions of a program and of one like it beside it.
#[must_use]
pub fn add_both(regions: &mut Regions, program: &Program<'_>) -> bool {
    let own = program.segments().iter().all(|one| regions.add(one.address().raw(), one.pages()));
    own && regions.add(other_place(program), program.pages())
}
