//! The end for good: it is announced, and the group goes with it.

use crate::manager::{Machine, Manager, SELF};
use crate::manifest::role;
use crate::trouble::Trouble;
use abi::image::name_text;
use abi::types::PartitionId;
use program_loader::Window;

impl<M: Machine, W: Window> Manager<'_, M, W> {
    /// Says that a partition has no restarts left, and stops those of its group that run.
    ///
    /// # Errors
    /// Where there is no such partition.
    pub fn end_for_good(&mut self, id: PartitionId) -> Result<(), Trouble> {
        let row = self.row(id)?;
        let group = self.definition(&row)?.group;
        let name = name_text(&row.name);
        self.say(format_args!("{name} ends for good: no restarts are left"));
        let mut from = 0;
        while let Some(other) = self.runs_in(group, from) {
            from = other.raw() + 1;
            if other == id {
                continue;
            }
            let row = self.row(other)?;
            self.say(format_args!("{} goes with {name}", name_text(&row.name)));
            // One that cannot be stopped was told of.
            let _ = self.kill(other);
        }
        self.make_in_place_of(role(self.definition(&self.row(id)?)?))
    }

    /// The first partition of a group from `from` on that runs.
    fn runs_in(&self, group: u32, from: u32) -> Option<PartitionId> {
        let mut rows = self.books.partitions().filter(|(id, row)| {
            let definition = self.definition(row);
            *id != SELF
                && id.raw() >= from
                && self.runs(row)
                && definition.is_ok_and(|definition| definition.group == group && group != 0)
        });
        rows.next().map(|(id, _)| id)
    }
}
