//! Isolated page tables: while a partition runs nothing of the kernel is mapped but what is touched before an entry has changed
//! page tables, or after an exit has: the first and last instructions, the tables that the processor reads by itself, and of
//! each processor the first page of its area, where interrupts push, and the first pages of its stacks for what strikes anywhere.
#![expect(unsafe_code, reason = "names symbols of the linker")]

use super::area::Area;
use super::tables;
use super::vectors;
use abi::types::{Frame, PAGE_SIZE, ProcessorId};
use kernel_core::boot::Pool;

unsafe extern "C" {
    safe static kernel_text_start: u8;
    safe static kernel_entry_end: u8;
}

/// Makes the root whose upper half partitions get, once all processors have areas; `None` when the pool is empty.
pub fn create(root: Frame, pool: &mut Pool, processors: u16) -> Option<Frame> {
    let outside = pool.take()?;
    let mut show = |start: u64, end: u64| {
        (start / PAGE_SIZE..end.div_ceil(PAGE_SIZE)).try_for_each(|page| {
            let address = page * PAGE_SIZE;
            tables::map(outside, pool, address, tables::page(root, address)?)
        })
    };
    let [text, end] = [&raw const kernel_text_start, &raw const kernel_entry_end];
    show(text.addr() as u64, end.addr() as u64)?;
    let shown = &raw const vectors::SHOWN;
    show(shown.addr() as u64, shown.wrapping_add(1).addr() as u64)?;
    for area in (0..processors).filter_map(|id| Area::of(ProcessorId::new(id))) {
        let head = core::ptr::from_ref(area).addr() as u64;
        show(head, head + PAGE_SIZE)?;
        area.head.critical.into_iter().try_for_each(|top| show(top - PAGE_SIZE, top))?;
    }
    Some(outside)
}
