//! Going over to another version, and back: the programs are exchanged while the partition stands still, and the new one is on trial until
//! it has proved itself. Each step is noted before it is done, so that whoever takes up the books goes on with it.

use crate::beside::keeps_both;
use crate::copies::extent_of;
use crate::drill::{self, Drill, Shown};
use crate::manager::{Machine, Manager};
use crate::trouble::Trouble;
use abi::image::name_text;
use abi::information::StartReason;
use abi::manifest::ManifestPartition;
use abi::types::{PartitionId, Slot, VirtualAddress};
use program_loader::{Calls, Target, Window};
use resource_db::PartitionRow;

/// Nanoseconds between two looks at one on trial.
const LOOK: u64 = 5_000_000;
/// Nanoseconds in a millisecond.
const MILLISECOND: u64 = 1_000_000;

impl<'m, M: Machine, W: Window> Manager<'m, M, W> {
    /// Goes over to the version that was noted, if one was; the row afterwards.
    ///
    /// # Errors
    /// Where there is no such partition.
    pub fn go_over(&mut self, id: PartitionId) -> Result<PartitionRow, Trouble> {
        let row = self.row(id)?;
        let Some(next) = row.waiting.checked_sub(1) else { return Ok(row) };
        let (from, to) = (self.version_in(row.image, &row), self.version_in(next, &row));
        let name = name_text(&row.name);
        self.say(format_args!("{name} goes over from version {from} to version {to}"));
        self.change(id, |row| {
            (row.before, row.image, row.waiting, row.up) = (row.image + 1, next, 0, 0);
            core::mem::swap(&mut row.program, &mut row.spare);
        })
    }

    /// Gives a partition that stands still the program of its image, if it has another one.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn exchange(
        &mut self,
        id: PartitionId,
        row: &PartitionRow,
        definition: &ManifestPartition,
    ) -> Result<(), Trouble> {
        let partition = Slot::new(row.partition_slot);
        let next = self.program_in(row.image, definition)?;
        if keeps_both(definition) {
            return self.exchange_beside(id, row, &next);
        }
        let old = self.program_in(row.loaded, definition)?;
        for (address, pages) in [&old, &next].into_iter().filter_map(extent_of) {
            self.machine.unmap(partition, VirtualAddress::new(address), pages)?;
        }
        self.loader().load(&next, Target { partition, frames: row.program.start })?;
        self.change(id, |row| row.loaded = row.image).map(|_| ())
    }

    /// Has a partition run again what it ran before. That costs none of its restarts.
    ///
    /// # Errors
    /// What the kernel or the books answer.
    pub fn roll_back(&mut self, id: PartitionId, why: &str) -> Result<(), Trouble> {
        let row = self.row(id)?;
        let Some(before) = row.before.checked_sub(1) else { return Ok(()) };
        let (from, to) = (self.version_in(row.image, &row), self.version_in(before, &row));
        let name = name_text(&row.name);
        self.say(format_args!("{name} goes back from version {from} to version {to}: {why}"));
        self.stop_contexts(&row)?;
        self.change(id, |row| {
            row.refused |= 1 << row.image;
            (row.image, row.before, row.waiting, row.up) = (before, 0, 0, 0);
            core::mem::swap(&mut row.program, &mut row.spare);
            row.unfinished = crate::run::unfinished(StartReason::Recovered);
        })?;
        self.restart(id, StartReason::Recovered)
    }

    /// Notes that the next start goes back to what the version on trial came from.
    ///
    /// # Errors
    /// Where there is no such partition.
    pub fn give_up_trial(&mut self, id: PartitionId) -> Result<(), Trouble> {
        let row = self.change(id, |row| {
            row.refused |= 1 << row.image;
            (row.waiting, row.before) = (row.before, 0);
        })?;
        let (name, version) = (name_text(&row.name), self.version_in(row.image, &row));
        self.say(format_args!("{name} gives up version {version} when it is started next"));
        Ok(())
    }

    /// Takes back what is on trial if it stopped; whether it did.
    ///
    /// # Errors
    /// As [`Self::roll_back`].
    pub fn fell(&mut self, id: PartitionId) -> Result<bool, Trouble> {
        let row = self.row(id)?;
        let fell = row.before != 0 && self.runs(&row) && row.stop_by == 0;
        let fell = fell && self.faulted_context(&row).is_some();
        if fell {
            let asked = row.up == drill::ASKED;
            let stopped = "it stopped";
            let helpless = "it did not bring the resource manager back";
            self.roll_back(id, if asked { helpless } else { stopped })?;
        }
        Ok(fell)
    }

    /// Gives back the memory of a program that nothing goes over or back to any more.
    ///
    /// # Errors
    /// What the kernel or the books answer.
    pub fn drop_spare(&mut self, id: PartitionId, row: &PartitionRow) -> Result<(), Trouble> {
        let needed = row.waiting != 0 || row.before != 0 || row.loaded != row.image;
        if needed { Ok(()) } else { self.forget_upgrade(id) }
    }

    /// Whether a partition runs a version on trial.
    #[must_use]
    pub fn is_on_trial(&self, row: &PartitionRow) -> bool {
        row.before != 0 && self.runs(row)
    }

    /// Looks at one on trial; returns when to look again.
    pub fn look_at_trial(&mut self, id: PartitionId, row: &PartitionRow, now: u64) -> u64 {
        match self.judge(id, row, now) {
            Ok(next) => next,
            Err(trouble) => {
                let name = name_text(&row.name);
                self.say(format_args!("{name} on trial: {trouble}"));
                now.saturating_add(LOOK)
            }
        }
    }

    fn judge(&mut self, id: PartitionId, row: &PartitionRow, now: u64) -> Result<u64, Trouble> {
        if self.fell(id)? {
            return Ok(u64::MAX);
        }
        let definition = self.definition(row)?;
        let there = self.edition(row.image).and_then(|one| one.definition(&definition.name));
        let there = there.unwrap_or(definition);
        let after = |time: u32| row.started.saturating_add(u64::from(time) * MILLISECOND);
        if row.up == 0 {
            if self.alive(row) != 0 {
                let (name, version) = (name_text(&row.name), there.version);
                self.say(format_args!("{name} is up in version {version}"));
                // What was seen in a trial before this one is old.
                self.drill = Drill::default();
                self.change(id, |row| row.up = drill::UP)?;
                return Ok(now.saturating_add(LOOK));
            }
            if now >= after(there.up_within) {
                self.roll_back(id, "it was not up in its time")?;
                return Ok(u64::MAX);
            }
            return Ok(now.saturating_add(LOOK).min(after(there.up_within)));
        }
        match self.has_shown(id, row, definition)? {
            Shown::Yes => {}
            Shown::NotYet => return Ok(now.saturating_add(LOOK)),
            Shown::No => {
                self.roll_back(id, "it takes up nothing any more")?;
                return Ok(u64::MAX);
            }
        }
        if now < after(definition.proof) {
            return Ok(now.saturating_add(LOOK).min(after(definition.proof)));
        }
        self.change(id, |row| row.before = 0)?;
        self.forget_upgrade(id)?;
        Ok(u64::MAX)
    }
}
