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
    let (mut from, mut used) = (0, 0_u16);
    while let Some(at) = first_different(words, after, from) {
        let mut pairs = words.get_mut(at..)?.iter_mut().zip(after.get(at..)?);
        let record = records.get_mut(usize::from(used))?;
        *record = Words::default();
        image(record, 0, pairs.next()?);
        let (second, third) = (pairs.next(), pairs.next());
        let third = third.filter(differ);
        let second = second.filter(|pair| third.is_some() || differ(pair));
        let count = if third.is_some() {
            6
        } else {
            2_u16.wrapping_add(if second.is_some() { 2 } else { 0 })
        };
        second.into_iter().for_each(|pair| image(record, 1, pair));
        third.into_iter().for_each(|pair| image(record, 2, pair));
        tell(record, u16::try_from(at).ok()?.wrapping_mul(2), count);
        (from, used) = (at.wrapping_add(3), used.wrapping_add(1));
    }
    Some(used)
}

/// The first pair from one on that differs. Of most rows few do: what is alike is passed over by fours.
fn first_different(old: &[Pair], new: &[Pair], from: usize) -> Option<usize> {
    let (old, new) = (old.get(from..)?, new.get(from..)?);
    let fours = old.as_chunks::<4>().0.iter().zip(new.as_chunks::<4>().0);
    let alike = fours.take_while(|(old, new)| are_alike(old, new)).count().wrapping_mul(4);
    let mut pairs = old.get(alike..)?.iter().zip(new.get(alike..)?);
    let more = pairs.position(|(old, new)| old != new)?;
    Some(from.wrapping_add(alike).wrapping_add(more))
}

/// Whether four pairs are the same, in as few steps as they are numbers of 64 bits.
fn are_alike(old: &[Pair; 4], new: &[Pair; 4]) -> bool {
    let number = |[low, high]: Pair| u64::from(high) << 32 | u64::from(low);
    let pairs = old.iter().zip(new);
    pairs.fold(0, |differing, (old, new)| differing | (number(*old) ^ number(*new))) == 0
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
