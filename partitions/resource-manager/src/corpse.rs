//! What is kept of a life that ended by a fault before its memory is cleared: registers, the reason, and the pages that are not zero,
//! stacks first, as many as there is room for. They are the partition's own frames, mapped nowhere, until its next such death, until
//! memory is wanted, or until they are forgotten.

use crate::areas::{Area, Areas};
use crate::core::is_zero;
use crate::look::Lent;
use crate::manager::{Machine, Manager, SELF};
use crate::manifest::flags;
use crate::run::contexts;
use crate::trouble::Trouble;
use abi::control::{Access, PAGES_PER_STEP, first_slot};
use abi::fault::{Reason, word};
use abi::image::name_text;
use abi::manifest::PartitionFlags;
use abi::message::core::CORE_PAGE;
use abi::types::{Frame, PAGE_SIZE, PartitionId, Slot, VirtualAddress};
use arrayvec::ArrayVec;
use program_loader::{Calls, Window};
use resource_db::{Extent, Owner, PartitionRow};
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout};

/// Contexts, areas and pages of a corpse.
const CONTEXTS: usize = 16;
const AREAS: usize = 24;
const PAGES: usize = 192;
const STEP: usize = PAGES_PER_STEP as usize;
/// Pages that are looked at before a restart goes on.
const LOOKED: u64 = 512;
/// A corpse takes at most one of so many frames of the machine, all together one of so many.
const SHARE: u64 = 256;
/// Corpses that are kept at the same time.
const MOST: usize = 8;

/// The first page of a corpse.
#[derive(Clone, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Head {
    /// When that life ended, nanoseconds.
    pub time: u64,
    /// Why.
    pub reason: u64,
    /// Contexts that are told.
    pub contexts: u32,
    /// Areas that are told.
    pub areas: u32,
    /// Pages that follow this one.
    pub pages: u32,
    /// Pages with contents that there was no room for, and those that were not looked at.
    pub missing: u32,
    /// Registers.
    pub registers: [[u64; 18]; CONTEXTS],
    /// Address and pages of each area.
    pub all: [[u64; 2]; AREAS],
    /// Number in the address space of each page that follows.
    pub numbers: [u32; PAGES],
}
const _: () = assert!(size_of::<Head>() <= CORE_PAGE);

