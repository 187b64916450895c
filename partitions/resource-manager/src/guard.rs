//! What idle needs to look after the boot partition and the manager, which look after each other.

use crate::manager::{Machine, Manager};
use crate::manifest::{flags, role};
use crate::trouble::Trouble;
use abi::layout;
use abi::manifest::{ManifestPartition, PartitionFlags, PartitionRole};
use abi::programs::Programs;
use abi::types::{PAGE_SIZE, PartitionId};
use program_loader::Window;
use resource_db::{PartitionRow, Stage};

impl<M: Machine, W: Window> Manager<'_, M, W> {
    /// The partition with a role, if it is made.
    #[must_use]
    pub fn made(&self, wanted: PartitionRole) -> Option<(PartitionId, PartitionRow)> {
        let fits = |row: &PartitionRow| {
            let definition = self.definition(row);
            row.stage() == Stage::Made
                && definition.is_ok_and(|definition| role(definition) == wanted)
        };
        self.books.partitions().find(|(_, row)| fits(row)).map(|(id, row)| (id, *row))
    }

    /// Gives idle, which looks after boot and manager when both are down, what it needs, as both are now.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn renew_guard(&mut self) -> Result<(), Trouble> {
        let Some((_, row)) = self.made(PartitionRole::Idle) else { return Ok(()) };
        self.give_capabilities(&row, self.definition(&row)?)
    }

    /// Whether a partition keeps its slots while it is stopped: boot does, as idle starts it when nobody is left who makes plans.
    #[must_use]
    pub fn keeps_slots(&self, row: &PartitionRow) -> bool {
        row.placed == 1 && self.definition(row).is_ok_and(|one| role(one) == PartitionRole::Boot)
    }

    /// Gives a reaper, where the image has one, the contexts of those it may stop, as they are now.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn renew_reaper(&mut self) -> Result<(), Trouble> {
        let reaps = |one: &ManifestPartition| flags(one).contains(PartitionFlags::REAPER);
        let Some(index) = self.manifest.partitions.iter().position(reaps) else { return Ok(()) };
        let id = PartitionId::new(u32::try_from(index).unwrap_or(u32::MAX));
        match self.row(id) {
            Ok(row) if row.stage() == Stage::Made => {
                self.give_capabilities(&row, self.definition(&row)?)
            }
            _ => Ok(()),
        }
    }

    /// How the boot partition is started where it and the manager are down; zeroes where there is none.
    #[must_use]
    pub fn emergency(&self) -> Emergency {
        let boot = self.manifest.partitions.iter().find(|one| role(one) == PartitionRole::Boot);
        let Some(boot) = boot else { return Emergency::default() };
        let row = self.made(PartitionRole::Boot).map(|(_, row)| row).unwrap_or_default();
        // While a version is on trial, the one that it came from.
        let image = row.before.checked_sub(1).unwrap_or(row.image);
        let entry = self.program_in(image, boot).map_or(0, |program| program.entry().raw());
        let lasting = u64::from(boot.lasting) * PAGE_SIZE;
        let stack = if lasting == 0 { layout::STACK_TOP } else { layout::LASTING + lasting };
        Emergency { entry, stack, manager: self.programs() }
    }
}

/// What those are told who look after boot and manager: a start of the boot partition while its memory is whatever its last life, or a
/// restart that came to nothing, left; and which program the manager runs.
#[derive(Clone, Copy, Default, Debug)]
pub struct Emergency {
    /// Where its program begins.
    pub entry: u64,
    /// Its stack's top: in its lasting memory if it has some, as pages of the usual stack are taken out while it is restarted.
    pub stack: u64,
    /// For boot.
    pub manager: Programs,
}
