//! Which places for clients that join later are taken, of every partition. Derived from the rows whenever books are opened, so never logged.

use crate::books::Books;
use crate::rows::{ChannelRow, PartitionRow};
use crate::table::Table;
use abi::types::PartitionId;
use owner_map::Slab;

/// A bit for each place, those of a partition behind those of all that have lower numbers.
pub(crate) struct Berths<'m> {
    pub(crate) taken: &'m mut [u64],
    /// Where those of each partition begin.
    pub(crate) first: &'m mut [u32],
}

impl Berths<'_> {
    /// Bytes of both tables, for so many places of so many partitions.
    pub(crate) fn bytes(places: u32, partitions: u32) -> Option<[usize; 2]> {
        let taken = usize::try_from(places.div_ceil(64)).ok()?.checked_mul(size_of::<u64>())?;
        let first = usize::try_from(partitions).ok()?.checked_mul(size_of::<u32>())?;
        Some([taken, first])
    }

    /// The bit of a place among a partition's channels; `None` for one that the manifest gave it.
    fn bit(&self, partition: u32, row: &PartitionRow, place: u32) -> Option<u32> {
        let number = place.checked_sub(row.ends).filter(|number| *number < row.clients)?;
        self.first.get(usize::try_from(partition).ok()?)?.checked_add(number)
    }

    /// Notes that both ends of a channel have their places, or have not any more.
    fn note(&mut self, (partitions, slab): (Table, &Slab<'_>), row: &ChannelRow, taken: bool) {
        for (partition, place) in row.places() {
            let of = partitions.get::<PartitionRow>(slab, partition);
            let bit = of.and_then(|of| self.bit(partition, of, place));
            bit.into_iter().for_each(|bit| self.mark(bit, taken));
        }
    }

    fn mark(&mut self, place: u32, taken: bool) {
        let bit = 1_u64.wrapping_shl(place % 64);
        let word = usize::try_from(place / 64).ok().and_then(|at| self.taken.get_mut(at));
        if let Some(word) = word {
            *word = if taken { *word | bit } else { *word & !bit };
        }
    }

    /// The first bit that is not taken, from one on and before another.
    fn free(&self, from: u32, end: u32) -> Option<u32> {
        let mut at = from;
        while at < end {
            let word = self.taken.get(usize::try_from(at / 64).ok()?)?;
            let left = 64_u32.wrapping_sub(at % 64);
            let run = word.wrapping_shr(at % 64).trailing_ones();
            at = at.checked_add(run)?;
            if run < left {
                return Some(at).filter(|at| *at < end);
            }
        }
        None
    }
}

impl Books<'_> {
    /// The first place among a partition's channels for one more client that joins it; `None` where all are taken. What it costs does
    /// not depend on how many have joined, but for a look at a word for 64 of them.
    #[must_use]
    pub fn berth(&self, id: PartitionId) -> Option<u32> {
        let row = self.partition(id)?;
        let first = *self.berths.first.get(usize::try_from(id.raw()).ok()?)?;
        let free = self.berths.free(first, first.checked_add(row.clients)?)?;
        free.checked_sub(first)?.checked_add(row.ends)
    }

    /// Computes all anew.
    pub(crate) fn derive_berths(&mut self) {
        let (slab, partitions) = (self.map.memory(), self.partitions);
        let mut next = 0_u32;
        for (id, row) in partitions.iter::<PartitionRow>(slab) {
            let first = usize::try_from(id).ok().and_then(|at| self.berths.first.get_mut(at));
            first.into_iter().for_each(|first| *first = next);
            next = next.saturating_add(row.clients);
        }
        self.berths.taken.fill(0);
        for (_, row) in self.channels.iter::<ChannelRow>(slab) {
            self.berths.note((partitions, slab), row, true);
        }
    }

    /// Notes what became of a channel.
    pub(crate) fn note_berths(&mut self, before: Option<&ChannelRow>, after: Option<&ChannelRow>) {
        let there = (self.partitions, self.map.memory());
        before.into_iter().for_each(|row| self.berths.note(there, row, false));
        after.into_iter().for_each(|row| self.berths.note(there, row, true));
    }
}
