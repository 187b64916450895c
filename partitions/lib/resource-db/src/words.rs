//! How rows are written: the words of them that differ, with before- and after-image.

use crate::books::Books;
use crate::rows::Stage;
use crate::table::{Row, Table};
use owner_map::{Operation, Page, WRITE_WORDS};
use zerocopy::FromBytes;

impl Books<'_> {
    /// Changes the words of a row that differ.
    pub(crate) fn write_row<T: Row>(
        &mut self,
        table: Table,
        id: u32,
        row: &T,
    ) -> Result<(), owner_map::Problem> {
        let Some((page, first)) = table.place::<T>(id) else { return Ok(()) };
        if row.stage() == Stage::Unused {
            // Nobody reads the rest, and the next row there is often much the same.
            return self.write_stage::<T>(table, id, Stage::Unused, None);
        }
        let after = <[u32]>::ref_from_bytes(row.as_bytes()).unwrap_or_default();
        self.write_words((page, first), after)
    }

    /// Changes words in a row of a page where they differ.
    pub(crate) fn write_words(
        &mut self,
        (page, first): (Page, u16),
        after: &[u32],
    ) -> Result<(), owner_map::Problem> {
        let mut at = 0;
        while let Some((next, change)) = self.next_change(page, first, at, after) {
            self.map.add(&change)?;
            at = next;
        }
        Ok(())
    }

    /// Changes the word that says how far a row has come, and the one beside it where that is told.
    pub(crate) fn write_stage<T: Row>(
        &mut self,
        table: Table,
        id: u32,
        stage: Stage,
        beside: Option<u32>,
    ) -> Result<(), owner_map::Problem> {
        let row = table.get::<T>(self.map.memory(), id);
        let (Some((page, first)), Some(row)) = (table.place::<T>(id), row) else { return Ok(()) };
        let words = <[u32]>::ref_from_bytes(row.as_bytes()).unwrap_or_default();
        let pair = T::STAGE & !1;
        let (mut before, mut after) = ([0; WRITE_WORDS], [0; WRITE_WORDS]);
        for (at, (before, after)) in (pair..).zip(before.iter_mut().zip(&mut after).take(2)) {
            *before = words.get(usize::from(at)).copied().unwrap_or(0);
            *after = if at == T::STAGE { stage.number() } else { beside.unwrap_or(*before) };
        }
        let index = first.wrapping_add(pair);
        self.map.add(&Operation::Write { page, index, count: 2, before, after })
    }

    /// The next words of a row from `at` on that differ, as a change, and where to go on behind it.
    fn next_change(
        &self,
        page: Page,
        first: u16,
        at: usize,
        row: &[u32],
    ) -> Option<(usize, Operation)> {
        let start = usize::from(first).checked_add(at)?;
        let old = self.map.memory().page(page)?.get(start..)?;
        // Pairs of words, so that no value is torn: whoever reads the log sees all of it.
        let (old, new) = (old.as_chunks::<2>().0, row.get(at..)?.as_chunks::<2>().0);
        let found = old.iter().zip(new).position(|(old, new)| old != new)?;
        let (mut before, mut after) = ([0; WRITE_WORDS], [0; WRITE_WORDS]);
        let mut count = 0;
        let pairs = old.get(found..)?.iter().zip(new.get(found..)?);
        let images = before.as_chunks_mut::<2>().0.iter_mut().zip(after.as_chunks_mut::<2>().0);
        for (end, ((old, new), image)) in (1_usize..).zip(pairs.zip(images)) {
            (*image.0, *image.1) = (*old, *new);
            count = if old == new { count } else { end.wrapping_mul(2) };
        }
        before.iter_mut().skip(count).for_each(|word| *word = 0);
        after.iter_mut().skip(count).for_each(|word| *word = 0);
        let start = found.wrapping_mul(2).checked_add(at)?;
        let index = first.checked_add(u16::try_from(start).ok()?)?;
        let words = u16::try_from(count).ok()?;
        let write = Operation::Write { page, index, count: words, before, after };
        Some((start.checked_add(count)?, write))
    }
}
