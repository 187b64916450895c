//! How rows are written: the words of them that differ, with before- and after-image.

use crate::books::Books;
use crate::table::{Row, Table};
use abi::message::database::Stage;
use owner_map::Pair;
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
        self.map.write_words(page, first, pairs(row))
    }

    /// Changes the word that says how far a row has come, and the one beside it where that is told.
    pub(crate) fn write_stage<T: Row>(
        &mut self,
        table: Table,
        id: u32,
        stage: Stage,
        beside: Option<u32>,
    ) -> Result<(), owner_map::Problem> {
        let (Some((page, first)), Some(row)) =
            (table.place::<T>(id), table.get::<T>(self.map.memory(), id))
        else {
            return Ok(());
        };
        let words = <[u32]>::ref_from_bytes(row.as_bytes()).unwrap_or_default();
        let pair = T::STAGE & !1;
        let now = |at: u16| words.get(usize::from(at)).copied().unwrap_or(0);
        let after = [pair, pair | 1].map(|at| match at {
            at if at == T::STAGE => stage.number(),
            at => beside.unwrap_or_else(|| now(at)),
        });
        self.map.write_words(page, first.wrapping_add(pair), &[after])
    }
}

/// The words of a row, all of them: none is of an odd number.
pub(crate) fn pairs<T: Row>(row: &T) -> &[Pair] {
    const { assert!(size_of::<T>().is_multiple_of(size_of::<Pair>())) };
    <[Pair]>::ref_from_bytes(row.as_bytes()).unwrap_or_default()
}