impl<M: Machine, W: Window> Manager<'_, M, W> {
    /// Keeps what can be kept of a partition that stopped on a fault, where there is memory for it. Whatever is in the way of that is not
    /// in the way of its restart. Nothing is kept of one that holds itself: the next life could map what is left of the last, and alter it.
    pub fn keep_corpse(&mut self, id: PartitionId) {
        let Ok(row) = self.row(id) else { return };
        let Some(reason) = self.died_of(&row) else { return };
        let own = |definition| flags(definition).contains(PartitionFlags::SELF);
        let holds_itself = self.definition(&row).is_ok_and(own);
        if id == SELF || holds_itself || row.corpse_life == row.starts {
            return;
        }
        if let Err(trouble) = self.keep(id, reason) {
            self.say(format_args!("nothing is kept of {}: {trouble}", name_text(&row.name)));
            // What stays is given back when the next one is kept.
            let _ = self.forget_corpse(id);
        }
    }

    /// Why a partition stopped, if that was not by its own will, and in the life that is to be followed: where a manager died while it
    /// started the next one, that one's memory may be clean already.
    fn died_of(&mut self, row: &PartitionRow) -> Option<u64> {
        let context = self.faulted_context(row)?;
        let reason = self.fault_word(context, word::REASON);
        let of_this_life = self.fault_word(context, word::TIME) > row.started;
        (of_this_life && reason != Reason::Exit.number()).then_some(reason)
    }

    fn keep(&mut self, id: PartitionId, reason: u64) -> Result<(), Trouble> {
        self.forget_corpse(id)?;
        self.bury_oldest(MOST)?;
        let most = (self.facts.frames / SHARE).clamp(2, PAGES as u64 + 1);
        if self.books.available() < most * MOST as u64 {
            return Ok(());
        }
        let row = self.row(id)?;
        let areas = self.areas(&row, false)?;
        self.books.begin();
        let corpse = self.books.allocate(most, Owner::Partition(id))?;
        let row = PartitionRow { corpse, opened: 1, ..row };
        self.books.set_partition(id, &row)?;
        self.books.commit();
        let mut head = self.head_of(&row, &areas, reason);
        self.copy(&row, &areas, &mut head)?;
        self.put_in(&row, (0, 1), |window, at| window.write(at, head.as_bytes()))?;
        self.finish(id, u64::from(head.pages) + 1)
    }

    /// Writes down that a corpse of so many pages is whole; what it does not take goes back.
    fn finish(&mut self, id: PartitionId, pages: u64) -> Result<(), Trouble> {
        let mut row = self.row(id)?;
        let Extent { start, count } = row.corpse;
        let rest = Extent { start: Frame::new(start.raw() + pages), count: count - pages };
        row.corpse.count = pages;
        (row.corpse_life, row.opened) = (row.starts, 0);
        self.books.begin();
        self.books.give(rest, Owner::Partition(id), Owner::Available)?;
        self.books.set_partition(id, &row)?;
        self.books.commit();
        Ok(())
    }

    fn head_of(&mut self, row: &PartitionRow, areas: &Areas, reason: u64) -> Head {
        let mut head = Head::new_zeroed();
        head.reason = reason;
        for (place, context) in head.registers.iter_mut().zip(contexts(row)) {
            *place = self.registers(context).registers;
            head.contexts += 1;
        }
        head.time = self.machine.now();
        let mut left = LOOKED;
        for (place, area) in head.all.iter_mut().zip(areas.iter()) {
            *place = [area.address, area.pages.min(left)];
            left -= area.pages.min(left);
            head.areas += 1;
        }
        head
    }

    /// Copies the pages that are not zero behind the head.
    fn copy(&mut self, row: &PartitionRow, areas: &Areas, head: &mut Head) -> Result<(), Trouble> {
        let mut place = 0;
        while let Some(area) = areas.step(place).filter(|_| place < LOOKED) {
            let area = Area { pages: area.pages.min(LOOKED - place), ..area };
            let lent = Lent {
                owner: Slot::new(row.partition_slot),
                frame: Frame::new(area.frame),
                count: area.pages,
                at: Some(VirtualAddress::new(area.address)),
            };
            self.look_into(lent, |this| this.copy_step(row, head, &area))?;
            place += area.pages;
        }
        head.missing += areas.pages().saturating_sub(place) as u32;
        Ok(())
    }

    /// Copies what is not zero of pages that are in the window.
    fn copy_step(
        &mut self,
        row: &PartitionRow,
        head: &mut Head,
        area: &Area,
    ) -> Result<(), Trouble> {
        let filled = |page: &u64| *page < area.contents || !is_zero(&self.window, *page);
        let filled: ArrayVec<u64, STEP> = (0..area.pages).filter(filled).collect();
        let numbers = head.numbers.get_mut(head.pages as usize..).unwrap_or_default();
        let room = (row.corpse.count - 1 - u64::from(head.pages)).min(numbers.len() as u64);
        let fit = filled.get(..(room as usize).min(filled.len())).unwrap_or_default();
        for (number, page) in numbers.iter_mut().zip(fit) {
            *number = u32::try_from(area.address / PAGE_SIZE + page).unwrap_or(0);
        }
        let first = u64::from(head.pages) + 1;
        head.missing += (filled.len() - fit.len()) as u32;
        head.pages += fit.len() as u32;
        if fit.is_empty() {
            return Ok(());
        }
        self.put_in(row, (first, fit.len() as u64), |window, mut to| {
            for page in fit {
                let mut bytes = [0; CORE_PAGE];
                window.read(page * PAGE_SIZE, &mut bytes);
                window.write(to, &bytes);
                to += PAGE_SIZE;
            }
        })
    }

    /// Writes pages of a corpse that is being made, by way of the window behind what is looked at.
    fn put_in(
        &mut self,
        row: &PartitionRow,
        (first, count): (u64, u64),
        write: impl FnOnce(&mut W, u64),
    ) -> Result<(), Trouble> {
        let (own, memory) = (first_slot::PARTITION, first_slot::MEMORY);
        let behind = PAGES_PER_STEP * PAGE_SIZE;
        let at = VirtualAddress::new(self.window.address().raw() + behind);
        let frame = Frame::new(row.corpse.start.raw() + first);
        self.machine.assign(memory, frame, count, own)?;
        self.machine.map(own, at, frame, count, Access::WRITE)?;
        write(&mut self.window, behind);
        self.machine.unmap(own, at, count)?;
        let partition = Slot::new(row.partition_slot);
        Ok(self.machine.transfer(memory, frame, count, own, partition)?)
    }
}
