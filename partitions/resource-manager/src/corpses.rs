//! The corpses that were kept: told, listed, forgotten.

use crate::core::page_of;
use crate::corpse::Head;
use crate::look::Lent;
use crate::manager::{Machine, Manager};
use crate::requests::Reply;
use crate::snapshot::Sheet;
use crate::trouble::Trouble;
use abi::message::core::{CoreQuery, CoreRegisters, CoreReply, CoreRun, CoreWhat, CorpseRecord};
use abi::message::database::TABLE_END;
use abi::message::resource::{Index, ResourceStatus};
use abi::types::{Frame, PAGE_SIZE, PartitionId, Slot};
use program_loader::Window;
use resource_db::{Extent, OPEN_CORPSE, Owner, PartitionRow};
use zerocopy::FromBytes;

impl<M: Machine, W: Window> Manager<'_, M, W> {
    /// A piece of what was kept of a partition's last life.
    ///
    /// # Errors
    /// `Disagrees` where it is another one than before, `NoSuch` where there is none.
    pub fn core_of_corpse(
        &mut self,
        query: &CoreQuery,
        sheet: &mut Sheet<'_>,
    ) -> Result<CoreReply, Trouble> {
        let row = self.row(PartitionId::new(query.partition))?;
        let head = self.corpse_head(&row)?;
        let stamp = head.time.max(1);
        if query.stamp != 0 && query.stamp != stamp {
            return Err(ResourceStatus::Disagrees.into());
        }
        let from = usize::try_from(query.from).unwrap_or(usize::MAX);
        let next = if query.what == u32::from(CoreWhat::Registers.code()) {
            let all = head.registers.iter().take(head.contexts as usize).enumerate().skip(from);
            left(all, |registers| sheet.put(&CoreRegisters { registers: **registers }))
        } else if query.what == u32::from(CoreWhat::Runs.code()) {
            left(runs(&head).enumerate().skip(from), |run| sheet.put(run))
        } else {
            self.pages_from(&row, &head, from, sheet)?
        };
        let (count, size) = sheet.written();
        let next = next.map_or(TABLE_END, |next| next as u64);
        let Head { reason, missing, .. } = head;
        let life = row.corpse_life;
        Ok(CoreReply { stamp, next, reason, life, count, size, stopped: 1, missing, reserved: 0 })
    }

    /// Pages of a corpse from a number on; which is the next.
    fn pages_from(
        &mut self,
        row: &PartitionRow,
        head: &Head,
        from: usize,
        sheet: &mut Sheet<'_>,
    ) -> Result<Option<usize>, Trouble> {
        let numbers = head.numbers.iter().take(head.pages as usize).enumerate().skip(from);
        for (place, number) in numbers {
            let address = u64::from(*number) * PAGE_SIZE;
            let lent = page_lent(row, place as u64 + 1);
            let put = self.look_into(lent, |this| {
                let page = page_of(&this.window, 0, address);
                Ok(sheet.put(&page))
            })?;
            if !put {
                return Ok(Some(place));
            }
        }
        Ok(None)
    }

    /// The first page of a corpse.
    fn corpse_head(&mut self, row: &PartitionRow) -> Result<Head, Trouble> {
        let page = self.look_into(page_lent(row, 0), |this| Ok(page_of(&this.window, 0, 0)))?;
        let head = Head::read_from_prefix(&page.bytes).map(|(head, _)| head);
        head.map_err(|_| ResourceStatus::NoSuch.into())
    }

    /// The corpse of the partition with a number or the next one that has one.
    ///
    /// # Errors
    /// `NoSuch` behind the last.
    pub fn corpse_record(&mut self, asked: Index) -> Result<Reply, Trouble> {
        let found = {
            let mut rows = self.books.partitions_from(PartitionId::new(asked.index));
            rows.find(|(_, row)| row.corpse_life != 0).map(|(id, row)| (id, *row))
        };
        let (id, row) = found.ok_or(ResourceStatus::NoSuch)?;
        self.note_opened(id, OPEN_CORPSE)?;
        let Head { time, reason, missing, .. } = self.corpse_head(&row)?;
        let pages = u32::try_from(row.corpse.count).unwrap_or(u32::MAX);
        let (name, life) = (row.name, row.corpse_life);
        Ok(Reply::record(&CorpseRecord { name, id: id.raw(), life, time, reason, pages, missing }))
    }

    /// Gives back what was kept of a partition's last life.
    ///
    /// # Errors
    /// What the kernel or the books answer.
    pub fn forget_corpse(&mut self, id: PartitionId) -> Result<(), Trouble> {
        let mut row = self.row(id)?;
        if row.corpse.count == 0 {
            return Ok(());
        }
        if row.corpse_life != 0 {
            // First, so that nobody takes it for whole after this.
            row = self.change(id, |row| row.corpse_life = 0)?;
        }
        self.release(&[row.corpse])?;
        self.books.begin();
        self.books.give(row.corpse, Owner::Partition(id), Owner::Available)?;
        self.books.set_partition(id, &PartitionRow { corpse: Extent::default(), ..row })?;
        self.books.commit();
        Ok(())
    }

    /// Forgets corpses, those of the earliest starts first, until there are fewer than `most`.
    ///
    /// # Errors
    /// As [`Self::forget_corpse`].
    pub fn bury_oldest(&mut self, most: usize) -> Result<(), Trouble> {
        let kept = |this: &Self| {
            let rows = this.books.partitions();
            rows.filter(|(_, row)| row.corpse.count > 0).count()
        };
        while kept(self) >= most && self.bury_one()? {}
        Ok(())
    }

    /// Forgets the corpse of the earliest start; whether there was one.
    ///
    /// # Errors
    /// As [`Self::forget_corpse`].
    pub fn bury_one(&mut self) -> Result<bool, Trouble> {
        let kept = self.books.partitions().filter(|(_, row)| row.corpse.count > 0);
        let oldest = kept.min_by_key(|(_, row)| row.started).map(|(id, _)| id);
        oldest.map_or(Ok(false), |oldest| self.forget_corpse(oldest).map(|()| true))
    }
}

fn page_lent(row: &PartitionRow, page: u64) -> Lent {
    let frame = Frame::new(row.corpse.start.raw() + page);
    Lent { owner: Slot::new(row.partition_slot), frame, count: 1, at: None }
}

/// The number of the first that is not taken.
fn left<T>(
    mut all: impl Iterator<Item = (usize, T)>,
    mut take: impl FnMut(&T) -> bool,
) -> Option<usize> {
    all.find(|(_, one)| !take(one)).map(|(number, _)| number)
}

/// Runs of pages with contents, and those of zeros between them where it is known that they are.
fn runs(head: &Head) -> impl Iterator<Item = CoreRun> + '_ {
    let areas = head.all.iter().take(head.areas as usize);
    let whole = head.missing == 0;
    areas.flat_map(move |[address, pages]| {
        let mut page = 0;
        core::iter::from_fn(move || {
            while page < *pages {
                let (start, filled) = (page, has(head, *address, page));
                while page < *pages && has(head, *address, page) == filled {
                    page += 1;
                }
                if filled || whole {
                    let address = *address + start * PAGE_SIZE;
                    let pages = u32::try_from(page - start).unwrap_or(u32::MAX);
                    return Some(CoreRun { address, pages, filled: filled.into() });
                }
            }
            None
        })
    })
}

/// Whether a page of an area was kept.
fn has(head: &Head, address: u64, page: u64) -> bool {
    let number = u32::try_from(address / PAGE_SIZE + page).unwrap_or(u32::MAX);
    head.numbers.iter().take(head.pages as usize).any(|one| *one == number)
}
