//! Records of words as whoever keeps them writes them: what differs becomes [`Write`](crate::Operation::Write) operations.

use crate::map::OwnerMap;
use crate::operation::Problem;
use crate::page::Page;
use crate::record::Words;
use crate::slab::Slab;

/// Words in pairs, so that no number of 64 bits is torn: whoever reads the log sees all of it.
pub type Pair = [u32; 2];

impl OwnerMap<Slab<'_>> {
    /// Words of a record become others: those that differ are operations of the transaction in progress. Their before-images are
    /// what is there.
    ///
    /// # Errors
    /// As [`add`](Self::add) of these operations; after [`Length`](Problem::Length) the transaction cannot go on.
    pub fn write_words(&mut self, page: Page, first: u16, after: &[Pair]) -> Result<(), Problem> {
        let words = u16::try_from(after.as_flattened().len()).unwrap_or(u16::MAX);
        self.may_write(page, first, words)?;
        if !self.is_open() {
            return Err(Problem::Length);
        }
        let noted = self.memory.write_words(page, first, after, self.count);
        self.count = noted.ok_or_else(|| self.no_room())?;
        Ok(())
    }
}

/// Replaces words where they differ. Notes each change of up to three pairs in one of the records, and tells its first word,
/// counted from the first of all, and its words. How many records were used; `None` where they do not suffice.
pub(crate) fn replace(
    words: &mut [Pair],
    after: &[Pair],
    records: &mut [Words],
    mut tell: impl FnMut(&mut Words, u16, u16),
) -> Option<u16> {
    let mut pairs = (0_u16..).zip(words.iter_mut().zip(after));
    let mut used = 0_u16;
    while let Some((at, first)) = pairs.find(|(_, pair)| differ(pair)) {
        let record = records.get_mut(usize::from(used))?;
        *record = Words::default();
        image(record, 0, first);
        let (second, third) = (pairs.next(), pairs.next());
        let third = third.filter(|(_, pair)| differ(pair));
        let second = second.filter(|(_, pair)| third.is_some() || differ(pair));
        let count = if third.is_some() {
            6
        } else {
            2_u16.wrapping_add(if second.is_some() { 2 } else { 0 })
        };
        for (place, (_, pair)) in
            [(1, second), (2, third)].into_iter().filter_map(|(place, pair)| Some((place, pair?)))
        {
            image(record, place, pair);
        }
        tell(record, at.wrapping_mul(2), count);
        used = used.wrapping_add(1);
    }
    Some(used)
}

fn differ((old, new): &(&mut Pair, &Pair)) -> bool {
    **old != **new
}

/// Notes a pair as it was and as it shall be, and makes it so.
fn image(record: &mut Words, place: usize, (old, new): (&mut Pair, &Pair)) {
    let at = place.wrapping_mul(2);
    for (first, pair) in [(3, *old), (9, *new)] {
        let start = at.wrapping_add(first);
        if let Some(to) = record.get_mut(start..).and_then(<[u32]>::first_chunk_mut) {
            *to = pair;
        }
    }
    *old = *new;
}
