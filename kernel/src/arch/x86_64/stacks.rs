//! The kernel's stacks, in an address range of their own: below each lies a page that is never mapped,
//! so that a stack which overflows faults instead of overwriting its neighbour.

use super::tables::{self, NO_EXECUTE, PRESENT, WRITE};
use abi::types::{Frame, PAGE_SIZE};
use kernel_core::boot::Pool;

/// An otherwise unused slot of the root table: every address space shares it with the kernel's.
const BASE: u64 = 0xffff_ff00_0000_0000;
/// Pages of the stack for calls and interrupts.
const MAIN: u64 = 4;
/// Pages of a stack for NMI, double fault or machine check.
const CRITICAL: u64 = 2;
/// Pages from one processor's stacks to the next one's; room for all of them with their guards.
const STRIDE: u64 = 16;

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
            let page = pool.take()?.address().raw();
            tables::map(root, pool, number * PAGE_SIZE, page | PRESENT | WRITE | NO_EXECUTE)?;
        }
        page += 1 + pages;
        Some(page * PAGE_SIZE)
    };
    Some(Stacks {
        main: stack(MAIN)?,
        critical: [stack(CRITICAL)?, stack(CRITICAL)?, stack(CRITICAL)?],
    })
}
