//! Page tables as the machine side makes them at boot; later all of that is core's.

use super::memory;
use abi::types::{Frame, PAGE_SHIFT, PAGE_SIZE};
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use kernel_core::boot::Pool;
use kernel_core::paging::{NO_EXECUTE, PRESENT, WRITE, target};

/// A page in place of a table.
const LARGE: u64 = 1 << 7;

/// Puts `page` at `address`, with the tables above it; `None` when the pool is empty.
pub fn map(root: Frame, pool: &mut Pool, address: u64, page: u64) -> Option<()> {
    let mut table = root;
    for level in [4, 3, 2] {
        table = below(entry(table, address, level), pool)?;
    }
    entry(table, address, 1).store(page, Relaxed);
    Some(())
}

/// The entry that would map the page at `address` by itself, with the same rights, but not global; `None` where nothing is.
pub fn page(root: Frame, address: u64) -> Option<u64> {
    let (mut table, mut level) = (root, 4);
    loop {
        let found = entry(table, address, level).load(Relaxed);
        let frame = target(found)?;
        if level == 1 || found & LARGE != 0 {
            let within = (1 << (9 * (level - 1))) - 1;
            let frame = frame.raw() & !within | address >> PAGE_SHIFT & within;
            return Some((frame * PAGE_SIZE) | found & (PRESENT | WRITE | NO_EXECUTE));
        }
        (table, level) = (frame, level - 1);
    }
}

/// The table that an entry leads to, made if there is none.
fn below(entry: &AtomicU64, pool: &mut Pool) -> Option<Frame> {
    target(entry.load(Relaxed)).or_else(|| {
        let made = pool.take()?;
        entry.store(made.address().raw() | PRESENT | WRITE, Relaxed);
        Some(made)
    })
}

/// The entry for `address` in a table of `level`, 4 for the root.
fn entry(table: Frame, address: u64, level: u64) -> &'static AtomicU64 {
    &memory::words(table)[(address >> (3 + 9 * level)) as usize % memory::WORDS]
}
