//! Reads page tables as the processor does, independently of what built them.

use super::machine::Memory;
use std::vec::Vec;

/// A page of any size.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Page {
    /// Canonical address.
    pub address: u64,
    pub physical: u64,
    pub size: u64,
    pub write: bool,
    pub execute: bool,
    pub uncached: bool,
}

/// Every page that the tables at frame `root` map, in ascending order of the tables' indices.
pub fn pages(memory: &Memory, root: u64) -> Vec<Page> {
    let mut found = Vec::new();
    let all = Page {
        address: 0,
        physical: root << 12,
        size: 1 << 48,
        write: true,
        execute: true,
        uncached: false,
    };
    descend(memory, all, &mut found);
    found
}

fn descend(memory: &Memory, table: Page, found: &mut Vec<Page>) {
    let size = table.size >> 9;
    for index in 0..512 {
        let entry = memory.word(table.physical + 8 * index);
        if entry & 1 == 0 {
            continue;
        }
        let address = table.address + index * size;
        let page = Page {
            address: if address >> 47 == 1 { address | 0xffff << 48 } else { address },
            physical: entry & 0x000f_ffff_ffff_f000,
            size,
            write: table.write && entry & 2 != 0,
            execute: table.execute && entry >> 63 == 0,
            uncached: entry & 0x18 == 0x18,
        };
        assert_eq!(entry & 4, 0, "the kernel's tables are not for ring 3");
        let leaf = size == 1 << 12 || entry & 0x80 != 0;
        if leaf {
            assert!(size <= 1 << 30 && page.physical.is_multiple_of(size), "{page:x?}");
            found.push(page);
        } else {
            descend(memory, page, found);
        }
    }
}
