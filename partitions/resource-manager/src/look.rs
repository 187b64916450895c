//! Looks at memory of a partition that stands still. The kernel maps nobody's memory for anybody else: pages become the manager's for
//! that moment, a few at a time, and go back. A manager that dies meanwhile finds in the partition's row where they may be missing.

use crate::areas::PIECE;
use crate::manager::{Machine, Manager};
use crate::trouble::Trouble;
use abi::call::Error;
use abi::control::{Access, first_slot};
use abi::types::{Frame, PAGE_SIZE, PartitionId, Slot, VirtualAddress};
use program_loader::{Calls, Refusal, Window};
use resource_db::{OPEN_CORPSE, PartitionRow};

/// Pages of a partition, as many as one step of the kernel takes at most.
#[derive(Clone, Copy, Debug)]
pub struct Lent {
    /// Slot of the partition.
    pub owner: Slot,
    /// The first frame.
    pub frame: Frame,
    /// Frames.
    pub count: u64,
    /// Where they are mapped, writable; mapped nowhere without it.
    pub at: Option<VirtualAddress>,
}

impl<M: Machine, W: Window> Manager<'_, M, W> {
    /// Shows pages of a partition in the window, from its start on; they are the partition's again afterwards.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn look_into<T>(
        &mut self,
        lent: Lent,
        look: impl FnOnce(&mut Self) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        let seen = self.take(lent).and_then(|()| look(self));
        let back = self.put_back(lent);
        seen.and_then(|seen| back.map(|()| seen))
    }

    fn take(&mut self, Lent { owner, frame, count, at }: Lent) -> Result<(), Trouble> {
        let own = first_slot::PARTITION;
        if let Some(at) = at {
            self.machine.unmap(owner, at, count)?;
        }
        self.machine.transfer(first_slot::MEMORY, frame, count, owner, own)?;
        let window = self.window.address();
        Ok(self.machine.map(own, window, frame, count, Access::WRITE)?)
    }

    /// Gives pages back, however far it came with them.
    fn put_back(&mut self, Lent { owner, frame, count, at }: Lent) -> Result<(), Trouble> {
        let own = first_slot::PARTITION;
        self.machine.unmap(own, self.window.address(), count)?;
        let back = self.machine.transfer(first_slot::MEMORY, frame, count, own, owner);
        unless(back, Error::WrongFrame)?;
        if let Some(at) = at {
            unless(self.machine.map(owner, at, frame, count, Access::WRITE), Error::Occupied)?;
        }
        Ok(())
    }

    /// Notes that a piece of a partition's memory is looked at, before that is done.
    ///
    /// # Errors
    /// What the books answer.
    pub fn note_opened(&mut self, id: PartitionId, opened: u32) -> Result<(), Trouble> {
        if self.row(id)?.opened != opened {
            self.change(id, |row| row.opened = opened)?;
        }
        Ok(())
    }

    /// Gives back what a manager before this one was looking at.
    ///
    /// # Errors
    /// What the kernel or the books answer.
    pub fn close(&mut self, id: PartitionId, row: &PartitionRow) -> Result<(), Trouble> {
        let owner = Slot::new(row.partition_slot);
        let one = |frame, at| Lent { owner, frame: Frame::new(frame), count: 1, at };
        if row.opened == OPEN_CORPSE {
            for frame in row.corpse.start.raw()..row.corpse.start.raw() + row.corpse.count {
                self.put_back(one(frame, None))?;
            }
        } else if row.opened > 0 && !self.runs(row) {
            let areas = self.areas(row, true)?;
            let (mut place, end) =
                (u64::from(row.opened - 1) * PIECE, u64::from(row.opened) * PIECE);
            while let Some(area) = areas.step(place).filter(|_| place < end) {
                for page in 0..area.pages {
                    let at = VirtualAddress::new(area.address + page * PAGE_SIZE);
                    self.put_back(one(area.frame + page, Some(at)))?;
                }
                place += area.pages;
            }
        }
        self.note_opened(id, 0)
    }
}

/// Takes a refusal that says that all is as it shall be for none.
fn unless(answer: Result<(), Refusal>, fine: Error) -> Result<(), Trouble> {
    match answer {
        Err(refusal) if refusal.error != fine => Err(refusal.into()),
        _ => Ok(()),
    }
}
