//! Idle states: contexts that wait deeply leave the plan, and come back to it when they are wanted.
//!
//! How deep it waits a partition says itself, in its report page. Nothing of it is in the books but the plans that follow: what is noted here is only
//! what the last look saw, and a manager that comes back looks again.

use crate::manager::{Machine, Manager, SELF};
use crate::manifest::{Manifest, flags};
use crate::run::contexts;
use abi::control::{ChannelOperation, ContextOperation, ContextState, PLAN_SLOTS};
use abi::information::Report;
use abi::manifest::PartitionFlags;
use abi::types::{PartitionId, Slot};
use arrayvec::ArrayVec;
use core::mem::offset_of;
use program_loader::{Calls, Window};
use resource_db::PartitionRow;

/// Most partitions that wait deeply at once; more of them stay in their plans.
const RESTING: usize = 64;
/// Contexts of a partition that may wait deeply, with four bits each.
const CONTEXTS: usize = 16;
/// Depth at which one slot is left, and at which none is.
const ONE_SLOT: u64 = 2;
const NO_SLOT: u64 = 3;

/// Who waits how deep, as of the last look.
#[derive(Debug, Default)]
pub struct Resting {
    noted: ArrayVec<(PartitionId, u64), RESTING>,
    /// Nanoseconds between two looks; none where nobody may leave its plan.
    period: Option<u64>,
    next: u64,
}

impl Resting {
    /// For what the manifest allows: two frames from look to look.
    #[must_use]
    pub fn new(manifest: &Manifest<'_>) -> Self {
        let any = manifest.partitions.iter().any(|one| flags(one).contains(PartitionFlags::RESTS));
        let period = any.then_some(2 * PLAN_SLOTS as u64 * manifest.slot);
        Self { period, ..Self::default() }
    }

    /// How deep the contexts of a partition wait, as [`plan::Want::depths`].
    #[must_use]
    pub fn depths(&self, id: PartitionId) -> u64 {
        self.noted.iter().find(|(noted, _)| *noted == id).map_or(0, |(_, depths)| *depths)
    }

    /// Notes it, where there is room: else it stays in its plan. Whether that is a change.
    pub fn note(&mut self, id: PartitionId, depths: u64) -> bool {
        let before = self.depths(id);
        self.forget(id);
        if depths != 0 {
            let _ = self.noted.try_push((id, depths));
        }
        self.depths(id) != before
    }

    /// Nothing is known of it any more: its number may be another's.
    pub fn forget(&mut self, id: PartitionId) {
        self.noted.retain(|(noted, _)| *noted != id);
    }
}

impl<M: Machine, W: Window> Manager<'_, M, W> {
    /// Looks how deep partitions wait, if it is time; returns when to look again.
    pub fn look_at_resting(&mut self, now: u64) -> u64 {
        let Some(period) = self.resting.period else { return u64::MAX };
        if now < self.resting.next {
            return self.resting.next;
        }
        self.resting.next = now.saturating_add(period);
        let (mut from, mut processors) = (SELF.raw() + 1, 0);
        while let Some((id, row)) = self.may_rest(from) {
            from = id.raw() + 1;
            // What is under way with it stops and starts it.
            let settled = self.runs(&row) && row.moving == 0 && row.unfinished == 0;
            let depths = if settled { self.settle_depths(&row, now + period) } else { 0 };
            if self.resting.note(id, depths) {
                processors |= self.processors_of(id, &row);
            }
        }
        if processors != 0 {
            if let Err(trouble) = self.write_plans(processors) {
                self.say(format_args!("plans stay as they are: {trouble}"));
            }
            self.stale_plans |= processors & !self.failed;
        }
        self.resting.next
    }

    /// Something came for a context that rests.
    pub fn wake_resting(&mut self) {
        self.resting.next = 0;
    }

    /// The first partition from `from` on whose contexts may leave the plan.
    fn may_rest(&self, from: u32) -> Option<(PartitionId, PartitionRow)> {
        let mut rows = self.books.partitions_from(PartitionId::new(from)).filter(|(_, row)| {
            self.definition(row).is_ok_and(|one| flags(one).contains(PartitionFlags::RESTS))
        });
        rows.next().map(|(id, row)| (id, *row))
    }

    /// Takes the contexts of a partition to where they want to be, and says how deep each of them is there; one that is due before
    /// `soon` is not deep.
    fn settle_depths(&mut self, row: &PartitionRow, soon: u64) -> u64 {
        let asked = self.reported(row, offset_of!(Report, depths));
        let due = asked != 0 && self.reported(row, offset_of!(Report, wait_until)) <= soon;
        let mut depths = 0;
        for (index, context) in contexts(row).take(CONTEXTS).enumerate() {
            let asked = if due { 0 } else { asked >> (4 * index) & 0xf };
            depths |= self.settle_depth(context, asked) << (4 * index);
        }
        depths
    }

    /// Takes one context there. Who was wanted is stopped, and so are those whom a manager stopped that died before it started them again.
    fn settle_depth(&mut self, context: Slot, asked: u64) -> u64 {
        let on = |manager: &mut Self, operation: ContextOperation| {
            manager.machine.patient(context, operation as u64, [0; 4])
        };
        let state = |manager: &mut Self| match on(manager, ContextOperation::State) {
            Ok([state, ..]) => ContextState::from_number(state),
            Err(_) => None,
        };
        let found = state(self);
        if asked >= NO_SLOT && found == Some(ContextState::Waiting) {
            // One that was wanted just now does not, which is seen below.
            let _ = on(self, ContextOperation::Rest);
        }
        match state(self) {
            Some(ContextState::Resting) if asked >= NO_SLOT => NO_SLOT,
            Some(ContextState::Resting | ContextState::Stopped) => {
                let _ = on(self, ContextOperation::Start);
                0
            }
            Some(ContextState::Waiting) if asked == ONE_SLOT => ONE_SLOT,
            _ => 0,
        }
    }

    /// A word of a partition's report page.
    pub fn reported(&mut self, row: &PartitionRow, offset: usize) -> u64 {
        let channel = Slot::new(row.information_slot);
        let peek = ChannelOperation::Peek as u64;
        self.machine.patient(channel, peek, [offset as u64, 0, 0, 0]).map_or(0, |[word, ..]| word)
    }
}
