//! Page sizes and their limits.

use super::machine::{Memory, map, report};
use super::walk::{Page, pages};
use crate::program::Loader;
use crate::tables::Tables;
use crate::{Refusal, Report, Use};
use abi::layout::DIRECT_MAP;
use abi::types::Frame;
use std::vec::Vec;

/// The pages of a direct map of these frames.
fn direct(start: u64, end: u64, gigabyte_pages: bool) -> Vec<Page> {
    let mut memory = Memory::default();
    let mut map = map(&[report(0x100, 0x100, Use::Usable)]);
    let mut loader = Loader { memory: &mut memory, map: &mut map, reach: Frame::new(0x200) };
    let mut tables = Tables::new(&mut loader, gigabyte_pages).unwrap();
    tables.map_direct(start, end).unwrap();
    let root = tables.root().raw();
    pages(&memory, root)
}

/// Root of the tables on a machine with these ranges of memory, of which the loader reaches all.
fn root(reports: &[Report]) -> Result<u64, Refusal> {
    let mut memory = Memory::default();
    let mut map = map(reports);
    let reach = Frame::new(1 << 28);
    let mut loader = Loader { memory: &mut memory, map: &mut map, reach };
    let mut tables = Tables::new(&mut loader, true)?;
    tables.map_direct(0x100, 0x101)?;
    let root = tables.root().raw();
    assert_eq!(pages(&memory, root).len(), 1);
    // Only the root must be low: the tables below it come from the top.
    assert!(memory.written.iter().any(|&frame| frame >= 1 << 20));
    Ok(root)
}

// covers: BOOT-6
#[test]
fn the_root_lies_where_processors_that_start_reach_it() {
    let high = report(0x10_0000, 0x1000, Use::Usable);
    assert_eq!(root(&[report(0x100, 0x10, Use::Usable), high]), Ok(0x10f));
    assert_eq!(root(&[report(0xf_ffff, 0x1001, Use::Usable)]), Ok(0xf_ffff), "a range across");
    assert_eq!(root(&[high]), Err(Refusal::Memory("page tables")));
    let taken = report(0x100, 0x10, Use::Reserved);
    assert_eq!(root(&[taken, high]), Err(Refusal::Memory("page tables")));
}

fn sizes(pages: &[Page]) -> Vec<u64> {
    let mut sizes: Vec<_> = pages.iter().map(|page| page.size).collect();
    sizes.dedup();
    sizes
}

#[test]
fn the_largest_page_that_fits_is_used_and_none_too_large() {
    let (small, medium, large) = (1 << 12, 1 << 21, 1 << 30);
    for (start, end, gigabyte, expected) in [
        (0x1ff, 0x201, true, vec![small]),
        (0x1ff, 0x402, true, vec![small, medium, small]),
        (0x200, 0x400, true, vec![medium]),
        (0x3fe00, 0x80200, true, vec![medium, large, medium]),
        (0x3fe00, 0x80200, false, vec![medium]),
        (0x40000, 0x80000, true, vec![large]),
    ] {
        let pages = direct(start, end, gigabyte);
        assert_eq!(sizes(&pages), expected, "{start:#x}..{end:#x}");
        let mut next = start << 12;
        for page in pages {
            assert_eq!((page.physical, page.address), (next, DIRECT_MAP + next));
            assert!(page.write && !page.execute && !page.uncached);
            next += page.size;
        }
        assert_eq!(next, end << 12);
    }
}
