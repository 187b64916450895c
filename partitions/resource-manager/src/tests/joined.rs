//! Channels of partitions that are made at run time: servers that let go, that do not, that lie, that are dead.

use super::world::{TestManager, World};
use abi::channel::{PARTED, SERVER_AREA};
use abi::types::PartitionId;
use resource_db::Link;
use std::sync::atomic::Ordering;

impl World {
    /// Ends a partition that was made at run time.
    pub fn destroy(&self, manager: &mut TestManager, id: PartitionId) {
        if !manager.destroy(id).expect("destroyed") {
            self.let_go(manager);
        }
    }

    /// Servers let go of what they are told to, as the runtime does.
    pub fn let_go(&self, manager: &mut TestManager) {
        for (_, row) in manager.books.channels().filter(|(_, row)| row.link() == Link::Leaving) {
            let word = self.shared.machine.word(row.memory().start.raw(), SERVER_AREA / 8);
            word.store(PARTED.into(), Ordering::Relaxed);
        }
        manager.watch();
        assert!(!manager.ending, "{}", self.said());
    }
}
