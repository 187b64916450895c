//! The kernel's stacks, in an address range of their own: below each lies a page that is never mapped,
//! so that a stack which overflows faults instead of overwriting its neighbour.

use super::memory;
use abi::types::{Frame, PAGE_SIZE};
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use kernel_core::boot::Pool;
use kernel_core::paging::target;

/// An otherwise unused slot of the root table: every address space shares it with the kernel's.
const BASE: u64 = 0xffff_ff00_0000_0000;
/// Pages of the stack for calls and interrupts.
const MAIN: u64 = 4;
/// Pages of a stack for NMI, double fault or machine check.
const CRITICAL: u64 = 2;
/// Pages from one processor's stacks to the next one's; room for all of them with their guards.
const STRIDE: u64 = 16;

const PRESENT: u64 = 1;
const WRITE: u64 = 1 << 1;
const NO_EXECUTE: u64 = 1 << 63;

/// Tops of a processor's stacks.
#[derive(Clone, Copy)]
pub struct Stacks {
    /// For calls and interrupts.
    pub main: u64,
    /// For NMI, double fault and machine check.
    pub critical: [u64; 3],
}

/// Makes the stacks of processor `index`; `None` when the pool is empty.
pub fn create(root: Frame, pool: &mut Pool, index: u16) -> Option<Stacks> {
    let mut page = BASE / PAGE_SIZE + u64::from(index) * STRIDE;
    let mut stack = |pages: u64| {
        // The first page stays unmapped.
        for number in page + 1..=page + pages {
            map(root, pool, number * PAGE_SIZE)?;
        }
        page += 1 + pages;
        Some(page * PAGE_SIZE)
    };
    Some(Stacks {
        main: stack(MAIN)?,
        critical: [stack(CRITICAL)?, stack(CRITICAL)?, stack(CRITICAL)?],
    })
}

/// Maps a fresh page at `address`, with the tables above it.
fn map(root: Frame, pool: &mut Pool, address: u64) -> Option<()> {
    let mut table = root;
    for level in [4, 3, 2] {
        table = below(entry(table, address, level), pool)?;
    }
    let page = pool.take()?.address().raw();
    entry(table, address, 1).store(page | PRESENT | WRITE | NO_EXECUTE, Relaxed);
    Some(())
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
