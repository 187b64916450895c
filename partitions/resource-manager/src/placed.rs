//! Makes a partition where the command partition decided that it is to be. The manager checks and never decides.

use crate::manager::{Machine, Manager};
use crate::manifest::role;
use crate::requests::Asker;
use crate::resize::MOST;
use crate::trouble::Trouble;
use abi::control::PLAN_SLOTS;
use abi::image::name_text;
use abi::manifest::{EVERY_PROCESSOR, ManifestPartition, NO_PARTITION, PartitionRole};
use abi::message::resource::{Placement, ResourceStatus};
use abi::types::{Frame, PartitionId, ProcessorId};
use program_loader::Window;
use resource_db::{Owner, PartitionRow};

impl<M: Machine, W: Window> Manager<'_, M, W> {
    /// Makes a partition where a placement says; a refusal is told, unless the books have only moved on since it was decided.
    ///
    /// # Errors
    /// `Disagrees` where something is not free, or was decided by books that are still to come; `NoMemory` where it could be anywhere; `NoSuch`, `NotAllowed` (its zones among them),
    /// `Limit` and `Malformed` for what is never possible.
    pub fn create_placed(
        &mut self,
        asker: Asker,
        placement: &Placement,
    ) -> Result<PartitionId, Trouble> {
        let generation = self.books.generation();
        let made = self.check_placement(placement);
        let at = (placement.start != Placement::ANYWHERE).then(|| Frame::new(placement.start));
        let made = made.and_then(|row| self.create_of(row, at));
        let late = placement.generation < generation;
        if let Err(trouble) = made
            && !(late && trouble == ResourceStatus::Disagrees.into())
        {
            self.tell_placement(asker, placement, trouble);
        }
        made
    }

    /// The row of the partition to be, if all that was decided is possible and free.
    fn check_placement(&self, placement: &Placement) -> Result<PartitionRow, Trouble> {
        let index = placement.definition;
        let definition = self.manifest.partitions.get(index as usize);
        let definition = definition.ok_or(ResourceStatus::NoSuch)?;
        if role(definition) != PartitionRole::Ordinary {
            return Err(ResourceStatus::NotAllowed.into());
        }
        if placement.reserved != 0 {
            return Err(ResourceStatus::Malformed.into());
        }
        if placement.heap > MOST {
            return Err(ResourceStatus::Limit.into());
        }
        self.check_processor(placement, definition)?;
        let row = PartitionRow {
            share: placement.share,
            processor: placement.processor,
            heap_pages: placement.heap,
            ..self.fresh_row(index, NO_PARTITION, definition)?
        };
        let nobody = PartitionId::new(NO_PARTITION);
        if !self.in_zones(placement) {
            return Err(ResourceStatus::NotAllowed.into());
        }
        let needs = self.needs(&self.with_channels(row), &self.program(definition)?)?;
        let pages = needs.pages(&row, definition) + self.channel_frames(index);
        if pages > placement.count {
            return Err(ResourceStatus::Limit.into());
        }
        let slots = self.free_for(&self.want(nobody, &row, definition));
        let free = placement.start == Placement::ANYWHERE
            || self.is_free(placement.start, placement.count);
        let known = placement.generation <= self.books.generation();
        if free && known && slots >= placement.share.into() {
            Ok(row)
        } else {
            Err(ResourceStatus::Disagrees.into())
        }
    }

    /// A processor that there is and that runs, and a share that fits into a frame.
    fn check_processor(
        &self,
        placement: &Placement,
        definition: &ManifestPartition,
    ) -> Result<(), Trouble> {
        let every = definition.processor == EVERY_PROCESSOR;
        let there = if every {
            placement.processor == EVERY_PROCESSOR
        } else {
            let processor = ProcessorId::new(placement.processor);
            placement.processor < self.facts.processors && !self.has_failed(processor)
        };
        if !there {
            return Err(ResourceStatus::NoSuch.into());
        }
        if usize::from(placement.share) > PLAN_SLOTS {
            return Err(ResourceStatus::Limit.into());
        }
        Ok(())
    }

    /// Whether frames are nobody's.
    #[must_use]
    pub fn is_free(&self, start: u64, count: u64) -> bool {
        let Some(end) = start.checked_add(count) else { return false };
        let mut at = start;
        while at < end {
            match self.books.run(Frame::new(at)) {
                Some((Owner::Available, run)) => at = at.saturating_add(run),
                _ => return false,
            }
        }
        true
    }

    fn tell_placement(&mut self, asker: Asker, placement: &Placement, trouble: Trouble) {
        if !self.may_tell_refusal() {
            return;
        }
        let name = self.row(asker.partition).map(|row| row.name).unwrap_or_default();
        let Placement { definition, heap, processor, share, start, count, .. } = placement;
        self.say(format_args!(
            "{}: none like definition {definition} made with {heap} pages of heap, {share} slots of processor {processor}, \
             {count} frames from {start:#x}: {trouble}",
            name_text(&name)
        ));
    }
}
