//! Who brings whom back: whom the kernel rings for a stop, and what the manager does where a rescuer does not act.
//!
//! The kernel rings the rescuer that the manifest names; for the boot partition, which rescues most others, it rings idle, which rings the
//! manager or, where that is dead too, brings both back; the manager rings the rescuer. As idle runs where slots are left alone, the
//! manager looks by itself now and then. At any stop that it learns of the manager looks at all partitions with a role, and acts in the place of a
//! rescuer: at once where that one is down too, after a while where it does not act. So those who rescue each other in a circle come back.

use crate::manager::{Machine, Manager, SELF};
use crate::manifest::role;
use crate::trouble::Trouble;
use abi::manifest::{ManifestPartition, NO_PARTITION, PartitionRole};
use abi::message::resource::{PartitionState, ResourceStatus};
use abi::types::{EventBit, PartitionId, Slot};
use program_loader::Window;
use resource_db::{PartitionRow, Stage};

/// Nanoseconds that a rescuer has beyond the back-off before the manager acts in its place.
const GRACE: u64 = 500_000_000;
/// Nanoseconds in a millisecond.
const MILLISECOND: u64 = 1_000_000;

/// Whether the manager sees to it that a partition comes back.
#[must_use]
pub fn is_ward(definition: &ManifestPartition) -> bool {
    let rescued = definition.rescuer != NO_PARTITION;
    match role(definition) {
        PartitionRole::ResourceManager => false,
        PartitionRole::Ordinary => definition.rescuer == SELF.raw(),
        _ => rescued,
    }
}

/// Whom the kernel rings when a partition stops, where `guard` looks after boot.
#[must_use]
pub fn rung_for(definition: &ManifestPartition, guard: PartitionId) -> u32 {
    let boot = role(definition) == PartitionRole::Boot && is_ward(definition);
    if boot { guard.raw() } else { definition.rescuer }
}

impl<M: Machine, W: Window> Manager<'_, M, W> {
    /// Takes note of the events that ended a wait. A processor that failed comes before whatever is asked.
    pub fn rung(&mut self, events: u64) {
        // Idle rings for a stop of boot by the only doorbell it has.
        let stops = EventBit::FAULT.mask() | EventBit::PROCESSOR.mask();
        self.wards_due |= events & stops != 0;
        if events & EventBit::PROCESSOR.mask() != 0 {
            self.look_at_processors();
            self.wake_resting();
        }
    }

    /// Whether it is time to look at those with a role although nobody rang; when it is next.
    pub fn look_by_itself(&mut self, now: u64) -> u64 {
        if now >= self.wards_at {
            self.wards_due = true;
            self.wards_at = now.saturating_add(GRACE);
        }
        self.wards_at
    }

    /// Gives the partitions for which the kernel rings this one a doorbell to it as it is now; the manager, for which it rings boot, only
    /// when boot can do something.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn renew_rescue(&mut self, rescuer: PartitionId) -> Result<(), Trouble> {
        let (guard, founded) = (self.guard(), !self.is_founding());
        let rung = |definition: &ManifestPartition| {
            rung_for(definition, guard) == rescuer.raw()
                && (founded || role(definition) != PartitionRole::ResourceManager)
        };
        let mut next = 0;
        while let Some((id, row)) = self.made_where(next, rung) {
            self.set_rescuer(Slot::new(row.partition_slot), rescuer.raw())?;
            next = id.raw() + 1;
        }
        Ok(())
    }

    /// The first partition from `from` on that `rescuer` rescues.
    #[must_use]
    pub fn rescued(&self, rescuer: PartitionId, from: u32) -> Option<PartitionId> {
        let own = |definition: &ManifestPartition| definition.rescuer == rescuer.raw();
        self.made_where(from, own).map(|(id, _)| id)
    }

    /// The first partition from `from` on that is made and whose definition is like this.
    fn made_where(
        &self,
        from: u32,
        like: impl Fn(&ManifestPartition) -> bool,
    ) -> Option<(PartitionId, PartitionRow)> {
        let fits = |row: &PartitionRow| {
            row.stage() == Stage::Made && self.definition(row).is_ok_and(&like)
        };
        let mut rows = self.books.partitions().filter(|(id, row)| id.raw() >= from && fits(row));
        rows.next().map(|(id, row)| (id, *row))
    }

    /// Looks at one partition with a role; whether it has stopped.
    pub fn look_at_ward(&mut self, id: PartitionId) -> bool {
        let faulted = self.note_fault(id).is_ok_and(|faulted| faulted);
        if let (true, Ok(rescuer)) = (faulted, self.rescuer_of(id)) {
            self.ring(rescuer, EventBit::FAULT);
        }
        faulted
    }

    /// When the manager restarts a partition that stops now, nanoseconds; 0: never.
    pub fn restart_time(&mut self, definition: &ManifestPartition, backoff: u32) -> u64 {
        if !is_ward(definition) {
            return 0;
        }
        let rescuer = PartitionId::new(definition.rescuer);
        let grace = if rescuer == SELF || self.is_away(rescuer) { 0 } else { GRACE };
        self.machine.now().saturating_add(u64::from(backoff) * MILLISECOND).saturating_add(grace)
    }

    /// The rescuer of a partition, if that is another partition than the manager.
    fn rescuer_of(&self, id: PartitionId) -> Result<PartitionId, Trouble> {
        let rescuer = PartitionId::new(self.definition(&self.row(id)?)?.rescuer);
        if rescuer == SELF { Err(ResourceStatus::NoSuch.into()) } else { Ok(rescuer) }
    }

    /// Whether a partition does not run, as the kernel says.
    fn is_away(&mut self, id: PartitionId) -> bool {
        let Ok(row) = self.row(id) else { return true };
        !self.runs(&row) || self.faulted_context(&row).is_some()
    }

    /// Restarts a partition for its rescuer where it stopped by itself.
    ///
    /// # Errors
    /// `WrongState` where it did not; as [`Self::restart_by_rescuer`].
    pub fn rescue(&mut self, rescuer: PartitionId, id: PartitionId) -> Result<(), Trouble> {
        self.note_fault(id)?;
        let down = self.row(id)?.state;
        let down = [PartitionState::Faulted as u32, PartitionState::Failed as u32].contains(&down);
        if self.definition(&self.row(id)?)?.rescuer == rescuer.raw() && !down {
            return Err(ResourceStatus::WrongState.into());
        }
        self.restart_by_rescuer(rescuer, id)
    }

    /// Restarts a partition in its rescuer's place.
    pub fn restart_in_place(&mut self, id: PartitionId) {
        let _ = self.change(id, |row| row.restart_at = 0);
        if let Err(trouble) = self.restart_within_budget(id) {
            self.say(format_args!("partition {} stays down: {trouble}", id.raw()));
        }
    }
}
