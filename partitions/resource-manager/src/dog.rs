//! The watchdog: a partition whose event loop does not turn, or that rings too many doorbells, is stopped as by a fault.
//!
//! A sign of life is a word that the runtime changes at each turn of its loop, in a page that only it writes: no call. It is compared
//! with the time that the partition used itself, so nobody is hung who did not get to run, or who waits.

use crate::manager::{Machine, Manager, SELF};
use crate::manifest::Manifest;
use crate::run::contexts;
use abi::control::{ContextOperation, ContextState};
use abi::fault::{Reason, reason_name, word};
use abi::image::name_text;
use abi::information::Report;
use abi::manifest::ManifestPartition;
use abi::types::{PartitionId, Slot};
use core::mem::offset_of;
use program_loader::{Calls, Window};
use resource_db::PartitionRow;

/// Partitions that can be watched: those with numbers below this.
pub const WATCHED: usize = 256;
/// Nanoseconds between two counts of doorbells, at most.
const COUNT_PERIOD: u64 = 100_000_000;
/// Nanoseconds in a millisecond, and in a second.
const MILLISECOND: u64 = 1_000_000;
const SECOND: u128 = 1_000_000_000;

/// What was last seen of a partition.
#[derive(Clone, Copy, Default, Debug)]
pub struct Sign {
    /// In which life.
    starts: u32,
    /// Its sign of life.
    alive: u64,
    /// Time it had used when it last waited, or was first seen without a new sign.
    used: Option<u64>,
    /// Doorbells it had rung, and when that was.
    rung: u64,
    at: u64,
}

/// What was last seen of all.
#[derive(Debug)]
pub struct Dog<'m> {
    signs: &'m mut [Option<Sign>],
    /// Nanoseconds between two looks; none where nobody is to be watched.
    period: Option<u64>,
    next: u64,
}

impl<'m> Dog<'m> {
    /// A watchdog for what the manifest says, with room for what it sees.
    #[must_use]
    pub fn new(signs: &'m mut [Option<Sign>], manifest: &Manifest<'_>) -> Self {
        let period = manifest.partitions.iter().skip(1).filter_map(period).min();
        Self { signs, period, next: 0 }
    }

    /// Puts a sign in the place of the one before; gives that, if it is of the same life.
    fn renew(&mut self, id: PartitionId, sign: Sign) -> Option<Sign> {
        let place = self.signs.get_mut(id.raw() as usize)?;
        place.replace(sign).filter(|before| before.starts == sign.starts)
    }
}

/// Nanoseconds between two looks at a partition.
fn period(definition: &ManifestPartition) -> Option<u64> {
    let hang = u64::from(definition.watchdog) * MILLISECOND / 2;
    let hang = (hang > 0).then_some(hang);
    let storm = (definition.doorbells > 0).then_some(COUNT_PERIOD);
    hang.into_iter().chain(storm).min()
}

impl<M: Machine, W: Window> Manager<'_, M, W> {
    /// Looks at those that are watched, if it is time; returns when to look again.
    pub fn look_at_signs(&mut self, now: u64) -> u64 {
        let Some(period) = self.dog.period else { return u64::MAX };
        if now < self.dog.next {
            return self.dog.next;
        }
        self.dog.next = now.saturating_add(period);
        let mut from = SELF.raw() + 1;
        while let Some((id, row)) = self.watched(from) {
            from = id.raw() + 1;
            if let Some(reason) = self.misbehaves(id, &row, now) {
                self.strike(&row, reason);
            }
        }
        self.dog.next
    }

    /// The first partition from `from` on that runs and is to be watched.
    fn watched(&self, from: u32) -> Option<(PartitionId, PartitionRow)> {
        let mut rows = self.books.partitions().filter(|(id, row)| {
            let limited = |definition: &ManifestPartition| period(definition).is_some();
            id.raw() >= from && self.runs(row) && self.definition(row).is_ok_and(limited)
        });
        rows.next().map(|(id, row)| (id, *row))
    }

    /// What a partition does that it must not, if anything.
    fn misbehaves(&mut self, id: PartitionId, row: &PartitionRow, now: u64) -> Option<Reason> {
        let definition = self.definition(row).ok()?;
        let (alive, rung) = (self.alive(row), self.rung_by(row, definition));
        let mut sign = Sign { starts: row.starts, alive, used: None, rung, at: now };
        let before = self.dog.renew(id, sign)?;
        let passed = u128::from(now.saturating_sub(before.at));
        let rung = u128::from(rung.saturating_sub(before.rung));
        if definition.doorbells > 0 && rung * SECOND > u128::from(definition.doorbells) * passed {
            return Some(Reason::Storm);
        }
        if definition.watchdog == 0 || alive != before.alive {
            return None;
        }
        let (ready, used) = self.first_context(row)?;
        let since = before.used.filter(|_| ready).unwrap_or(used);
        sign.used = Some(since);
        self.dog.renew(id, sign);
        let hung = used.saturating_sub(since) > u64::from(definition.watchdog) * MILLISECOND;
        hung.then_some(Reason::Hang)
    }

    /// The sign of life that a partition gives.
    pub fn alive(&mut self, row: &PartitionRow) -> u64 {
        self.reported(row, offset_of!(Report, alive))
    }

    /// Doorbells that a partition has rung in this life, where they are limited.
    fn rung_by(&mut self, row: &PartitionRow, definition: &ManifestPartition) -> u64 {
        if definition.doorbells == 0 {
            return 0;
        }
        contexts(row).fold(0, |all, one| all.saturating_add(self.fault_word(one, word::DOORBELLS)))
    }

    /// Whether the context that takes up events wants to run, and the time that it used.
    fn first_context(&mut self, row: &PartitionRow) -> Option<(bool, u64)> {
        let state = ContextOperation::State as u64;
        let context = Slot::new(row.context_slot);
        let [state, _, used, _] = self.machine.patient(context, state, [0; 4]).ok()?;
        Some((state == ContextState::Ready as u64, used))
    }

    /// Stops a partition as a fault would: its rescuer is rung, and reads the reason.
    fn strike(&mut self, row: &PartitionRow, reason: Reason) {
        let name = name_text(&row.name);
        self.say(format_args!("{name} is stopped: {}", reason_name(reason as u64)));
        let stop = ContextOperation::Stop as u64;
        let context = Slot::new(row.context_slot);
        // One that stopped by itself just now has its own reason.
        let _ = self.machine.patient(context, stop, [reason as u64, 0, 0, 0]);
    }
}
