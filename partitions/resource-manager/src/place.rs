//! Changes how much of a processor a partition gets, and of which.

use crate::manager::{Machine, Manager};
use crate::manifest::role;
use crate::requests::Reply;
use crate::trouble::Trouble;
use abi::control::PLAN_SLOTS;
use abi::manifest::{EVERY_PROCESSOR, PartitionRole};
use abi::message::resource::{Change, Index, ResourceStatus};
use abi::types::{PartitionId, ProcessorId};
use plan::Want;
use program_loader::Window;
use resource_db::PartitionRow;

/// Slots of a frame.
const SLOTS: u32 = PLAN_SLOTS as u32;

impl<M: Machine, W: Window> Manager<'_, M, W> {
    /// Gives a partition another share of its processors. The plans of all of them take over at once.
    ///
    /// # Errors
    /// `Disagrees` where it has another share than the asker believes, `NotAllowed` for who has one on every processor.
    pub fn set_share(&mut self, change: Change) -> Result<Reply, Trouble> {
        let id = PartitionId::new(change.partition);
        let row = self.books.partition(id).ok_or(ResourceStatus::NoSuch)?;
        let definition = self.definition(row)?;
        if row.processor == EVERY_PROCESSOR || role(definition) == PartitionRole::Idle {
            return Err(ResourceStatus::NotAllowed.into());
        }
        if u32::from(row.share) != change.before {
            return Err(ResourceStatus::Disagrees.into());
        }
        let share = u16::try_from(change.after).unwrap_or(0);
        // Less than it has fits wherever it is.
        let less = share != 0 && change.after <= change.before;
        let free = if less { 0 } else { self.free_for(&self.want(id, row, definition)) };
        if share == 0 || !less && change.after > free {
            return Ok(Reply::with(ResourceStatus::Limit, &Index { index: free }));
        }
        self.change_placed(id, |row| row.share = share)?;
        // It reads there what it has; that it is not told costs nothing but a look.
        let _ = self.inform_of_share(id);
        Ok(Reply::status(ResourceStatus::Ok))
    }

    /// Slots that every one of the processors of a partition has for it, those it has included.
    #[must_use]
    pub fn free_for(&self, want: &Want) -> u32 {
        let all = self.facts.processors;
        let own = (0..want.contexts_on(all)).map(|context| want.processor_of(context, all));
        let free = own.map(|processor| {
            let here = (0..want.contexts_on(all))
                .filter(|context| want.processor_of(*context, all) == processor)
                .count();
            let free = SLOTS.saturating_sub(self.promised(processor, want.partition));
            free / u32::try_from(here).unwrap_or(1).max(1)
        });
        free.min().unwrap_or(0)
    }

    /// Slots that there are for a partition that gave its own up, where these are fewer than it had. Those with a role are started whatever others have.
    ///
    /// # Errors
    /// Where there is no such partition.
    pub fn lacking_slots(&self, id: PartitionId) -> Result<Option<u32>, Trouble> {
        let row = self.row(id)?;
        let definition = self.definition(&row)?;
        if has_slots(&row) || role(definition) != PartitionRole::Ordinary {
            return Ok(None);
        }
        let free = self.free_for(&self.want(id, &row, definition));
        Ok((free < row.share.into()).then_some(free))
    }

    /// Slots of a processor that all others have, those who are paused, being moved there or never ran included.
    fn promised(&self, processor: ProcessorId, but: PartitionId) -> u32 {
        let all = self.facts.processors;
        let there = |row: &PartitionRow| has_slots(row) && self.may_be_on(row, processor);
        let others = self.books.partitions().filter(|(id, row)| *id != but && there(row));
        let shares = others.filter_map(|(id, row)| {
            let want = self.want(id, row, self.definition(row).ok()?);
            let here = (0..want.contexts_on(all))
                .filter(|context| want.processor_of(*context, all) == processor)
                .count();
            Some(u32::from(want.share) * u32::try_from(here).ok()?)
        });
        shares.sum()
    }
}

/// Whether the slots of a partition are its own: from when it is made until it gives them up.
#[must_use]
pub fn has_slots(row: &PartitionRow) -> bool {
    row.placed == 1 || row.starts == 0
}
