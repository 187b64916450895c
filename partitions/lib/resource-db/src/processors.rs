//! Operations on the rows of processors.

use crate::books::{Books, Problem};
use crate::hardware::ProcessorRow;
use crate::slots;
use crate::table::Row;
use crate::words::pairs;
use abi::message::database::Stage;
use abi::types::ProcessorId;

impl Books<'_> {
    /// A processor's row; `None` for one that is not there.
    #[must_use]
    pub fn processor(&self, id: ProcessorId) -> Option<&ProcessorRow> {
        self.processors.get(self.map.memory(), id.raw().into())
    }

    /// Every processor that is there.
    pub fn processors(&self) -> impl Iterator<Item = (ProcessorId, &ProcessorRow)> + Clone {
        let rows = self.processors.iter(self.map.memory());
        rows.filter_map(|(id, row)| Some((ProcessorId::new(u16::try_from(id).ok()?), row)))
    }

    /// Replaces a processor's row. What its plan is made of is checked where it is made: here, that nobody has a place where nothing
    /// runs, and none that no capability stands for.
    ///
    /// # Errors
    /// Where there is no such place or no transaction; `Rule` for a plan that cannot be.
    pub fn set_processor(&mut self, id: ProcessorId, row: &ProcessorRow) -> Result<(), Problem> {
        let place = self.processors.place::<ProcessorRow>(id.raw().into());
        let place = place.ok_or(Problem::NoSuch)?;
        self.open_transaction()?;
        if let Some(slot) = self.misplaced(row) {
            return Err(self.refuse(owner_map::Problem::NoPlace(slot)));
        }
        let before = self.processor(id).map(ProcessorRow::pairs_used);
        let length = before.unwrap_or(0).max(row.pairs_used());
        let (words, (page, first)) = (pairs(row), place);
        let written = self.map.write_words(page, first, words.get(..length).unwrap_or(words));
        written.map_err(|problem| self.refuse(problem))?;
        if before.is_some() != (row.stage() != Stage::Unused) {
            self.processors.renew::<ProcessorRow>(self.map.memory(), id.raw().into());
        }
        Ok(())
    }

    /// A place of a plan that cannot be.
    fn misplaced(&self, row: &ProcessorRow) -> Option<u16> {
        let mut places = row.plan().iter().copied();
        if row.has_failed() {
            return places.find(|&slot| slot != 0);
        }
        // Slot 0, for nobody, is one of the kernel's own.
        places.find(|&slot| !slots::holds(self.slots, slot))
    }
}
